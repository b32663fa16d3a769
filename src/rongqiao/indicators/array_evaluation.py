"""Walks an expression tree over arrays of months and enterprises; parts that several expressions share are computed once."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ibis.expr.operations as ops
import numpy as np
import numpy.typing as npt

from rongqiao.indicators.array_forms import (
    COMPARISONS,
    FORMS,
    REDUCTIONS,
    Chosen,
    at_extreme,
    choose,
    covariance,
    variance,
)
from rongqiao.indicators.pruning import parts_of, values_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rongqiao.indicators.panels import Block

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
#: A number, one number per enterprise, or one per month and enterprise; (months, 1) where all enterprises have the same.
Operand = Any

MONTHS = 36
BACK = "back"


class NotArrayableError(Exception):
    """An expression uses an operation that has no array form; an engine runs it instead."""


def is_arrayable(expression: Any) -> bool:
    """Whether every operation of an aggregate has an array form."""
    return all(_has_form(node) for node in values_in([expression.op()]))


def _has_form(node: Any) -> bool:
    if isinstance(node, ops.Field):
        return True
    if isinstance(node, ops.Literal):
        return node.value is None or isinstance(node.value, (int, float, Decimal))
    if isinstance(node, ops.Cast):
        # A whole number is itself as a float; making one whole would have to cut it.
        kind = node.arg.dtype
        return bool(
            node.to.is_floating() or (node.to.is_integer() and (kind.is_boolean() or kind.is_integer()))
        )
    return type(node) in FORMS or type(node) in REDUCTIONS


def _is_never_null(node: Any) -> bool:
    """Whether an operation has a value for every row."""
    if isinstance(node, (ops.NotNull, ops.IsNull)):
        return True
    if isinstance(node, ops.Field):
        return bool(node.name == BACK)
    if isinstance(node, ops.Literal):
        return node.value is not None
    is_settled = isinstance(node, (ops.And, ops.Or, ops.Not)) or type(node) in COMPARISONS
    return is_settled and all(_is_never_null(part) for part in parts_of(node))


def _conjuncts(node: Any) -> Iterator[Any]:
    """Conditions that all have to hold; none of nothing."""
    if node is None:
        return
    if isinstance(node, ops.And):
        yield from _conjuncts(node.left)
        yield from _conjuncts(node.right)
    else:
        yield node


@lru_cache(maxsize=4096)
def _conditions(reduction: Any) -> tuple[Any, ...]:
    """Conditions on the months that a reduction counts; of two arguments both have to be known."""
    both: tuple[Any, ...] = ()
    if isinstance(reduction, ops.Covariance):
        both = (reduction.left, reduction.right)
    elif isinstance(reduction, (ops.ArgMin, ops.ArgMax)):
        both = (reduction.arg, reduction.key)
    return (*_conjuncts(reduction.where), *(ops.NotNull(part) for part in both))


class SideBySide:
    """Values that stand side by side, one of each per enterprise: expressions over them reduce nothing."""

    def __init__(self, columns: Mapping[str, Floats]) -> None:
        self.size = len(next(iter(columns.values())))
        self.present = np.ones((MONTHS, self.size), dtype=np.bool_)
        self._columns = columns

    def column(self, name: str) -> Floats:
        """Values of a column."""
        return self._columns[name]


#: Conditions → the months that those on the month alone leave, and all others among them.
Windows = dict[tuple[Any, ...], tuple[slice, list[Any]]]


class Evaluation:
    """Evaluates aggregates over one block; parts that they share are computed once.

    Parameters
    ----------
    block : Block or SideBySide
    windows : dict or None
        Shared by the blocks of a panel, whose months are the same.
    """

    def __init__(self, block: Block | SideBySide, windows: Windows | None = None) -> None:
        self.block = block
        self._windows: Windows = {} if windows is None else windows
        self._known: dict[Any, Operand] = {}
        self._truths: dict[Any, Any] = {}
        self._observed: dict[Any, Flags] = {}
        self._filled: dict[Any, npt.NDArray[Any]] = {}
        self._chosen: dict[Any, Chosen] = {}

    def aggregate(self, expression: Any) -> Floats:
        """One value per enterprise of an aggregate over its months; NaN for null.

        Raises
        ------
        NotArrayableError
            If an operation of it has no array form.
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = self.value(expression.op())
        return np.broadcast_to(np.asarray(found, dtype=np.float64), (self.block.size,))

    def value(self, node: Any) -> Operand:
        """Value of one operation."""
        if node not in self._known:
            self._known[node] = self._value(node)
        return self._known[node]

    def _value(self, node: Any) -> Operand:
        if isinstance(node, ops.Field):
            return self.block.column(node.name)
        if isinstance(node, ops.Literal):
            return np.nan if node.value is None else float(node.value)
        if type(node) in REDUCTIONS:
            return self._reduce(node)
        if type(node) not in FORMS:
            raise NotArrayableError(type(node).__name__)
        if isinstance(node, ops.IfElse):
            return choose(
                self.truth(node.bool_expr), self.value(node.true_expr), self.value(node.false_null_expr)
            )
        if isinstance(node, ops.Clip):
            ends = (np.nan if end is None else self.value(end) for end in (node.lower, node.upper))
            return FORMS[ops.Clip](self.value(node.arg), *ends)
        return FORMS[type(node)](*(self.value(part) for part in parts_of(node)))

    def truth(self, node: Any) -> Any:
        """Where a condition holds: neither where it does not, nor where that is not known."""
        if node not in self._truths:
            self._truths[node] = self._truth(node)
        return self._truths[node]

    def _truth(self, node: Any) -> Any:
        if isinstance(node, ops.And):
            return self.truth(node.left) & self.truth(node.right)
        if isinstance(node, ops.Or):
            return self.truth(node.left) | self.truth(node.right)
        if isinstance(node, ops.NotNull):
            return ~np.isnan(self.value(node.arg))
        if type(node) in COMPARISONS and not isinstance(node, ops.NotEquals):
            # Nothing is equal to NaN, greater or less.
            return COMPARISONS[type(node)](self.value(node.left), self.value(node.right))
        return self.value(node) == 1

    def _reduce(self, node: Any) -> Floats:
        """Reduce the chosen months of each enterprise."""
        if isinstance(node, ops.Covariance):
            return covariance(self._choose(node.left, node), self._choose(node.right, node), node.how)
        if isinstance(node, (ops.ArgMin, ops.ArgMax)):
            months, key = self._choose(node.arg, node), self._choose(node.key, node)
            return at_extreme(months, key.values, is_least=isinstance(node, ops.ArgMin))
        months = self._choose(node.arg, node)
        if isinstance(node, (ops.Variance, ops.StandardDev)):
            spread = variance(months, node.how)
            return np.sqrt(spread) if isinstance(node, ops.StandardDev) else spread
        return REDUCTIONS[type(node)](months)

    def _choose(self, argument: Any, reduction: Any) -> Chosen:
        """Months of an argument that count; conditions on the month alone choose them for all enterprises at once."""
        conditions = _conditions(reduction)
        key = (argument, conditions)
        if key not in self._chosen:
            if conditions not in self._windows:
                self._windows[conditions] = self._months(conditions)
            months, others = self._windows[conditions]
            seen, filled = self._seen(argument)[months], self._fill(argument)[months]
            # That the argument is known goes without saying.
            where = [
                self._rows(self.truth(each))[months]
                for each in others
                if not (isinstance(each, ops.NotNull) and each.arg == argument)
            ]
            if where:
                seen = np.logical_and.reduce([seen, *where]) if len(where) > 1 else seen & where[0]
                filled = filled & seen if filled.dtype == np.bool_ else choose(seen, filled)
            values = filled if filled.dtype == np.bool_ else self._rows(self.value(argument))[months]
            self._chosen[key] = Chosen(values, filled, seen)
        return self._chosen[key]

    def _months(self, conditions: tuple[Any, ...]) -> tuple[slice, list[Any]]:
        """Months that conditions on the month alone leave, and all other conditions."""
        flags, others = np.ones((len(self.block.present), 1), dtype=np.bool_), []
        for each in conditions:
            truth = self.truth(each)
            if np.ndim(truth) == 2 and truth.shape[1] != 1:
                others.append(each)
                continue
            wanted = np.flatnonzero(flags & truth)
            if len(wanted) and wanted[-1] - wanted[0] + 1 == len(wanted):
                flags = flags & truth
            else:
                others.append(each)
        wanted = np.flatnonzero(flags)
        return slice(int(wanted[0]), int(wanted[-1]) + 1), others

    def _rows(self, found: Operand) -> npt.NDArray[Any]:
        """Months of something, of all enterprises or one row for them all."""
        known = np.asarray(found)
        if known.shape == self.block.present.shape:
            return known
        return np.broadcast_to(known, (len(self.block.present), known.shape[1] if known.ndim == 2 else 1))

    def _seen(self, node: Any) -> Flags:
        """Where a row has a value; what every enterprise shares is seen where the enterprise has a row."""
        if node not in self._observed:
            self._observed[node] = self._observe(node)
        return self._observed[node]

    def _observe(self, node: Any) -> Flags:
        if isinstance(node, ops.Cast):
            return self._seen(node.arg)
        if _is_never_null(node):
            return self.block.present
        if type(node) in COMPARISONS:
            return np.asarray(self._seen(node.left) & self._seen(node.right))
        known: Flags = ~np.isnan(self._rows(self.value(node)))
        # A condition on the month alone has a value where there is no row, too.
        is_of_rows = isinstance(node, ops.Field) and known.shape[1] != 1
        return known if is_of_rows else self.block.present & known

    def _fill(self, node: Any) -> npt.NDArray[Any]:
        """Value where there is one, else zero; of a condition, where it holds."""
        if node not in self._filled:
            if isinstance(node, ops.Cast):
                filled = self._fill(node.arg)
            elif node.dtype.is_boolean() and not isinstance(node, ops.Field):
                filled = self.block.present & self._rows(self.truth(node))
            else:
                filled = choose(self._seen(node), self._rows(self.value(node)))
            self._filled[node] = filled
        return self._filled[node]
