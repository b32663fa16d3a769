"""Laying the rows of a monthly source out as a panel, only the items that its arrays need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rongqiao.indicators.array_evaluation import MONTHS
from rongqiao.indicators.panels import Panel
from rongqiao.indicators.pruning import pruned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

    def chosen() -> Any:
        rows = source.prepare({contract: table() for contract, table in tables.items()}, reading.at)
        day = {"known_at": rows.known_at} if "known_at" in rows.columns else {}
        wanted = {column: _as_number(rows[column]) for column in columns}
        inside = rows.filter((rows.back >= 0) & (rows.back < MONTHS))
        laid_out = inside.select("enterprise_id", back=rows.back, **day, **wanted)
        return pruned(laid_out, laid_out.columns)

    found = reading.fetch(f"panel_{source.id}", chosen, [*tables.values(), *columns])
    rows = found.column("enterprise_id").to_numpy()
    has_row = np.zeros(size, dtype=np.bool_)
    has_row[rows] = True
    places = np.flatnonzero(has_row)
    panel = Panel(
        len(places),
        (np.cumsum(has_row, dtype=np.int32) - 1)[rows],
        found.column("back").to_numpy(),
        {column: found.column(column).to_numpy() for column in columns},
        known=found.column("known_at").cast(pa.int32()).to_numpy()
        if "known_at" in found.column_names
        else None,
    )
    return places, panel


def _as_number(column: Any) -> Any:
    """Make a column fit for a panel: of a date, the day's number, which serves to count and to compare."""
    if column.type().is_date():
        column = column.delta(ibis.date(1970, 1, 1), unit="day")
    return column.cast("float64")
