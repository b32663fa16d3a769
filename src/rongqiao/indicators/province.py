"""All indicators of the whole province: span by span in several processes, kept by one atomic commit."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from rongqiao.indicators.computation import (
    TARGET,
    by_source,
    compute_chosen,
    contracts_of,
    find_at_once,
    find_spans,
    indicators_key,
    select,
    wide_schema,
    wide_table,
    write_wide,
)
from rongqiao.indicators.distributed import write_spans
from rongqiao.indicators.evaluation import is_delivered
from rongqiao.indicators.found import read_found, write_found
from rongqiao.indicators.population import Span, write_population
from rongqiao.indicators.reading import Reading
from rongqiao.indicators.registry import At
from rongqiao.indicators.runs import Run, declared_digest, versions_of
from rongqiao.indicators.standing import standing_values
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.engine import literal
from rongqiao.lake.spark import spark_master, spark_session
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rongqiao.indicators.population import Population
    from rongqiao.indicators.reading import Delivered
    from rongqiao.indicators.registry import Indicator, Source

#: Enterprises of one span: what one process holds in memory at a time.
SPAN = 250_000
#: Rows of a source, so many at most, that are read for everybody at once.
FEW_ROWS = 5_000_000
#: What the engine of one process may hold before it spills to disk.
ENGINE_MEMORY = "3GB"


@dataclass(frozen=True, slots=True)
class Named:
    """Enterprises by name, and what of theirs stands.

    Parameters
    ----------
    enterprise_ids : tuple of str
    standing : frozenset of str
        Sources of which no row of theirs has moved: their values are taken as they stand in the kept table.
    is_tied : bool
        Whether rows of others alone have moved. Who comes out as they stand needs no new row.
    """

    enterprise_ids: tuple[str, ...]
    standing: frozenset[str] = frozenset()
    is_tied: bool = False


#: What one process computes at a time.
Part: TypeAlias = Span | Named


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
    at_once : str
        Folder with a file of what was found for each source that is not read part by part; no two orders have the same.
    everybody : Path or None
        File of all enterprises, where the parts are spans of them.
    amendment : int or None
        Number of the rows where others of the month stand under the same day already; the greatest counts.
    """

    root: str
    at: At
    delivered: Mapping[str, Delivered]
    at_once: str
    everybody: Path | None = None
    amendment: int | None = None


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

    DuckDB computes; where ``RONGQIAO_SPARK_MASTER`` names a master, Spark does, from the same declarations.

    Parameters
    ----------
    lake : Lake
    as_of, known_at
        The two times, as for `compute`.
    processes : int or None
        Processes that work at once; one per processor when ``None``. The result does not depend on it, nor on ``span``.
    span : int
        Enterprises that a process computes at a time, at most.
    on_progress : callable or None
        Called with the parts that are done, and with all: spans, or sources where Spark computes.

    Returns
    -------
    bool
        Whether rows were written; ``False`` if they stand there already.

    Raises
    ------
    ContractError
        If the lake holds no enterprise yet.
    SourceError
        If a Spark master is named, and PySpark or Java is not there.
    """
    key = indicators_key(as_of, known_at)
    if lake.has(TARGET, transaction=key):
        return False
    at = At(as_of, known_at)
    contracts = contracts_of(by_source(select(None).values()))
    versions = versions_of(lake, contracts)
    master = spark_master()
    if master is not None:
        files, delivered = write_spans(
            spark_session(master), lake, at, TARGET, span=span, on_progress=on_progress
        )
    else:
        reading = Reading(lake, at, contracts)
        is_any = reading.has_register or bool(reading.present)
        spans = find_spans(reading, span, processes or os.cpu_count() or 1) if is_any else []
        if not spans:
            raise ContractError(
                "数据湖", lake.root, "Run `rongqiao govern` first: there is no enterprise in the lake."
            )
        delivered = reading.delivered()
        files = compute_parts(lake, reading, delivered, spans, processes=processes, on_progress=on_progress)
    run = Run(at, versions, delivered, declared_digest())
    return lake.append_files(
        TARGET, wide_schema(list(select(None))), files, transaction=[key], notes=run.note()
    )


def compute_parts(
    lake: Lake,
    reading: Reading,
    delivered: Mapping[str, Delivered],
    parts: Sequence[Part],
    *,
    read_ids: Sequence[str] | None = None,
    amendment: int | None = None,
    processes: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[tuple[Path, int]]:
    """Compute all indicators of the parts, each into a file that is to be committed; its rows are counted. One without a row has no file.

    Parameters
    ----------
    lake : Lake
    reading : Reading
        Of all tables that indicators read.
    delivered : mapping
        What is held of each contract, of all enterprises.
    parts : sequence of Span or of Named
        Who is computed.
    read_ids : sequence of str or None
        Enough enterprises for what looks across enterprises to come out right for the parts; all when ``None``.
    amendment : int or None
        Number that the rows carry, where they need one.
    processes, on_progress
        As for `write_indicators`.
    """
    tell = on_progress or (lambda *_: None)
    files: list[tuple[Path, int]] = []
    workers = _workers(1 if len(parts) == 1 else processes or os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="rq-found-") as folder, workers as run:
        everybody = Path(folder) / "everybody.arrow" if isinstance(parts[0], Span) else None
        order = _Order(lake.root, reading.at, delivered, folder, everybody, amendment)
        at_once = _read_at_once(delivered, parts)
        if order.everybody is not None:
            write_population(reading.choose(), order.everybody)
        list(run(_write_found, [order] * len(at_once), at_once, [read_ids] * len(at_once)))
        for done, written in enumerate(run(_write_part, [order] * len(parts), parts), 1):
            files += [written] if written else []
            tell(done, len(parts))
    # What this process itself opened spills into the folder.
    _open_once.cache_clear()
    return files


@contextmanager
def _workers(processes: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """Yield a ``map`` that works in so many processes, here where one is enough."""
    if processes == 1:
        yield map
        return
    # Forked children of a process with threads may wait for ever.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield pool.map


def _open(order: _Order) -> Reading:
    return _open_once(order.root, order.at, order.at_once, order.everybody)


@lru_cache(maxsize=1)
def _open_once(root: str, at: At, spill: str, everybody: Path | None) -> Reading:
    """Open a reading that a process keeps for all parts of one order, which is told by the folder that it spills to."""
    contracts = contracts_of(by_source(select(None).values()))
    reading = Reading(Lake(root), at, contracts, everybody)
    reading.connection.raw_sql(f"SET memory_limit = {literal(ENGINE_MEMORY)}")
    reading.connection.raw_sql(f"SET temp_directory = {literal(spill)}")
    return reading


def _read_at_once(delivered: Mapping[str, Delivered], parts: Sequence[Part]) -> list[tuple[str, ...]]:
    """Choose sources that are read for everybody before the parts are, those together that have rows in common, the longest first.

    Some look across enterprises. Of others there are so few rows that reading them by part costs more than what is in them.
    """
    is_whole = len(parts) > 1 and all(isinstance(part, Span) for part in parts)
    rows = {
        source.id: sum(delivered[name].rows for name in source.contracts)
        for source in by_source(select(None).values())
        if source.grain != "derived" and is_delivered(source, delivered)
        if source.is_across or is_whole
    }
    sources = [source for source in by_source(select(None).values()) if source.id in rows]
    together: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        if source.is_across or rows[source.id] <= FEW_ROWS:
            together["+".join(source.common) or source.id].append(source.id)
    across = {source.id for source in sources if source.is_across}
    order = sorted(
        together.values(),
        key=lambda names: (names[0] not in across, -len(names), -max(rows[name] for name in names)),
    )
    return [tuple(names) for names in order]


def _found_file(order: _Order, source_id: str) -> Path:
    return Path(order.at_once) / f"{source_id}.arrow"


def _write_found(order: _Order, source_ids: Sequence[str], read_ids: Sequence[str] | None) -> None:
    """Find what some sources tell of everybody, or of enough."""
    members = {source.id: (source, items) for source, items in by_source(select(None).values()).items()}
    for source_id in source_ids:
        rows = find_at_once(_open(order), *members[source_id], enterprise_ids=read_ids)
        write_found(rows, _found_file(order, source_id))


def _write_part(order: _Order, part: Part) -> tuple[Path, int] | None:
    """Compute one part and write its file, which belongs to the table only once it is committed."""
    chosen = select(None)
    sources = by_source(chosen.values())
    reading = _open(order)
    population = _choose(reading, part)
    known = None
    if isinstance(part, Named):
        if part.is_tied:
            differing = _differing(order, reading, population, sources)
            if not differing:
                return None
            population = reading.choose(enterprise_ids=differing)
        unmoved = [item.id for source in sources for item in sources[source] if source.id in part.standing]
        known = standing_values(Lake(order.root), order.at, population, unmoved)
    at_once = _found(order, population, sources) if len(population) else {}
    computed = compute_chosen(reading, population, sources, order.delivered, at_once, known)
    rows = wide_table(population, computed, list(chosen), order.at, is_plain=False)
    if order.amendment is not None:
        number = pa.scalar(order.amendment, pa.int32())
        rows = rows.append_column("amendment", pa.repeat(number, rows.num_rows))
    file = Lake(order.root).new_file(TARGET)
    write_wide(rows, file)
    return file, rows.num_rows


def _differing(
    order: _Order, reading: Reading, population: Population, sources: Mapping[Source, list[Indicator]]
) -> list[str]:
    """Find those of whom a source that looks across enterprises tells something else than what stands."""
    across = {source: members for source, members in sources.items() if source.is_across}
    at_once = _found(order, population, across) if len(population) else {}
    computed = compute_chosen(reading, population, across, order.delivered, at_once)
    names = [item.id for members in across.values() for item in members]
    standing = standing_values(Lake(order.root), order.at, population, names)
    is_other = computed.differs(standing, names) if standing else np.ones(len(population), dtype=np.bool_)
    found: list[str] = population.enterprise_ids.filter(pa.array(is_other)).to_pylist()
    return found


def _found(order: _Order, population: Population, sources: Iterable[Source]) -> dict[Source, pa.Table]:
    """Read what was found at once, of as many as the population lies among."""
    first, last = (population.enterprise_ids[place].as_py() for place in (0, -1))
    files = {source: _found_file(order, source.id) for source in sources}
    return {source: read_found(file, first, last) for source, file in files.items() if file.exists()}


def _choose(reading: Reading, part: Part) -> Population:
    if isinstance(part, Named):
        return reading.choose(enterprise_ids=part.enterprise_ids)
    return reading.choose(span=part)
