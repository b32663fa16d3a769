"""``rongqiao conflicts``: compare what departments say of one fact of an enterprise, and keep what they disagree on."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from typing import Annotated

import typer

from config.commands.govern import AsJson, LakeRoot  # noqa: TC001  (Typer reads them at run time)
from rongqiao.contracts.shared_facts import check_shared_facts
from rongqiao.governance.conflicts import find_conflicts
from rongqiao.lake.tables import Lake
from rongqiao.rules.working_days import ZONE

app = typer.Typer(add_completion=False)
_WORDS = {"passed": "一致", "warned": "不一致", "not_run": "未比对"}


@app.command(help="跨部门事实比对：名称、法定代表人、存续状态、从业人数等各部门所报是否一致")
def conflicts(
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="只用这一天以前收到的数据；默认今天")
    ] = None,
    lake: LakeRoot = None,
    as_json: AsJson = False,
) -> None:
    """Compare all shared facts once; those that disagree stay open until later deliveries agree."""
    for fact, fault in check_shared_facts():
        typer.echo(f"{fact}: {fault}", err=True)
    day = dt.date.fromisoformat(known_at) if known_at else dt.datetime.now(tz=ZONE).date()
    found = find_conflicts(Lake(lake), as_of=day.year * 100 + day.month, known_at=day)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        typer.echo(f"{_WORDS[one.outcome]} {one.disagreeing:>8} / {one.compared:>8} {one.title}")
