"""Whom a computation is of: enterprises in the order of their ids, and where they stand among everybody."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rongqiao.indicators.found import ID, read_found, write_found
from rongqiao.lake.engine import literal

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

_AGE = "age_months"
#: Comes after every id.
_END = chr(0x10FFFF)


@dataclass(frozen=True, slots=True)
class Span:
    """Enterprises whose id is at least ``start``, and less than ``end`` where there is one; ``place`` of all come before them."""

    start: str
    end: str | None
    place: int

    def sql(self, column: str) -> str:
        """Condition on a column of ids."""
        upper = f" AND {column} < {literal(self.end)}" if self.end is not None else ""
        return f"({column} >= {literal(self.start)}{upper})"


@dataclass(frozen=True, slots=True)
class Population:
    """Enterprises of a computation in the order of their ids: place is position.

    Parameters
    ----------
    enterprise_ids : pa.Array
        Ids.
    age_months : array of float
        Months since they were established; NaN where the register does not tell.
    first : int or None
        How many of everybody come before the first; null where others may stand between them.
    """

    enterprise_ids: pa.Array
    age_months: npt.NDArray[np.float64]
    first: int | None = None

    def __len__(self) -> int:
        return len(self.enterprise_ids)

    @classmethod
    def of(cls, rows: pa.Table, first: int | None) -> Population:
        """Take up rows ``enterprise_id, age_months`` in the order of their ids."""
        ages = np.asarray(rows.column(_AGE).cast(pa.float64()).to_numpy(), dtype=np.float64)
        return cls(rows.column(ID).combine_chunks(), ages, first)


def write_population(population: Population, file: Path) -> None:
    """Write everybody, for :func:`read_population`."""
    write_found(pa.table({ID: population.enterprise_ids, _AGE: population.age_months}), file)


def read_population(file: Path, span: Span | None) -> Population:
    """Read everybody, or those of a span."""
    if span is None:
        return Population.of(read_found(file, "", _END), 0)
    end = span.end or _END
    rows = read_found(file, span.start, end)
    ids = rows.column(ID)
    start, stop = (bisect_left(ids, mark, key=lambda each: str(each.as_py())) for mark in (span.start, end))
    return Population.of(rows.slice(start, stop - start), span.place)
