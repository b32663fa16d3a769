"""What the catalogue's ten statistics of a monthly series come to, in lists and loops, apart from every expression and kernel.

Definitions: catalogue of indicators, section 5.2. A month that was not observed is ``None``: it is never zero, it does not count
towards the months that a window needs, and it does not end a run of zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drawn_cast import AS_OF, FOUNDED, Row

from rongqiao.kernel.period import month_index

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

Months = list[float | None]
Answer = float | str
LENGTH = 36
NEEDED = {3: 2, 12: 10, 24: 20}
#: Statistic → months looked back on, and the fewest that must be observed.
REACH = {
    "sum_m12": (12, 10), "avg_m3": (3, 2), "yoy_m12": (24, 20), "yoy_m3": (15, 4), "qoq_m3": (6, 4),
    "cv_m12": (12, 10), "slope_m12": (12, 10), "zero_m12": (12, 10), "gap_m24": (24, 20), "recent_m12": (12, 10),
}  # fmt: skip


def months_of(rows: Iterable[Row], enterprise: str, value: Callable[[Row], float | None]) -> Months:
    """Values by months back; several rows of one month are one amount."""
    found: Months = [None] * LENGTH
    for row in rows:
        back = month_index(AS_OF) - month_index(row["period"])
        if row["enterprise_id"] == enterprise and value(row) is not None:
            found[back] = float(value(row)) + (found[back] or 0.0)  # type: ignore[arg-type]
    return found


def observed(x: Months, months: int, start: int = 0) -> list[float]:
    return [value for value in x[start : start + months] if value is not None]


def mean(x: Months, months: int, start: int = 0) -> float | None:
    seen = observed(x, months, start)
    return sum(seen) / len(seen) if len(seen) >= NEEDED[months] else None


def quotient(above: float | None, below: float | None) -> float | None:
    return None if above is None or below is None or below <= 1e-6 else above / below


def growth(now: float | None, before: float | None) -> float | None:
    change = quotient(now, before)
    return None if change is None else min(max(change - 1, -1.0), 5.0)


def variation(x: Months) -> float | None:
    average, seen = mean(x, 12), observed(x, 12)
    if average is None:
        return None
    return quotient((sum((value - average) ** 2 for value in seen) / len(seen)) ** 0.5, average)


def trend(x: Months) -> float | None:
    """Least squares through the observed months, forward in time, per month and over the mean."""
    average = mean(x, 12)
    if average is None:
        return None
    points = [(-back, value) for back, value in enumerate(x[:12]) if value is not None]
    middle = sum(at for at, _ in points) / len(points)
    moves = sum((at - middle) * (value - average) for at, value in points)
    return quotient(moves / sum((at - middle) ** 2 for at, _ in points), average)


def longest_gap(x: Months) -> float | None:
    longest = running = 0
    for value in observed(x, 24):
        running = running + 1 if value == 0 else 0
        longest = max(longest, running)
    return longest if len(observed(x, 24)) >= NEEDED[24] else None


STATISTICS: dict[str, Callable[[Months], float | None]] = {
    "sum_m12": lambda x: sum(observed(x, 12)) if len(observed(x, 12)) >= NEEDED[12] else None,
    "avg_m3": lambda x: mean(x, 3),
    "yoy_m12": lambda x: growth(mean(x, 12), mean(x, 12, 12)),
    "yoy_m3": lambda x: growth(mean(x, 3), mean(x, 3, 12)),
    "qoq_m3": lambda x: growth(mean(x, 3), mean(x, 3, 3)),
    "cv_m12": variation,
    "slope_m12": trend,
    "zero_m12": lambda x: observed(x, 12).count(0.0) if len(observed(x, 12)) >= NEEDED[12] else None,
    "gap_m24": longest_gap,
    "recent_m12": lambda x: quotient(mean(x, 3), mean(x, 12)),
}


def age_months(enterprise: str) -> int:
    founded: dt.date = FOUNDED[enterprise]
    return month_index(AS_OF) - month_index(founded.year * 100 + founded.month)


def answer(statistic: str, x: Months, enterprise: str) -> Answer:
    """Give the value, or why there is none: not applicable where the data suffice or the enterprise is too young, else missing."""
    value = STATISTICS[statistic](x)
    if value is not None:
        return value
    window, needed = REACH[statistic]
    is_told = len(observed(x, window)) >= needed
    return "n/a" if is_told or age_months(enterprise) < needed - 1 else "missing"
