"""``rongqiao bench indicators``: all indicators of a province against merely reading their inputs and writing their outputs."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; paths are written by `literal`)
from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
import time
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.engine_bench import ENGINES, measure_polars, measure_spark, measured
from rongqiao.governance.pipeline import govern
from rongqiao.indicators import load_indicators, write_indicators
from rongqiao.indicators.computation import TARGET, by_source, contracts_of
from rongqiao.indicators.lineage import items_read
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.lake.engine import connect, literal, quote
from rongqiao.lake.tables import Lake
from rongqiao.synth.province import write_province

if TYPE_CHECKING:
    from collections.abc import Iterator

AS_OF, KNOWN_AT = 202610, dt.date(2026, 11, 20)


def indicators(
    enterprises: Annotated[int, typer.Option(help="企业数量")] = 20_000,
    lake: Annotated[Path | None, typer.Option(help="已治理的数据湖；缺省则先生成并治理，不计时")] = None,
    processes: Annotated[int, typer.Option(help="并行进程数")] = os.cpu_count() or 1,
    engines: Annotated[
        str,
        typer.Option(
            help=f"同时测哪些引擎，逗号分隔：{'、'.join(ENGINES)}；后两者为同一声明在 Spark、Polars 上"
        ),
    ] = "duckdb",
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Compute everything in a lake of links, so that nothing of the installation is touched."""
    chosen = engines.split(",")
    if unknown := sorted(set(chosen) - set(ENGINES)):
        raise InvalidValueError("引擎", "、".join(unknown), f"限于 {'、'.join(ENGINES)}。")
    with tempfile.TemporaryDirectory(prefix="rq-bench-") as name:
        place = Path(name)
        source = Lake(lake) if lake is not None else build_lake(place, enterprises)
        result = _measure(source, _linked(source, place / "linked"), place, processes)
        result |= _compare(source, place, chosen, result)
    typer.echo(
        json.dumps(result) if as_json else "\n".join(f"{key:<24} {value}" for key, value in result.items())
    )


def build_lake(place: Path, enterprises: int) -> Lake:
    """Draw a province into a folder and govern it."""
    write_province(
        place / "province",
        enterprises=enterprises,
        as_of=AS_OF,
        workers=os.cpu_count() or 1,
        market_enterprises=0,
    )
    lake = Lake(place / "lake")
    govern(place / "province" / "deliveries", lake, None)
    return lake


def _linked(source: Lake, place: Path) -> Lake:
    """Return a lake with the same published facts and nothing computed."""
    place.mkdir()
    (place / "published").symlink_to(Path(source.root).resolve() / "published")
    return Lake(place)


def _compare(source: Lake, place: Path, engines: list[str], ours: dict[str, Any]) -> dict[str, Any]:
    """Measure the other engines, each with how many times DuckDB's wall-clock and processor time it takes for all indicators."""
    found: dict[str, Any] = {}
    if "spark" in engines:
        fresh = partial(_fresh, source, place, count())
        found["spark"] = measure_spark(fresh, place, as_of=AS_OF, known_at=KNOWN_AT)
    if "polars" in engines:
        found["polars"] = {"lazy": measure_polars(source, as_of=AS_OF, known_at=KNOWN_AT)}
    for runs in found.values():
        for run in runs.values():
            run |= {
                f"times_{name}": round(run[name] / ours[name], 2) for name in ("seconds", "processor_seconds")
            }
    return found


def _fresh(source: Lake, place: Path, numbers: Iterator[int]) -> Lake:
    return _linked(source, place / f"linked{next(numbers)}")


def _timed(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    done = work()
    return round(time.perf_counter() - started, 2), done


def _measure(source: Lake, lake: Lake, place: Path, processes: int) -> dict[str, Any]:
    full = measured(lambda: write_indicators(lake, as_of=AS_OF, known_at=KNOWN_AT, processes=processes))
    read, rows = _timed(lambda: _read_inputs(source))
    written, population = _timed(lambda: _write_outputs(lake, place / "copy.parquet"))
    return {
        "enterprises": population,
        "indicators": sum(name.endswith("__status") for name in lake.schema(TARGET).names),
        "rows": rows,
        "processes": processes,
        **full,
        "scan_seconds": read,
        "write_seconds": written,
        "ratio_to_scan_and_write": round(full["seconds"] / (read + written), 2),
    }


def _read_inputs(lake: Lake) -> int:
    """Read what the indicators read of every table, and do nothing with it; the least any engine has to do."""
    contracts = contracts_of(by_source(load_indicators().values()))
    present = [name for name in contracts if lake.exists(f"published/{name}")]
    rows = 0
    with connect(lake, [f"published/{name}" for name in present]) as connection:
        for name in present:
            table = f"published/{name}"
            held = {column for column, *_ in connection.execute(f"DESCRIBE {quote(table)}").fetchall()}
            columns = sorted({"enterprise_id", "known_at", *items_read()[name]} & held)
            used = ", ".join(f"max({quote(column)})" for column in columns)
            found = connection.execute(f"SELECT count(*), {used} FROM {quote(table)}").fetchone()
            rows += found[0] if found else 0
    return rows


def _write_outputs(lake: Lake, target: Path) -> int:
    """Write the computed table once more, as the engine writes it fastest; reading it back is in the time.

    Of so many columns its ordinary groups of rows fill a machine's memory.
    """
    with connect(lake, [TARGET]) as connection:
        connection.execute("SET preserve_insertion_order = false")
        found = connection.execute(
            f"COPY (SELECT * FROM {quote(TARGET)}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 20480)"
        ).fetchone()
    return int(found[0]) if found else 0
