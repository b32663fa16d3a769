"""Outcomes of many enterprises under many criteria as small codes: counted four criteria at a time, kept four rows to a byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rongqiao.kernel.decision import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Codes = NDArray[np.uint8]

#: Code of an outcome of ``rules.criteria_arrays`` (-1 unmet, 0 unknown, 1 met): one more, so that it fits two bits.
CODES = (Outcome.UNMET, Outcome.UNKNOWN, Outcome.MET)
BITS, IN_A_BYTE = 2, 4
VALUES = 1 << BITS
BYTE = 1 << (BITS * IN_A_BYTE)


def to_codes(outcomes: NDArray[np.int8]) -> Codes:
    """Codes of outcomes."""
    codes: Codes = (outcomes + 1).view(np.uint8)
    return codes


def pack(codes: Codes) -> Codes:
    """Put four rows into each byte, the first in its lowest bits; the last byte is filled up with zeros."""
    if rest := -len(codes) % IN_A_BYTE:
        codes = np.concatenate([codes, np.zeros(rest, np.uint8)])
    # Four bytes read as one little-endian number: neighbours move together without a strided loop.
    words = np.ascontiguousarray(codes).view("<u4")
    words = words | (words >> np.uint32(6))
    packed: Codes = (words | (words >> np.uint32(12))).astype(np.uint8)
    return packed


def unpack(packed: Codes, size: int) -> Codes:
    """Codes of the first ``size`` rows."""
    shifts = np.arange(0, BITS * IN_A_BYTE, BITS, dtype=np.uint8)
    codes: Codes = ((packed[:, None] >> shifts) & np.uint8(VALUES - 1)).reshape(-1)[:size]
    return codes


def read_code(packed: Codes, row: int) -> Outcome:
    """Outcome of one row."""
    byte, place = divmod(row, IN_A_BYTE)
    return CODES[(int(packed[byte]) >> (BITS * place)) & (VALUES - 1)]


class OutcomeCounts:
    """Rows per criteria, group and outcome, added up span by span.

    Four criteria share one pass of counting: their codes make one byte, and the byte with the group makes one cell.

    Parameters
    ----------
    criteria : int
        How many are judged.
    groups : int
        How many groups, such as counties.
    """

    def __init__(self, criteria: int, groups: int) -> None:
        self._criteria, self._groups = criteria, groups
        self._cells = np.zeros((-(-criteria // IN_A_BYTE), groups * BYTE), np.int64)

    def add(self, codes: Iterable[Codes], groups: NDArray[Any]) -> None:
        """Add a span: the codes of every criteria in order, and the group of each row from 0."""
        base = groups.astype(np.int64) * BYTE
        joined, at = np.zeros(len(base), np.uint8), -1
        for at, each in enumerate(codes):
            joined |= each << np.uint8(BITS * (at % IN_A_BYTE))
            if at % IN_A_BYTE == IN_A_BYTE - 1:
                self._count(at, base, joined)
                joined[:] = 0
        if (at + 1) % IN_A_BYTE:
            self._count(at, base, joined)

    def _count(self, at: int, base: NDArray[Any], joined: Codes) -> None:
        row = self._cells[at // IN_A_BYTE]
        row += np.bincount(base + joined, minlength=len(row))

    def merge(self, other: OutcomeCounts) -> None:
        """Take in what was counted elsewhere."""
        self._cells += other._cells

    def totals(self) -> NDArray[np.int64]:
        """Give the counts by criteria, group and code (in the order of :data:`CODES`)."""
        # The highest bits of a byte are its first axis.
        cells = self._cells.reshape(-1, self._groups, *[VALUES] * IN_A_BYTE)
        axes = range(2, 2 + IN_A_BYTE)
        sums = [cells.sum(axis=tuple(axis for axis in axes if axis != kept)) for kept in reversed(axes)]
        by_criteria = np.stack(sums, axis=1).reshape(-1, self._groups, VALUES)
        totals: NDArray[np.int64] = by_criteria[: self._criteria, :, : len(CODES)]
        return totals
