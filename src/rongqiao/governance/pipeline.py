"""The six steps in order, contract by contract: from a folder of deliveries to published facts."""

from __future__ import annotations

import fcntl
import itertools
import os
import queue
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from deltalake.exceptions import DeltaError

from rongqiao.contracts.standards import load_contracts
from rongqiao.governance import collection, register_kept, service, sources
from rongqiao.governance.batch import SUBJECT_CONTRACTS
from rongqiao.governance.deliveries import find_deliveries, in_order, limits_for, size_of
from rongqiao.governance.enterprises import publish_enterprises
from rongqiao.governance.lane import STEPS, Lane
from rongqiao.governance.reading import read_ahead
from rongqiao.governance.recurrence import as_correction, known_batches
from rongqiao.governance.resolution import retrying
from rongqiao.kernel import home
from rongqiao.kernel.errors import BusyError, StorageError
from rongqiao.lake.engine import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rongqiao.contracts.standards import Contract
    from rongqiao.governance.batch import Batch, Delivery
    from rongqiao.governance.deliveries import Group
    from rongqiao.governance.lane import FileReport
    from rongqiao.governance.reading import Part, Portion
    from rongqiao.governance.register import Register
    from rongqiao.governance.sources import Limits
    from rongqiao.lake.tables import Lake
    from rongqiao.ledger.log import Ledger

#: Lanes side by side, at most: each wants a processor for the engine, and memory for what it reads ahead.
MOST_LANES = 4
#: Bytes of files from which on lanes are worth their start.
BYTES_FOR_LANES = 256 << 20
#: What the engine may hold in memory before it spills to disk.
ENGINE_MEMORY = "6GB"
#: What libraries raise of a disk or store that is full, gone or broken.
STORAGE_FAULTS = (OSError, duckdb.IOException, duckdb.OutOfMemoryException, DeltaError)


@dataclass(slots=True)
class Report:
    """What one run did.

    Parameters
    ----------
    files : list of FileReport
        Files governed in this run, in the order they were.
    already_done : int
        Files whose content had a receipt before.
    skipped : list of str
        Files that are no deliveries: unknown contract, no date in the name, no reader for the suffix.
    held : list of str
        Files that wait because no register of enterprises is there yet to resolve them against. They stay pending.
    """

    files: list[FileReport] = field(default_factory=list)
    already_done: int = 0
    skipped: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)


def govern(
    deliveries: Path | Sequence[Delivery],
    lake: Lake,
    ledger: Ledger | None,
    *,
    landing: Path | None = None,
    lanes: int | None = None,
    is_handed_over: bool = False,
    on_progress: Callable[[str, str, int, int], None] | None = None,
) -> Report:
    """Run the six steps on every delivery that has no receipt yet.

    Parameters
    ----------
    deliveries : Path or sequence of Delivery
        A folder as departments fill it, or deliveries that an adapter found.
    lake : Lake
    ledger : Ledger or None
        Where receipts are entered; ``None`` leaves ``ledger_index`` null.
    landing : Path or None
        Where files are kept by digest; ``None`` for ``landing/`` in a lake on disk, or under ``var/`` beside an object store.
    lanes : int or None
        Contracts side by side; ``None`` for as many as there are processors, where files are large.
    is_handed_over : bool
        Whether nobody will write the folder's files again, so that they need not be copied.
    on_progress : callable or None
        Called before each step with contract title, step title, steps done and steps in all.

    Raises
    ------
    BusyError
        If another run holds the landing folder.
    InvalidValueError
        If the folder of deliveries is missing.
    StorageError
        If a disk is full or a file cannot be read or written. What has a receipt stands; the next run goes on from there.

    Notes
    -----
    It may be killed at any instant: the next run ends in the same published content as a run that was not disturbed.
    """
    report = Report()
    if isinstance(deliveries, Path):
        found, report.skipped = find_deliveries(deliveries)
        deliveries = [replace(delivery, is_handed_over=is_handed_over) for delivery in found]
    landing = landing or (home.var() if "://" in lake.root else Path(lake.root)) / "landing"
    try:
        with _alone(landing), _engine() as connection:
            collection.clear_drafts(landing)
            service.sweep(lake)
            run = _Run(lake, ledger, landing, report, on_progress or (lambda *_: None), connection, lanes)
            run.govern_all(deliveries)
            run.retry()
            if run.register:
                run.register.keep()
            publish_enterprises(lake, connection)
    except STORAGE_FAULTS as error:
        raise StorageError(
            "存储读写",
            str(error),
            "请检查磁盘空间和权限。已签收的文件不受影响；问题消除后重新运行即可接着办理。",
        ) from error
    return report


@contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection, tempfile.TemporaryDirectory() as spill:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET temp_directory = {literal(spill)}")
        connection.execute(f"SET memory_limit = {literal(ENGINE_MEMORY)}")
        # Every result that matters states its order.
        connection.execute("SET preserve_insertion_order = false")
        yield connection


@contextmanager
def _alone(landing: Path) -> Iterator[None]:
    """Hold the landing folder; the lock dies with the process, so a killed run leaves none behind."""
    landing.mkdir(parents=True, exist_ok=True)
    with (landing / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                "治理任务", str(landing), "另一次治理正在使用这个数据湖，请等它结束后再运行。"
            ) from None
        yield


@dataclass(slots=True)
class _Run:
    """One run over the deliveries, portion by portion, so that memory does not grow with their number."""

    lake: Lake
    ledger: Ledger | None
    landing: Path
    report: Report
    on_progress: Callable[[str, str, int, int], None]
    connection: duckdb.DuckDBPyConnection
    lanes: int | None
    register: Register | None = None
    limits: Limits = sources.DEFAULT_LIMITS
    places: dict[str, int] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    receipted: set[str] = field(default_factory=set)
    read: list[tuple[Path, os.stat_result, str]] = field(default_factory=list)
    again: list[Batch] = field(default_factory=list)
    #: Batches of this run whose rows met the register as it is now.
    met: set[str] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)

    def govern_all(self, deliveries: Sequence[Delivery]) -> None:
        """Take every delivery without a receipt through all steps."""
        self.done, self.again = known_batches(self.lake), []
        self.receipted = {batch_id.partition("@")[0] for batch_id in self.done}
        self.limits = limits_for(deliveries)
        seen = collection.Seen(self.landing)
        first, others = (
            [(contract, self._unseen(delivered, seen)) for contract, delivered in groups]
            for groups in in_order(deliveries)
        )
        lanes = self._count_lanes(others)
        if lanes > 1:
            # The longest first, so that no lane ends long after the others.
            others.sort(key=lambda group: -size_of(group[1]))
        self.places = {contract.id: place for place, (contract, _) in enumerate([*first, *others])}
        if lanes > 1:
            self._drive(self._receive_new(first), self.connection, self._show)
            self._drive_side_by_side(others, lanes)
        else:
            self._drive(self._receive_new([*first, *others]), self.connection, self._show)
        self.met = {
            file.batch_id for file in self.report.files if file.contract_id not in register_kept.TEACHERS
        }
        # Judged when all others have their receipts, so that a run that was killed judges alike.
        for batch in self.again:
            is_act = batch.delivery.handed_in_later is not None
            correction = as_correction(self.lake, batch) if is_act else None
            self.report.already_done += correction is None
            if correction:
                contract = load_contracts()[correction.delivery.contract_id]
                if contract.id in register_kept.TEACHERS:
                    self.met.clear()
                self._drive(iter([(contract, correction)]), self.connection, self._show)
        self.report.files.sort(key=lambda file: self.places.get(file.contract_id, -1))
        seen.note(self.read)

    def retry(self) -> None:
        """Send rows that waited for their enterprise again, once for each state of what the register was taught from."""
        state = retrying.taught_by(self.lake)
        if state is None:
            return
        register = self._known()
        if not register_kept.has_news(register):
            retrying.note_settled(self.lake, [], state)
            return
        with tempfile.TemporaryDirectory() as folder:
            retries = retrying.find_retries(self.lake, register, Path(folder), state.on, met=self.met)
            self.govern_all([delivery for delivery, _ in retries])
        retrying.note_settled(self.lake, retries, state)
        register_kept.note_tried(register)

    def _count_lanes(self, groups: Sequence[Group]) -> int:
        if self.lanes is not None:
            return self.lanes
        is_much = sum(size_of(delivered) for _, delivered in groups) >= BYTES_FOR_LANES
        return min(os.cpu_count() or 1, MOST_LANES) if is_much else 1

    def _drive_side_by_side(self, groups: Sequence[Group], lanes: int) -> None:
        """Let each lane take the next contract when it has read its last; what they tell is passed on by this thread."""
        self._known().prepare()
        # Within a lane steps follow each other; side by side the lanes keep the processors busy.
        self.connection.execute("SET threads = 1")
        shared = _Shared(iter(groups))
        told: queue.SimpleQueue[tuple[Contract, int] | None] = queue.SimpleQueue()
        with ThreadPoolExecutor(lanes, thread_name_prefix="lane") as pool:
            running = [
                pool.submit(
                    self._drive,
                    self._receive_new(shared),
                    self.connection.cursor(),
                    lambda *step: told.put(step),
                    lanes,
                )
                for _ in range(lanes)
            ]
            try:
                for lane in running:
                    lane.add_done_callback(lambda _: told.put(None))
                for _ in running:
                    while step := told.get():
                        self._show(*step)
            finally:
                self.stopping.set()
        self.stopping.clear()
        self.connection.execute("RESET threads")
        for lane in running:
            lane.result()

    def _drive(
        self,
        batches: Iterator[tuple[Contract, Batch]],
        connection: duckdb.DuckDBPyConnection,
        tell: Callable[[Contract, int], None],
        lanes: int = 1,
    ) -> None:
        """Govern contract by contract on one session of the engine, reading ahead."""
        parts = read_ahead(batches, self.limits, lanes)
        lane = None
        try:
            for _, read in itertools.groupby(parts, key=lambda part: part.portion.number):
                if self.stopping.is_set():
                    break
                first = next(read)
                register = self._known().beside(connection)
                lane = lane or Lane(self.lake, self.ledger, connection, register, self.receipted, tell)
                self._govern_or_hold(lane, first.portion, itertools.chain([first], read))  # noqa: B031 - the rest of it
            if lane:
                lane.sign_off()
        except BaseException:
            self.stopping.set()
            raise
        finally:
            parts.close()

    def _govern_or_hold(self, lane: Lane, portion: Portion, parts: Iterable[Part]) -> None:
        """Govern a portion; without a register to resolve against, it waits for a later run that has one."""
        if portion.contract.id in SUBJECT_CONTRACTS or lane.register:
            self.report.files.extend(lane.govern(portion, parts))
            return
        held = {part.batch.batch_id: part.batch.file_name for part in parts}
        self.report.held.extend(held.values())

    def _unseen(self, delivered: Sequence[Delivery], seen: collection.Seen) -> list[Delivery]:
        """Leave out files that are known to have a receipt without being read."""
        unseen = [delivery for delivery in delivered if seen.batch_id(delivery) not in self.done]
        self.report.already_done += len(delivered) - len(unseen)
        return unseen

    def _receive_new(self, groups: Iterable[Group]) -> Iterator[tuple[Contract, Batch]]:
        """Keep and digest each file once; those whose very bytes have a receipt are put by."""
        for contract, delivered in groups:
            for delivery in delivered:
                before = delivery.path.stat()
                batch = collection.receive(delivery, self.landing)
                # Its second name has changed what the file system says of it, and nobody else will.
                before = delivery.path.stat() if delivery.is_handed_over else before
                self.read.append((delivery.path, before, batch.batch_id))
                if batch.batch_id in self.done:
                    self.again.append(batch)
                    continue
                self.done.add(batch.batch_id)
                yield contract, batch

    def _known(self) -> Register:
        if self.register is None:
            self.register = register_kept.load_register(self.lake, self.connection, self.landing)
        return self.register

    def _show(self, contract: Contract, step: int) -> None:
        done, steps = self.places[contract.id] * len(STEPS) + step, len(self.places) * len(STEPS)
        self.on_progress(contract.title, STEPS[step][1], done, steps)


class _Shared:
    """An iterator that several threads draw from."""

    def __init__(self, groups: Iterator[Group]) -> None:
        self._groups = groups
        self._alone = threading.Lock()

    def __iter__(self) -> Iterator[Group]:
        return self

    def __next__(self) -> Group:
        with self._alone:
            return next(self._groups)
