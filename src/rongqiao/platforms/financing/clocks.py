"""Deadlines of the market, computed from the catalogue's dated numbers."""

from __future__ import annotations

import datetime as dt

from rongqiao.contracts.catalog import threshold, threshold_table
from rongqiao.rules.loan_class import OverdueLimits
from rongqiao.rules.working_days import ZONE, add_working_days


def local_day(instant: dt.datetime) -> dt.date:
    """Calendar day of an instant in the zone the market works in."""
    return instant.astimezone(ZONE).date()


def whole_number(threshold_id: str, instant: dt.datetime) -> int:
    """Return a dated whole number of the catalogue, in force on the instant's day."""
    return int(threshold(threshold_id, local_day(instant)))


def window_end(published_at: dt.datetime) -> dt.datetime:
    """Instant at which the first round of takes closes."""
    return published_at + dt.timedelta(hours=whole_number("take_window_hours", published_at))


def demand_end(published_at: dt.datetime) -> dt.datetime:
    """Instant at which a demand that came to nothing expires."""
    return published_at + dt.timedelta(days=whole_number("demand_valid_days", published_at))


def contact_due(taken_at: dt.datetime) -> dt.datetime:
    """Instant by which the taker must have called."""
    return add_working_days(taken_at, whole_number("first_contact_working_days", taken_at))


def quote_due(taken_at: dt.datetime) -> dt.datetime:
    """Instant by which the taker must have quoted."""
    return add_working_days(taken_at, whole_number("indicative_quote_working_days", taken_at))


def decision_due(submitted_at: dt.datetime) -> dt.datetime:
    """Instant by which an application must be decided (金发〔2024〕32号: 30 days)."""
    return submitted_at + dt.timedelta(days=whole_number("decision_days", submitted_at))


def overdue_limits(on: dt.date) -> OverdueLimits:
    """Overdue-day limits of the five classes in force on a day."""
    floor = threshold_table("overdue_days_floor", on)
    return OverdueLimits(
        technical_days=int(threshold("technical_overdue_days", on)),
        substandard_days=int(floor["substandard"]),
        doubtful_days=int(floor["doubtful"]),
        loss_days=int(floor["loss"]),
    )
