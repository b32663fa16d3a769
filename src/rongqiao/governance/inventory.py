"""Step 1, inventory: what each delivery holds, column by column, and how far it drifted from the regular delivery before it."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rongqiao.contracts.numbers import threshold
from rongqiao.governance.batch import judge
from rongqiao.governance.readings import pattern_sql
from rongqiao.lake.engine import quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from rongqiao.contracts.standards import Item
    from rongqiao.governance.batch import Batch, Workbench

TITLE = "数据盘点"

#: Rows per delivery, about, that patterns and distributions are taken from; counts are over all rows.
SAMPLE_ROWS = 1_000
#: Share that stands in for an empty bucket, so that the drift stays finite.
FLOOR = 1e-4
#: Buckets of a column that are kept; the commonest.
MOST_BUCKETS = 60

#: Bucket of cells that hold nothing.
BLANK = "∅"
#: A column of so many rows that holds one value, where there were so many before, has lost its values.
CONSTANT_ROWS, CONSTANT_BEFORE = 20, 5
#: What chance may add to the index, in multiples of what it adds on average to that of independent rows; rows of one enterprise are alike.
CHANCE = 5


@dataclass(frozen=True, slots=True)
class Baseline:
    """Values of one column in a delivery: rows by bucket, and how many different values there were."""

    histogram: dict[str, int]
    distinct: int


Baselines = dict[str, Baseline]


def profile(work: Workbench, baselines: Baselines) -> None:
    """Profile every column of every batch into ``work.profiles``.

    Parameters
    ----------
    work : Workbench
    baselines : dict
        Column → its values in the contract's last regular delivery so far; moved on batch by batch in the order of delivery.

    Notes
    -----
    Drift is the population stability index between two successive regular deliveries over fixed buckets: sign and power of two for
    numbers as read, the code for coded items, pattern for other text, and one bucket for blanks. Null where there is none before, and for corrections: they hold the few rows that were wrong, which
    are like neither the delivery before nor the one after. A usual reading: below 0.1 stable, above 0.25 shifted.
    """
    counts = _count(work)
    _choose_lines(work)
    shapes = _sample_shapes(work)
    typed = _sample_values(work)
    for batch in work.batches:
        drifted: list[bool] = []
        for item in work.contract.items:
            row = _profile_row(work, batch, item.id)
            unread = {"rows": batch.rows_in, "nulls": batch.rows_in, "distinct_count": 0}
            row.update(counts.get((batch.number, item.id), unread))
            histogram, row["top_pattern"] = shapes.get((batch.number, item.id), ({}, None))
            histogram = typed.get((batch.number, item.id), histogram)
            now = Baseline(histogram, row.get("distinct_count") or 0)
            before = baselines.get(item.id)
            row["drift"] = None
            if batch.delivery.is_regular and before:
                row["drift"] = drift(before.histogram, histogram)
                drifted.append(_has_drifted(item, before, now, batch.delivery.delivered_on))
            row["histogram"] = json.dumps(histogram, ensure_ascii=False, sort_keys=True)
            if histogram and batch.delivery.is_regular:
                baselines[item.id] = now
            work.profiles.append(row)
        for header in batch.unmapped:
            work.profiles.append({**_profile_row(work, batch, f"?{header}"), "rows": batch.rows_in})
        _judge_distribution(work, batch, drifted)


def _has_drifted(item: Item, before: Baseline, now: Baseline, day: dt.date) -> bool:
    """Whether a column is unlike the delivery before: more than chance and the catalogue allow, or all one value."""
    old, new = (_judged_buckets(item, values.histogram) for values in (before, now))
    index = drift(old, new)
    if index is None:
        return False
    sizes = (sum(old.values()), sum(new.values()))
    chance = CHANCE * (len({*old, *new}) - 1) * sum(1 / size for size in sizes)
    is_constant = now.distinct == 1 and sizes[1] >= CONSTANT_ROWS and before.distinct >= CONSTANT_BEFORE
    return index > float(threshold("delivery_drift_max", day)) + chance or is_constant


def _judged_buckets(item: Item, histogram: Mapping[str, int]) -> dict[str, int]:
    """Buckets that are compared: of text, only whether there is any; names and numbers of things are new in each delivery."""
    if _bucket_sql(item):
        return dict(histogram)
    blank = histogram.get(BLANK, 0)
    return {BLANK: blank, "": sum(histogram.values()) - blank}


def _judge_distribution(work: Workbench, batch: Batch, drifted: Sequence[bool]) -> None:
    """Record how the rule on distributions came out; which columns drifted stands in their profiles."""
    for rule in work.contract.rules:
        if rule.scope == "distribution":
            checked = batch.rows_in if drifted else 0
            failed = checked if any(drifted) else 0
            work.add_result(
                batch, rule.id, rule.family, (judge(rule.severity, checked, failed), checked, failed)
            )


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
        # Only the extremes are turned into what is shown of them: both conversions keep the order.
        shown = "DOUBLE" if _is_numeric(item) else "VARCHAR"
        extremes = ", ".join(f"CAST({one}({column}) AS {shown})" for one in ("min", "max"))
        parts.append(f"count({column}), approx_count_distinct({column}), {extremes}")
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


def take_sample(work: Workbench, pieces: Sequence[pa.Table]) -> None:
    """Take an even sample of each piece of a delivery into table ``sample``."""
    sampled = [
        rows.take(pa.array(range(0, rows.num_rows, max(1, rows.num_rows // SAMPLE_ROWS)), pa.int64()))
        for rows in pieces
    ]
    work.connection.register("sampled rows", pa.concat_tables(sampled))
    work.connection.execute('INSERT INTO sample SELECT * FROM "sampled rows"')
    work.connection.unregister("sampled rows")


def _choose_lines(work: Workbench) -> None:
    """Write table ``sampled``: as many lines of ``sample`` from each batch, however many pieces it came in."""
    work.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE sampled AS SELECT sample.* FROM sample
        JOIN (SELECT batch, greatest(1, count(*) // {SAMPLE_ROWS}) AS pace FROM sample GROUP BY batch) USING (batch)
        WHERE hash(line) % pace = 0"""
    )


