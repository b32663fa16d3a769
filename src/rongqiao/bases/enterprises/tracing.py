"""From a figure back to the rows it was computed from, and to the file, line, digest and log entry of each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.models import Delivery
from rongqiao.bases.enterprises.records import PERSONAL, current_records, readable_text, text_of
from rongqiao.bases.enterprises.usage import ROLES, item_roles
from rongqiao.contracts.standards import Contract, load_contract
from rongqiao.indicators.lineage import RECORD
from rongqiao.indicators.registry import get_indicator
from rongqiao.kernel.period import add_months, last_day
from rongqiao.lake.engine import connect
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from rongqiao.contracts.model import Item

ROWS_SHOWN = 200
RULE_RESULTS = "operations/rule_results"


@dataclass(frozen=True, slots=True)
class BatchQuality:
    """How many rules of one batch came out how; a rule that did not run counts nowhere else."""

    passed: int
    warned: int
    failed: int
    not_run: int


@dataclass(frozen=True, slots=True)
class TracedItem:
    """An item of a traced row: its title with unit, and what it is to the figure; ``role`` is empty where it is nothing."""

    id: str
    title: str
    role: str

    @property
    def role_title(self) -> str:
        """Role in words; empty where the figure does not read it."""
        return ROLES.get(self.role, "")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One delivered row: which record it is, where it stood, when it became known, and its items.

    ``key`` are the parts of the record's key beside the enterprise and its time, empty where the reader may not see
    values any more. ``delivery`` is null when the receipt was not published yet, ``quality`` when no rule of the batch
    is on file. ``values`` runs parallel to the source's ``items`` and is empty where values may not be seen.
    """

    record_id: str
    key: tuple[str, ...]
    batch_id: str
    line: int
    known_at: dt.date
    valid: str
    values: tuple[str, ...]
    delivery: Delivery | None
    quality: BatchQuality | None


@dataclass(frozen=True, slots=True)
class SourceTrace:
    """Rows of one contract, newest first; ``more`` of them are not shown. Items that the figure reads stand first.

    ``roles`` are all items that the figure reads, personal ones and the record itself (``*``) too: title and role.
    """

    contract_id: str
    title: str
    department: str
    items: tuple[TracedItem, ...]
    roles: tuple[TracedItem, ...]
    rows: tuple[SourceRow, ...]
    more: int


@dataclass(frozen=True, slots=True)
class IndicatorTrace:
    """How one figure came about: formula, window, and the rows of every source."""

    indicator_id: str
    title: str
    formula: str
    window: str
    version: str
    as_of: int
    known_at: dt.date
    sources: tuple[SourceTrace, ...]

    @property
    def ledger_places(self) -> list[int]:
        """Places in the ledger of all files that the rows came with."""
        rows = (row for source in self.sources for row in source.rows)
        return [
            row.delivery.ledger_index
            for row in rows
            if row.delivery and row.delivery.ledger_index is not None
        ]


def trace_rows(
    *, lake: Lake, uscc: str, indicator_id: str, as_of: int, known_at: dt.date, has_values: bool = True
) -> IndicatorTrace:
    """Collect the rows an indicator was computed from, as they were known then.

    Parameters
    ----------
    lake : Lake
        Of this installation.
    uscc : str
        The enterprise.
    indicator_id : str
        A declared indicator.
    as_of, known_at : int, datetime.date
        The two times of the figure; so an old report traces to what was known when it was issued.
    has_values : bool
        Whether the items are shown, or only where the rows stood.

    Raises
    ------
    InvalidValueError
        If no such indicator is declared.
    """
    declared = get_indicator(indicator_id)
    names = ["market_regulation.registry" if name == "enterprises" else name for name in declared.sources]
    roles = item_roles(indicator_id)
    reading = _Reading(lake, uscc, (window_start(indicator_id, as_of), as_of), known_at, has_values)
    sources = tuple(
        _trace_contract(
            load_contract(name),
            reading,
            {item: role for (table, item), role in roles.items() if table == name},
        )
        for name in dict.fromkeys(names)
    )
    return IndicatorTrace(
        indicator_id,
        declared.title,
        declared.formula,
        declared.window,
        declared.version,
        as_of,
        known_at,
        sources,
    )


