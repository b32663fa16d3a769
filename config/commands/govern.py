"""``rongqiao govern DIR``: run the six steps on departments' files."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rongqiao.governance.lane import STEPS
from rongqiao.governance.pipeline import govern as run_steps
from rongqiao.kernel.home import var
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger

if TYPE_CHECKING:
    from rongqiao.governance.pipeline import Report

app = typer.Typer(add_completion=False)

LakeRoot = Annotated[Path | None, typer.Option("--lake", help="数据湖位置；默认为本站的湖")]
AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出")]


def ledger_of(lake: Path | None) -> Ledger:
    """Ledger that goes with a lake: the installation's own, or one inside a lake that was named."""
    return Ledger(lake / "ledger" if lake else var() / "ledger")


def show_progress(table: str, step: str, done: int, total: int) -> None:
    """Tell on standard error which step is at work; a log file gets one line per table, at its first step."""
    if not sys.stderr.isatty():
        if done % len(STEPS) == 0:
            typer.echo(f"[{done // len(STEPS) + 1}/{total // len(STEPS)}] {table}", err=True)
        return
    typer.echo(f"\r[{done + 1:>3}/{total}] {table} · {step}".ljust(60), nl=False, err=True)


@app.command(help="六步治理：处理部门报送的文件，可中断、可重复")
def govern(
    directory: Annotated[Path, typer.Argument(help="报送文件夹：<部门>.<表>/<日期>[_<标记>].<后缀>")],
    lake: LakeRoot = None,
    as_json: AsJson = False,
    is_handed_over: Annotated[
        bool, typer.Option("--handed-over", help="文件已移交、不会再改写：留存时只建硬链接，不再复制一份")
    ] = False,
) -> None:
    """Govern every file that has no receipt yet; safe to interrupt and to repeat."""
    started = time.monotonic()
    report = run_steps(
        directory,
        Lake(lake),
        ledger_of(lake),
        is_handed_over=is_handed_over,
        on_progress=show_progress,
    )
    typer.echo("", err=True)
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        typer.echo(json.dumps({**asdict(report), "seconds": seconds}, ensure_ascii=False))
        return
    _print(report, seconds)


def _print(report: Report, seconds: float) -> None:
    """Print one line per contract, then what needs attention."""
    totals: dict[str, Counter[str]] = {}
    rules: Counter[str] = Counter()
    for file in report.files:
        total = totals.setdefault(file.contract_id, Counter())
        total.update(
            files=1, rows=file.rows_in, accepted=file.rows_accepted, quarantined=file.rows_quarantined
        )
        rules.update(file.quarantined_by_rule)
    for contract_id, total in totals.items():
        typer.echo(
            f"{contract_id:<36} {total['files']:>4} files {total['rows']:>10} rows "
            f"{total['accepted']:>10} accepted {total['quarantined']:>8} quarantined"
        )
    for rule_id, count in rules.most_common(10):
        typer.echo(f"  {count:>8} {rule_id}")
    typer.echo(f"{len(report.files)} files governed, {report.already_done} had a receipt, {seconds} s")
    for name in report.skipped:
        typer.echo(f"skipped, not a delivery: {name}", err=True)
    if report.held:
        typer.echo(f"{len(report.held)} files wait for market_regulation.registry to be delivered.", err=True)
