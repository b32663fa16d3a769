"""``rongqiao bench refresh`` and ``bench training-set``: what a day's changes and a training set cost, and how that grows."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are written by `literal`)
from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import random
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import typer

from config.indicator_bench import AS_OF, KNOWN_AT, build_lake
from rongqiao.contracts.standards import load_contract
from rongqiao.indicators import write_indicators
from rongqiao.indicators.computation import by_source, contracts_of, select
from rongqiao.indicators.lineage import items_read
from rongqiao.indicators.reading import ENTERPRISES
from rongqiao.indicators.refreshing import refresh_indicators
from rongqiao.indicators.training_sets import training_set
from rongqiao.kernel.period import add_months
from rongqiao.lake.engine import connect, literal, quote
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from collections.abc import Callable

NEXT_DAY = KNOWN_AT + dt.timedelta(days=1)
#: One enterprise of so many has a new row in every table that knows it.
CHANGED_EVERY = 100
SHARES = (0.01, 0.1, 1.0)
#: Over how many months and days before the lake's the lines of a training set are drawn.
MONTHS, DAYS = 24, 700
Enterprises = Annotated[int, typer.Option(help="企业数量")]
Source = Annotated[Path | None, typer.Option("--lake", help="已治理的数据湖；缺省则先生成并治理，不计时")]
AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出")]


def refresh(enterprises: Enterprises = 20_000, lake: Source = None, as_json: AsJson = False) -> None:
    """Refresh after a day on which one enterprise of a hundred changed in every table, at 1, 10 and 100 percent of the lake."""
    with tempfile.TemporaryDirectory(prefix="rq-bench-") as name:
        place = Path(name)
        source = Lake(lake) if lake is not None else build_lake(place, enterprises)
        results = [_alone(_refresh, source.root, str(place / f"part{share}"), share) for share in SHARES]
    _tell(results, as_json=as_json)


def training(
    lines: Annotated[int, typer.Option(help="名单行数，每行一家企业、一个时点")] = 17_000,
    enterprises: Enterprises = 20_000,
    lake: Source = None,
    as_json: AsJson = False,
) -> None:
    """Compute a training set whose lines each have their own month and day, at 1, 10 and 100 percent of the lines."""
    with tempfile.TemporaryDirectory(prefix="rq-bench-") as name:
        source = Lake(lake) if lake is not None else build_lake(Path(name), enterprises)
        results = [_alone(_train, source.root, max(int(lines * share), 1)) for share in SHARES]
    _tell(results, as_json=as_json)


def _tell(results: list[dict[str, Any]], *, as_json: bool) -> None:
    for result in results:
        shown = "\n".join(f"{key:<24} {value}" for key, value in result.items())
        typer.echo(json.dumps(result) if as_json else shown + "\n")


def _alone(measure: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Measure in a process of its own, which has translated no expression yet and whose memory is nobody else's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def _measured(work: Any) -> tuple[float, float, Any]:
    """Seconds by the clock, seconds of processors, and what the work returned."""
    started, used = time.perf_counter(), time.process_time()
    done = work()
    return round(time.perf_counter() - started, 2), round(time.process_time() - used, 2), done


def _refresh(root: str, place: str, share: float) -> dict[str, Any]:
    """Compute everybody, let a day pass, and refresh, in one process."""
    source, lake = Lake(root), Lake(place)
    items_read()  # Read off the declarations once a process; not what is compared.
    _copy(source, lake, share)
    full, full_cpu, _ = _measured(lambda: write_indicators(lake, as_of=AS_OF, known_at=KNOWN_AT, processes=1))
    changed = _let_a_day_pass(lake)
    seconds, cpu, done = _measured(
        lambda: refresh_indicators(lake, as_of=AS_OF, known_at=NEXT_DAY, processes=1)
    )
    with connect(lake, [ENTERPRISES]) as connection:
        found = connection.execute(
            f"SELECT count(DISTINCT enterprise_id) FROM {quote(ENTERPRISES)}"
        ).fetchone()
    return {
        "enterprises": found[0] if found else 0,
        "changed": changed,
        "computed": done.computed,
        "full_seconds": full,
        "full_processor_seconds": full_cpu,
        "refresh_seconds": seconds,
        "refresh_processor_seconds": cpu,
        "ratio_of_processor_seconds": round(cpu / full_cpu, 3),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _present(lake: Lake) -> list[str]:
    contracts = contracts_of(by_source(select(None).values()))
    return [name for name in contracts if lake.exists(f"published/{name}")]


def _copy(source: Lake, lake: Lake, share: float) -> None:
    """Copy the tables that indicators read, of a share of the enterprises."""
    for table in [*(f"published/{name}" for name in _present(source)), ENTERPRISES]:
        with connect(source, [table]) as connection:
            query = f"SELECT * FROM {quote(table)} WHERE hash(enterprise_id) % 1000 < {int(share * 1000)} ORDER BY enterprise_id"
            lake.append_query(table, connection, query, transaction=["copy"])


def _let_a_day_pass(lake: Lake) -> int:
    """Deliver the newest row of every table again, of one enterprise of a hundred; returns how many there are."""
    chosen = f"hash(enterprise_id || 'changed') % {CHANGED_EVERY} = 0"
    for name in _present(lake):
        table, contract = f"published/{name}", load_contract(name)
        newest = f"{quote(contract.valid_on)} DESC NULLS LAST, " if contract.valid_on else ""
        with connect(lake, [table]) as connection:
            query = f"""SELECT * REPLACE (DATE {literal(NEXT_DAY.isoformat())} AS known_at, 'next day' AS batch_id) FROM {quote(table)}
                WHERE {chosen} QUALIFY row_number() OVER (PARTITION BY enterprise_id ORDER BY {newest}line) = 1 ORDER BY enterprise_id"""
            lake.append_query(table, connection, query, transaction=["next day"])
    with connect(lake, [ENTERPRISES]) as connection:
        found = connection.execute(
            f"SELECT count(DISTINCT enterprise_id) FROM {quote(ENTERPRISES)} WHERE {chosen}"
        ).fetchone()
    return int(found[0]) if found else 0


def _train(root: str, lines: int) -> dict[str, Any]:
    lake = Lake(root)
    ids = lake.read(ENTERPRISES, ["enterprise_id"]).column(0).unique().to_pylist()
    drawn = random.Random(1)  # noqa: S311 - nothing secret
    spine = pa.table(
        {
            "enterprise_id": pa.array(drawn.choices(sorted(ids), k=lines)),
            "as_of": pa.array([add_months(AS_OF, -drawn.randrange(MONTHS)) for _ in range(lines)]),
            "known_at": pa.array([KNOWN_AT - dt.timedelta(days=drawn.randrange(DAYS)) for _ in range(lines)]),
        }
    )
    seconds, cpu, rows = _measured(lambda: training_set(lake, spine))
    pairs = spine.group_by(["as_of", "known_at"]).aggregate([]).num_rows
    return {
        "lines": lines,
        "pairs_of_times": pairs,
        "indicators": (rows.num_columns - 3) // 2,
        "seconds": seconds,
        "processor_seconds": cpu,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
