"""Runs of collectors with everything around them: the engine, the record that the web reads, and the governance of what came."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.intake import collecting, services
from rongqiao.contracts.collectors import load_collectors
from rongqiao.governance.collectors import Outcome, Place, run_collector
from rongqiao.governance.pipeline import find_deliveries, govern
from rongqiao.kernel.errors import InvalidValueError, RongqiaoError
from rongqiao.kernel.home import var
from rongqiao.ledger.log import Ledger
from rongqiao.rules.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rongqiao.governance.batch import Delivery
    from rongqiao.lake.tables import Lake


def delivered() -> Path:
    """Folder of collected deliveries that wait for governance."""
    return Place.here().deliveries


def collect(collector_id: str) -> Outcome:
    """Run one collector, record how it went, and have what it delivered governed.

    Raises
    ------
    InvalidValueError
        If there is no such collector.
    """
    collector = load_collectors().get(collector_id)
    if collector is None:
        raise InvalidValueError("采集任务", collector_id, "没有这项声明；rongqiao collect list 列出全部。")
    with system_scope() as scope:
        run = collecting.start_run(scope=scope, collector=collector, now=timezone.now())
    try:
        outcome = run_collector(
            collector, Place.here(), today=timezone.localdate(), clock=timezone.now, sleep=time.sleep
        )
    except RongqiaoError as error:
        # The state itself cannot be read; the breaker is not known then, and a closed one holds nobody up.
        outcome = Outcome("failed", Breaker(), problem=f"{error.thing}：{error.value}", remedy=error.remedy)
    with system_scope() as scope:
        collecting.finish_run(scope=scope, run=run, outcome=_fields(outcome), now=timezone.now())
        if outcome.files:
            enqueue(services.JOB, lock=services.JOB)
    return outcome


def _fields(outcome: Outcome) -> dict[str, Any]:
    return {
        "result": outcome.result,
        "files": list(outcome.files),
        "rows": outcome.rows,
        "repeated": outcome.repeated,
        "unmarked": outcome.unmarked,
        "attempts": outcome.attempts,
        "watermark": outcome.watermark[:100],
        "is_cut": outcome.is_cut,
        "breaker": outcome.breaker.state,
        "breaker_until": outcome.breaker.until,
        "refused": list(outcome.refused),
        "problem": outcome.problem,
        "remedy": outcome.remedy,
    }


def due_collectors() -> list[str]:
    """Ids of collectors whose time has come."""
    now = timezone.now()
    with system_scope() as scope:
        return [each.collector.id for each in collecting.list_collectors(scope) if each.is_due(now)]


def has_come() -> bool:
    """Whether something lies among the collected that governance has not looked at, as when a process was killed before it asked."""
    try:
        looked_at = (delivered() / ".looked_at").stat().st_mtime_ns
    except OSError:
        looked_at = 0
    # A file's last change is its renaming into the folder; it may fall on the very tick of the clock at which was looked.
    return any(path.stat().st_ctime_ns >= looked_at for path in delivered().glob("*/[!.]*"))


def govern_collected(lake: Lake) -> list[Delivery]:
    """Take collected deliveries through the six steps; returns those that have their receipt. What waits for the register is not among them."""
    if not delivered().is_dir():
        return []
    # Its time is taken before, and holds only once all that was found is governed: what comes meanwhile is seen the next time.
    looking = delivered() / ".looking"
    looking.touch()
    found, _ = find_deliveries(delivered())
    if not found:
        return []
    report = govern(found, lake, Ledger(var() / "ledger"))
    return [each for each in found if each.path.name not in report.held]


def clear_collected(done: Sequence[Delivery]) -> None:
    """Clear away what was governed and published, and note when was looked; its bytes are kept for ever in the landing folder.

    Notes
    -----
    Until then a run that ended early is asked for again, and finds them with their receipt.
    """
    for each in done:
        each.path.unlink(missing_ok=True)
    looking = delivered() / ".looking"
    if looking.exists():
        looking.replace(delivered() / ".looked_at")
