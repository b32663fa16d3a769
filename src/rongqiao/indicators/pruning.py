"""Leaving out of an expression the columns that nobody reads, so that no engine computes them.

Engines drop a plain column by themselves, but not one that needs a window over rows: what marks runs of zeros costs more than all
statistics of a series, and panels count runs themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis.expr.operations as ops

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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


def _pruned(node: Any, wanted: frozenset[str]) -> Any:
    """Rows with at least the wanted columns."""
    if isinstance(node, ops.Project):
        values = {name: value for name, value in node.values.items() if name in wanted}
        below = _pruned(node.parent, _read_of(node.parent, values.values()))
        moved = {node.parent: below}
        return ops.Project(below, {name: value.replace(moved) for name, value in values.items()})
    if isinstance(node, ops.Filter):
        below = _pruned(node.parent, wanted | _read_of(node.parent, node.predicates))
        moved = {node.parent: below}
        return ops.Filter(below, [predicate.replace(moved) for predicate in node.predicates])
    if isinstance(node, ops.DropColumns):
        return _pruned(node.parent, wanted)
    return node


def _read_of(rows: Any, values: Iterable[Any]) -> frozenset[str]:
    return frozenset(field.name for value in values for field in value.find(ops.Field) if field.rel == rows)
