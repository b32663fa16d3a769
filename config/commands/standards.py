"""``rongqiao standards``: list and check the data contracts, renew the glossary."""

from __future__ import annotations

import typer

from rongqiao.contracts.checks import check_contracts
from rongqiao.contracts.glossary import generate_glossary, glossary_path
from rongqiao.contracts.standards import load_contracts

app = typer.Typer(add_completion=False, no_args_is_help=True, help="数据标准：列出、检查、术语表")


@app.command("list", help="列出各数据标准及其部门、数据项与规则数")
def list_contracts() -> None:
    """Show every contract with its department, its number of items and of rules."""
    for contract in load_contracts().values():
        typer.echo(
            f"{contract.id:38} {contract.title}（{contract.department_title}） "
            f"{len(contract.items)} 项 {len(contract.rules)} 条规则"
        )


@app.command(help="检查全部数据标准；有误则逐条指出并以 1 退出")
def check() -> None:
    """Check all contracts against each other and the catalogue; exit 1 when one is faulty."""
    problems = check_contracts()
    for problem in problems:
        typer.echo(str(problem), err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{len(load_contracts())} contracts are sound.")


@app.command(help="更新 docs/glossary.md 中自动生成的部分")
def glossary() -> None:
    """Renew the generated part of docs/glossary.md."""
    changed = generate_glossary()
    typer.echo(f"{glossary_path()} {'renewed' if changed else 'is current'}.")
