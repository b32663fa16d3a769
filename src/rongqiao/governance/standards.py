"""Step 2, standards: bind delivered headers to items and cast strings to the contract's types, piece by piece.

What cannot be cast goes to quarantine with the value as it came.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.contracts.catalog import code_list, fold
from rongqiao.governance.batch import Piece, judge
from rongqiao.governance.readings import cast_sql, is_blank_sql, is_doubtful_sql, quick_sql
from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from rongqiao.contracts.standards import Contract, Item
    from rongqiao.governance.batch import Batch, RawFile, Workbench

TITLE = "标准制定"

_MISFITS = {
    "decimal": "不是数字",
    "integer": "不是整数",
    "date": "不是日期",
    "month": "不是年月",
    "boolean": "不是“是/否”",
    "string": "不在代码表内",
}


def bind_headers(contract: Contract, headers: Sequence[str]) -> dict[int, tuple[str, int]]:
    """Find the item that each header stands for.

    Returns
    -------
    dict of int to (str, int)
        Position of a header → item id and factor to the item's unit. Unknown headers, and second headers of one item, are left out.
    """
    plain = {_fold(header): item for header, item in contract.headers.items()}
    scaled = {_fold(header): by for item in contract.items for header, by in item.scaled_headers}
    bound: dict[int, tuple[str, int]] = {}
    for position, header in enumerate(headers):
        folded = _fold(header)
        item_id = plain.get(folded)
        if item_id and item_id not in {taken for taken, _ in bound.values()}:
            bound[position] = (item_id, scaled.get(folded, 1))
    return bound


def _fold(header: str) -> str:
    """Fold a header; a leading mark and the asterisk of required columns mean nothing."""
    return fold(header.replace("\ufeff", "").replace("*", ""))


def arrange(contract: Contract, raw: RawFile, batch: Batch) -> Piece:
    """Lay a piece of a file out by the contract's items; items that hold for the whole file yield to a column of the file."""
    rows = len(raw.lines)
    columns: dict[str, Any] = {
        "batch": pa.repeat(pa.scalar(batch.number, pa.int32()), rows),
        "line": raw.lines,
    }
    bound = bind_headers(contract, raw.headers)
    sources = {item_id: raw.columns[at] for at, (item_id, _) in bound.items()}
    factors = {item_id: factor for item_id, factor in bound.values() if factor != 1}
    for item in contract.items:
        constant = pa.scalar(batch.delivery.constants.get(item.id), pa.string())
        columns[item.id] = sources[item.id] if item.id in sources else pa.repeat(constant, rows)
    plain = pa.table(columns)
    for item_id, factor in factors.items():
        columns[item_id] = _scale(columns[item_id], factor)
    return Piece(pa.table(columns) if factors else plain, plain, factors, batch.number)


def _scale(array: Any, factor: int) -> Any:
    """Carry the factor of a scaled header into the values, where the cast reads it as ``×10000``."""
    is_blank = pc.equal(pc.utf8_trim_whitespace(array), "")
    return pc.if_else(is_blank, array, pc.binary_join_element_wise(array, f"×{factor}", ""))


def cast(work: Workbench, pieces: Sequence[Piece]) -> None:
    """Add pieces with the same factors to ``typed``; rows that do not fit go to ``rejected`` under ``<contract>.<item>_type`` or ``_code``.

    Notes
    -----
    A blank is null, never zero. A number with more places than its type is rounded half away from zero. A row with several misfits is
    counted under the first. All rows are read quickly; those of which a quick reading is in doubt are read again, in full.
    """
    empty = _empty(work.contract)
    plain = pa.concat_tables([empty, *(piece.plain for piece in pieces)])
    rows = pa.concat_tables([empty, *(piece.rows for piece in pieces)])
    factors = pieces[0].factors if pieces else {}
    for item in work.contract.items:
        if item.code_list:
            _stage_codes(work, item, plain[item.id])
    part = f"typed {len(work.parts)}"
    work.parts.append(part)
    doubtful = _read_quickly(work, part, (plain, factors))
    if 2 * len(doubtful) > plain.num_rows:
        # A department that writes its dates out would have each row in the table twice.
        work.connection.execute(f"DROP TABLE {quote(part)}")
        _read_in_full(work, f"CREATE TEMP TABLE {quote(part)} AS", rows)
    elif len(doubtful):
        _read_in_full(work, f"INSERT INTO {quote(part)}", rows.take(pa.array(doubtful)))


