"""Array forms of the operations that monthly expressions are made of; NaN stands for null, truth is 1, 0 or NaN.

Reductions take the chosen months of an argument, months by enterprises, and give one value per enterprise.
"""

from __future__ import annotations

from functools import cached_property
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


def choose(flags: Any, yes: Operand, no: Operand | None = None) -> Floats:
    """Give ``yes`` where a flag holds and ``no``, or zero, elsewhere, to the bit, as `np.where` does.

    That branches at each element, and takes five times as long where flags follow no order, as whether a month was delivered.
    """
    mask = -np.asarray(flags).astype(np.int64)
    bits = np.asarray(yes, dtype=np.float64).view(np.int64)
    if no is None:
        return np.asarray((bits & mask).view(np.float64))
    other = np.asarray(no, dtype=np.float64).view(np.int64)
    return np.asarray((((bits ^ other) & mask) ^ other).view(np.float64))


class Chosen:
    """Months of one argument that count, months by enterprises; what several reductions of them share is computed once.

    Parameters
    ----------
    values : array
        The argument; anything where it is not seen.
    filled : array
        The same, and zero where it is not seen; flags where the argument is a condition.
    seen : array of flags
        Where the argument is known and its month chosen.
    """

    def __init__(self, values: Floats, filled: npt.NDArray[Any], seen: Flags) -> None:
        self.values, self.filled, self.seen = values, filled, seen

    @cached_property
    def count(self) -> Floats:
        """Months seen."""
        return _count(self.seen)

    @cached_property
    def total(self) -> Floats:
        """Sum; zero where nothing is seen."""
        return _count(self.filled) if self.filled.dtype == np.bool_ else _over_months(self.filled)

    @cached_property
    def mean(self) -> Floats:
        """Mean; null where nothing is seen."""
        return np.asarray(self.total / self.count)

    def freedom(self, how: str) -> Floats:
        """Divisor of sums of squares: the count, less one for a sample; null where that is no more than nothing."""
        divisor = self.count - (how == "sample")
        return choose(divisor > 0, divisor, np.nan)


def _count(flags: Flags) -> Floats:
    # Months are fewer than a byte counts, and bytes are added many at a time.
    counted: Floats = np.add.reduce(flags.view(np.uint8), axis=0, dtype=np.uint8).astype(np.float64)
    return counted


def _over_months(values: Floats) -> Floats:
    """Sum month after month.

    A single enterprise is summed beside itself: numpy adds one column pairwise and several row by row, and how many are computed at
    a time would show in the last digit.
    """
    is_single = values.shape[1:] == (1,)
    total: Floats = np.add.reduce(np.repeat(values, 2, axis=1) if is_single else values, axis=0)
    return total[:1] if is_single else total


def _sum(months: Chosen) -> Floats:
    return choose(months.count > 0, months.total, np.nan)


def _max(months: Chosen) -> Floats:
    return np.asarray(np.fmax.reduce(choose(months.seen, months.values, np.nan), axis=0))


def _min(months: Chosen) -> Floats:
    return np.asarray(np.fmin.reduce(choose(months.seen, months.values, np.nan), axis=0))


def variance(months: Chosen, how: str) -> Floats:
    """Mean square of what is off the mean; ``how`` is ``pop`` or ``sample``."""
    off = choose(months.seen, months.values - months.mean)
    return np.asarray(_over_months(np.multiply(off, off, out=off)) / months.freedom(how))


def covariance(left: Chosen, right: Chosen, how: str) -> Floats:
    """Mean product of what both are off their means; both are seen in the same months."""
    off = choose(left.seen, (left.values - left.mean) * (right.values - right.mean))
    return np.asarray(_over_months(off) / left.freedom(how))


def at_extreme(months: Chosen, key: Floats, *, is_least: bool) -> Floats:
    """Argument where the key is least or greatest; of equal keys, the newest month's."""
    ranked = choose(months.seen, key if is_least else -key, np.inf)
    place = ranked.argmin(axis=0)
    found = np.take_along_axis(np.broadcast_to(months.values, months.seen.shape), place[None, :], axis=0)[0]
    return choose(months.seen.any(axis=0), found, np.nan)


def _known_only(*operands: Operand) -> Flags:
    """Where none of the operands is null."""
    known: Any = ~np.isnan(operands[0])
    for operand in operands[1:]:
        known = known & ~np.isnan(operand)
    return known  # type: ignore[no-any-return]


def _compare(test: Callable[[Any, Any], Any]) -> Callable[[Operand, Operand], Operand]:
    def form(left: Operand, right: Operand) -> Operand:
        return choose(_known_only(left, right), test(left, right), np.nan)

    return form


def _and(left: Operand, right: Operand) -> Operand:
    """Three-valued: no beats not known."""
    is_no = (left == 0) | (right == 0)
    return choose(is_no, 0.0, choose(_known_only(left, right), 1.0, np.nan))


def _or(left: Operand, right: Operand) -> Operand:
    is_yes = (left == 1) | (right == 1)
    return choose(is_yes, 1.0, choose(_known_only(left, right), 0.0, np.nan))


def _coalesce(*operands: Operand) -> Operand:
    found = operands[0]
    for operand in operands[1:]:
        found = choose(np.isnan(found), operand, found)
    return found


def _clip(value: Operand, lower: Operand, upper: Operand) -> Operand:
    found = choose(value < lower, lower, value)
    return choose(found > upper, upper, found)


def _is_null(value: Operand) -> Operand:
    return np.isnan(value).astype(np.float64)


COMPARISONS: dict[type[Any], Callable[[Any, Any], Any]] = {
    ops.Equals: np.equal,
    ops.NotEquals: np.not_equal,
    ops.Greater: np.greater,
    ops.GreaterEqual: np.greater_equal,
    ops.Less: np.less,
    ops.LessEqual: np.less_equal,
}
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
    ops.NullIf: lambda value, null: choose(value == null, np.nan, value),
    ops.IfElse: lambda condition, yes, no: choose(condition == 1, yes, no),
    ops.And: _and,
    ops.Or: _or,
    ops.Not: lambda value: 1.0 - value,
    ops.IsNull: _is_null,
    ops.NotNull: lambda value: 1.0 - _is_null(value),
    ops.Cast: lambda value: value,
    **{kind: _compare(test) for kind, test in COMPARISONS.items()},
}
REDUCTIONS: dict[type[Any], Callable[[Chosen], Floats]] = {
    ops.Count: lambda months: months.count,
    ops.Sum: _sum,
    ops.Mean: lambda months: months.mean,
    ops.Max: _max,
    ops.Min: _min,
    # These have arguments of their own, see `panels.Evaluation`.
    ops.Variance: _sum,
    ops.StandardDev: _sum,
    ops.Covariance: _sum,
    ops.ArgMin: _sum,
    ops.ArgMax: _sum,
}