def batch_quality(batch_ids: Collection[str], lake: Lake | None = None) -> dict[str, BatchQuality]:
    """Count outcomes of the rules that judged each batch; a batch without any on file is left out."""
    lake = lake or Lake()
    if not batch_ids or not lake.exists(RULE_RESULTS):
        return {}
    query = f"""SELECT batch_id, count_if(outcome = 'passed'), count_if(outcome = 'warned'),
        count_if(outcome = 'failed'), count_if(outcome = 'not_run') FROM "{RULE_RESULTS}"
        WHERE list_contains(?, batch_id) GROUP BY 1"""  # noqa: S608 (a name of this module)
    found = connect(lake, [RULE_RESULTS]).execute(query, [sorted(batch_ids)]).fetchall()
    return {batch_id: BatchQuality(*counts) for batch_id, *counts in found}


@dataclass(frozen=True, slots=True)
class _Reading:
    """For whom and as of when rows are looked up."""

    lake: Lake
    uscc: str
    months: tuple[int | None, int]
    known_at: dt.date
    has_values: bool


def _trace_contract(contract: Contract, reading: _Reading, roles: dict[str, str]) -> SourceTrace:
    items = sorted(_traced(contract.items, roles), key=lambda item: not item.role)
    found = _read(contract, reading)
    shown = found[:ROWS_SHOWN]
    deliveries = Delivery.objects.in_bulk({row["batch_id"] for row in shown})
    quality = batch_quality({row["batch_id"] for row in shown}, reading.lake)
    key = key_items(contract)
    known = {item.id: item for item in contract.items}
    rows = tuple(
        SourceRow(
            record_id=row["record_id"],
            key=tuple(_shown(known[name], row) for name in key) if reading.has_values else (),
            batch_id=row["batch_id"],
            line=row["line"],
            known_at=row["known_at"],
            valid=_text(row[contract.valid_on]) if contract.valid_on else "",
            values=tuple(_shown(known[item.id], row) for item in items) if reading.has_values else (),
            delivery=deliveries.get(row["batch_id"]),
            quality=quality.get(row["batch_id"]),
        )
        for row in shown
    )
    whole = [TracedItem(RECORD, "整条记录", roles[RECORD])] if RECORD in roles else []
    read = [TracedItem(item.id, item.title, roles[item.id]) for item in contract.items if item.id in roles]
    return SourceTrace(
        contract.id,
        contract.title,
        contract.department_title,
        tuple(items),
        tuple(sorted(whole + read, key=lambda item: item.role == "condition")),
        rows,
        len(found) - len(shown),
    )


def key_items(contract: Contract) -> list[str]:
    """Items of a record's key that people are shown beside the enterprise and the time."""
    return [
        item.id
        for item in contract.items
        if item.id in contract.key
        and item.id not in {"uscc", contract.valid_on}
        and item.sensitivity != PERSONAL
    ]


def _traced(items: Iterable[Item], roles: dict[str, str]) -> list[TracedItem]:
    """Items of a row that people are shown: nothing personal, and not the enterprise once more."""
    return [
        TracedItem(
            item.id, f"{item.title}（{item.unit}）" if item.unit else item.title, roles.get(item.id, "")
        )
        for item in items
        if item.sensitivity != PERSONAL and item.id not in {"uscc", "name"}
    ]


def _read(contract: Contract, reading: _Reading) -> list[dict[str, Any]]:
    """Rows of one enterprise in the window, newest first."""
    since, as_of = reading.months
    found = current_records(reading.lake, contract, reading.uscc, as_of=as_of, known_at=reading.known_at)
    return [row for row in found if is_in_window(contract, row, since)]


def is_in_window(contract: Contract, row: Mapping[str, Any], since: int | None) -> bool:
    """Whether a record that holds is looked at by a figure that looks back to a month, null for the present state."""
    if since is None or not contract.valid_on or contract.valid_kind == "year":
        return True
    value = row[contract.valid_on]
    first = (
        since if contract.valid_kind == "month" else last_day(add_months(since, -1)) + dt.timedelta(days=1)
    )
    return value is not None and bool(value >= first)


def window_start(indicator_id: str, as_of: int) -> int | None:
    """First month that an indicator looks back to; null for the present state."""
    months = get_indicator(indicator_id).window_months
    return add_months(as_of, 1 - months) if months else None


def _shown(item: Item, row: Mapping[str, Any]) -> str:
    return readable_text(item, text_of(row[item.id])) or "—"


def _text(value: object) -> str:
    return "—" if value is None else text_of(value)
