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


def _pruned(node: Any, wanted: frozenset[str]) -> Any:
    """Rows with at least the wanted columns."""
    if isinstance(node, ops.Project):
        values = {name: value for name, value in node.values.items() if name in wanted}
        parent, moved = _below(node.parent, values.values(), frozenset())
        return ops.Project(parent, {name: value.replace(moved) for name, value in values.items()})
    if isinstance(node, ops.Filter):
        parent, moved = _below(node.parent, node.predicates, wanted)
        return ops.Filter(parent, [predicate.replace(moved) for predicate in node.predicates])
    if isinstance(node, ops.DropColumns):
        return _pruned(node.parent, wanted)
    return node


def _below(parent: Any, values: Iterable[Any], wanted: frozenset[str]) -> tuple[Any, dict[Any, Any]]:
    """Prune the rows that values are read from; also where each column that they read is now."""
    read = {field.name for value in values for field in value.find(ops.Field) if field.rel == parent}
    fresh = _pruned(parent, wanted | read)
    return fresh, {ops.Field(parent, name): ops.Field(fresh, name) for name in read}
