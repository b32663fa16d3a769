"""Monthly statistics by arrays: the same expressions that the engines run, evaluated on dense panels of months and enterprises.

An indicator is declared once, as an Ibis expression over monthly rows. Engines run it as SQL, with one aggregate after the other;
here its expression tree is walked instead, and each part that several indicators share (a sum over twelve months, a count of
observed months) is computed once, over contiguous arrays. Property tests hold the two equal.

A panel has one array per column, months by enterprises: month 0 is the month of the computation, month 35 lies 35 months back. NaN
stands for null: the month was not delivered, or the item was empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis.expr.operations as ops
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ibis.expr.types import Table

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
#: A number, one number per enterprise, or one per month and enterprise; (MONTHS, 1) where all enterprises have the same.
Operand = Any

MONTHS = 36
#: Enterprises that are evaluated at a time.
BLOCK = 8_192
BACK = "back"
#: Ends the name of a column that counts the zeros a row stands in, see `series.with_runs`.
RUN = "__run"
RUN_MONTHS = 24


class NotArrayableError(Exception):
    """An expression uses an operation that has no array form; an engine runs it instead."""


class Panel:
    """Monthly values of some enterprises.

    Parameters
    ----------
    size : int
        Enterprises.
    place : array of int
        Of each row, its enterprise, 0 to ``size`` - 1.
    back : array of int
        Of each row, months back, 0 to :data:`MONTHS` - 1.
    known : array of int or None
        Of each row, the day it became known; of several rows of one month the last counts.
    columns : mapping
        Name → values of the rows, NaN for null.

    Raises
    ------
    NotArrayableError
        If two rows fall into one month of one enterprise, and no day tells which is the last.
    """

    def __init__(
        self,
        size: int,
        place: npt.NDArray[Any],
        back: npt.NDArray[Any],
        columns: Mapping[str, Floats],
        *,
        known: npt.NDArray[Any] | None = None,
    ) -> None:
        slots = back.astype(np.int64) * size + place
        present = np.zeros(MONTHS * size, dtype=np.bool_)
        present[slots] = True
        rows: Any = slice(None)
        if np.count_nonzero(present) != len(slots):
            rows = _last_rows(slots, known)
            slots = slots[rows]
        self._stand(present.reshape(MONTHS, size), {})
        for name, values in columns.items():
            dense = np.full(MONTHS * size, np.nan)
            dense[slots] = values[rows]
            self._columns[name] = dense.reshape(MONTHS, size)

    def _stand(self, present: Flags, columns: dict[str, Floats]) -> None:
        self.present, self.size, self._columns = present, present.shape[1], columns
        self.months: Floats = np.arange(MONTHS, dtype=np.float64).reshape(MONTHS, 1)

    def blocks(self) -> Iterator[Panel]:
        """Parts of the panel that fit into the processor's cache."""
        for start in range(0, self.size, BLOCK):
            part = Panel.__new__(Panel)
            here = slice(start, start + BLOCK)
            part._stand(
                np.ascontiguousarray(self.present[:, here]),
                {name: np.ascontiguousarray(values[:, here]) for name, values in self._columns.items()},
            )
            yield part

    def evaluate(self, expressions: Mapping[str, Any]) -> dict[str, Floats]:
        """Values of aggregates, one per enterprise each; NaN for null, as it is for enterprises without a row."""
        found = {name: np.empty(self.size) for name in expressions}
        has_rows = np.asarray(self.present.any(axis=0))
        start = 0
        for part in self.blocks():
            evaluation = Evaluation(part)
            for name, expression in expressions.items():
                here = slice(start, start + part.size)
                found[name][here] = np.where(has_rows[here], evaluation.aggregate(expression), np.nan)
            start += part.size
        return found

    def column(self, name: str) -> Floats:
        """Values of a column; of ``<column>__run``, the zeros counted so far from the newest month on."""
        if name == BACK:
            return self.months
        if name.endswith(RUN) and name not in self._columns:
            self._columns[name] = self._runs(self._columns[name.removesuffix(RUN)])
        return self._columns[name]

    def _runs(self, values: Floats) -> Floats:
        """Zeros since the last other value; a month that was not observed neither counts nor ends a run."""
        runs = np.full_like(values, np.nan)
        running = np.zeros(self.size)
        for month in range(RUN_MONTHS):
            row = values[month]
            running = np.where(row == 0, running + 1, np.where(np.isnan(row), running, 0.0))
            runs[month] = np.where(self.present[month], running, np.nan)
        return runs


