"""What workers of the distributed engine do with one span: judge what was aggregated, and write its file.

Kept apart from the driver's part, because every worker imports this: it needs neither Spark nor a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pyarrow.parquet as pq

from rongqiao.indicators.computation import by_source, select, wide_table, write_wide
from rongqiao.indicators.evaluation import Computed, judge, judge_derived, newest_known, nothing_known
from rongqiao.indicators.population import Population
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from rongqiao.indicators.evaluation import Floats
    from rongqiao.indicators.reading import Delivered
    from rongqiao.indicators.registry import At, Indicator, Source

POPULATION = "population.parquet"
#: Stands for all derived indicators, as the id of a source does for others.
DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker needs to know to write spans.

    Parameters
    ----------
    root : str
        Of the lake.
    table : str
        In whose folder files are written.
    at : At
    folder : str
        Where what was aggregated lies.
    delivered : mapping
        What is held of each contract.
    portions : mapping
        Source id → its portions in the folder, each with the column that an aggregate stands in; absent where a table was never
        delivered.
    only : tuple of str or None
        Indicator ids; all when ``None``.
    """

    root: str
    table: str
    at: At
    folder: str
    delivered: Mapping[str, Delivered]
    portions: Mapping[str, Mapping[str, Mapping[str, str]]]
    only: tuple[str, ...] | None


def span_of(enterprise_id: Any, starts: Sequence[str], first: int = 0) -> Any:
    """Tell in which span an id lies, given the first id of each."""
    if len(starts) <= 1:
        return ibis.literal(first, "int32")
    half = len(starts) // 2
    return ibis.ifelse(
        enterprise_id < starts[half],
        span_of(enterprise_id, starts[:half], first),
        span_of(enterprise_id, starts[half:], first + half),
    )


def write_span(order: Order, number: int) -> tuple[str, int]:
    """Judge one span, and write its file, which belongs to the table only once it is committed."""
    rows = pq.ParquetFile(Path(order.folder) / POPULATION).read_row_group(number)
    ages = np.asarray(rows.column("age_months").to_numpy(), dtype=np.float64)
    population = Population(rows.column("enterprise_id").combine_chunks(), ages)
    chosen = select(order.only)
    computed = _judged(order, number, population, by_source(chosen.values()))
    names = list(chosen) if order.only is None else [name for name in chosen if name in set(order.only)]
    file = Lake(order.root).new_file(order.table)
    write_wide(wide_table(population, computed, names, order.at, is_plain=False), file)
    return str(file), len(population)


def _judged(
    order: Order, number: int, population: Population, sources: Mapping[Source, list[Indicator]]
) -> Computed:
    ids = np.asarray(population.enterprise_ids.to_pylist(), dtype=np.str_)
    computed = Computed()
    for source, members in sources.items():
        if source.id in order.portions:
            newest = newest_known(source, order.delivered)
            found = _found(order, source.id, number, ids)
            computed.update(
                judge(
                    source, members, found,
                    age_months=population.age_months, newest=newest, known_at=order.at.known_at,
                )
            )  # fmt: skip
        elif source.grain != "derived":
            computed.update(nothing_known(len(population), members))
    for source, members in sources.items():
        if source.grain == "derived":
            computed.update(judge_derived(computed, members, _found(order, DERIVED, number, ids)))
    return computed


def _found(order: Order, source_id: str, number: int, ids: npt.NDArray[np.str_]) -> dict[str, Floats]:
    """Read aggregates of a source for the ids of a span; NaN for those without a row."""
    found: dict[str, Floats] = {}
    for portion, columns in order.portions[source_id].items():
        folder = Path(order.folder) / portion / f"span={number}"
        laid = {column: np.full(len(ids), np.nan) for column in set(columns.values())}
        for file in folder.glob("*.parquet"):
            rows = pq.ParquetFile(file).read()
            told = np.asarray(rows.column("enterprise_id").to_pylist(), dtype=np.str_)
            places = np.minimum(np.searchsorted(ids, told), len(ids) - 1)
            # Rows of whom nobody knows are nobody's.
            is_known = ids[places] == told
            for column, values in laid.items():
                values[places[is_known]] = rows.column(column).to_numpy()[is_known]
        found |= {name: laid[column] for name, column in columns.items()}
    return found
