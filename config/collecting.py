"""Runs of collectors with everything around them: the engine, the record that the web reads, and the governance of what came."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from config.attempts import PASSING, attempt
from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.intake import collecting, selectors, services
from rongqiao.contracts.collectors import load_collectors
from rongqiao.governance.batch import SUBJECT_CONTRACTS
from rongqiao.governance.collectors import Outcome, Place, run_collector
from rongqiao.governance.collectors.state import write_whole
from rongqiao.governance.deliveries import find_deliveries
from rongqiao.governance.pipeline import govern
from rongqiao.kernel.errors import BusyError, InvalidValueError, RongqiaoError
from rongqiao.kernel.home import var
from rongqiao.ledger.log import Ledger
from rongqiao.rules.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from config.attempts import Tries
    from rongqiao.governance.batch import Delivery
    from rongqiao.lake.tables import Lake

_AGAIN = "文件已另存，其他文件不受影响；核对无误后可由平台运营人员运行 rongqiao collect retry 重新办理。"
KILLER = f"前两次办理这份文件时程序中断，已停止自动重试。{_AGAIN}"
BROKEN = f"办理这份文件时出错，已记录供运营人员查看。{_AGAIN}"


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
        outcome = Outcome(
            "failed",
            Breaker(),
            problem=f"{error.thing}：{error.value}",
            remedy=error.remedy,
            detail=error.detail,
        )
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
        "detail": outcome.detail,
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


@dataclass(slots=True)
class CollectedTries:
    """Tries to govern a collected file, counted in a file of its own; what fails for good is put aside, and told on the run that brought it."""

    delivery: Delivery
    killer: str = KILLER
    broken: str = BROKEN

    @property
    def _note(self) -> Path:
        return _beside("tries") / self.delivery.contract_id / self.delivery.path.name

    @property
    def count(self) -> int:
        """Tries that have not returned."""
        try:
            return len(self._note.read_bytes())
        except FileNotFoundError:
            return 0

    def begin(self) -> None:
        """Count a try."""
        write_whole(self._note, "." * (self.count + 1))

    def end(self, problem: str = "") -> None:
        """Take the count back; what the file waits for is told by the job that runs again."""
        self._note.unlink(missing_ok=True)

    def fail(self, problem: str) -> None:
        """Put the file aside with the reason, and tell it on the run of its collector."""
        path = self.delivery.path
        aside = _beside("refused") / self.delivery.contract_id / path.name
        write_whole(aside.with_name(f"{aside.name}.reason.txt"), problem + "\n")
        with system_scope() as scope:
            collecting.record_refusal(scope=scope, file_name=path.name, problem=problem)
        # Last: as long as it lies among the deliveries, this is not done.
        if path.exists():
            path.replace(aside)
        self.end()


@dataclass(slots=True)
class _Several:
    """Tries to govern several files at once, which costs little more than one: if it does not end well, they are tried one by one."""

    each: list[CollectedTries]
    killer: str = ""
    broken: str = ""
    count: int = 0

    def begin(self) -> None:
        for one in self.each:
            one.begin()

    def end(self, problem: str = "") -> None:
        for one in self.each:
            one.end(problem)

    def fail(self, problem: str) -> None:
        self.end()


def _beside(kind: str) -> Path:
    """Folder beside the collected deliveries, one folder per contract in it: ``tries`` counts, ``refused`` keeps what cannot be governed."""
    return delivered().with_name(f"{delivered().name}_{kind}")


def retry_refused(name: str) -> Path:
    """Lay a file that was put aside among the collected deliveries again.

    Raises
    ------
    InvalidValueError
        If no such file was put aside.
    """
    aside = next((path for path in _beside("refused").glob("*/*") if path.name == name), None)
    if aside is None or name.endswith(".reason.txt"):
        raise InvalidValueError("退回的采集文件", name, f"没有这份文件；退回的文件在 {_beside('refused')}。")
    again = delivered() / aside.parent.name / name
    again.parent.mkdir(parents=True, exist_ok=True)
    aside.with_name(f"{name}.reason.txt").unlink(missing_ok=True)
    aside.replace(again)
    return again


def govern_collected(lake: Lake) -> tuple[list[Delivery], list[Exception]]:
    """Take collected deliveries through the six steps.

    Returns
    -------
    list of Delivery
        Those that have their receipt. What waits for the register is not among them, nor what failed for good and was put aside.
    list of Exception
        Troubles for which some of them wait.
    """
    if not delivered().is_dir():
        return [], []
    # Its time is taken before, and holds only once all that was found is governed: what comes meanwhile is seen the next time.
    looking = delivered() / ".looking"
    looking.touch()
    found = [_as_handed_in(each) for each in find_deliveries(delivered())[0]]
    tries = [CollectedTries(each) for each in found]
    suspects = [each for each in tries if each.count]
    # What may have killed the process goes one by one, and last; of that, what others are resolved against goes first.
    suspects.sort(key=lambda each: each.delivery.contract_id not in SUBJECT_CONTRACTS)
    lots = [[each for each in tries if each not in suspects], *([each] for each in suspects)]
    done: list[Delivery] = []
    troubles: list[Exception] = []
    for lot in filter(None, lots):
        try:
            done += _govern_lot(lot, lake)
        except BusyError as trouble:
            troubles.append(trouble)
            break
        except PASSING as trouble:
            troubles.append(trouble)
    return done, troubles


def _as_handed_in(delivery: Delivery) -> Delivery:
    """Say what the table's department sent after the file was fetched."""
    fetched_at = dt.datetime.fromtimestamp(delivery.path.stat().st_mtime, dt.UTC)
    with system_scope() as scope:
        later = selectors.names_received_after(scope, delivery.contract_id, fetched_at)
    return replace(delivery, handed_in_later=later)


def _govern_lot(lot: list[CollectedTries], lake: Lake) -> list[Delivery]:
    deliveries = [each.delivery for each in lot]
    tries: Tries = lot[0] if len(lot) == 1 else _Several(lot)
    report = attempt(tries, partial(govern, deliveries, lake, Ledger(var() / "ledger")))
    if report is not None:
        return [each for each in deliveries if each.path.name not in report.held]
    return [] if len(lot) == 1 else [done for each in lot for done in _govern_lot([each], lake)]


def clear_collected(done: Sequence[Delivery], *, is_all: bool) -> None:
    """Clear away what was governed and published, and note when was looked; its bytes are kept for ever in the landing folder.

    Parameters
    ----------
    is_all : bool
        Whether nothing waits for a trouble to pass; otherwise it is looked again.

    Notes
    -----
    Until then a run that ended early is asked for again, and finds them with their receipt.
    """
    for each in done:
        each.path.unlink(missing_ok=True)
    looking = delivered() / ".looking"
    if is_all and looking.exists():
        looking.replace(delivered() / ".looked_at")
