"""An enterprise's own records as it may dispute them: which stand behind a figure, what they say, until when they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.objections.marks import FactMark, marks_of, marks_on_record
from rongqiao.bases.enterprises.records import PERSONAL, current_records, month_of, readable_text, text_of
from rongqiao.contracts.standards import load_contract, load_contracts
from rongqiao.indicators.lineage import RECORD, item_edges
from rongqiao.indicators.registry import get_indicator
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from rongqiao.lake.expiry import expires_on, has_clock
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.accounts.scope import Scope
    from rongqiao.contracts.model import Contract, Item

OWNERS = (Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK)


@dataclass(frozen=True, slots=True)
class RecordCell:
    """One item of a record; ``text`` is empty for null, ``is_sealed`` where only a cipher of it is kept."""

    item: Item
    text: str
    is_sealed: bool
    marks: tuple[FactMark, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """One record of the enterprise.

    Parameters
    ----------
    until : datetime.date or None
        Last day on which it shows to others; null while it has no end.
    is_over : bool
        Whether that day has passed: it stays on file, and serves nobody.
    has_clock : bool
        Whether records of the table show for a time only.
    marks : tuple of FactMark
        Marks on the record as a whole; those on an item stand with its cell.
    """

    contract: Contract
    record_id: str
    valid: str
    known_at: dt.date
    cells: tuple[RecordCell, ...]
    until: dt.date | None
    is_over: bool
    has_clock: bool
    marks: tuple[FactMark, ...]

    @property
    def is_marked(self) -> bool:
        """Whether the record or one of its items is marked."""
        return bool(self.marks) or any(cell.marks for cell in self.cells)

    @property
    def summary(self) -> str:
        """What the record says, in one line: its first filled items that identify nobody."""
        told = [cell for cell in self.cells if cell.text and not cell.is_sealed]
        told = [cell for cell in told if cell.item.id not in ("uscc", "name", self.contract.valid_on)]
        return "，".join(f"{cell.item.title} {cell.text}{_unit(cell.item)}" for cell in told[:3])


def tables_behind(indicator_id: str) -> dict[str, tuple[str, ...]]:
    """List tables that a figure rests on, each with the items that reach its value.

    Raises
    ------
    InvalidValueError
        If no such indicator is declared.
    """
    get_indicator(indicator_id)
    found: dict[str, dict[str, None]] = {}
    for edge in item_edges(indicator_id):
        items = found.setdefault(edge.source, {})
        if edge.via in ("value", "count", "condition", "filter") and edge.column != RECORD:
            items.setdefault(edge.column)
    known = load_contracts()
    return {name: tuple(items) for name, items in found.items() if name in known}


def own_records(
    scope: Scope, contract_id: str, *, today: dt.date, lake: Lake | None = None
) -> list[OwnRecord]:
    """List the enterprise's records of one table as known today, newest first; those whose clock ran out, too.

    Raises
    ------
    NotAllowedError
        If the caller is no certified enterprise.
    """
    require(scope, *OWNERS)
    if not scope.uscc:
        raise NotAllowedError("企业", "", "身份未核验的企业请先完成核验，再查看和异议本企业的数据。")
    contract = load_contract(contract_id)
    rows = current_records(
        lake or Lake(), contract, scope.uscc, as_of=month_of(today), known_at=today, with_expired=True
    )
    marks = marks_of(scope, scope.uscc)
    return [_record(contract, row, marks, today) for row in rows]


def own_record(
    scope: Scope, contract_id: str, record_id: str, *, today: dt.date, lake: Lake | None = None
) -> OwnRecord:
    """Return one record of the enterprise.

    Raises
    ------
    InvalidValueError
        If it has no such record.
    """
    found = own_records(scope, contract_id, today=today, lake=lake)
    record = next((each for each in found if each.record_id == record_id), None)
    if record is None:
        title = load_contract(contract_id).title
        raise InvalidValueError("记录", record_id, f"{title}中没有本企业的这条记录，请从“我的画像”重新进入。")
    return record


def _record(
    contract: Contract, row: dict[str, Any], marks: tuple[FactMark, ...], today: dt.date
) -> OwnRecord:
    on_record = marks_on_record(marks, row["record_id"])
    until = expires_on(contract, row, known_at=today)
    cells = tuple(
        RecordCell(
            item=item,
            text="" if item.sensitivity == PERSONAL else readable_text(item, text_of(row.get(item.id))),
            is_sealed=item.sensitivity == PERSONAL and row.get(item.id) is not None,
            marks=tuple(mark for mark in on_record if mark.item_id == item.id),
        )
        for item in contract.items
    )
    return OwnRecord(
        contract=contract,
        record_id=row["record_id"],
        valid=text_of(row.get(contract.valid_on)) if contract.valid_on else "",
        known_at=row["known_at"],
        cells=cells,
        until=until,
        is_over=until is not None and until < today,
        has_clock=has_clock(contract),
        marks=tuple(mark for mark in on_record if not mark.item_id),
    )


def _unit(item: Item) -> str:
    return f" {item.unit}" if item.unit and item.type in ("decimal", "integer") else ""
