"""Laying the rows of a monthly source out as a panel, only the items that its arrays need."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import numpy.typing as npt

from rongqiao.indicators.array_evaluation import MONTHS, NotArrayableError
from rongqiao.indicators.panels import Panel
from rongqiao.indicators.pruning import pruned
from rongqiao.lake.asof import ORDER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from rongqiao.indicators.reading import Reading, Rows
    from rongqiao.indicators.registry import Source


def lay_out(
    reading: Reading, size: int, source: Source, tables: Mapping[str, Rows], columns: Sequence[str]
) -> tuple[npt.NDArray[Any], Panel]:
    """Lay the prepared rows of a monthly source out, of the enterprises that have one.

    Parameters
    ----------
    reading : Reading
    size : int
        Enterprises that it stands before.
    source : Source
    tables : mapping
        Contract → its rows, corrected ones among them or not.
    columns : sequence of str
        Columns of the prepared rows that the panel holds.

    Returns
    -------
    tuple
        Places of the enterprises, and their panel in that order.

    Raises
    ------
    NotArrayableError
        If nothing tells which of several rows of a month counts.
    """

    def chosen(*, is_told: bool = False) -> Any:
        rows = source.prepare({contract: table() for contract, table in tables.items()}, reading.at)
        wanted = {column: _as_number(rows[column]) for column in columns if not is_told}
        order = {f"order_{name}": rows[name] for name in _told(rows, is_told=is_told)}
        inside = rows.filter((rows.back >= 0) & (rows.back < MONTHS))
        laid_out = inside.select("enterprise_id", back=rows.back, **wanted, **order)
        return pruned(laid_out, laid_out.columns)

    rests_on = [*tables.values(), *columns]
    found = reading.fetch(f"panel_{source.id}", chosen, rests_on)
    rows, back = (found.column(name).to_numpy() for name in ("enterprise_id", "back"))
    has_row = np.zeros(size, dtype=np.bool_)
    has_row[rows] = True
    places = np.flatnonzero(has_row)
    own = (np.cumsum(has_row, dtype=np.int32) - 1)[rows]
    values = {column: found.column(column).to_numpy() for column in columns}
    try:
        return places, Panel(len(places), own, back, values, order=_order(found))
    except NotArrayableError:
        # Few months have two rows, and hardly any two of one receipt: what tells those apart is read only then.
        told = reading.fetch(f"told_{source.id}", partial(chosen, is_told=True), rests_on)
        is_same = told.num_rows == len(rows) and all(
            np.array_equal(told.column(name), each)
            for name, each in (("enterprise_id", rows), ("back", back))
        )
        return places, Panel(len(places), own, back, values, order=_order(told) if is_same else [])


def _told(rows: Any, *, is_told: bool) -> list[str]:
    """Columns that tell which of several rows of a month is the last; of nearly all the day and the receipt do."""
    return [name for name in (ORDER if is_told else ORDER[:2]) if name in rows.columns]


def _order(found: pa.Table) -> list[pa.ChunkedArray]:
    return [found.column(name) for name in found.column_names if name.startswith("order_")]


def _as_number(column: Any) -> Any:
    """Make a column fit for a panel: of a date, the day's number, which serves to count and to compare."""
    if column.type().is_date():
        column = column.delta(ibis.date(1970, 1, 1), unit="day")
    return column.cast("float64")
