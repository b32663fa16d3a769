"""Aggregates taken apart: the distinct reductions that several share, and what is made of them.

``sum`` over twelve months serves a total, a mean, a growth and a share. An engine that is given every aggregate as it was declared
parses, plans and translates each of them again; given the distinct reductions, and the values over them in a second step, it does
each once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_QUANTILES = (ops.Median, ops.Quantile)


def in_portions(aggregates: Mapping[str, Any], most: int) -> Iterator[dict[str, Any]]:
    """Part aggregates so that each portion rests on at most so many reductions, unless one alone needs more."""
    portion: dict[str, Any] = {}
    resting: set[Any] = set()
    for name, expression in aggregates.items():
        added = resting | reductions_of(expression)
        if portion and len(added) > most:
            yield portion
            portion, added = {}, reductions_of(expression)
        portion[name] = expression
        resting = added
    if portion:
        yield portion


def same_once(aggregates: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Keep the first of equal aggregates; and tell the name under which each is found."""
    first: dict[Any, str] = {}
    names = {name: first.setdefault(expression.op(), name) for name, expression in aggregates.items()}
    return {name: aggregates[name] for name in first.values()}, names


def reductions_of(expression: Any) -> set[Any]:
    """Reductions that an aggregate rests on."""
    return set(expression.op().find(ops.Reduction, filter=ops.Value))


def aggregate_in_two_steps(rows: Any, by: str, aggregates: Mapping[str, Any]) -> Any:
    """Table of ``by`` and the aggregates as doubles, equal to aggregating at once.

    Parameters
    ----------
    rows : Table
    by : str
        Column that groups.
    aggregates : mapping
        Name → aggregate over ``rows``; equal ones are computed once.
    """
    distinct = {node for expression in aggregates.values() for node in reductions_of(expression)}
    # In the order of their text, so that plans are the same from run to run.
    names = {node: f"part{place}" for place, node in enumerate(sorted(distinct, key=repr))}
    parts = rows.group_by(by).aggregate(**{name: _portable(node) for node, name in names.items()})
    fields = {node: parts[name].op() for node, name in names.items()}
    made = {name: each.op().replace(fields).to_expr().cast("float64") for name, each in aggregates.items()}
    return parts.select(by, **made)


def _portable(node: Any) -> Any:
    """Write a reduction as every engine takes it.

    Ibis hands the condition of a quantile to Spark for its share as well, which must be a constant there; rows that do not count
    are made null instead, which quantiles leave out.
    """
    if isinstance(node, _QUANTILES) and node.where is not None:
        chosen = ibis.ifelse(node.where.to_expr(), node.arg.to_expr(), None)
        return node.copy(arg=chosen.op(), where=None).to_expr()
    return node.to_expr()
