"""From a figure back to the rows it was computed from, and to the file, line, digest and log entry of each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.models import Delivery
from rongqiao.contracts.standards import Contract, load_contract
from rongqiao.indicators.registry import get_indicator
from rongqiao.kernel.period import add_months, last_day
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection

if TYPE_CHECKING:
    from rongqiao.lake.tables import Lake

PERSONAL = "L4"
ROWS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One delivered row: where it stood, when it became known, and its items.

    ``delivery`` is null when the receipt was not published yet. ``values`` runs parallel to the source's ``titles``
    and is empty where the reader may not see values any more.
    """

    batch_id: str
    line: int
    known_at: dt.date
    valid: str
    values: tuple[str, ...]
    delivery: Delivery | None


@dataclass(frozen=True, slots=True)
class SourceTrace:
    """Rows of one contract, newest first; ``more`` of them are not shown."""

    contract_id: str
    title: str
    department: str
    titles: tuple[str, ...]
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
    since = add_months(as_of, 1 - declared.window_months) if declared.window_months else None
    sources = tuple(
        _trace_contract(lake, load_contract(name), uscc, (since, as_of), known_at, has_values)
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


def _trace_contract(
    lake: Lake,
    contract: Contract,
    uscc: str,
    months: tuple[int | None, int],
    known_at: dt.date,
    has_values: bool,
) -> SourceTrace:
    items = [
        item for item in contract.items if item.sensitivity != PERSONAL and item.id not in {"uscc", "name"}
    ]
    titles = tuple(f"{item.title}（{item.unit}）" if item.unit else item.title for item in items)
    found = _read(lake, contract, uscc, months, known_at)
    shown = found[:ROWS_SHOWN]
    deliveries = Delivery.objects.in_bulk({row["batch_id"] for row in shown})
    rows = tuple(
        SourceRow(
            batch_id=row["batch_id"],
            line=row["line"],
            known_at=row["known_at"],
            valid=_text(row[contract.valid_on]) if contract.valid_on else "",
            values=tuple(_text(row[item.id]) for item in items) if has_values else (),
            delivery=deliveries.get(row["batch_id"]),
        )
        for row in shown
    )
    return SourceTrace(
        contract.id, contract.title, contract.department_title, titles, rows, len(found) - len(shown)
    )


def _read(
    lake: Lake, contract: Contract, uscc: str, months: tuple[int | None, int], known_at: dt.date
) -> list[dict[str, Any]]:
    """Rows of one enterprise in the window, newest first."""
    table = f"published/{contract.id}"
    if not lake.exists(table):
        return []
    since, as_of = months
    rows = ibis_connection(lake, [table]).table(table)
    # Narrow to the enterprise first: the engine then reads its pages only.
    rows = asof.current(rows.filter(rows.enterprise_id == uscc), contract, as_of=as_of, known_at=known_at)
    if since is not None and contract.valid_on:
        value = rows[contract.valid_on]
        if contract.valid_kind == "month":
            rows = rows.filter(value >= since)
        elif contract.valid_kind == "date":
            rows = rows.filter(value > last_day(add_months(since, -1)))
    order = [contract.valid_on, "known_at"] if contract.valid_on else ["known_at"]
    found: list[dict[str, Any]] = rows.to_pyarrow().to_pylist()
    return sorted(found, key=lambda row: tuple(str(row[name]) for name in order), reverse=True)


def _text(value: object) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "是" if value else "否"
    return value.isoformat() if isinstance(value, dt.date) else str(value)
