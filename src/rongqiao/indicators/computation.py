"""Computing indicators: one pass per source table, one wide row per enterprise; the whole province span by span."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rongqiao.indicators.evaluation import (
    STATUS_WORDS,
    Computed,
    evaluate_derived,
    evaluate_source,
    is_delivered,
    observe,
)
from rongqiao.indicators.found import comparable, placed
from rongqiao.indicators.population import Population, Span
from rongqiao.indicators.reading import ENTERPRISES, Delivered, Reading
from rongqiao.indicators.registry import At, Indicator, Source, get_indicator, load_indicators
from rongqiao.kernel.period import check_month

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from rongqiao.lake.tables import Lake

__all__ = ["ENTERPRISES", "TARGET", "compute", "indicators_key", "select", "wide_schema"]

TARGET = "analytics/indicators"
#: Places in a span at which the next may begin.
FINENESS = 100
#: Rows of the kept table that a reader has to hold at a time, with some hundred columns each.
GROUP_ROWS = 50_000


def select(only: Sequence[str] | None) -> Mapping[str, Indicator]:
    """Return the chosen indicators, and those that derived ones among them read.

    Raises
    ------
    InvalidValueError
        If an id is unknown.
    """
    if only is None:
        return load_indicators()
    chosen: dict[str, Indicator] = {}
    for name in only:
        found = get_indicator(name)
        for read in found.inputs:
            chosen[read] = get_indicator(read)
        chosen[name] = found
    return chosen


def by_source(chosen: Iterable[Indicator]) -> dict[Source, list[Indicator]]:
    """Group indicators by the rows they are aggregated from, in the order of their declaration."""
    found: dict[Source, list[Indicator]] = defaultdict(list)
    for item in chosen:
        found[item.source].append(item)
    return found


def contracts_of(sources: Iterable[Source]) -> list[str]:
    """Contracts that the sources read, in the order of their names."""
    return sorted({contract for source in sources for contract in source.contracts})


def compute(
    lake: Lake,
    *,
    as_of: int,
    known_at: dt.date,
    only: Sequence[str] | None = None,
    enterprise_ids: Sequence[str] | None = None,
) -> pa.Table:
    """Compute indicators of all enterprises, or of those named.

    Parameters
    ----------
    lake : Lake
        Holds ``published/*``. A table that is absent leaves its indicators missing.
    as_of : int
        Last complete month ``YYYYMM``; nothing that became true later is read.
    known_at : date
        Nothing that arrived later is read.
    only : sequence of str or None
        Indicator ids; all when ``None``.
    enterprise_ids : sequence of str or None
        Enterprises; all when ``None``. Each has the very values that a computation for all gives it.

    Returns
    -------
    pa.Table
        One row per enterprise, ordered by ``enterprise_id``: ``as_of``, ``known_at``, and for each indicator
        ``<id>`` (double, null where there is no value) and ``<id>__status`` (ok, missing, not_applicable, stale).
        A stale value is given, but is old.

    Raises
    ------
    InvalidValueError
        If an id is unknown or ``as_of`` is no month.
    """
    at = At(check_month(as_of), known_at)
    chosen = select(only)
    sources = by_source(chosen.values())
    names = list(chosen) if only is None else [name for name in chosen if name in set(only)]
    reading = Reading(lake, at, contracts_of(sources))
    if not reading.present and not reading.has_register:
        return wide_schema(names).empty_table()
    delivered = reading.delivered()
    across: dict[Source, pa.Table] = {}
    if enterprise_ids is not None:
        across = {
            source: find_at_once(reading, source, members)
            for source, members in sources.items()
            if source.is_across and is_delivered(source, delivered)
        }
    population = reading.choose(enterprise_ids=enterprise_ids)
    computed = compute_chosen(reading, population, sources, delivered, across)
    return wide_table(population, computed, names, at, is_plain=True)


def find_at_once(
    reading: Reading, source: Source, members: list[Indicator], *, enterprise_ids: Sequence[str] | None = None
) -> pa.Table:
    """Find what a source tells, by ``enterprise_id``: of everybody, or of those named.

    Where it looks across enterprises, of those named only they come out right on whose behalf the others were named with them.
    """
    population = reading.choose(enterprise_ids=enterprise_ids)
    return observe(reading, len(population), source, members).named(population)


def compute_chosen(
    reading: Reading,
    population: Population,
    sources: Mapping[Source, list[Indicator]],
    delivered: Mapping[str, Delivered],
    at_once: Mapping[Source, pa.Table],
    known: Computed | None = None,
) -> Computed:
    """Compute all sources for the enterprises that the reading stands before, of some from what was found at once; derived values last.

    Sources whose values are known already are left as they are.
    """
    computed = known or Computed()
    ids = cache(lambda: comparable(population.enterprise_ids))
    for source, members in sources.items():
        if source.grain != "derived" and members[0].id not in computed.values:
            found = (
                placed(at_once[source], population, ids) if source in at_once and len(population) else None
            )
            computed.update(evaluate_source(reading, population, source, members, delivered, found))
    for source, members in sources.items():
        if source.grain == "derived" and len(population):
            computed.update(evaluate_derived(reading.connection, computed, members))
    return computed


def wide_table(
    population: Population, computed: Computed, names: Sequence[str], at: At, *, is_plain: bool
) -> pa.Table:
    """Lay the wide table out; statuses as text where it is plain, as dictionary-coded text otherwise."""
    size = len(population)
    words = pa.array(STATUS_WORDS, pa.string())
    columns: list[Any] = [
        population.enterprise_ids,
        pa.repeat(pa.scalar(at.as_of, pa.int32()), size),
        pa.repeat(pa.scalar(at.known_at, pa.date32()), size),
    ]
    for name in names:
        values, codes = _of(computed, name, size)
        columns.append(_nullable(values))
        status = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), words, safe=False)
        columns.append(status.cast(pa.string()) if is_plain else status)
    labels = wide_schema(names).names
    return pa.table(columns, names=labels)


def _nullable(values: npt.NDArray[np.float64]) -> pa.Array:
    """Values as they lie in memory, null where there is none; Arrow's own way to read NaN as null takes forty times as long."""
    is_known = ~np.isnan(values)
    validity = None if is_known.all() else pa.py_buffer(np.packbits(is_known, bitorder="little"))
    return pa.Array.from_buffers(
        pa.float64(), len(values), [validity, pa.py_buffer(np.ascontiguousarray(values))]
    )


def _of(computed: Computed, name: str, size: int) -> tuple[Any, npt.NDArray[np.int8]]:
    if size == 0:
        return np.empty(0), np.empty(0, dtype=np.int8)
    return computed.values[name], computed.statuses[name]


def wide_schema(names: Sequence[str]) -> pa.Schema:
    """Build the schema of the wide table for the indicators named."""
    fields = [("enterprise_id", pa.string()), ("as_of", pa.int32()), ("known_at", pa.date32())]
    for name in names:
        fields += [(name, pa.float64()), (f"{name}__status", pa.string())]
    return pa.schema(fields)


def write_wide(rows: pa.Table, file: Path) -> None:
    """Write a wide table with dictionary-coded statuses as every file of the kept table is written."""
    statuses = [name for name in rows.column_names if name.endswith("__status")]
    # Everybody has a status: that none is null need not be written for each. Snappy takes a fifth more space than Zstandard, and a
    # fourth less of the time to write.
    schema = pa.schema([each.with_nullable(each.name not in statuses) for each in rows.schema])
    pq.write_table(
        pa.Table.from_arrays(rows.columns, schema=schema), file, compression="snappy", use_dictionary=statuses, store_schema=False,
        row_group_size=GROUP_ROWS, write_batch_size=GROUP_ROWS,
        # Readers skip files by these; least and greatest values of seven hundred columns serve nobody.
        write_statistics=["enterprise_id", "as_of", "known_at"],
    )  # fmt: skip


def indicators_key(as_of: int, known_at: dt.date) -> str:
    """Name of the transaction under which a computation stands in the lake for ever."""
    return f"indicators@{check_month(as_of)}@{known_at.isoformat()}"


def find_spans(reading: Reading, size: int, processes: int = 1) -> list[Span]:
    """Cut the enterprises, in the order of their ids, into spans of equally many: who is not known yet falls into one, too.

    None is much wider than ``size``. Where there are several, each process has as many, so that none waits while others compute the last.
    """
    step = max(size // FINENESS, 1)
    everybody = reading.choose().enterprise_ids
    marks = everybody.take(pa.array(range(0, len(everybody), step), pa.int64())).to_pylist()
    parts = -(-len(marks) * step // size)
    if parts > 1:
        parts = min(-(-parts // processes) * processes, len(marks))
    numbers = [number * len(marks) // parts for number in range(parts)]
    ends = [*(marks[number] for number in numbers[1:]), None]
    return [Span(marks[number], end, number * step) for number, end in zip(numbers, ends, strict=True)]
