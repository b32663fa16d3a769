"""The six steps in order, contract by contract: from a folder of deliveries to published facts."""

from __future__ import annotations

import datetime as dt
import fcntl
import itertools
import re
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from deltalake.exceptions import DeltaError

from rongqiao.contracts.standards import load_contracts
from rongqiao.governance import cleaning, collection, inventory, rules, service, sources, standards
from rongqiao.governance.batch import NAME_CONTRACT, SUBJECT_CONTRACTS, Delivery, Workbench
from rongqiao.governance.previous import previous_delivery, stage_reference
from rongqiao.governance.reading import read_ahead
from rongqiao.governance.recurrence import as_correction, known_batches
from rongqiao.governance.resolution import retrying
from rongqiao.kernel import home
from rongqiao.kernel.errors import BusyError, InvalidValueError, StorageError
from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rongqiao.contracts.standards import Contract
    from rongqiao.governance.batch import Batch, Piece
    from rongqiao.governance.reading import Part, Portion
    from rongqiao.governance.register import Register
    from rongqiao.governance.sources import Limits
    from rongqiao.lake.tables import Lake
    from rongqiao.ledger.log import Ledger

#: Name and Chinese title of each step, in order.
STEPS: tuple[tuple[str, str], ...] = (
    ("inventory", inventory.TITLE),
    ("standards", standards.TITLE),
    ("rules", rules.TITLE),
    ("collection", collection.TITLE),
    ("cleaning", cleaning.TITLE),
    ("service", service.TITLE),
)
#: Rows that are cast in one scan.
LOT_ROWS = 400_000
#: What the engine may hold in memory before it spills to disk.
ENGINE_MEMORY = "6GB"
#: What libraries raise of a disk or store that is full, gone or broken.
STORAGE_FAULTS = (OSError, duckdb.IOException, duckdb.OutOfMemoryException, DeltaError)
_FILE_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:_[^.]*)?\.")


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file; ``rows_in`` is always ``rows_accepted + rows_quarantined``."""

    contract_id: str
    file_name: str
    batch_id: str
    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    quarantined_by_rule: dict[str, int]


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


def find_deliveries(folder: Path) -> tuple[list[Delivery], list[str]]:
    """List the deliveries under a folder, and the files that are none.

    Raises
    ------
    InvalidValueError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise InvalidValueError(
            "报送目录", str(folder), "请给出报送文件夹，其中的文件放在 <部门>.<表>/<日期>.<后缀> 下。"
        )
    contracts = load_contracts()
    found, skipped = [], []
    for path in sorted(folder.glob("*/*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        match = _FILE_NAME.match(path.name)
        if path.parent.name in contracts and match and sources.is_readable(path.name):
            found.append(Delivery(path.parent.name, path, dt.date.fromisoformat(match[1])))
        else:
            skipped.append(f"{path.parent.name}/{path.name}")
    return found, skipped


def govern(
    deliveries: Path | Sequence[Delivery],
    lake: Lake,
    ledger: Ledger | None,
    *,
    landing: Path | None = None,
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
        deliveries, report.skipped = find_deliveries(deliveries)
    landing = landing or (home.var() if "://" in lake.root else Path(lake.root)) / "landing"
    try:
        _run(deliveries, lake, ledger, (landing, report, on_progress or (lambda *_: None)))
    except STORAGE_FAULTS as error:
        raise StorageError(
            "存储读写",
            str(error),
            "请检查磁盘空间和权限。已签收的文件不受影响；问题消除后重新运行即可接着办理。",
        ) from error
    return report


def _run(
    deliveries: Sequence[Delivery],
    lake: Lake,
    ledger: Ledger | None,
    told: tuple[Path, Report, Callable[[str, str, int, int], None]],
) -> None:
    """Hold the landing folder, clear what a killed run left, and go through all steps."""
    landing, report, tell = told
    with _alone(landing), duckdb.connect(":memory:") as connection, tempfile.TemporaryDirectory() as spill:
        collection.clear_drafts(landing)
        service.sweep(lake)
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET temp_directory = {literal(spill)}")
        connection.execute(f"SET memory_limit = {literal(ENGINE_MEMORY)}")
        # Every result that matters states its order.
        connection.execute("SET preserve_insertion_order = false")
        run = _Run(lake, ledger, landing, report, tell, connection)
        run.govern_all(deliveries)
        run.retry(Path(spill))
        service.publish_enterprises(lake, connection)


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


def _in_order(deliveries: Sequence[Delivery]) -> list[tuple[Contract, list[Delivery]]]:
    """Group deliveries by contract, those that name enterprises first, each in the order in which they became known."""
    contracts = load_contracts()
    grouped: dict[str, list[Delivery]] = {}
    for delivery in sorted(deliveries, key=lambda one: (one.delivered_on, one.path.name)):
        grouped.setdefault(delivery.contract_id, []).append(delivery)
    first = (*SUBJECT_CONTRACTS, NAME_CONTRACT)
    order = sorted(grouped, key=lambda name: (first.index(name) if name in first else len(first), name))
    return [(contracts[name], grouped[name]) for name in order]


@dataclass(slots=True)
class _Run:
    """One run over the deliveries, portion by portion, so that memory does not grow with their number."""

    lake: Lake
    ledger: Ledger | None
    landing: Path
    report: Report
    tell: Callable[[str, str, int, int], None]
    connection: duckdb.DuckDBPyConnection
    contracts: int = 0
    finished: int = 0
    register: Register | None = None
    done: set[str] = field(default_factory=set)
    receipted: set[str] = field(default_factory=set)
    seen: list[tuple[Path, os.stat_result, str]] = field(default_factory=list)
    again: list[Batch] = field(default_factory=list)
    references: dict[str, str | None] = field(default_factory=dict)

    def govern_all(self, deliveries: Sequence[Delivery]) -> None:
        """Take every delivery without a receipt through all steps."""
        self.done, self.again = known_batches(self.lake), []
        self.receipted = {batch_id.partition("@")[0] for batch_id in self.done}
        ordered = _in_order(deliveries)
        self.contracts = len(ordered)
        places = {contract.id: place for place, (contract, _) in enumerate(ordered)}
        every = [delivery for _, delivered in ordered for delivery in delivered]
        seen = collection.Seen(self.landing)
        self._govern_batches(self._receive_new(every, seen), places, _limits(every))
        # Judged when all others have their receipts, so that a run that was killed judges alike.
        for batch in self.again:
            correction = as_correction(self.lake, batch)
            self.report.already_done += correction is None
            self._govern_batches([correction] if correction else [], places, _limits(every))
        seen.note(self.seen)

    def _govern_batches(self, batches: Iterable[Batch], places: Mapping[str, int], limits: Limits) -> None:
        parts = read_ahead(batches, load_contracts(), limits)
        for _, read in itertools.groupby(parts, key=lambda part: part.portion.number):
            first = next(read)
            self.finished = places[first.portion.contract.id]
            self._govern_or_hold(first.portion, itertools.chain([first], read))  # noqa: B031 - the rest of it

    def retry(self, folder: Path) -> None:
        """Send rows that waited for their enterprise again, once for each state of what the register was taught from."""
        state = retrying.taught_by(self.lake)
        if state is None:
            return
        retries = retrying.find_retries(self.lake, self.connection, self._known(), folder, state.on)
        self.govern_all([delivery for delivery, _ in retries])
        retrying.note_settled(self.lake, retries, state)

    def _govern_or_hold(self, portion: Portion, parts: Iterable[Part]) -> None:
        """Govern a portion; without a register to resolve against, it waits for a later run that has one."""
        if portion.contract.id in SUBJECT_CONTRACTS or self._known():
            self._govern_portion(portion, parts)
            return
        held = {part.batch.batch_id: part.batch.file_name for part in parts}
        self.report.held.extend(held.values())

    def _receive_new(self, delivered: Sequence[Delivery], seen: collection.Seen) -> Iterator[Batch]:
        """Keep and digest each file once; those whose very bytes have a receipt are only counted."""
        for delivery in delivered:
            known = seen.batch_id(delivery)
            if known in self.done:
                self.report.already_done += 1
                continue
            before = delivery.path.stat()
            batch = collection.receive(delivery, self.landing)
            self.seen.append((delivery.path, before, batch.batch_id))
            if batch.batch_id in self.done:
                is_act = delivery.handed_in_later is not None
                self.again += [batch] if is_act else []
                self.report.already_done += not is_act
                continue
            self.done.add(batch.batch_id)
            yield batch

    def _govern_portion(self, portion: Portion, read: Iterable[Part]) -> None:
        """Take some batches of one contract through all steps."""
        contract = portion.contract
        work = Workbench(contract, portion.batches, self.connection, portion.kept)
        self._tell(contract, 0)
        inventory.begin(work)
        self._tell(contract, 1)
        cast_all(work, read)
        previous = previous_delivery(work, self.lake if contract.id in self.receipted else None)
        inventory.profile(work, previous.baselines)
        self._tell(contract, 2)
        rules.check(work, previous.rows)
        self._tell(contract, 3)
        collection.collect(work, self.ledger)
        self._tell(contract, 4)
        cleaning.resolve(work, self._known())
        rules.check_resolved(work, self._find_reference)
        self._tell(contract, 5)
        receipts = service.publish(work, self.lake)
        self.receipted.add(contract.id)
        self._report(work, receipts)
        if contract.id == NAME_CONTRACT:
            cleaning.enter_former_names(work, self._known())
        self._clear(contract)

    def _find_reference(self, place: str) -> str | None:
        """Name the table with the distinct values of ``<contract id>.<column>``, read once until more of it is published."""
        if place not in self.references:
            self.references[place] = stage_reference(self.connection, self.lake, place)
        return self.references[place]

    def _clear(self, contract: Contract) -> None:
        """Free what one portion needed; the register stays, and what other contracts are referred to by."""
        for place in [place for place in self.references if place.rpartition(".")[0] == contract.id]:
            del self.references[place]
        staying = {*self.references.values()}
        tables = self.connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE temporary AND NOT starts_with(table_name, 'register_')"
        ).fetchall()
        for (table,) in tables:
            if table not in staying:
                self.connection.execute(f"DROP TABLE {quote(table)}")

    def _known(self) -> Register:
        if self.register is None:
            self.register = cleaning.load_register(self.lake, self.connection)
        return self.register

    def _tell(self, contract: Contract, step: int) -> None:
        self.tell(
            contract.title, STEPS[step][1], self.finished * len(STEPS) + step, self.contracts * len(STEPS)
        )

    def _report(self, work: Workbench, receipts: Sequence[Mapping[str, Any]]) -> None:
        tallies = {batch.number: Counter(line.rule_id for line in batch.broken) for batch in work.batches}
        counted = work.connection.execute(
            "SELECT batch, rule_id, count(*) FROM rejected GROUP BY ALL"
        ).fetchall()
        for number, rule_id, count in counted:
            tallies[number][rule_id] += count
        for batch, receipt in zip(work.batches, receipts, strict=True):
            self.report.files.append(
                FileReport(
                    work.contract.id,
                    batch.file_name,
                    batch.batch_id,
                    receipt["rows_in"],
                    receipt["rows_accepted"],
                    receipt["rows_quarantined"],
                    dict(sorted(tallies[batch.number].items())),
                )
            )


def _limits(deliveries: Sequence[Delivery]) -> Limits:
    """Limits on files that are in force on the day of the latest delivery."""
    if not deliveries:
        return sources.DEFAULT_LIMITS
    on = max(delivery.delivered_on for delivery in deliveries)
    return sources.limits_on(on)


def cast_all(work: Workbench, read: Iterable[Part]) -> None:
    """Cast pieces as they are read, some together so that the engine has enough to do."""
    lot: list[Piece] = []
    for part in read:
        if part.piece is None:
            lot = [piece for piece in lot if piece.number != part.batch.number]
            standards.forget(work, part.batch)
            continue
        if not part.piece.rows.num_rows:
            continue
        if lot and lot[0].factors != part.piece.factors:
            standards.cast(work, lot)
            lot = []
        inventory.take_sample(work, part.piece.rows)
        lot.append(part.piece)
        if sum(piece.rows.num_rows for piece in lot) >= LOT_ROWS:
            standards.cast(work, lot)
            lot = []
    if lot or not work.parts:
        standards.cast(work, lot)
    standards.finish(work)
