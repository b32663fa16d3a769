"""Calendar months as integers ``YYYYMM`` (202610), the grain of every monthly series."""

from __future__ import annotations

import calendar
import datetime as dt

from rongqiao.kernel.errors import InvalidValueError


def check_month(month: int) -> int:
    """Return the month if it is a real ``YYYYMM``.

    Raises
    ------
    InvalidValueError
        If the last two digits are not 1..12 or the year is outside 1949..2199.
    """
    year, number = divmod(month, 100)
    if not (1 <= number <= 12 and 1949 <= year <= 2199):
        raise InvalidValueError("月份", month, "Give a month as YYYYMM, such as 202610.")
    return month


def month_index(month: int) -> int:
    """Months since year 0, so that differences of months are plain subtraction."""
    year, number = divmod(check_month(month), 100)
    return year * 12 + number - 1


def from_index(index: int) -> int:
    """Turn months since year 0 back into ``YYYYMM``."""
    year, number = divmod(index, 12)
    return year * 100 + number + 1


def add_months(month: int, months: int) -> int:
    """Move a month forward, or back when negative."""
    return from_index(month_index(month) + months)


def months_between(earlier: int, later: int) -> int:
    """Whole months from the one to the other; negative if the order is reversed."""
    return month_index(later) - month_index(earlier)


def last_day(month: int) -> dt.date:
    """Last calendar day of the month."""
    year, number = divmod(check_month(month), 100)
    return dt.date(year, number, calendar.monthrange(year, number)[1])


def month_of(day: dt.date) -> int:
    """Month a day falls in."""
    return day.year * 100 + day.month


def shift_date(day: dt.date, months: int) -> dt.date:
    """Move a date by whole months, to the month's last day where it is shorter (31 Jan + 1 = 28 Feb)."""
    year, number = divmod(add_months(month_of(day), months), 100)
    return dt.date(year, number, min(day.day, calendar.monthrange(year, number)[1]))


#: Months of the cycles that run along the calendar's years.
CYCLE_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}


def end_of_last(cycle: str, on: dt.date) -> dt.date:
    """Last day of the newest cycle that is over.

    Parameters
    ----------
    cycle : str
        Code of the code list ``update_cycles``.
    on : datetime.date
        Day it is asked on.

    Returns
    -------
    datetime.date
        Yesterday for ``daily``, the last Sunday for ``weekly``, the last day of month, quarter or year before; the day itself for what
        has no cycle.
    """
    if cycle in CYCLE_MONTHS:
        months = CYCLE_MONTHS[cycle]
        index = month_index(month_of(on))
        return last_day(from_index(index - index % months - 1))
    back = {"daily": 1, "weekly": on.isoweekday()}.get(cycle, 0)
    return on - dt.timedelta(days=back)
