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

from rongqiao.indicators.array_forms import FORMS, REDUCTIONS, at_extreme, covariance, variance
from rongqiao.indicators.pruning import columns_read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    return {name.removesuffix(RUN) for name in columns_read(expressions, rows)} - {BACK, "enterprise_id"}


def is_arrayable(expression: Any) -> bool:
    """Whether every operation of an aggregate has an array form."""
    return all(
        isinstance(node, ops.Field)
        or (isinstance(node, ops.Literal) and not isinstance(node.value, str))
        or type(node) in FORMS
        or type(node) in REDUCTIONS
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
        if type(node) in REDUCTIONS:
            return self._reduce(node)
        if type(node) not in FORMS:
            raise NotArrayableError(type(node).__name__)
        return FORMS[type(node)](*self._arguments(node))

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
            return covariance(argument, self._rows(node.right, months), seen, node.how)
        if isinstance(node, (ops.ArgMin, ops.ArgMax)):
            key = self._rows(node.key, months)
            return at_extreme(argument, key, seen & ~np.isnan(key), is_least=isinstance(node, ops.ArgMin))
        if isinstance(node, (ops.Variance, ops.StandardDev)):
            spread = variance(argument, seen, node.how)
            return np.sqrt(spread) if isinstance(node, ops.StandardDev) else spread
        return REDUCTIONS[type(node)](argument, seen)

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