def _empty(contract: Contract) -> pa.Table:
    """No rows, as delivered."""
    strings = dict.fromkeys(contract.columns, pa.string())
    return pa.schema({"batch": pa.int32(), "line": pa.int32(), **strings}).empty_table()


def forget(work: Workbench, batch: Batch) -> None:
    """Take back what was cast of a batch whose file cannot be read to its end."""
    for table in (*work.parts, "rejected", "sample"):
        work.connection.execute(f"DELETE FROM {quote(table)} WHERE batch = {batch.number}")


def _read_quickly(
    work: Workbench, part: str, delivered: tuple[pa.Table, Mapping[str, int]]
) -> npt.NDArray[np.int64]:
    """Write a part of ``typed``; rows in doubt are marked with an empty misfit, and their positions returned."""
    plain, factors = delivered
    items = work.contract.items
    casts = ", ".join(
        f"{quick_sql(item, factors.get(item.id, 1))} AS {quote(f'typed {item.id}')}" for item in items
    )
    chosen = ", ".join(f"{quote(f'typed {item.id}')} AS {quote(item.id)}" for item in items)
    doubts = [doubt for item in items if (doubt := is_doubtful_sql(item))]
    marked = f"CASE WHEN ({') OR ('.join(doubts)}) THEN '' END" if doubts else "NULL::VARCHAR"
    work.connection.register("delivered rows", plain)
    work.connection.execute(
        f"""CREATE TEMP TABLE {quote(part)} AS SELECT batch, line, {chosen}, {marked} AS misfit
        FROM (SELECT raw.*, {casts} FROM "delivered rows" raw {_code_joins(items)}) raw"""
    )
    work.connection.unregister("delivered rows")
    found = work.connection.execute(f"SELECT batch, line FROM {quote(part)} WHERE misfit = ''").fetchnumpy()
    return np.flatnonzero(
        np.isin(
            _places(plain["batch"].to_numpy(), plain["line"].to_numpy()),
            _places(found["batch"], found["line"]),
        )
    )


def _places(batches: npt.NDArray[np.int32], lines: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Batch and line as one number."""
    return batches.astype(np.int64) << 32 | lines.astype(np.int64)


def _read_in_full(work: Workbench, target: str, rows: pa.Table) -> None:
    """Put rows into a part of ``typed`` by every reading there is, and reject those that none can read."""
    items = work.contract.items
    checked = _checked(work.contract)
    casts = ", ".join(f"{cast_sql(item)} AS {quote(f'typed {item.id}')}" for item in items)
    chosen = ", ".join(f"{quote(f'typed {item.id}')} AS {quote(item.id)}" for item in items)
    work.connection.register("delivered rows", rows)
    work.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE "read in full" AS SELECT batch, line, {chosen}, {_misfit_sql(checked)} AS misfit
        FROM (SELECT raw.*, {casts} FROM "delivered rows" raw {_code_joins(items)})"""
    )
    work.connection.execute(f'{target} SELECT * FROM "read in full"')
    _reject_misfits(work, checked)
    work.connection.unregister("delivered rows")


def _code_joins(items: Sequence[Item]) -> str:
    names = [(quote(f"codes {item.id}"), quote(item.id)) for item in items if item.code_list]
    return " ".join(f"LEFT JOIN {codes} ON {codes}.raw = raw.{column}" for codes, column in names)


