"""Array forms of the operations that monthly expressions are made of; NaN stands for null, truth is 1, 0 or NaN.

Reductions take values and where they are seen, months by enterprises, and give one value per enterprise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis.expr.operations as ops
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
#: A number, one number per enterprise, or one per month and enterprise.
Operand = Any


def _count(argument: Floats, seen: Flags) -> Floats:
    counted: Floats = seen.sum(axis=0, dtype=np.int32).astype(np.float64)
    return counted


def _over_months(values: Floats) -> Floats:
    """Sum month after month.

    A single enterprise is summed beside itself: numpy adds one column pairwise and several row by row, and how many are computed at
    a time would show in the last digit.
    """
    is_single = values.shape[1:] == (1,)
    total: Floats = (np.repeat(values, 2, axis=1) if is_single else values).sum(axis=0)
    return total[:1] if is_single else total


def _total(argument: Floats, seen: Flags) -> Floats:
    return _over_months(np.where(seen, argument, 0.0))


def _sum(argument: Floats, seen: Flags) -> Floats:
    return np.where(seen.any(axis=0), _total(argument, seen), np.nan)


def _mean(argument: Floats, seen: Flags) -> Floats:
    return _total(argument, seen) / _count(argument, seen)


def _max(argument: Floats, seen: Flags) -> Floats:
    return np.asarray(np.fmax.reduce(np.where(seen, argument, np.nan), axis=0))


def _min(argument: Floats, seen: Flags) -> Floats:
    return np.asarray(np.fmin.reduce(np.where(seen, argument, np.nan), axis=0))


def _freedom(seen: Flags, how: str) -> Floats:
    """Divisor of sums of squares: the count, less one for a sample; null where that is no more than nothing."""
    divisor = seen.sum(axis=0, dtype=np.float64) - (how == "sample")
    return np.where(divisor > 0, divisor, np.nan)


def variance(argument: Floats, seen: Flags, how: str) -> Floats:
    """Mean square of what is off the mean; ``how`` is ``pop`` or ``sample``."""
    off = np.where(seen, argument - _mean(argument, seen), 0.0)
    return np.asarray(_over_months(off * off) / _freedom(seen, how))


def covariance(left: Floats, right: Floats, seen: Flags, how: str) -> Floats:
    """Mean product of what both are off their means, where both are known."""
    both = seen & ~np.isnan(right)
    off = np.where(both, (left - _mean(left, both)) * (right - _mean(right, both)), 0.0)
    return np.asarray(_over_months(off) / _freedom(both, how))


def at_extreme(argument: Floats, key: Floats, seen: Flags, *, is_least: bool) -> Floats:
    """Argument where the key is least or greatest; of equal keys, the newest month's."""
    ranked = np.where(seen, key if is_least else -key, np.inf)
    place = ranked.argmin(axis=0)
    found = np.take_along_axis(np.broadcast_to(argument, seen.shape), place[None, :], axis=0)[0]
    return np.where(seen.any(axis=0), found, np.nan)


def _known_only(*operands: Operand) -> Flags:
    """Where none of the operands is null."""
    known: Any = ~np.isnan(operands[0])
    for operand in operands[1:]:
        known = known & ~np.isnan(operand)
    return known  # type: ignore[no-any-return]


def _compare(test: Callable[[Any, Any], Any]) -> Callable[[Operand, Operand], Operand]:
    def form(left: Operand, right: Operand) -> Operand:
        return np.where(_known_only(left, right), test(left, right), np.nan)

    return form


def _and(left: Operand, right: Operand) -> Operand:
    """Three-valued: no beats not known."""
    is_no = (left == 0) | (right == 0)
    return np.where(is_no, 0.0, np.where(_known_only(left, right), 1.0, np.nan))


def _or(left: Operand, right: Operand) -> Operand:
    is_yes = (left == 1) | (right == 1)
    return np.where(is_yes, 1.0, np.where(_known_only(left, right), 0.0, np.nan))


def _coalesce(*operands: Operand) -> Operand:
    found = operands[0]
    for operand in operands[1:]:
        found = np.where(np.isnan(found), operand, found)
    return found


def _clip(value: Operand, lower: Operand, upper: Operand) -> Operand:
    found = np.where(value < lower, lower, value)
    return np.where(found > upper, upper, found)


def _is_null(value: Operand) -> Operand:
    return np.isnan(value).astype(np.float64)


FORMS: dict[type[Any], Callable[..., Operand]] = {
    ops.Add: lambda left, right: left + right,
    ops.Subtract: lambda left, right: left - right,
    ops.Multiply: lambda left, right: left * right,
    ops.Divide: lambda left, right: np.divide(left, right),
    ops.Negate: lambda value: -value,
    ops.Abs: np.abs,
    ops.Sqrt: np.sqrt,
    ops.Clip: _clip,
    ops.Coalesce: _coalesce,
    ops.NullIf: lambda value, null: np.where(value == null, np.nan, value),
    ops.IfElse: lambda condition, yes, no: np.where(condition == 1, yes, no),
    ops.Equals: _compare(np.equal),
    ops.NotEquals: _compare(np.not_equal),
    ops.Greater: _compare(np.greater),
    ops.GreaterEqual: _compare(np.greater_equal),
    ops.Less: _compare(np.less),
    ops.LessEqual: _compare(np.less_equal),
    ops.And: _and,
    ops.Or: _or,
    ops.Not: lambda value: 1.0 - value,
    ops.IsNull: _is_null,
    ops.NotNull: lambda value: 1.0 - _is_null(value),
}
REDUCTIONS: dict[type[Any], Callable[[Floats, Flags], Floats]] = {
    ops.Count: _count,
    ops.Sum: _sum,
    ops.Mean: _mean,
    ops.Max: _max,
    ops.Min: _min,
    # These have arguments of their own, see `panels.Evaluation`.
    ops.Variance: _sum,
    ops.StandardDev: _sum,
    ops.Covariance: _sum,
    ops.ArgMin: _sum,
    ops.ArgMax: _sum,
}
