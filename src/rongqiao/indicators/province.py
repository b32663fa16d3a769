"""All indicators of the whole province: span by span in several processes, kept by one atomic commit."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from rongqiao.indicators.computation import (
    TARGET,
    across_enterprises,
    by_source,
    compute_chosen,
    contracts_of,
    find_spans,
    indicators_key,
    select,
    wide_schema,
    wide_table,
)
from rongqiao.indicators.lineage import items_read
from rongqiao.indicators.reading import Reading
from rongqiao.indicators.registry import At
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping

    from rongqiao.indicators.reading import Delivered, Span
    from rongqiao.indicators.registry import Source

#: Enterprises of one span: what one process holds in memory at a time.
SPAN = 100_000


@dataclass(frozen=True, slots=True)
class _Order:
    """What a process needs to know to compute spans.

    Parameters
    ----------
    root : str
        Of the lake.
    at : At
    delivered : mapping
        What is held of each contract, of all enterprises.
    across : mapping
        Source id → file with the values of a source that looks across enterprises.
    columns : mapping
        Contract → items that are read.
    """

    root: str
    at: At
    delivered: Mapping[str, Delivered]
    across: Mapping[str, str]
    columns: Mapping[str, frozenset[str]]


def write_indicators(
    lake: Lake,
    *,
    as_of: int,
    known_at: dt.date,
    processes: int | None = None,
    span: int = SPAN,
    on_progress: Callable[[int, int], None] | None = None,
) -> bool:
    """Compute all indicators and keep them in ``analytics/indicators``, exactly once per pair of times.

    Parameters
    ----------
    lake : Lake
    as_of, known_at
        The two times, as for `compute`.
    processes : int or None
        Processes that work at once; one per processor when ``None``. The result does not depend on it, nor on ``span``.
    span : int
        Enterprises that a process computes at a time.
    on_progress : callable or None
        Called with the spans that are done, and with all.

    Returns
    -------
    bool
        Whether rows were written; ``False`` if they stand there already.

    Raises
    ------
    ContractError
        If the lake holds no enterprise yet.
    """
    key = indicators_key(as_of, known_at)
    if lake.has(TARGET, transaction=key):
        return False
    at = At(as_of, known_at)
    sources = by_source(select(None).values())
    reading = Reading(lake, at, contracts_of(sources), columns=items_read())
    spans = find_spans(reading, span) if reading.has_register or reading.present else []
    if not spans:
        raise ContractError(
            "数据湖", lake.root, "Run `rongqiao govern` first: there is no enterprise in the lake."
        )
    with tempfile.TemporaryDirectory(prefix="rq-across-") as folder:
        delivered = reading.delivered()
        across: dict[str, str] = {}
        for source, members in sources.items():
            if source.is_across:
                path = str(Path(folder) / f"{source.id}.parquet")
                pq.write_table(across_enterprises(reading, source, members, delivered), path)
                across[source.id] = path
        order = _Order(lake.root, at, delivered, across, items_read())
        tell = on_progress or (lambda *_: None)
        files: list[tuple[Path, int]] = []
        for done in _run(order, spans, processes or os.cpu_count() or 1):
            files.append(done)
            tell(len(files), len(spans))
    return lake.append_files(TARGET, wide_schema(list(select(None))), files, transaction=[key])


def _run(order: _Order, spans: list[Span], processes: int) -> Iterator[tuple[Path, int]]:
    if processes == 1 or len(spans) == 1:
        for span in spans:
            yield _write_span(order, span)
        return
    # Forked children of a process with threads may wait for ever.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(spans)), mp_context=context) as pool:
        yield from pool.map(_write_span, [order] * len(spans), spans)


@lru_cache(maxsize=1)
def _open(root: str, at: At, contracts: tuple[str, ...]) -> Reading:
    """Open a reading that a process keeps for all its spans."""
    return Reading(Lake(root), at, contracts, columns=items_read())


def _write_span(order: _Order, span: Span) -> tuple[Path, int]:
    """Compute one span and write its file, which belongs to the table only once it is committed."""
    chosen = select(None)
    sources = by_source(chosen.values())
    reading = _open(order.root, order.at, tuple(contracts_of(sources)))
    population = reading.choose(span=span)
    across: dict[Source, pa.Table] = {
        source: _within(order.across[source.id], span) for source in sources if source.id in order.across
    }
    computed = compute_chosen(reading, population, sources, order.delivered, across)
    rows = wide_table(population, computed, list(chosen), order.at, is_plain=False)
    file = Lake(order.root).new_file(TARGET)
    statuses = [name for name in rows.column_names if name.endswith("__status")]
    pq.write_table(
        rows, file, compression="zstd", compression_level=1, use_dictionary=statuses, store_schema=False,
        # Readers skip files by these; least and greatest values of seven hundred columns serve nobody.
        write_statistics=["enterprise_id", "as_of", "known_at"],
    )  # fmt: skip
    return file, rows.num_rows


def _within(path: str, span: Span) -> pa.Table:
    return pq.read_table(
        path,
        filters=[("enterprise_id", ">=", span.start)]
        + ([("enterprise_id", "<", span.end)] if span.end is not None else []),
    )