def _last_rows(slots: npt.NDArray[np.int64], known: npt.NDArray[Any] | None) -> Flags:
    """Which rows count where several fall into one slot: the last known of each.

    Raises
    ------
    NotArrayableError
        If two of one slot became known on the same day, or the days are not given.
    """
    if known is None:
        raise NotArrayableError("several rows in one month of one enterprise")
    is_shared = (np.bincount(slots) > 1)[slots]
    shared = np.flatnonzero(is_shared)
    order = shared[np.lexsort((known[shared], slots[shared]))]
    is_same = slots[order][:-1] == slots[order][1:]
    if (is_same & (known[order][:-1] == known[order][1:])).any():
        raise NotArrayableError("several rows of one month became known on one day")
    counts = ~is_shared
    counts[order[np.append(~is_same, True)]] = True
    return counts


def needed_columns(expressions: list[Any], rows: Table) -> set[str]:
    """Columns of the monthly rows that the expressions read, other than ``back`` and those that a panel derives."""
    relation = rows.op()
    names = {
        node.name
        for expression in expressions
        for node in expression.op().find(ops.Field)
        if node.rel == relation
    }
    return {name.removesuffix(RUN) for name in names} - {BACK, "enterprise_id"}


def is_arrayable(expression: Any) -> bool:
    """Whether every operation of an aggregate has an array form."""
    return all(
        isinstance(node, ops.Field)
        or (isinstance(node, ops.Literal) and not isinstance(node.value, str))
        or type(node) in _FORMS
        or type(node) in _REDUCTIONS
        for node in _values(expression.op())
    )


def _values(node: Any) -> set[Any]:
    """Operations of a value, without those of the relation that its columns come from."""
    found = {node}
    if not isinstance(node, ops.Field):
        for part in node.args:
            for inner in part if isinstance(part, tuple) else (part,):
                if isinstance(inner, ops.Value):
                    found |= _values(inner)
    return found


