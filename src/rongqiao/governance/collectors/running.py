"""One run of a collector: read from the source, complete a file, commit, hand the file over.

What is killed before the commit is done again or gone on with; what is killed after it is only handed over. So each row is delivered once.
"""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.delivery_files import name_delivery, suffix_of
from rongqiao.governance.collectors import databases, folders
from rongqiao.governance.collectors.calling import Line
from rongqiao.governance.collectors.causes import technical_text
from rongqiao.governance.collectors.http import Reading
from rongqiao.governance.collectors.spool import Spool, drop_drafts
from rongqiao.governance.collectors.state import (
    Pending,
    State,
    hold,
    load_state,
    save_state,
    sync_folder,
)
from rongqiao.governance.collectors.watermarks import floor
from rongqiao.kernel.errors import RongqiaoError, StorageError
from rongqiao.kernel.home import var

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from rongqiao.contracts.collectors import Collector, Database, Http
    from rongqiao.rules.breaker import Breaker


#: What the system's numbers of faults mean to whoever keeps the machine.
_DISK_FAULTS = {
    errno.ENOSPC: "磁盘已满",
    errno.EDQUOT: "磁盘配额已用完",
    errno.EFBIG: "文件超出系统允许的大小",
    errno.EACCES: "没有读写权限",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where collectors keep their state, and where deliveries go; both on one file system."""

    state: Path
    deliveries: Path

    @classmethod
    def here(cls) -> Place:
        """Return the place of this installation."""
        return cls(var() / "collecting", var() / "collected")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    Parameters
    ----------
    result : str
        ``delivered``, ``nothing_new``, ``already_today``, ``refused`` (files of a drop folder, all of them), ``failed`` or ``busy``.
    files : tuple of str
        Deliveries that were handed over, by name.
    digests : tuple of str
        SM3 of each.
    rows : int or None
        Rows in them; null for files taken as they are, which nobody has counted yet.
    repeated, unmarked : int
        Rows that were read again and known; rows without a watermark, which cannot be collected.
    is_cut : bool
        Whether more waits at the source than one run takes.
    problem, remedy : str
        What went wrong, and what to do about it; empty otherwise.
    detail : str
        What the source's system said of it, for whoever mends it.
    """

    result: str
    breaker: Breaker
    files: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    rows: int | None = None
    repeated: int = 0
    unmarked: int = 0
    attempts: int = 0
    watermark: str = ""
    is_cut: bool = False
    refused: tuple[str, ...] = ()
    problem: str = ""
    remedy: str = ""
    detail: str = ""


def run_collector(
    collector: Collector,
    place: Place,
    *,
    today: dt.date,
    clock: Callable[[], dt.datetime],
    sleep: Callable[[float], None],
    transport: httpx.BaseTransport | None = None,
) -> Outcome:
    """Collect what is new; a failure is an outcome, not an exception.

    Parameters
    ----------
    collector : Collector
    place : Place
    today : datetime.date
        Day on which what is collected becomes known.
    clock, sleep : callable
        Time, aware of its zone, and waiting.
    transport : httpx.BaseTransport, optional
        Way to an interface, instead of the network.

    Notes
    -----
    Facts know the day on which they became known, not the hour. So that of two versions of a row the later one counts, a pull delivers once
    a day; only portions of one large table, which share no row, follow each other on one day.
    """
    folder = place.state / collector.id
    with hold(folder) as is_held:
        state = load_state(folder)
        if not is_held:
            return Outcome("busy", state.breaker, watermark=state.watermark)
        run = _Run(
            collector, folder, place.deliveries / collector.contract, state, today, clock, sleep, transport
        )
        try:
            run.hand_over()
            return run.collect()
        except RongqiaoError as error:
            return run.fail(error)
        except OSError as error:
            return run.fail(
                StorageError(
                    "磁盘读写",
                    _DISK_FAULTS.get(error.errno or 0, "没有成功"),
                    "请检查磁盘空间和权限；没有内容入库，下次运行接着办理。",
                    detail=technical_text(error),
                )
            )


@dataclass(slots=True)
class _Run:
    collector: Collector
    folder: Path
    deliveries: Path
    state: State
    today: dt.date
    clock: Callable[[], dt.datetime]
    sleep: Callable[[float], None]
    transport: httpx.BaseTransport | None
    line: Line | None = None
    files: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    def collect(self) -> Outcome:
        """Take what the source has."""
        collector = self.collector
        if collector.folder is not None:
            return self._take_files()
        if self.state.delivered_on == self.today.isoformat() and not self.state.ceiling:
            # A run that was killed after it committed left its drafts.
            drop_drafts(self.folder)
            return self._outcome("already_today")
        self.line = Line(collector, self.state.breaker, self._keep_breaker, self.clock, self.sleep)
        origin = json.dumps(
            [
                collector.model_dump(mode="json"),
                self.state.watermark,
                self.state.sequence,
                self.today.isoformat(),
            ]
        )
        spool = Spool(self.folder, self.state.sequence + 1, origin)
        try:
            return (
                self._pull_table(collector.database, spool, self.line)
                if collector.database is not None
                else self._pull_pages(collector.http, spool, self.line)  # type: ignore[arg-type]
            )
        finally:
            spool.close()

    def fail(self, error: RongqiaoError) -> Outcome:
        """Tell what went wrong; what was handed over before stands."""
        problem = f"{error.thing}：{error.value}"[:300]
        # What the run changed in memory and did not commit is not so.
        self.state = load_state(self.folder)
        return replace(self._outcome("failed"), problem=problem, remedy=error.remedy, detail=error.detail)

    def _outcome(self, result: str, **told: Any) -> Outcome:
        return Outcome(
            result,
            self.state.breaker,
            files=self.files,
            digests=self.digests,
            attempts=self.line.attempts if self.line else 0,
            watermark=self.state.watermark,
            **told,
        )

    def _keep_breaker(self, breaker: Breaker) -> None:
        self.state.breaker = breaker
        # What the run has changed so far is not to be kept before it is complete.
        kept = load_state(self.folder)
        kept.breaker = breaker
        save_state(self.folder, kept)

    # -- pulls -------------------------------------------------------------------------------------------------------

    def _pull_table(self, source: Database, spool: Spool, line: Line) -> Outcome:
        read = line.call(lambda: databases.pull(source, self.state, spool))
        if spool.rows:
            self.state.ceiling = read.ceiling if read.is_cut else ""
            self.state.last_key = read.last_key
            self._commit_rows(source, spool)
        elif self.state.ceiling:
            self.state.ceiling = ""
            save_state(self.folder, self.state)
        result = "delivered" if spool.rows else "nothing_new"
        return self._outcome(
            result, rows=spool.rows, repeated=spool.repeated, unmarked=read.unmarked, is_cut=read.is_cut
        )

    def _pull_pages(self, source: Http, spool: Spool, line: Line) -> Outcome:
        reading = Reading(source, self.state, spool, line, self.clock, self.transport)
        reading.pull()
        if not reading.is_unchanged:
            self.state.etag, self.state.last_modified = reading.etag, reading.last_modified
        if spool.rows:
            self._commit_rows(source, spool)
        else:
            save_state(self.folder, self.state)
            spool.forget()
        return self._outcome(
            "delivered" if spool.rows else "nothing_new", rows=spool.rows, repeated=spool.repeated
        )

    def _commit_rows(self, source: Database | Http, spool: Spool) -> None:
        self.state.watermark = spool.highest or self.state.watermark
        spool_name, digest = spool.complete(floor(source, self.state.watermark), source.watermark_kind)
        self._commit(spool_name, ".jsonl", digest, rows=spool.rows)
        spool.forget()
        self.hand_over()

    def _commit(self, spool_name: str, suffix: str, digest: str, **more: Any) -> None:
        """From here on the file is collected, and will be handed over whatever happens."""
        self.state.sequence += 1
        self.state.delivered_on = self.today.isoformat()
        name = name_delivery(self.today, suffix, f"{self.collector.id}-{self.state.sequence:06}")
        self.state.pending = Pending(spool_name, name, digest, **more)
        save_state(self.folder, self.state)

    # -- drop folders ------------------------------------------------------------------------------------------------

    def _take_files(self) -> Outcome:
        source = self.collector.folder
        assert source is not None
        refused = []
        for claimed in folders.claim_whole(source, self.state, self.clock()):
            spooled = self.folder / "spool" / f"file-{self.state.sequence + 1:06}"
            spooled.parent.mkdir(parents=True, exist_ok=True)
            try:
                digest = folders.copy_whole(claimed, spooled, self.today)
            except folders.RefusedError as error:
                spooled.unlink(missing_ok=True)
                folders.set_aside(source, claimed.path.name, "refused", self.today, str(error))
                refused.append(f"{claimed.path.name}：{error}")
                continue
            except BlockingIOError:
                spooled.unlink(missing_ok=True)
                continue
            self._commit(spooled.name, suffix_of(claimed.path.name), digest, origin=claimed.path.name)
            self.hand_over()
        save_state(self.folder, self.state)
        result = "delivered" if self.files else "refused" if refused else "nothing_new"
        return self._outcome(result, refused=tuple(refused))

    # -- handing over ------------------------------------------------------------------------------------------------

    def hand_over(self) -> None:
        """Lay the committed file among the deliveries, and the one it was copied from aside; doing it again changes nothing."""
        pending = self.state.pending
        if pending is None:
            return
        spooled = self.folder / "spool" / pending.spool_name
        if spooled.exists():
            self.deliveries.mkdir(parents=True, exist_ok=True)
            spooled.replace(self.deliveries / pending.name)
            sync_folder(self.deliveries)
        if pending.origin and self.collector.folder is not None:
            folders.set_aside(self.collector.folder, pending.origin, "taken", self.today)
        self.files = (*self.files, pending.name)
        self.digests = (*self.digests, pending.digest)
        self.state.pending = None
        save_state(self.folder, self.state)