def _sample_shapes(work: Workbench) -> dict[tuple[int, str], tuple[dict[str, int], str | None]]:
    """Histogram of patterns and the commonest pattern of each column, of the chosen lines."""
    columns = ", ".join(
        f"coalesce(nullif(trim({quote(item.id)}), ''), '') AS {quote(item.id)}"
        for item in work.contract.items
    )
    rows = work.connection.execute(
        f"""WITH trimmed AS (SELECT batch, {columns} FROM sampled),
        long AS (UNPIVOT trimmed ON COLUMNS(* EXCLUDE (batch)) INTO NAME item VALUE value),
        shaped AS (SELECT batch, item, {pattern_sql("value")} AS pattern, value = '' AS is_blank FROM long)
        SELECT batch, item, CASE WHEN is_blank THEN '{BLANK}' ELSE pattern END AS pattern, count(*)
        FROM shaped GROUP BY ALL ORDER BY count(*) DESC, pattern"""
    ).fetchall()
    shapes: dict[tuple[int, str], tuple[dict[str, int], str | None]] = {}
    for number, item, pattern, count in rows:
        histogram, top = shapes.setdefault((number, item), ({}, None))
        if len(histogram) < MOST_BUCKETS:
            histogram[pattern] = count
        if top is None and pattern != BLANK:
            shapes[number, item] = (histogram, pattern)
    return shapes


def _sample_values(work: Workbench) -> dict[tuple[int, str], dict[str, int]]:
    """Histogram of each numeric or coded column as read, of the same lines; what could not be read is left out."""
    buckets = {item.id: bucket for item in work.contract.items if (bucket := _bucket_sql(item))}
    if not buckets:
        return {}
    columns = ", ".join(f"coalesce({bucket}, '{BLANK}') AS {quote(name)}" for name, bucket in buckets.items())
    rows = work.connection.execute(
        f"""WITH placed AS (SELECT batch, {columns} FROM typed
            WHERE misfit IS NULL AND (batch, line) IN (SELECT batch, line FROM sampled)),
        long AS (UNPIVOT placed ON COLUMNS(* EXCLUDE (batch)) INTO NAME item VALUE bucket)
        SELECT batch, item, bucket, count(*) FROM long GROUP BY ALL ORDER BY count(*) DESC, bucket"""
    ).fetchall()
    found: dict[tuple[int, str], dict[str, int]] = {}
    for number, item, bucket, count in rows:
        histogram = found.setdefault((number, item), {})
        if len(histogram) < MOST_BUCKETS:
            histogram[bucket] = count
    return found


def _bucket_sql(item: Item) -> str | None:
    """Write the bucket of a typed value: sign and power of two of a number, code or truth value as it is; ``None`` for others."""
    column = quote(item.id)
    if item.code_list or item.type == "boolean":
        return f"CAST({column} AS VARCHAR)"
    if not _is_numeric(item):
        return None
    number = f"CAST({column} AS DOUBLE)"
    return f"""CASE WHEN {number} = 0 THEN '0' WHEN NOT isfinite({number}) THEN '?'
        ELSE concat(CASE WHEN {number} < 0 THEN '-' ELSE '+' END, floor(log2(abs({number})))::INTEGER) END"""


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
