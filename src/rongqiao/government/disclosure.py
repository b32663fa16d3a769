"""The disclosure-control function of the house, bound to the threshold of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.contracts.catalog import threshold as dated_number
from rongqiao.rules.disclosure import is_small, suppress, suppress_cells, suppress_measure

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["cell_minimum", "is_small", "show_count", "suppress", "suppress_cells", "suppress_measure"]


def cell_minimum(on: dt.date) -> int:
    """Smallest count that may be told on a day."""
    return int(dated_number("disclosure_cell_min", on))


def show_count(count: int | None, *, threshold: int) -> str:
    """Show a count that went through disclosure control; ``"<5"`` where it is hidden."""
    return f"<{threshold}" if count is None else str(count)
