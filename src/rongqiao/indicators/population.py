"""Whom a computation is of: enterprises in the order of their ids, and where they stand among everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.lake.engine import literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


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
