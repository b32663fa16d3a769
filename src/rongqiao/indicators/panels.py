"""Monthly statistics by arrays: the same expressions that the engines run, evaluated on dense panels of months and enterprises.

An indicator is declared once, as an Ibis expression over monthly rows. Engines run it as SQL, with one aggregate after the other;
here its expression tree is walked instead, and each part that several indicators share (a sum over twelve months, a count of
observed months) is computed once, over contiguous arrays. Property tests hold the two equal.

A panel has one array per column, months by enterprises: month 0 is the month of the computation, month 35 lies 35 months back. NaN
stands for null: the month was not delivered, or the item was empty.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.indicators.array_evaluation import BACK, Evaluation, NotArrayableError
from rongqiao.indicators.array_forms import choose
from rongqiao.indicators.pruning import columns_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ibis.expr.types import Table

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
#: Enterprises that are evaluated at a time.
BLOCK = 8_192
#: Runs of rows of one block, for each block, beyond which they are put in order first.
MOST_RUNS = 64
#: Ends the name of a column that counts the zeros a row stands in, see `series.with_runs`.
RUN = "__run"
RUN_MONTHS = 24


class Panel:
    """Monthly values of some enterprises.

    Parameters
    ----------
    size : int
        Enterprises.
    place : array of int
        Of each row, its enterprise, 0 to ``size`` - 1.
    back : array of int
        Of each row, months back, from 0 on.
    columns : mapping
        Name → values of the rows, NaN for null.
    order : sequence of Arrow array
        Of each row, by what several rows of one month are told apart, the most important first: the last of them counts, and null
        comes first.

    Raises
    ------
    NotArrayableError
        If two rows fall into one month of one enterprise, and nothing tells which is the last.
    """

    def __init__(
        self,
        size: int,
        place: npt.NDArray[Any],
        back: npt.NDArray[Any],
        columns: Mapping[str, Floats],
        *,
        order: Sequence[pa.Array | pa.ChunkedArray] = (),
    ) -> None:
        self.size, self._width = size, max(min(BLOCK, size), 1)
        # Months before the first of any enterprise hold nothing and are not walked through.
        self._months = max(RUN_MONTHS, int(back.max(initial=0)) + 1)
        block = place // self._width
        slots = (block * self._months + back).astype(np.int64) * self._width + place % self._width
        present = np.zeros((-(-size // self._width), self._months, self._width), dtype=np.bool_)
        present.reshape(-1)[slots] = True
        inside = slots - block * np.int64(self._months * self._width)
        if np.count_nonzero(present) != len(slots):
            # What does not count is laid beside the block.
            inside[~_last_rows(slots, order)] = self._months * self._width
        self._present = present
        self._columns = {"": inside, **columns}
        # Rows come in the order of enterprises but for a few files that follow one another: then few runs are of one block.
        starts = np.append(0, np.flatnonzero(np.diff(block)) + 1)
        if len(starts) > MOST_RUNS * len(present):
            sorted_rows = np.argsort(block, kind="stable")
            self._columns = {name: values[sorted_rows] for name, values in self._columns.items()}
            block = block[sorted_rows]
            starts = np.append(0, np.flatnonzero(np.diff(block)) + 1)
        self._runs: list[list[slice]] = [[] for _ in present]
        for start, end in zip(starts, np.append(starts[1:], len(block)), strict=True):
            if end > start:
                self._runs[block[start]].append(slice(start, end))

    def blocks(self) -> Iterator[Block]:
        """Parts of the panel that fit into the processor's cache, in order."""
        for number, present in enumerate(self._present):
            size = min(self._width, self.size - number * self._width)
            yield Block(present[:, :size], partial(self._lay_out, number))

    def _lay_out(self, number: int, name: str) -> Floats:
        """Months of one column in one block."""
        dense = np.full(self._months * self._width + 1, np.nan)
        for run in self._runs[number]:
            dense[self._columns[""][run]] = self._columns[name][run]
        size = min(self._width, self.size - number * self._width)
        return dense[:-1].reshape(self._months, self._width)[:, :size]

    def evaluate(self, expressions: Mapping[str, Any]) -> dict[str, Floats]:
        """Values of aggregates, one per enterprise each; NaN for null, as it is for enterprises without a row."""
        found = {name: np.empty(self.size) for name in expressions}
        start, windows = 0, dict[Any, Any]()
        for block in self.blocks():
            evaluation = Evaluation(block, windows)
            here = slice(start, start + block.size)
            is_absent = ~block.present.any(axis=0)
            for name, expression in expressions.items():
                found[name][here] = evaluation.aggregate(expression)
                found[name][here][is_absent] = np.nan
            start += block.size
        return found


class Block:
    """Months of some enterprises: where there is a row, and its values, which are laid out when they are first asked for."""

    def __init__(self, present: Flags, lay_out: Callable[[str], Floats]) -> None:
        self.present, self.size, self._lay_out = present, present.shape[1], lay_out
        self._columns: dict[str, Floats] = {}
        self._months: Floats = np.arange(len(present), dtype=np.float64).reshape(-1, 1)

    def column(self, name: str) -> Floats:
        """Values of a column; of ``<column>__run``, the zeros counted so far from the newest month on."""
        if name == BACK:
            return self._months
        if name not in self._columns:
            is_run = name.endswith(RUN)
            self._columns[name] = (
                self._count_runs(self.column(name.removesuffix(RUN))) if is_run else self._lay_out(name)
            )
        return self._columns[name]

    def _count_runs(self, values: Floats) -> Floats:
        """Zeros since the last other value; a month that was not observed neither counts nor ends a run."""
        is_zero, is_null = (values[:RUN_MONTHS] == 0).view(np.uint8), np.isnan(values[:RUN_MONTHS])
        goes_on = (is_null | (is_zero == 1)).view(np.uint8)
        running = np.zeros_like(is_zero)
        running[0] = is_zero[0]
        for month in range(1, RUN_MONTHS):
            np.multiply(running[month - 1] + is_zero[month], goes_on[month], out=running[month])
        runs = np.full_like(values, np.nan)
        runs[:RUN_MONTHS] = choose(self.present[:RUN_MONTHS], running, np.nan)
        return runs


def _last_rows(slots: npt.NDArray[np.int64], order: Sequence[pa.Array | pa.ChunkedArray]) -> Flags:
    """Which rows count where several fall into one slot: the last of each.

    Raises
    ------
    NotArrayableError
        If nothing tells which of two is the last.
    """
    is_shared = (np.bincount(slots) > 1)[slots]
    rows = np.flatnonzero(is_shared)
    ranks = [slots[rows], *(_rank(column.take(pa.array(rows))) for column in order)]
    sequence = np.lexsort(ranks[::-1])
    rows, ranks = rows[sequence], [each[sequence] for each in ranks]
    is_next = [each[1:] == each[:-1] for each in ranks]
    if np.logical_and.reduce(is_next).any():
        raise NotArrayableError("several rows in one month of one enterprise")
    counts = ~is_shared
    counts[rows[np.append(~is_next[0], True)]] = True
    return counts


def _rank(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """Numbers that stand in the order of a column; equal where it is."""
    # Null is what was never amended: it comes before the first amendment.
    known = column.fill_null(-1) if column.null_count else column
    return np.asarray(pc.rank(known, tiebreaker="dense").to_numpy())


def needed_columns(expressions: list[Any], rows: Table) -> set[str]:
    """Columns of the monthly rows that the expressions read, other than ``back`` and those that a panel derives."""
    return {name.removesuffix(RUN) for name in columns_read(expressions, rows)} - {BACK, "enterprise_id"}
