"""The six steps in order, contract by contract: from a folder of deliveries to published facts."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import datetime as dt
import fcntl
import json
import re
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from rongqiao.contracts.standards import load_contracts
from rongqiao.governance import cleaning, collection, inventory, rules, service, sources, standards
from rongqiao.governance.batch import (
    NAME_CONTRACT,
    SUBJECT_CONTRACTS,
    TAGGED_NAME,
    Broken,
    Delivery,
    RawFile,
    Workbench,
)
from rongqiao.kernel import home
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.lake.engine import connect, literal, quote, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rongqiao.contracts.standards import Contract
    from rongqiao.governance.batch import Batch
    from rongqiao.governance.register import Register
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
#: Rows that are governed together; files are never cut.
PORTION_ROWS = 2_000_000
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
            "报送目录", str(folder), "Give a folder that holds <department>.<table>/<date>.<suffix>."
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
    InvalidValueError
        If another run holds the landing folder, or the folder of deliveries is missing.

    Notes
    -----
    It may be killed at any instant: the next run ends in the same published content as a run that was not disturbed.
    """
    report = Report()
    if isinstance(deliveries, Path):
        deliveries, report.skipped = find_deliveries(deliveries)
    landing = landing or (home.var() if "://" in lake.root else Path(lake.root)) / "landing"
    with _alone(landing), duckdb.connect(":memory:") as connection, tempfile.TemporaryDirectory() as spill:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET temp_directory = {literal(spill)}")
        # Every result that matters states its order.
        connection.execute("SET preserve_insertion_order = false")
        run = _Run(lake, ledger, landing, report, on_progress or (lambda *_: None), connection)
        run.govern_all(deliveries)
        run.publish_enterprises()
    return report


