"""Step 1, inventory: what each delivery holds, column by column, and how far it drifted from the regular delivery before it."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import json
import math
import string
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rongqiao.contracts.standards import Item
    from rongqiao.governance.batch import Batch, Workbench

TITLE = "数据盘点"

#: Rows per delivery, about, that patterns and distributions are taken from; counts are over all rows.
SAMPLE_ROWS = 1_000
#: Share that stands in for an empty bucket, so that the drift stays finite.
FLOOR = 1e-4
_CHARACTERS = string.digits + string.ascii_letters
_CLASSES = "9" * 10 + "A" * 52

Baselines = dict[str, dict[str, int]]


def profile(work: Workbench, baselines: Baselines) -> None:
    """Profile every column of every batch into ``work.profiles``.

    Parameters
    ----------
    work : Workbench
    baselines : dict
        Column → histogram of the contract's last regular delivery so far; moved on batch by batch in the order of delivery.

    Notes
    -----
    Drift is the population stability index between two successive regular deliveries over fixed buckets: sign and power of two for
    numbers, pattern for text. Null where there is none before, and for corrections: they hold the few rows that were wrong, which
    are like neither the delivery before nor the one after. A usual reading: below 0.1 stable, above 0.25 shifted.
    """
    counts = _count(work)
    shapes = _sample_shapes(work)
    for batch in work.batches:
        for item in work.contract.items:
            row = _profile_row(work, batch, item.id)
            row.update(counts.get((batch.number, item.id), {"rows": batch.rows_in, "nulls": batch.rows_in}))
            histogram, row["top_pattern"] = shapes.get((batch.number, item.id), ({}, None))
            is_regular = batch.delivery.is_regular
            row["drift"] = drift(baselines.get(item.id, {}), histogram) if is_regular else None
            row["histogram"] = json.dumps(histogram, ensure_ascii=False, sort_keys=True)
            if histogram and is_regular:
                baselines[item.id] = histogram
            work.profiles.append(row)
        for header in batch.unmapped:
            work.profiles.append({**_profile_row(work, batch, f"?{header}"), "rows": batch.rows_in})


def _profile_row(work: Workbench, batch: Batch, column: str) -> dict[str, Any]:
    return {
        "batch_id": batch.batch_id,
        "contract_id": work.contract.id,
        "column": column,
        "known_at": batch.delivery.delivered_on,
    }


def _count(work: Workbench) -> dict[tuple[int, str], dict[str, Any]]:
    """Rows, nulls, distinct count and extremes of all columns in one scan, as they are read.

    A string that could not be read is no null; if a row holds several, the first alone is known.
    """
    parts = []
    for item in work.contract.items:
        column = quote(item.id)
        value = f"CAST({column} AS DOUBLE)" if _is_numeric(item) else column
        if item.type in ("boolean", "date"):
            value = f"CAST({column} AS VARCHAR)"
        parts.append(f"count({column}), approx_count_distinct({column}), min({value}), max({value})")
    rows = work.connection.execute(
        f"SELECT batch, count(*), {', '.join(parts)} FROM typed GROUP BY batch"
    ).fetchall()
    misfits = {
        (number, column): count
        for number, column, count in work.connection.execute(
            "SELECT batch, misfit, count(*) FROM typed WHERE misfit IS NOT NULL GROUP BY ALL"
        ).fetchall()
    }
    return {
        (number, item.id): {
            "rows": total,
            "nulls": total - found[4 * at] - misfits.get((number, item.id), 0),
            "distinct_count": found[4 * at + 1],
            "minimum": _text(found[4 * at + 2]),
            "maximum": _text(found[4 * at + 3]),
        }
        for number, total, *found in rows
        for at, item in enumerate(work.contract.items)
    }


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def begin(work: Workbench) -> None:
    """Make the tables that are filled while files are read."""
    columns = ", ".join(f"{quote(item.id)} VARCHAR" for item in work.contract.items)
    work.connection.execute(f"CREATE OR REPLACE TEMP TABLE sample (batch INTEGER, line INTEGER, {columns})")
    work.connection.execute(
        "CREATE OR REPLACE TEMP TABLE rejected (batch INTEGER, line INTEGER, column_id VARCHAR, rule_id VARCHAR, value VARCHAR, message VARCHAR)"
    )


def take_sample(work: Workbench, rows: pa.Table) -> None:
    """Take an even sample of a piece of a delivery into table ``sample``."""
    pace = max(1, rows.num_rows // SAMPLE_ROWS)
    work.connection.register("sampled rows", rows.take(pa.array(range(0, rows.num_rows, pace), pa.int64())))
    work.connection.execute('INSERT INTO sample SELECT * FROM "sampled rows"')
    work.connection.unregister("sampled rows")


def _sample_shapes(work: Workbench) -> dict[tuple[int, str], tuple[dict[str, int], str | None]]:
    """Histogram and commonest pattern of each column, from an even sample of lines."""
    columns = ", ".join(
        f"coalesce(nullif(trim({quote(item.id)}), ''), '') AS {quote(item.id)}"
        for item in work.contract.items
    )
    numeric = ", ".join(literal(item.id) for item in work.contract.items if _is_numeric(item)) or "''"
    rows = work.connection.execute(
        f"""WITH sizes AS (SELECT batch, greatest(1, count(*) // {SAMPLE_ROWS}) AS pace FROM sample GROUP BY batch),
        sampled AS (SELECT batch, {columns} FROM sample JOIN sizes USING (batch) WHERE hash(line) % pace = 0),
        long AS (UNPIVOT sampled ON COLUMNS(* EXCLUDE (batch)) INTO NAME item VALUE value),
        shaped AS (SELECT batch, item, regexp_replace(translate(left(value, 24), '{_CHARACTERS}', '{_CLASSES}'),
            '[一-鿿]+', '汉', 'g') AS pattern,
            CASE WHEN item IN ({numeric}) THEN try_cast(value AS DOUBLE) END AS number FROM long WHERE value <> '')
        SELECT batch, item, pattern, CASE WHEN number IS NULL THEN NULL WHEN number = 0 THEN '0'
            ELSE concat(CASE WHEN number < 0 THEN '-' ELSE '+' END, floor(log2(abs(number)))::INTEGER) END AS bucket, count(*)
        FROM shaped GROUP BY ALL ORDER BY count(*) DESC, pattern, bucket"""
    ).fetchall()
    shapes: dict[tuple[int, str], tuple[dict[str, int], str | None]] = {}
    tops: dict[tuple[int, str], dict[str, int]] = {}
    for number, item, pattern, bucket, count in rows:
        histogram, _ = shapes.setdefault((number, item), ({}, None))
        name = bucket or pattern
        if name in histogram or len(histogram) < 60:
            histogram[name] = histogram.get(name, 0) + count
        tally = tops.setdefault((number, item), {})
        tally[pattern] = tally.get(pattern, 0) + count
    return {
        key: (histogram, min(tops[key], key=lambda name: (-tops[key][name], name)))
        for key, (histogram, _) in shapes.items()
    }


def _is_numeric(item: Item) -> bool:
    return item.type in ("decimal", "integer")


def drift(before: Mapping[str, int], after: Mapping[str, int]) -> float | None:
    """Compute the population stability index of two histograms; ``None`` if either is empty."""
    total_before, total_after = sum(before.values()), sum(after.values())
    if not total_before or not total_after:
        return None
    index = 0.0
    for bucket in sorted({*before, *after}):
        old = max(before.get(bucket, 0) / total_before, FLOOR)
        new = max(after.get(bucket, 0) / total_after, FLOOR)
        index += (new - old) * math.log(new / old)
    return round(index, 6)
