"""The figure that changed most: the last whole month against the one before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.kernel.money import format_cny
from rongqiao.kernel.period import add_months

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

MEASURES = {
    "loan_amount_cny": ("放款金额", ""),
    "demand_amount_cny": ("需求金额", ""),
    "loans": ("放款笔数", "笔"),
    "demands": ("融资需求", "笔"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of the last whole month beside the month before; ``ratio`` is its growth."""

    label: str
    month: int
    value: str
    before: str
    ratio: float

    @property
    def words(self) -> str:
        """Growth in words."""
        return f"比上月{'增加' if self.ratio > 0 else '减少'} {abs(self.ratio) * 100:.1f}%"


def largest_change(trend: Sequence[Mapping[str, Any]], today: dt.date) -> Change | None:
    """Return the measure that moved most, relative to itself; null where two whole months are not both known.

    Parameters
    ----------
    trend : sequence of mapping
        Of the overview.
    today : date
        Its month is not over, so it is left out.
    """
    last = add_months(today.year * 100 + today.month, -1)
    rows = {row["month"]: row for row in trend}
    now, before = rows.get(last), rows.get(add_months(last, -1))
    if now is None or before is None:
        return None
    moved = [
        Change(
            label,
            last,
            _text(now[key], unit),
            _text(before[key], unit),
            float(now[key]) / float(before[key]) - 1,
        )
        for key, (label, unit) in MEASURES.items()
        if now[key] is not None and before[key]
    ]
    return max(moved, key=lambda change: abs(change.ratio), default=None)


def _text(value: Any, unit: str) -> str:
    return f"{value:,} {unit}" if unit else format_cny(value)
