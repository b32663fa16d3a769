"""``rongqiao quarantine list``: rows that were set aside, with file, line, rule and value."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003  (Typer reads annotations at run time)
from typing import Annotated

import typer

from rongqiao.lake.engine import connect, quote
from rongqiao.lake.tables import Lake

app = typer.Typer(no_args_is_help=True, help="Rows that were set aside.")

TABLE = "operations/quarantine"


@app.callback()
def quarantine() -> None:
    """Show rows that were set aside."""


@app.command("list")
def list_rows(
    lake: Annotated[Path | None, typer.Option("--lake", help="By default the installation's own.")] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", help="Only this <department>.<table>.")
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Only this rule.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows at most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per row.")] = False,
) -> None:
    """List rows in quarantine, latest delivery first."""
    opened = Lake(lake)
    if not opened.exists(TABLE):
        typer.echo("Nothing is in quarantine.", err=True)
        return
    with connect(opened, [TABLE]) as connection:
        found = connection.execute(
            f"""SELECT contract_id, file_name, line, "column", rule_id, value, message, row_json, known_at FROM {quote(TABLE)}
            WHERE contract_id = coalesce(?, contract_id) AND rule_id = coalesce(?, rule_id)
            ORDER BY known_at DESC, contract_id, file_name, line LIMIT ?""",  # noqa: S608  (the table name is a constant)
            [contract, rule, limit],
        )
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    for row in rows:
        if as_json:
            typer.echo(json.dumps(row, ensure_ascii=False, default=str))
        else:
            place = f"{row['contract_id']}/{row['file_name']}:{row['line']}"
            typer.echo(f"{place}  {row['rule_id']}  {row['column'] or ''}={row['value']!r}  {row['message']}")
