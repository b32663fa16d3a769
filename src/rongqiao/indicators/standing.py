"""Values that stand in the kept table: of sources that nothing has moved since, they need not be computed again."""

# ruff: noqa: S608  (names come from declarations of this repository and are quoted; values are bound)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.indicators.computation import TARGET
from rongqiao.indicators.evaluation import STATUS_WORDS, Computed
from rongqiao.lake.asof import newest_first
from rongqiao.lake.engine import connect, quote, stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rongqiao.indicators.population import Population
    from rongqiao.indicators.registry import At
    from rongqiao.lake.tables import Lake


def standing_values(lake: Lake, at: At, population: Population, names: Sequence[str]) -> Computed | None:
    """Read the values of some indicators that stand for the enterprises in a month at a day.

    Parameters
    ----------
    lake : Lake
    at : At
        Month, and the day by which they were computed.
    population : Population
    names : sequence of str
        Indicators.

    Returns
    -------
    Computed or None
        In the order of the population; ``None`` if somebody has no row yet.
    """
    size = len(population)
    if not names or not size:
        return Computed()
    with connect(lake, [TARGET]) as connection:
        columns = {row[0] for row in connection.execute(f"DESCRIBE {quote(TARGET)}").fetchall()}
        places = pa.array(np.arange(size, dtype=np.int32))
        stage(connection, "chosen", pa.table({"enterprise_id": population.enterprise_ids, "place": places}))
        number = "coalesce(amendment, 0)" if "amendment" in columns else "0"
        # Which row counts is found first, among three columns; hundreds are then read of no other.
        connection.execute(
            f"""CREATE TEMP TABLE counting AS SELECT enterprise_id, place, known_at, {number} AS number
            FROM {quote(TARGET)} JOIN chosen USING (enterprise_id) WHERE as_of = ? AND known_at <= ?
            QUALIFY row_number() OVER (PARTITION BY place ORDER BY {newest_first(columns)}) = 1""",
            [at.as_of, at.known_at],
        )
        wanted = ", ".join(f"t.{quote(name)}, t.{quote(f'{name}__status')}" for name in names)
        rows = connection.execute(
            f"""SELECT {wanted} FROM {quote(TARGET)} t JOIN counting c
            ON t.enterprise_id = c.enterprise_id AND t.known_at = c.known_at AND {number} = c.number
            WHERE as_of = ? ORDER BY place""",
            [at.as_of],
        ).to_arrow_table()
    return _as_computed(rows, names) if rows.num_rows == size else None


def _as_computed(rows: pa.Table, names: Sequence[str]) -> Computed:
    words: Any = pa.array(STATUS_WORDS, pa.string())
    found = Computed()
    for name in names:
        # A null is read as NaN, as it was computed.
        found.values[name] = np.array(rows.column(name).to_numpy(), dtype=np.float64)
        codes = pc.index_in(rows.column(f"{name}__status").cast(pa.string()), value_set=words)
        found.statuses[name] = codes.to_numpy().astype(np.int8)
    return found
