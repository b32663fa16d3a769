"""``rongqiao standards``: list, check and release the data contracts, renew the glossary."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.commands.govern import AsJson  # noqa: TC001  (Typer reads it at run time)
from config.usage import unused_items, users_of_items
from rongqiao.contracts.checks import check_contracts
from rongqiao.contracts.glossary import generate_glossary, glossary_path
from rongqiao.contracts.sharing import coverage as sharing_coverage
from rongqiao.contracts.sharing import items_of, sharing_lists
from rongqiao.contracts.standards import load_contracts
from rongqiao.contracts.versions import check_versions, release, released_path, released_shapes

if TYPE_CHECKING:
    from rongqiao.contracts.sharing import SharingList

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
def check(*, as_json: AsJson = False) -> None:
    """Check all contracts against each other, the catalogue and the last release; exit 1 when one is faulty."""
    from config.mutations.record import check_record, load_pairs, score

    faults = _problems()
    stale = [] if faults else check_record()
    problems = [*faults, *stale]
    for problem in problems:
        typer.echo(problem, err=True)
    contracts = {} if faults else load_contracts()
    unused = [] if faults else [f"{name}.{item}" for name, items in unused_items().items() for item in items]
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
                    "unused_items": None if faults else len(unused),
                    "unused": unused,
                    # A measurement of other contracts or rules than these says nothing.
                    "mutation_score": None if problems else score(load_pairs()).ratio,
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


@app.command(help="国家融资信用信息共享清单（37项、74项）的覆盖：每个部门应共享几项，已有标准几项")
def coverage(*, as_json: AsJson = False) -> None:
    """Show for each national sharing list and department how many items the standards answer."""
    found = {listed.id: _covered(listed) for listed in sharing_lists().values()}
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for told in found.values():
        mark = "" if told["is_verified"] else "（条目未与附件核对）"
        typer.echo(f"{told['title']}{mark}：{told['answered']}/{told['items']}")
        for one in told["departments"]:
            typer.echo(f"  {one['department_title']} {one['answered']}/{one['items']}")


def _covered(listed: SharingList) -> dict[str, Any]:
    departments = sharing_coverage(listed.id)
    asked, answered = sum(one.items for one in departments), sum(one.answered for one in departments)
    return {
        "title": listed.title,
        "document": listed.document,
        "is_verified": listed.is_verified,
        "items": asked,
        "answered": answered,
        "ratio": round(answered / asked, 4),
        "departments": [{**asdict(one), "ratio": one.ratio} for one in departments],
        "unanswered": [item.title for item in items_of(listed.id) if not item.contracts],
    }


@app.command("release", help="把现行数据标准记为已发布；未在版本号中声明的改动会被拒绝")
def release_contracts() -> None:
    """Keep the present shapes as released; refuses a change that the contract's version does not declare."""
    changed = release(load_contracts())
    typer.echo(f"{released_path()}：{changed} 个数据标准有变化。")


@app.command(help="把各类差错逐一植入干净数据，测定规则能发现多少；只测有变化的数据标准")
def mutate(
    *,
    everything: Annotated[bool, typer.Option("--all", help="全部重新测定，约需数分钟")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure anew what is caught where contracts, rules or kinds of faults changed, and keep it."""
    from config.mutations.record import load_pairs, renew, score, survivors

    def tell(name: str, done: int, total: int) -> None:
        typer.echo(f"[{done + 1}/{total}] {name}", err=True)

    measured = renew(tell, everything=everything)
    pairs = load_pairs()
    found = score(pairs)
    left = [f"{pair.contract_id} {pair.kind_id}（{pair.where}）" for pair in survivors(pairs)]
    if as_json:
        typer.echo(json.dumps({"measured": measured, **asdict(found), "survivors": left}, ensure_ascii=False))
        return
    for line in left:
        typer.echo(f"未发现：{line}")
    typer.echo(
        f"{found.kinds} 类差错，{found.pairs} 对中发现 {found.caught} 对，评分 {found.ratio}；本次测定 {measured} 处。"
    )


@app.command(help="更新 docs/ 中由数据标准生成的部分：术语表、规则能发现的差错")
def docs() -> None:
    """Renew docs/glossary.md and docs/quality-mutations.md."""
    from config.mutations.document import document_path, generate

    glossary()
    typer.echo(f"{document_path()} {'renewed' if generate() else 'is current'}.")


@app.command(help="更新 docs/glossary.md 中自动生成的部分")
def glossary() -> None:
    """Renew the generated part of docs/glossary.md."""
    changed = generate_glossary()
    typer.echo(f"{glossary_path()} {'renewed' if changed else 'is current'}.")
