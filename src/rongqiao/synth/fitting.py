"""Makes drawn rows obey their contract's rules: sums add up, ends follow beginnings, and what cannot be mended is left out."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import duckdb
import sqlglot
from sqlglot import exp

from rongqiao.contracts.standards import load_contract
from rongqiao.lake.engine import quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import pyarrow as pa

    from rongqiao.contracts.standards import Contract, QualityRule

#: One mending may undo another; so often they are gone through.
PASSES = 2
Mending = tuple[str, str]


def fit(rows: pa.Table, contract: Contract, delivered_on: dt.date) -> pa.Table:
    """Change drawn values so that rows break no rule, and drop rows that still do.

    Parameters
    ----------
    rows : pa.Table
        Typed rows with the contract's items as columns.
    contract : Contract
    delivered_on : datetime.date
        Day of arrival, which rules may name.

    Returns
    -------
    pa.Table
        At most as many rows, one per key; optional values that stood in the way of a rule are null.
    """
    if not rows.num_rows:
        return rows
    connection = _engine()
    connection.register("drawn", rows)
    day = f"DATE '{delivered_on.isoformat()}' AS delivered_on"
    query = f"SELECT *, {day} FROM drawn"
    for _ in range(PASSES):
        for column, expression in _mendings(contract.id):
            query = f"SELECT * REPLACE (CAST({expression} AS {_type(contract, column)}) AS {quote(column)}) FROM ({query})"
    for columns, broken in _blankings(contract.id):
        blanked = ", ".join(
            f"CASE WHEN {broken} THEN NULL ELSE {quote(name)} END AS {quote(name)}" for name in columns
        )
        query = f"SELECT * REPLACE ({blanked}) FROM ({query})"
    keys = ", ".join(quote(name) for name in contract.key)
    # Damaged text, impossible days and amounts beyond all measure are never drawn; asking for them would cost more than all the rest.
    asked = [
        rule
        for rule in contract.row_rules
        if not rule.is_implied or rule.family == "completeness" or rule.severity == "warn"
    ]
    kept = " AND ".join(f"coalesce({rule.expression}, TRUE)" for rule in asked) or "TRUE"
    query = f"""SELECT * EXCLUDE (delivered_on) FROM ({query}) WHERE {kept}
        QUALIFY row_number() OVER (PARTITION BY {keys}) = 1 ORDER BY {keys}"""
    return connection.execute(query).to_arrow_table().cast(rows.schema)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """Open the engine once per process; opening takes longer than fitting a small table."""
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    return connection


def _type(contract: Contract, column: str) -> str:
    return contract.item(column).physical_type


@cache
def _mendings(contract_id: str) -> tuple[Mending, ...]:
    """List what to compute anew, in order: column and SQL, for those rules whose form says how to fulfil them."""
    contract = load_contract(contract_id)
    fixed = {*contract.key, contract.valid_on, "uscc", "name", "delivered_on"}
    found: list[Mending] = []
    for rule in _written_rules(contract):
        tree = sqlglot.parse_one(rule.expression, dialect="duckdb")
        parts: list[exp.Expression] = list(tree.flatten()) if isinstance(tree, exp.And) else [tree]  # type: ignore[no-untyped-call]
        for part in parts:
            found += _mend(_bare(part), {name for name in contract.columns if name not in fixed})
    return tuple(found)


def _written_rules(contract: Contract) -> Iterator[QualityRule]:
    """Rules that the contract writes down; what is drawn obeys the implied ones anyway, or is left out."""
    return (rule for rule in contract.row_rules if not rule.is_implied)


def _mend(part: exp.Expression, free: set[str]) -> Iterator[Mending]:
    if isinstance(part, exp.EQ):
        for here, there in ((part.this, part.expression), (part.expression, part.this)):
            if _is_free(here, free) and not _names(here) & _names(there):
                yield here.name, f"coalesce({_sql(there)}, {_sql(here)})"
                return
    elif isinstance(part, exp.Between):
        if _is_free(part.this, free):
            low, high = _sql(part.args["low"]), _sql(part.args["high"])
            here = _sql(part.this)
            yield (
                part.this.name,
                f"CASE WHEN {here} < {low} THEN {low} WHEN {here} > {high} THEN {high} ELSE {here} END",
            )
    elif isinstance(part, (exp.LTE, exp.LT, exp.GTE, exp.GT)):
        yield from _mend_order(part, free)


def _mend_order(part: exp.Expression, free: set[str]) -> Iterator[Mending]:
    low, high = _bare(part.this), _bare(part.expression)
    if isinstance(part, (exp.GTE, exp.GT)):
        low, high = high, low
    if isinstance(low, exp.Abs):
        yield from _mend_balance(_bare(low.this), free)
    elif _is_free(low, free):
        bound = _sql(high) if _is_exact(high) else f"({_sql(high)}) - 0.01"
        yield low.name, f"CASE WHEN {_sql(low)} > {_sql(high)} THEN {bound} ELSE {_sql(low)} END"
    elif _is_free(high, free):
        bound = _sql(low) if _is_exact(low) else f"({_sql(low)}) + 0.01"
        yield high.name, f"CASE WHEN {_sql(high)} < {_sql(low)} THEN {bound} ELSE {_sql(high)} END"


def _mend_balance(difference: exp.Expression, free: set[str]) -> Iterator[Mending]:
    """``abs(a - …) <= tolerance``: the first term takes up the difference."""
    first = difference
    while isinstance(first, (exp.Sub, exp.Add, exp.Paren, exp.Cast)):
        first = first.this
    if _is_free(first, free):
        yield first.name, f"coalesce({_sql(first)} - ({_sql(difference)}), {_sql(first)})"


@cache
def _blankings(contract_id: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """List optional columns to leave blank, and when, for each rule that has such columns."""
    contract = load_contract(contract_id)
    optional = {item.id for item in contract.items if not item.is_required} - {
        "uscc",
        "name",
        contract.valid_on,
    }
    return tuple(
        (columns, f"NOT coalesce({rule.expression}, TRUE)")
        for rule in _written_rules(contract)
        if (columns := tuple(name for name in rule.columns if name in optional and name not in contract.key))
    )


def _bare(node: exp.Expression) -> exp.Expression:
    """Take brackets and casts away."""
    return _bare(node.this) if isinstance(node, (exp.Paren, exp.Cast)) else node


def _is_exact(node: exp.Expression) -> bool:
    """Whether a bound survives rounding to cents; one worked out in floating point may lie a hair off."""
    return not any(cast.to.this == exp.DataType.Type.DOUBLE for cast in node.find_all(exp.Cast))


def _is_free(node: exp.Expression, free: set[str]) -> bool:
    return isinstance(node, exp.Column) and node.name in free


def _names(node: exp.Expression) -> set[str]:
    return {column.name for column in node.find_all(exp.Column)}


def _sql(node: exp.Expression) -> str:
    return node.sql(dialect="duckdb")
