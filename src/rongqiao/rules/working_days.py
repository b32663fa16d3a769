"""Deadlines in working days."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
SATURDAY = 5


def add_working_days(instant: dt.datetime, days: int) -> dt.datetime:
    """Move an instant by working days, keeping its local time of day.

    Notes
    -----
    Skips Saturdays and Sundays only: the State Council's holiday calendar is published a year at a time and is not
    in the catalogue.
    """
    moved = instant.astimezone(ZONE)
    while days > 0:
        moved += dt.timedelta(days=1)
        days -= moved.weekday() < SATURDAY
    return moved.astimezone(dt.UTC)
