"""Leaving out of an expression the columns that nobody reads, so that no engine computes them.

Engines drop a plain column by themselves, but not one that needs a window over rows: what marks runs of zeros costs more than all
statistics of a series, and panels count runs themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis.expr.operations as ops

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ibis.expr.types import Table


def pruned(rows: Table, wanted: Collection[str]) -> Table:
    """Rows with the wanted columns only, in the order they have; the same rows.

    Parameters
    ----------
    rows : Table
        An expression. Below what neither projects nor filters, everything is kept as it is.
    wanted : collection of str
        Names of columns.
    """
    found: Table = _pruned(rows.op(), frozenset(wanted)).to_expr()
    return found.select(*(name for name in rows.columns if name in wanted))


def columns_read(values: Iterable[Any], rows: Table) -> frozenset[str]:
    """Columns of the rows that values over them read."""
    return _read_of(rows.op(), (value.op() for value in values))


def values_in(tops: Iterable[Any]) -> set[Any]:
    """Operations that values are made of, each once, without those of the relations that their columns come from."""
    found: set[Any] = set()
    ahead = list(tops)
    while ahead:
        node = ahead.pop()
        if node not in found:
            found.add(node)
            if not isinstance(node, ops.Field):
                ahead.extend(parts_of(node))
    return found


def parts_of(node: Any) -> Iterator[Any]:
    """Values that an operation is made of directly."""
    for part in node.args:
        for inner in part if isinstance(part, tuple) else (part,):
            if isinstance(inner, ops.Value):
                yield inner


def _pruned(node: Any, wanted: frozenset[str]) -> Any:
    """Rows with at least the wanted columns."""
    if isinstance(node, ops.Project):
        values = {name: value for name, value in node.values.items() if name in wanted}
        below = _pruned(node.parent, _read_of(node.parent, values.values()))
        return ops.Project(below, dict(zip(values, _over(node.parent, below, values.values()), strict=True)))
    if isinstance(node, ops.Filter):
        below = _pruned(node.parent, wanted | _read_of(node.parent, node.predicates))
        return ops.Filter(below, _over(node.parent, below, node.predicates))
    if isinstance(node, ops.DropColumns):
        return _pruned(node.parent, wanted)
    return node


def _over(rows: Any, others: Any, values: Iterable[Any]) -> list[Any]:
    """Values over other rows than those that they were built over."""
    if others is rows:
        return list(values)
    moved = {ops.Field(rows, name): ops.Field(others, name) for name in others.schema if name in rows.schema}
    return [value.replace(moved, filter=ops.Value) for value in values]


def _read_of(rows: Any, values: Iterable[Any]) -> frozenset[str]:
    return frozenset(
        node.name for node in values_in(values) if isinstance(node, ops.Field) and node.rel == rows
    )