class Evaluation:
    """Evaluates aggregates over one panel; parts that they share are computed once."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self._known: dict[Any, Operand] = {}
        self._observed: dict[Any, Flags] = {}

    def aggregate(self, expression: Any) -> Floats:
        """One value per enterprise of an aggregate over its months; NaN for null.

        Raises
        ------
        NotArrayableError
            If an operation of it has no array form.
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = self.value(expression.op())
        return np.broadcast_to(np.asarray(found, dtype=np.float64), (self.panel.size,)).copy()

    def value(self, node: Any) -> Operand:
        """Value of one operation."""
        if node not in self._known:
            self._known[node] = self._value(node)
        return self._known[node]

    def _value(self, node: Any) -> Operand:
        if isinstance(node, ops.Field):
            return self.panel.column(node.name)
        if isinstance(node, ops.Literal):
            return np.nan if node.value is None else float(node.value)
        if type(node) in _REDUCTIONS:
            return self._reduce(node)
        if type(node) not in _FORMS:
            raise NotArrayableError(type(node).__name__)
        return _FORMS[type(node)](*self._arguments(node))

    def _arguments(self, node: Any) -> list[Operand]:
        found: list[Operand] = []
        for part in node.args:
            if isinstance(part, tuple):
                found.extend(self.value(inner) for inner in part)
            elif isinstance(part, ops.Value):
                found.append(self.value(part))
        if isinstance(node, ops.Clip):
            found = [
                found[0],
                *(np.nan if end is None else self.value(end) for end in (node.lower, node.upper)),
            ]
        return found

    def _reduce(self, node: Any) -> Floats:
        """Reduce the chosen months of each enterprise; a condition on the month alone chooses them for all at once."""
        months, chosen = self._chosen(node.where)
        argument = self._rows(node.arg if hasattr(node, "arg") else node.left, months)
        seen = self._seen(node.arg if hasattr(node, "arg") else node.left, months, argument)
        if chosen is not None:
            seen = seen & chosen
        if isinstance(node, ops.Covariance):
            return _covariance(argument, self._rows(node.right, months), seen, node.how)
        if isinstance(node, (ops.ArgMin, ops.ArgMax)):
            key = self._rows(node.key, months)
            return _at_extreme(argument, key, seen & ~np.isnan(key), is_least=isinstance(node, ops.ArgMin))
        if isinstance(node, (ops.Variance, ops.StandardDev)):
            spread = _variance(argument, seen, node.how)
            return np.sqrt(spread) if isinstance(node, ops.StandardDev) else spread
        return _REDUCTIONS[type(node)](argument, seen)

    def _chosen(self, where: Any) -> tuple[slice, Flags | None]:
        """Months that may count, and of the others which enterprises' months do; ``None`` for all of them."""
        if where is None:
            return slice(0, MONTHS), None
        condition = np.asarray(self.value(where))
        if condition.ndim == 2 and condition.shape[1] != 1:
            return slice(0, MONTHS), condition == 1
        flags = np.broadcast_to(condition, (MONTHS, 1)) == 1
        wanted = np.flatnonzero(flags)
        if len(wanted) and wanted[-1] - wanted[0] + 1 == len(wanted):
            return slice(int(wanted[0]), int(wanted[-1]) + 1), None
        return slice(0, MONTHS), flags

    def _rows(self, node: Any, months: Any) -> Floats:
        found = np.asarray(self.value(node), dtype=np.float64)
        rows: Floats = np.broadcast_to(found, (MONTHS, found.shape[1] if found.ndim == 2 else 1))[months]
        return rows

    def _seen(self, node: Any, months: Any, argument: Floats) -> Flags:
        """Where a row has a value; an argument that every enterprise shares counts where the enterprise has a row."""
        if argument.shape[1] == 1:
            seen: Flags = self.panel.present[months] & ~np.isnan(argument)
            return seen
        if node not in self._observed:
            self._observed[node] = ~np.isnan(self.value(node))
        observed: Flags = self._observed[node][months]
        return observed


def _count(argument: Floats, seen: Flags) -> Floats:
    counted: Floats = seen.sum(axis=0, dtype=np.int32).astype(np.float64)
    return counted


def _total(argument: Floats, seen: Flags) -> Floats:
    total: Floats = np.where(seen, argument, 0.0).sum(axis=0)
    return total


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


def _variance(argument: Floats, seen: Flags, how: str) -> Floats:
    off = np.where(seen, argument - _mean(argument, seen), 0.0)
    return np.asarray((off * off).sum(axis=0) / _freedom(seen, how))


def _covariance(left: Floats, right: Floats, seen: Flags, how: str) -> Floats:
    both = seen & ~np.isnan(right)
    off = np.where(both, (left - _mean(left, both)) * (right - _mean(right, both)), 0.0)
    return np.asarray(off.sum(axis=0) / _freedom(both, how))


def _at_extreme(argument: Floats, key: Floats, seen: Flags, *, is_least: bool) -> Floats:
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


_FORMS: dict[type[Any], Callable[..., Operand]] = {
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
_REDUCTIONS: dict[type[Any], Callable[[Floats, Flags], Floats]] = {
    ops.Count: _count,
    ops.Sum: _sum,
    ops.Mean: _mean,
    ops.Max: _max,
    ops.Min: _min,
    # These have arguments of their own, see `Evaluation._reduce`.
    ops.Variance: _sum,
    ops.StandardDev: _sum,
    ops.Covariance: _sum,
    ops.ArgMin: _sum,
    ops.ArgMax: _sum,
}
