"""A lane: one session of the engine that takes portions through the six steps, one after the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rongqiao.governance import cleaning, collection, inventory, register_kept, rules, service, standards
from rongqiao.governance.batch import Workbench
from rongqiao.governance.previous import previous_delivery, stage_reference
from rongqiao.lake.engine import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import duckdb

    from rongqiao.contracts.standards import Contract
    from rongqiao.governance.batch import Piece
    from rongqiao.governance.reading import Part, Portion
    from rongqiao.governance.register import Register
    from rongqiao.governance.rules import Reference
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
class Lane:
    """Where portions are governed; several lanes of a run share the register, and nothing else of the engine.

    Parameters
    ----------
    lake : Lake
    ledger : Ledger or None
    connection : duckdb.DuckDBPyConnection
        Its temporary tables are the lane's own.
    register : Register
        Over the same connection.
    receipted : set of str
        Contracts of which something has a receipt; grows.
    tell : callable
        Called before each step with the contract and the step's position.
    references : dict
        What other contracts are referred to by, as staged for this lane.
    filing : Filing
        What waits to be filed of portions that are published.
    """

    lake: Lake
    ledger: Ledger | None
    connection: duckdb.DuckDBPyConnection
    register: Register
    receipted: set[str]
    tell: Callable[[Contract, int], None]
    references: dict[tuple[str, bool], Reference | None] = field(default_factory=dict)
    filing: service.Filing = field(default_factory=service.Filing)

    def govern(self, portion: Portion, read: Iterable[Part]) -> list[FileReport]:
        """Take some batches of one contract through all steps and publish them; small ones have their receipts by `sign_off`."""
        contract = portion.contract
        work = Workbench(contract, portion.batches, self.connection, portion.kept)
        self.tell(contract, 0)
        inventory.begin(work)
        self.tell(contract, 1)
        cast_all(work, read)
        if contract.id in self.filing.contracts:
            self.sign_off()
        previous = previous_delivery(work, self.lake if contract.id in self.receipted else None)
        inventory.profile(work, previous.baselines)
        standards.judge_readings(work)
        self.tell(contract, 2)
        rules.check(work, previous.rows)
        self.tell(contract, 3)
        collection.collect(work, self.ledger)
        self.tell(contract, 4)
        if contract.id in register_kept.TEACHERS:
            register_kept.doubt(self.register)
        cleaning.resolve(work, self.register)
        rules.check_resolved(work, self._find_reference)
        self.tell(contract, 5)
        receipts = service.publish(work, self.lake, self.filing)
        if contract.id in register_kept.TEACHERS or self.filing.rows >= service.FILED_ROWS:
            self.sign_off()
        self.receipted.add(contract.id)
        reports = _report(work, receipts)
        if contract.id in register_kept.TEACHERS:
            register_kept.settle(work, self.lake, self.register)
        self._clear(contract)
        return reports

    def sign_off(self) -> None:
        """File what waits to be filed, receipts last."""
        self.filing.file(self.lake)

    def _find_reference(self, place: str, is_subject: bool) -> Reference | None:
        """Stage what ``<contract id>.<column>`` holds, read once until more of it is published."""
        asked = (place, is_subject)
        if asked not in self.references:
            self.references[asked] = stage_reference(self.connection, self.lake, place, is_subject=is_subject)
        return self.references[asked]

    def _clear(self, contract: Contract) -> None:
        """Free what one portion needed; the register stays, and what other contracts are referred to by."""
        for asked in [asked for asked in self.references if asked[0].rpartition(".")[0] == contract.id]:
            del self.references[asked]
        staying = {reference.table for reference in self.references.values() if reference}
        tables = self.connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
        for (table,) in tables:
            if table not in staying:
                self.connection.execute(f"DROP TABLE {quote(table)}")


def _report(work: Workbench, receipts: Sequence[Mapping[str, Any]]) -> list[FileReport]:
    tallies = {batch.number: Counter(line.rule_id for line in batch.broken) for batch in work.batches}
    counted = work.connection.execute("SELECT batch, rule_id, count(*) FROM rejected GROUP BY ALL").fetchall()
    for number, rule_id, count in counted:
        tallies[number][rule_id] += count
    return [
        FileReport(
            work.contract.id,
            batch.file_name,
            batch.batch_id,
            receipt["rows_in"],
            receipt["rows_accepted"],
            receipt["rows_quarantined"],
            dict(sorted(tallies[batch.number].items())),
        )
        for batch, receipt in zip(work.batches, receipts, strict=True)
    ]


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
            lot = _cast(work, lot)
        lot.append(part.piece)
        if sum(piece.rows.num_rows for piece in lot) >= LOT_ROWS:
            lot = _cast(work, lot)
    if lot or not work.parts:
        _cast(work, lot)
    standards.finish(work)


def _cast(work: Workbench, lot: list[Piece]) -> list[Piece]:
    """Sample and cast a lot, and give the next one, which is empty."""
    if lot:
        inventory.take_sample(work, [piece.rows for piece in lot])
    standards.cast(work, lot)
    return []
