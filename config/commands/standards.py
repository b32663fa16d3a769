"""``rongqiao standards``: list, check and release the data contracts, renew the glossary."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from config.usage import unused_items, users_of_items
from rongqiao.contracts.checks import check_contracts
from rongqiao.contracts.glossary import generate_glossary, glossary_path
from rongqiao.contracts.standards import load_contracts
from rongqiao.contracts.versions import check_versions, release, released_path, released_shapes

app = typer.Typer(add_completion=False, no_args_is_help=True, help="数据标准：列出、检查、发布、术语表")
#: Departments that the platform itself stands for; they are no data departments of government.
OWN = ("platform", "bank")


@app.command("list", help="列出各数据标准及其部门、数据项与规则数")
def list_contracts() -> None:
    """Show every contract with its department, its number of items and of rules."""
    for contract in load_contracts().values():
        typer.echo(
            f"{contract.id:38} {contract.title}（{contract.department_title}） "
            f"{len(contract.items)} 项 {len(contract.rules)} 条规则"
        )


@app.command(help="检查全部数据标准，含与上次发布的兼容性；有误则逐条指出并以 1 退出")
def check(*, as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False) -> None:
    """Check all contracts against each other, the catalogue and the last release; exit 1 when one is faulty."""
    problems = _problems()
    for problem in problems:
        typer.echo(problem, err=True)
    contracts = {} if problems else load_contracts()
    unused = (
        [] if problems else [f"{name}.{item}" for name, items in unused_items().items() for item in items]
    )
    for name in unused:
        typer.echo(f"{name}: 没有指标、跨表规则、接口、报告或页面使用这一数据项", err=True)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "contracts": len(contracts),
                    "departments": len({each.department for each in contracts.values()} - set(OWN)),
                    "categories": len({each.category for each in contracts.values()}),
                    "items": sum(len(each.items) for each in contracts.values()),
                    "rules": sum(len(each.rules) for each in contracts.values()),
                    "unused_items": None if problems else len(unused),
                    "unused": unused,
                    "problems": problems,
                },
                ensure_ascii=False,
            )
        )
    if problems:
        raise typer.Exit(1)
    if not as_json:
        typer.echo(f"{len(contracts)} contracts are sound.")


def _problems() -> list[str]:
    """Faults of the contracts themselves; of sound ones, changes that their version does not declare and whom they break."""
    problems = [str(problem) for problem in check_contracts()]
    if problems:
        return problems
    contracts, released = load_contracts(), released_shapes()
    if not check_versions(contracts, released):
        return []
    # Who reads what is asked for only now: it takes seconds, and is needed only to say what would break.
    return check_versions(contracts, released, users_of_items(contracts))


@app.command("release", help="把现行数据标准记为已发布；未在版本号中声明的改动会被拒绝")
def release_contracts() -> None:
    """Keep the present shapes as released; refuses a change that the contract's version does not declare."""
    changed = release(load_contracts())
    typer.echo(f"{released_path()}：{changed} 个数据标准有变化。")


@app.command(help="更新 docs/glossary.md 中自动生成的部分")
def glossary() -> None:
    """Renew the generated part of docs/glossary.md."""
    changed = generate_glossary()
    typer.echo(f"{glossary_path()} {'renewed' if changed else 'is current'}.")
