"""The numbers of portraits, out of the lake as arrays: enterprises by indicators, and enterprises by months of each series."""

# ruff: noqa: S608  (names are declared in this repository and are quoted; values are numbers)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rongqiao.bases.enterprises.extraction import shown_months
from rongqiao.bases.enterprises.packing import STATUSES
from rongqiao.indicators.registry import load_indicators
from rongqiao.indicators.shown_series import SERIES
from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rongqiao.bases.enterprises.extraction import Extraction

MISSING, OK = STATUSES.index("missing"), STATUSES.index("ok")
_BATCH = 10_000
#: Place of each enterprise in the order of codes.
_PLACES = "SELECT enterprise_id, row_number() OVER (ORDER BY enterprise_id) - 1 AS place FROM enterprises"


def indicator_cells(taken: Extraction) -> tuple[NDArray[Any], NDArray[Any]]:
    """Values and statuses of all declared indicators, of the enterprises that were taken, in the order of their codes.

    Returns
    -------
    values : array of float, enterprises by indicators
        In the order of their declaration, to six places; NaN where there is none.
    statuses : array of uint8, enterprises by indicators
        Places in `packing.STATUSES`; missing where the month was computed without the enterprise or the indicator.
    """
    known = taken.computed()
    names = list(load_indicators())
    columns = [(column, name) for column, name in enumerate(names) if name in known]
    codes = " ".join(
        f"WHEN {literal(status)} THEN {code}" for code, status in enumerate(STATUSES) if code != MISSING
    )
    wanted = ", ".join(
        f"if(isfinite({quote(name)}), round({quote(name)}, 6), NULL), CASE {quote(name + '__status')} {codes} ELSE {MISSING} END::UTINYINT"
        for _, name in columns
    )
    # Column after column is filled, so that is how they lie.
    values = np.full((taken.count(), len(names)), np.nan, order="F")
    statuses = np.full(values.shape, MISSING, "uint8", order="F")
    rows = taken.connection.execute(
        f"SELECT place, {wanted} FROM ({_PLACES}) JOIN ({taken.indicators()}) USING (enterprise_id)"
    )
    for batch in rows.to_arrow_reader(_BATCH):
        places = batch.column(0).to_numpy()
        for number, (column, _) in enumerate(columns):
            values[places, column] = batch.column(2 * number + 1).to_numpy(zero_copy_only=False)
            statuses[places, column] = batch.column(2 * number + 2).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(values), np.ascontiguousarray(statuses)


def series_cells(taken: Extraction) -> tuple[NDArray[Any], NDArray[Any]]:
    """Months of all shown series, of the enterprises that were taken, in the order of their codes.

    Returns
    -------
    values : array of float, enterprises by months of the first series, of the second, and so on
        NaN where nobody reported a month.
    statuses : array of uint8, same shape
        Ok in all months of a series of which any month was reported; missing in the others.
    """
    months = shown_months(taken.as_of)
    cells = (taken.count(), len(SERIES), len(months))
    values, statuses = np.full(cells, np.nan), np.full(cells, MISSING, "uint8")
    parts = [
        f"""SELECT enterprise_id, {place} AS series, list_position({months}, period) - 1 AS month, {quote(each.column)}::DOUBLE AS value
        FROM {quote("current_" + each.contract_id)} WHERE period >= {months[0]}"""
        for place, each in enumerate(SERIES)
        if each.contract_id in taken.contracts
    ]
    if parts:
        rows = taken.connection.execute(
            f"""SELECT place, series, month, max(value) FROM ({_PLACES}) JOIN ({" UNION ALL ".join(parts)})
            USING (enterprise_id) GROUP BY ALL"""
        )
        for batch in rows.to_arrow_reader(_BATCH * len(months)):
            place, series, month, value = (each.to_numpy(zero_copy_only=False) for each in batch.columns)
            statuses[place, series] = OK
            values[place, series, month] = value
    flat = (cells[0], cells[1] * cells[2])
    return values.reshape(flat), statuses.reshape(flat)
