"""``rongqiao quarantine list``: rows that were set aside, with file, line, rule and value."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003  (Typer reads annotations at run time)
from typing import Annotated

import typer

from rongqiao.lake.engine import connect, quote
from rongqiao.lake.tables import Lake

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="隔离区：被退回的行及其文件、行号、规则与原值"
)

TABLE = "operations/quarantine"


@app.callback(help="隔离区：被退回的行及其文件、行号、规则与原值")
def quarantine() -> None:
    """Show rows that were set aside."""


@app.command("list", help="列出被隔离的行，最近报送的在前")
def list_rows(
    lake: Annotated[Path | None, typer.Option("--lake", help="数据湖位置；默认为本站的湖")] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", help="只看这一份数据标准，如 taxation.tax_filing")
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="只看这一条规则")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="最多行数")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="每行一个 JSON 对象")] = False,
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
