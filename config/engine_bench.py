"""Other engines beside DuckDB for ``rongqiao bench indicators --engines``: the same declarations on Spark, and lazily on Polars."""

from __future__ import annotations

import gc
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import ibis
import ibis.expr.operations as ops
import pyarrow as pa

from config.spark_cluster import standalone
from rongqiao.contracts.standards import load_contract
from rongqiao.indicators import write_indicators
from rongqiao.indicators.computation import by_source, select
from rongqiao.indicators.evaluation import aggregates
from rongqiao.indicators.partials import aggregate_in_two_steps, same_once
from rongqiao.indicators.registry import At
from rongqiao.lake import asof, spark

if TYPE_CHECKING:
    from collections.abc import Callable

    from rongqiao.indicators.registry import Indicator, Source
    from rongqiao.lake.tables import Lake

ENGINES = ("duckdb", "spark", "polars")
#: Tables whose aggregates Polars computes.
HEAVIEST = 10
#: Memory of Spark's driver and of each worker, unless Spark's own settings say otherwise.
DRIVER, WORKER = "4g", "3g"


def _family() -> list[list[str]]:
    """Fields of proc(5) from the third on, of this process and all that run below it."""
    told: dict[int, list[str]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                told[int(folder.name)] = (folder / "stat").read_text().rsplit(")", 1)[1].split()
    own = {os.getpid()}
    while more := {pid for pid, fields in told.items() if int(fields[1]) in own} - own:
        own |= more
    return [told[pid] for pid in own]


def processor_seconds() -> float:
    """Processor time of this process and all that run below it or have ended, in seconds."""
    # Fields 14 and 15, and those of children that have ended.
    return sum(sum(map(int, fields[11:15])) for fields in _family()) / os.sysconf("SC_CLK_TCK")


def _held_bytes() -> int:
    """Memory that they hold now; shared pages count for each."""
    return sum(int(fields[21]) for fields in _family()) * os.sysconf("SC_PAGE_SIZE")


class _Memory:
    """Largest memory that this process and all below it hold together, looked at several times a second."""

    EVERY_SECONDS = 0.2

    def __init__(self) -> None:
        self.peak = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(self.EVERY_SECONDS):
            self.peak = max(self.peak, _held_bytes())


def measured(work: Callable[[], Any]) -> dict[str, Any]:
    """Wall-clock and processor time of some work, the memory of all its processes together, and the machine's load while it ran."""
    started, used = time.perf_counter(), processor_seconds()
    with _Memory() as memory:
        work()
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "processor_seconds": round(processor_seconds() - used, 2),
        "peak_rss_bytes": memory.peak,
        "load": round(os.getloadavg()[0], 2),
    }


def measure_spark(fresh: Callable[[], Lake], place: Path, *, as_of: int, known_at: Any) -> dict[str, Any]:
    """Compute all indicators on ``local[2]``, and on a standalone master with one worker and with two.

    Parameters
    ----------
    fresh : callable
        Gives a lake with the facts and nothing computed.
    place : Path
        For the cluster's logs and scratch files.
    as_of, known_at
        The two times.
    """
    os.environ.setdefault(
        "PYSPARK_SUBMIT_ARGS", f"--driver-memory {DRIVER} --executor-memory {WORKER} pyspark-shell"
    )

    def on(master: str) -> dict[str, Any]:
        os.environ[spark.MASTER] = master
        try:
            return measured(lambda: write_indicators(fresh(), as_of=as_of, known_at=known_at))
        finally:
            del os.environ[spark.MASTER]
            spark.spark_session(master).stop()
            gc.collect()

    found = {"local[2]": on("local[2]")}
    for workers in (1, 2):
        logs = place / f"cluster{workers}"
        logs.mkdir()
        with standalone(logs, workers=workers, memory=WORKER) as (master, _):
            found[f"{workers} worker{'s' * (workers > 1)}"] = on(master)
    return found


def measure_polars(lake: Lake, *, as_of: int, known_at: Any) -> dict[str, Any]:
    """Aggregate the ten largest tables lazily with Polars; nothing is ranked, judged or written.

    Windows over rows (runs of zeros, ranks of partners) and trends have no Polars form in Ibis; they are left out, which spares Polars the
    dearest part.
    """
    at = At(as_of, known_at)
    told = {
        source: members
        for source, members in by_source(select(None).values()).items()
        if len(source.contracts) == 1 and lake.exists(f"published/{source.contracts[0]}")
    }
    counts = {
        name: lake.open(f"published/{name}").count() for name in {source.contracts[0] for source in told}
    }
    heaviest = sorted(counts, key=lambda name: (-counts[name], name))[:HEAVIEST]
    chosen = {source: members for source, members in told.items() if source.contracts[0] in heaviest}
    done: list[int] = []

    def work() -> None:
        for source, members in chosen.items():
            done.append(_by_polars(lake, source, members, at))

    return {
        "tables": heaviest, "rows": sum(counts[name] for name in heaviest), "indicators": sum(map(len, chosen.values())),
        **measured(work), "aggregates": sum(done),
    }  # fmt: skip


def _by_polars(lake: Lake, source: Source, members: list[Indicator], at: At) -> int:
    """Aggregate one source; return how many aggregates that were."""
    import polars as pl  # Only measurements and tests install it.

    contract = load_contract(source.contracts[0])
    table = f"published/{contract.id}"
    money = [each.name for each in lake.schema(table) if pa.types.is_decimal(each.type)]
    frame = pl.scan_parquet(lake.uris(table), missing_columns="insert").with_columns(
        pl.col(money).cast(pl.Float64)
    )
    connection = ibis.polars.connect({"facts": frame})
    rows = asof.held(connection.table("facts"), contract, as_of=at.as_of, known_at=at.known_at)
    rows = source.prepare({contract.id: rows}, at)
    windows = rows.op().find(ops.WindowFunction)
    rows = rows.op().replace({each: ops.Literal(None, each.dtype) for each in windows}).to_expr()
    known = aggregates(rows, source, members).items()
    wanted, _ = same_once({name: each for name, each in known if not each.op().find(ops.Covariance)})
    connection.to_pyarrow(aggregate_in_two_steps(rows, "enterprise_id", wanted))
    return len(wanted)
