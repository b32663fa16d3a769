"""``rongqiao bench matching``: every product against every enterprise, beside the same in SQL written for DuckDB."""

# ruff: noqa: S608  (names come from criteria of this repository and are quoted)
from __future__ import annotations

import json
import multiprocessing
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from rongqiao.bases.resources.judging import PLACE, judge_province, limit_to_regions
from rongqiao.contracts.catalog import regions
from rongqiao.lake.columns import FactColumns, write_columns
from rongqiao.lake.engine import literal, quote
from rongqiao.rules.criteria import Criteria, Leaf, facts_used, needs_text, parse_criteria
from rongqiao.synth.market.products import make_products

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb
    import pyarrow as pa
    from numpy.typing import NDArray

PART = 500_000
#: Rows of a group of the lake's files, and enterprises that the publication holds at a time.
ROW_GROUP, PUBLISHED_PART = 122_880, 200_000
FACTS = "facts.parquet"
SEED = 43
#: Share of enterprises of which a fact is not known.
UNKNOWN = 0.2
COMPARISONS = {">=": ">=", "<=": "<=", ">": ">", "<": "<", "==": "=", "!=": "<>"}


def matching(
    enterprises: Annotated[int, typer.Option(help="企业数量")] = 200_000,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Judge the synthetic market's products over drawn facts, each way in a process of its own.

    Facts stand in Parquet, and are published from there as columns, once for each state of the lake (``columns_seconds``). ``seconds`` is one pass over
    these: mapping them into memory, deciding each condition with its three outcomes, counting by county, and writing a verdict of two bits for each
    product and enterprise; reasons are not kept but stated for a page's own enterprise. DuckDB decides and counts the same, and writes nothing: from a
    table that it holds in memory already (``duckdb_seconds``), and from the Parquet file (``duckdb_from_parquet_seconds``).
    """
    with tempfile.TemporaryDirectory(prefix="rq-bench-") as name:
        folder = Path(name)
        lay_out(enterprises, folder / FACTS)
        published = _apart(_publish, folder)
        ours, engine, reader = (
            _apart(work, folder) for work in (_judge, _judge_in_sql, _judge_parquet_in_sql)
        )
        laid_out = (folder / FACTS).stat().st_size
    result = {
        "enterprises": enterprises,
        "products": len(product_criteria()),
        "decisions": enterprises * len(product_criteria()),
        **{name: ours[name] for name in ("seconds", "processor_seconds", "peak_rss_bytes")},
        "kept_bytes": ours["kept_bytes"],
        "parquet_bytes": laid_out,
        **{f"columns_{name}": value for name, value in published.items()},
        "duckdb_seconds": engine["seconds"],
        "duckdb_processor_seconds": engine["processor_seconds"],
        "duckdb_peak_rss_bytes": engine["peak_rss_bytes"],
        "duckdb_from_parquet_seconds": reader["seconds"],
        "duckdb_from_parquet_processor_seconds": reader["processor_seconds"],
        "ratio_to_duckdb": round(ours["seconds"] / engine["seconds"], 3),
        "processor_ratio_to_duckdb": round(ours["processor_seconds"] / engine["processor_seconds"], 3),
        "ratio_to_duckdb_from_parquet": round(ours["seconds"] / reader["seconds"], 3),
        "counts_agree": ours["counts"] == engine["counts"] == reader["counts"],
    }
    typer.echo(
        json.dumps(result) if as_json else "\n".join(f"{key:<28} {value}" for key, value in result.items())
    )


def lay_out(enterprises: int, file: Path) -> None:
    """Write drawn facts as Parquet, as the lake keeps what was computed: sorted by enterprise, groups of a size that engines read at once."""
    import pyarrow.parquet as pq

    parts = draw_facts(enterprises)
    first = next(parts)
    with pq.ParquetWriter(file, first.schema, compression="zstd", compression_level=1) as writer:
        for part in chain([first], parts):
            writer.write_table(part, row_group_size=ROW_GROUP)


def product_criteria() -> dict[str, Criteria]:
    """Give what each product of the synthetic market requires, region included, by its code."""
    return {
        product["code"]: limit_to_regions(
            parse_criteria(product["criteria"], path=product["code"]), product["region_codes"]
        )
        for product in make_products()
    }


def _leaves(criteria: Criteria) -> Iterator[Leaf]:
    if isinstance(criteria, Leaf):
        yield criteria
        return
    for member in criteria.members:
        yield from _leaves(member)


def draw_facts(enterprises: int) -> Iterator[pa.Table]:
    """Draw facts around the bounds that the products set, so that every outcome occurs."""
    import pyarrow as pa

    drawn = np.random.default_rng(SEED)
    bounds: dict[str, list[Leaf]] = {PLACE: []}
    for criteria in product_criteria().values():
        for leaf in _leaves(criteria):
            bounds.setdefault(leaf.fact, []).append(leaf)
    counties = [code for code, region in regions().items() if region.level == "county"]
    for start in range(0, enterprises, PART):
        size = min(PART, enterprises - start)
        columns: dict[str, Any] = {"enterprise_id": [f"91{start + row:016d}" for row in range(size)]}
        for fact, leaves in bounds.items():
            is_unknown = drawn.random(size) < UNKNOWN
            if fact == PLACE or needs_text(leaves[0]):
                words = counties if fact == PLACE else _words(leaves)
                places = pa.array(drawn.integers(0, len(words), size).astype("int32"), mask=is_unknown)
                columns[fact] = pa.array(words).take(places)
            else:
                columns[fact] = pa.array(_numbers(leaves, size, drawn), mask=is_unknown)
        yield pa.table(columns)


def _words(leaves: list[Leaf]) -> list[str]:
    named = {
        word for leaf in leaves for word in (leaf.value if isinstance(leaf.value, tuple) else (leaf.value,))
    }
    return [*sorted(named), "其他"]


def _numbers(leaves: list[Leaf], size: int, drawn: np.random.Generator) -> NDArray[Any]:
    largest = max(
        [
            float(bound)
            for leaf in leaves
            for bound in (leaf.value if isinstance(leaf.value, tuple) else (leaf.value or 1,))
        ]
    )
    numbers: NDArray[Any] = (drawn.random(size) * 2 * (largest or 1)).round(2)
    # Many facts are mostly nought: arrears, cases, penalties.
    numbers[drawn.random(size) < 0.5] = 0
    return numbers


def _apart(work: Callable[[str], dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Run in a fresh process, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        return processes.submit(work, str(folder)).result()


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _measured(work: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    started, used = time.perf_counter(), _processor_seconds()
    done = work()
    return done, {
        "seconds": round(time.perf_counter() - started, 3),
        "processor_seconds": round(_processor_seconds() - used, 3),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _publish(folder: str) -> dict[str, Any]:
    """Make columns of the Parquet file, as the publication of a month does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    batches = pq.ParquetFile(Path(folder) / FACTS).iter_batches(PUBLISHED_PART)
    parts = (pa.Table.from_batches([batch]) for batch in batches)
    _, measured = _measured(
        lambda: write_columns(parts, name="drawn", described={}, rows_by="enterprise_id", folder=Path(folder))
    )
    return measured


def _judge(folder: str) -> dict[str, Any]:
    criteria = product_criteria()

    def work() -> tuple[FactColumns, Any]:
        columns = FactColumns.current(Path(folder))
        return columns, judge_province(columns, criteria)

    (columns, totals), measured = _measured(work)
    kept = sum(path.stat().st_size for path in columns.folder.glob("verdicts/*.npy"))
    counts = {
        code: sorted(cell.tolist() for cell in cells) for code, cells in zip(criteria, totals, strict=True)
    }
    return measured | {"kept_bytes": kept, "counts": counts}


def _judge_in_sql(folder: str) -> dict[str, Any]:
    """Hold the facts in the engine's own memory, then decide and count, which is what is measured."""
    import duckdb

    columns = FactColumns.current(Path(folder))
    with duckdb.connect() as connection:
        connection.register("raw", _as_table(columns, _named(product_criteria())))
        connection.execute("CREATE TABLE facts AS SELECT * FROM raw")
        connection.unregister("raw")
        return _count_in_sql(connection, "facts")


def _judge_parquet_in_sql(folder: str) -> dict[str, Any]:
    """Decide and count straight from the Parquet file."""
    import duckdb

    with duckdb.connect() as connection:
        return _count_in_sql(connection, f"read_parquet({literal(str(Path(folder) / FACTS))})")


def _named(criteria: dict[str, Criteria]) -> list[str]:
    return sorted({PLACE}.union(*(facts_used(each) for each in criteria.values())))


def _count_in_sql(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, Any]:
    """Decide and count; no verdict is kept.

    Of several ways to write it this was the fastest: each condition once as a column, products as their conjunctions, counts as
    sums. A ``FILTER`` per count takes some eighteen times as long as the sums, and leaving what products share to the engine twice as
    long as the columns.
    """
    criteria = product_criteria()
    conditions = {_key(leaf): leaf for each in criteria.values() for leaf in _leaves(each)}
    names = {key: f"c{n}" for n, key in enumerate(conditions)}
    flags = ", ".join(
        f"{_condition(leaf, quote(leaf.fact))} AS {names[key]}" for key, leaf in conditions.items()
    )
    products = ", ".join(f"{_sql(each, names)} AS o{n}" for n, each in enumerate(criteria.values()))
    counted = ", ".join(f"sum(o{n}::INTEGER), count(o{n})" for n in range(len(criteria)))

    def work() -> list[tuple[Any, ...]]:
        connection.execute(f"CREATE TABLE flags AS SELECT {PLACE}, {flags} FROM {source}")
        query = f"SELECT {PLACE}, count(*), {counted} FROM (SELECT {PLACE}, {products} FROM flags) GROUP BY 1"
        return connection.execute(query).fetchall()

    rows, measured = _measured(work)
    counts = {}
    for n, code in enumerate(criteria):
        cells = [(row[1], row[2 + 2 * n] or 0, row[3 + 2 * n]) for row in rows]
        counts[code] = sorted([known - met, whole - known, met] for whole, met, known in cells)
    return measured | {"counts": counts}


def _key(leaf: Leaf) -> tuple[str, str, Any]:
    return (leaf.fact, leaf.op, leaf.value)


def _as_table(columns: FactColumns, named: list[str]) -> pa.Table:
    import pyarrow as pa

    held = {}
    for name in named:
        values, words = columns.values(name), columns.words(name)
        if words:
            places = pa.array(values.astype("int32"), mask=values == 0)
            held[name] = pa.DictionaryArray.from_arrays(places, pa.array(words))
        else:
            held[name] = pa.array(values, mask=np.isnan(values))
    return pa.table(held)


def _sql(criteria: Criteria, names: dict[tuple[str, str, Any], str]) -> str:
    """One expression per product. SQL's own logic has three values: what is not known makes NULL, unless the rest decides."""
    if isinstance(criteria, Leaf):
        return names[_key(criteria)]
    members = [_sql(each, names) for each in criteria.members]
    if criteria.kind == "not":
        return f"NOT ({members[0]})"
    if not members:
        return "TRUE"
    return f"({(' AND ' if criteria.kind == 'all' else ' OR ').join(members)})"


def _condition(leaf: Leaf, column: str) -> str:
    if leaf.op in COMPARISONS:
        return f"{column} {COMPARISONS[leaf.op]} {_literal(leaf.value)}"
    if leaf.op in ("is_true", "is_false"):
        return f"{column} {'<>' if leaf.op == 'is_true' else '='} 0"
    if leaf.op == "between":
        return f"{column} BETWEEN {_literal(leaf.value[0])} AND {_literal(leaf.value[1])}"
    if leaf.op == "within_region":
        return f"({' OR '.join(f'starts_with({column}, {literal(code)})' for code in leaf.value)})"
    listed = ", ".join(_literal(each) for each in leaf.value)
    return f"{column} {'IN' if leaf.op == 'in' else 'NOT IN'} ({listed})"


def _literal(value: Any) -> str:
    return literal(value) if isinstance(value, str) else f"{value!r}::DOUBLE"
