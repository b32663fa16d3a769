"""``rongqiao standards``: list and check the data contracts, renew the glossary."""

from __future__ import annotations

import typer

from rongqiao.contracts.checks import check_contracts
from rongqiao.contracts.glossary import generate_glossary, glossary_path
from rongqiao.contracts.standards import load_contracts

app = typer.Typer(no_args_is_help=True, help="Data contracts: list, check, glossary.")


@app.command("list")
def list_contracts() -> None:
    """Show every contract with its department, its number of items and of rules."""
    for contract in load_contracts().values():
        typer.echo(
            f"{contract.id:38} {contract.title}（{contract.department_title}） "
            f"{len(contract.items)} 项 {len(contract.rules)} 条规则"
        )


@app.command()
def check() -> None:
    """Check all contracts against each other and the catalogue; exit 1 when one is faulty."""
    problems = check_contracts()
    for problem in problems:
        typer.echo(str(problem), err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{len(load_contracts())} contracts are sound.")


@app.command()
def glossary() -> None:
    """Renew the generated part of docs/glossary.md."""
    changed = generate_glossary()
    typer.echo(f"{glossary_path()} {'renewed' if changed else 'is current'}.")
