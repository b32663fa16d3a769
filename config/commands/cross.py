"""``rongqiao cross``: judge what departments say of the same enterprise against each other."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from typing import Annotated

import typer

from config.commands.govern import AsJson, LakeRoot  # noqa: TC001  (Typer reads them at run time)
from rongqiao.contracts.cross import check_cross_rules
from rongqiao.governance.cross_checks import check_enterprise, run_cross_checks
from rongqiao.lake.tables import Lake

app = typer.Typer(add_completion=False)


@app.command(help="跨部门规则：申报与开票、参保与年报等是否相符；结果与线索写入数据湖")
def cross(
    as_of: Annotated[int, typer.Option("--as-of", help="数据截止月份，如 202610")],
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="只用这一天以前收到的数据；默认今天")
    ] = None,
    enterprise: Annotated[str | None, typer.Option("--enterprise", help="只看一家企业，不写入")] = None,
    lake: LakeRoot = None,
    as_json: AsJson = False,
) -> None:
    """Run every cross rule once; with an enterprise, judge it alone and file nothing."""
    for rule_id, fault in check_cross_rules():
        typer.echo(f"{rule_id}: {fault}", err=True)
    day = dt.date.fromisoformat(known_at) if known_at else dt.datetime.now(tz=dt.UTC).date()
    found = (
        [asdict(one) for one in check_enterprise(Lake(lake), enterprise, as_of=as_of, known_at=day)]
        if enterprise
        else [asdict(one) for one in run_cross_checks(Lake(lake), as_of=as_of, known_at=day)]
    )
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        counts = (
            f"{one['failed']:>8} / {one['checked']:>8}"
            if "checked" in one
            else f"{one['left_value']} {one['right_value']}"
        )
        typer.echo(f"{one['outcome']:<8} {counts} {one['rule_id']} {one['title']}")