@contextmanager
def _alone(landing: Path) -> Iterator[None]:
    """Hold the landing folder; the lock dies with the process, so a killed run leaves none behind."""
    landing.mkdir(parents=True, exist_ok=True)
    with (landing / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidValueError(
                "治理任务", str(landing), "Another run is at work on this lake; wait for it."
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


def _known_batches(lake: Lake) -> set[str]:
    if not lake.exists(service.RECEIPTS):
        return set()
    return set(lake.read(service.RECEIPTS, ["batch_id"])["batch_id"].to_pylist())


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

    def govern_all(self, deliveries: Sequence[Delivery]) -> None:
        """Take every delivery without a receipt through all steps; the next file is read while one is governed."""
        self.done = _known_batches(self.lake)
        ordered = _in_order(deliveries)
        self.contracts = len(ordered)
        every = [delivery for _, delivered in ordered for delivery in delivered]
        contracts = {contract.id: contract for contract, _ in ordered}
        places = {contract_id: place for place, contract_id in enumerate(contracts)}
        for portion in _portions(_read_ahead(self._receive_new(every))):
            contract = contracts[portion[0][0].delivery.contract_id]
            self.finished = places[contract.id]
            if contract.id not in SUBJECT_CONTRACTS and not self._known():
                # They wait for a later run, which will have a register to resolve them against.
                self.report.held.extend(batch.file_name for batch, _ in portion)
            else:
                self._govern_portion(contract, portion)

    def _receive_new(self, delivered: Sequence[Delivery]) -> Iterator[Batch]:
        """Read and digest each file once; those whose very bytes have a receipt are only counted."""
        for delivery in delivered:
            batch = collection.receive(delivery)
            if batch.batch_id in self.done:
                self.report.already_done += 1
                continue
            self.done.add(batch.batch_id)
            yield batch

    def _govern_portion(self, contract: Contract, portion: Sequence[tuple[Batch, RawFile]]) -> None:
        """Take some batches of one contract through all steps."""
        work = Workbench(contract, [batch for batch, _ in portion], self.connection)
        broken = _load(work, [raw for _, raw in portion])
        previous = _previous(work, self.lake)
        self._tell(contract, 0)
        inventory.profile(work, previous.baselines)
        self._tell(contract, 1)
        standards.cast(work)
        self._tell(contract, 2)
        rules.check(work, previous.rows)
        self._tell(contract, 3)
        collection.collect(work, self.landing, self.ledger)
        self._tell(contract, 4)
        cleaning.resolve(work, self._known())
        rules.check_resolved(work, lambda place: _stage_reference(work, self.lake, place))
        self._tell(contract, 5)
        receipts = service.publish(work, self.lake, broken)
        self._report(work, receipts, broken)
        if contract.id == NAME_CONTRACT:
            cleaning.enter_former_names(work, self._known())
        _clear(work)

    def _known(self) -> Register:
        if self.register is None:
            self.register = cleaning.load_register(self.lake, self.connection)
        return self.register

    def _tell(self, contract: Contract, step: int) -> None:
        self.tell(
            contract.title, STEPS[step][1], self.finished * len(STEPS) + step, self.contracts * len(STEPS)
        )

    def publish_enterprises(self) -> None:
        """Bring ``published/enterprises`` up to date with what is published."""
        service.publish_enterprises(self.lake)

    def _report(
        self, work: Workbench, receipts: Sequence[Mapping[str, Any]], broken: Mapping[int, Sequence[Broken]]
    ) -> None:
        tallies: dict[int, Counter[str]] = {
            number: Counter(line.rule_id for line in lines) for number, lines in broken.items()
        }
        counted = work.connection.execute(
            "SELECT batch, rule_id, count(*) FROM rejected GROUP BY ALL"
        ).fetchall()
        for number, rule_id, count in counted:
            tallies.setdefault(number, Counter())[rule_id] += count
        for batch, receipt in zip(work.batches, receipts, strict=True):
            self.report.files.append(
                FileReport(
                    work.contract.id,
                    batch.file_name,
                    batch.batch_id,
                    receipt["rows_in"],
                    receipt["rows_accepted"],
                    receipt["rows_quarantined"],
                    dict(sorted(tallies.get(batch.number, Counter()).items())),
                )
            )


def _read_ahead(batches: Iterable[Batch]) -> Iterator[tuple[Batch, RawFile]]:
    """Parse files on a thread of its own, one ahead: the engine and the reader then work at the same time."""
    with ThreadPoolExecutor(1) as thread:
        iterator = iter(batches)

        def read_next() -> tuple[Batch, RawFile] | None:
            batch = next(iterator, None)
            return None if batch is None else (batch, sources.read(batch.content, batch.file_name))

        waiting = thread.submit(read_next)
        while (found := waiting.result()) is not None:
            waiting = thread.submit(read_next)
            yield found


def _portions(read: Iterable[tuple[Batch, RawFile]]) -> Iterator[list[tuple[Batch, RawFile]]]:
    """Put small files of one contract together, up to a number of rows; a larger file is a portion of its own."""
    portion: list[tuple[Batch, RawFile]] = []
    rows = 0
    for batch, raw in read:
        is_other = portion and batch.delivery.contract_id != portion[0][0].delivery.contract_id
        if portion and (is_other or rows + len(raw.lines) > PORTION_ROWS):
            yield portion
            portion, rows = [], 0
        batch.number = len(portion)
        portion.append((batch, raw))
        rows += len(raw.lines)
    if portion:
        yield portion


def _load(work: Workbench, files: Sequence[RawFile]) -> dict[int, tuple[Broken, ...]]:
    """Lay all files out in table ``raw`` and make ``rejected``; return the lines that are no rows."""
    tables, broken = [], {}
    for batch, raw in zip(work.batches, files, strict=True):
        batch.encoding = raw.encoding
        batch.rows_in = len(raw.lines) + len(raw.broken)
        bound = standards.bind_headers(work.contract, raw.headers)
        batch.unmapped = tuple(header for at, header in enumerate(raw.headers) if at not in bound)
        broken[batch.number] = raw.broken
        tables.append(standards.arrange(work.contract, raw, batch.number, batch.delivery.constants))
    for name, rows in (("raw", tables), ("sample", [inventory.sample(table) for table in tables])):
        stage(work.connection, name, pa.concat_tables(rows))
    work.connection.execute(
        "CREATE OR REPLACE TEMP TABLE rejected (batch INTEGER, line INTEGER, column_id VARCHAR, rule_id VARCHAR, value VARCHAR, message VARCHAR)"
    )
    return broken


def _clear(work: Workbench) -> None:
    """Free what one portion needed; the register stays."""
    tables = work.connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE temporary AND NOT starts_with(table_name, 'register_')"
    ).fetchall()
    for (table,) in tables:
        work.connection.execute(f"DROP TABLE {quote(table)}")


@dataclass(slots=True)
class _Previous:
    """The contract's regular delivery before each pending regular batch; corrections compare with nothing."""

    rows: dict[int, int]
    baselines: inventory.Baselines


def _previous(work: Workbench, lake: Lake) -> _Previous:
    """Rows of the regular delivery before each batch, and the distributions of the last one that has a receipt."""
    rows: dict[int, int] = {}
    baselines: inventory.Baselines = {}
    last: int | None = None
    if lake.exists(service.RECEIPTS):
        with connect(lake, [service.RECEIPTS]) as connection:
            found = connection.execute(
                f"SELECT batch_id, rows_in FROM {quote(service.RECEIPTS)} WHERE contract_id = ? "
                "AND NOT regexp_matches(file_name, ?) ORDER BY delivered_on DESC, file_name DESC LIMIT 1",
                [work.contract.id, TAGGED_NAME],
            ).fetchone()
        if found:
            last = found[1]
            baselines = _baselines(lake, found[0])
    for batch in work.batches:
        if not batch.delivery.is_regular:
            continue
        if last is not None:
            rows[batch.number] = last
        last = batch.rows_in
    return _Previous(rows, baselines)


def _baselines(lake: Lake, batch_id: str) -> inventory.Baselines:
    table = "operations/profiles"
    with connect(lake, [table]) as connection:
        rows = connection.execute(
            f'SELECT "column", histogram FROM {quote(table)} WHERE batch_id = ? AND histogram IS NOT NULL',
            [batch_id],
        ).fetchall()
    return {column: json.loads(histogram) for column, histogram in rows if histogram != "{}"}


def _stage_reference(work: Workbench, lake: Lake, place: str) -> bool:
    """Copy the distinct values of ``<contract id>.<column>`` into table ``reference``; false if none were published."""
    contract_id, _, column = place.rpartition(".")
    table = f"published/{contract_id}"
    if not lake.exists(table):
        return False
    with connect(lake, [table]) as connection:
        found = connection.sql(
            f"SELECT DISTINCT {quote(column)} AS value FROM {quote(table)}"
        ).to_arrow_table()
    stage(work.connection, "reference", found)
    return bool(found.num_rows)