def _checked(contract: Contract) -> list[Item]:
    """Items whose strings may fail to be read."""
    return [item for item in contract.items if item.type != "string" or item.code_list]


def _misfit_sql(checked: Sequence[Item]) -> str:
    """Id of the first item of a row that has a value but no typed value; null when all fit."""
    cases = " ".join(
        f"WHEN {quote(f'typed {item.id}')} IS NULL AND NOT {is_blank_sql(item)} THEN {literal(item.id)}"
        for item in checked
    )
    return f"CASE {cases} END" if cases else "NULL::VARCHAR"


def _reject_misfits(work: Workbench, checked: Sequence[Item]) -> None:
    """Send rows with a misfit to quarantine, with the value as it was delivered."""
    if not checked:
        return
    values = " ".join(f"WHEN {literal(item.id)} THEN raw.{quote(item.id)}" for item in checked)
    rules = " ".join(
        f"WHEN {literal(item.id)} THEN {literal(_rule_id(work.contract, item))}" for item in checked
    )
    texts = " ".join(f"WHEN {literal(item.id)} THEN {literal(_message(item))}" for item in checked)
    work.connection.execute(
        f"""INSERT INTO rejected
        SELECT batch, line, misfit, CASE misfit {rules} END, CASE misfit {values} END, CASE misfit {texts} END
        FROM (SELECT batch, line, misfit FROM "read in full" WHERE misfit IS NOT NULL)
        JOIN "delivered rows" raw USING (batch, line)"""
    )


def finish(work: Workbench) -> None:
    """Show all parts as ``typed``."""
    parts = " UNION ALL ".join(f"SELECT * FROM {quote(part)}" for part in work.parts)
    work.connection.execute(
        f"CREATE OR REPLACE TEMP VIEW typed AS SELECT * FROM ({parts}) WHERE misfit IS DISTINCT FROM ''"
    )


def judge_readings(work: Workbench) -> None:
    """Record for each item and batch how many strings there were, as profiled, and how many of them could not be read."""
    misfits = {
        (number, item_id): count
        for number, item_id, count in work.connection.execute(
            "SELECT batch, column_id, count(*) FROM rejected GROUP BY ALL"
        ).fetchall()
    }
    given = {(row["batch_id"], row["column"]): row["rows"] - row.get("nulls", 0) for row in work.profiles}
    for batch in work.batches:
        for item in _checked(work.contract):
            checked, failed = given[batch.batch_id, item.id], misfits.get((batch.number, item.id), 0)
            counts = (judge("reject", checked, failed), checked, failed)
            work.add_result(batch, _rule_id(work.contract, item), "validity", counts)


def _rule_id(contract: Contract, item: Item) -> str:
    return f"{contract.id}.{item.id}_{'code' if item.code_list else 'type'}"


def _message(item: Item) -> str:
    return f"“{item.title}”{'不在代码表内' if item.code_list else _MISFITS[item.type]}"


def _stage_codes(work: Workbench, item: Item, delivered: pa.ChunkedArray) -> None:
    """Bring table ``codes <item>`` up to date: each distinct delivered string and the code it stands for, if any."""
    known = work.codes.setdefault(item.id, {})
    strange = [
        value for value in pc.unique(delivered).to_pylist() if value is not None and value not in known
    ]
    known.update(read_codes(item, strange))
    staged = pa.table(
        {"raw": pa.array(list(known), pa.string()), "code": pa.array(list(known.values()), pa.string())}
    )
    work.connection.register("staged codes", staged)
    work.connection.execute(
        f'CREATE OR REPLACE TEMP TABLE {quote(f"codes {item.id}")} AS SELECT * FROM "staged codes"'
    )
    work.connection.unregister("staged codes")


def read_codes(item: Item, values: Sequence[str]) -> dict[str, str | None]:
    """Find what each delivered string stands for in the item's code list: by code, title or alias; else ``None``."""
    codes = code_list(item.code_list or "")
    return {value: codes.normalise(value) for value in values}
