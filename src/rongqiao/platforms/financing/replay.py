"""A loan's state, derived by replaying its events: the order in which they arrived never matters."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from rongqiao.rules.loan_class import OverdueLimits, five_class_floor, worse_class

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

ZERO = Decimal("0.00")
YUAN = Decimal("1.00")
# What banks book differs from our schedule by their day-count and business days. Interest that falls short by less
# than half an instalment, or principal by less than a twentieth, is therefore no arrear.
INTEREST_TOLERANCE = Decimal("0.5")
PRINCIPAL_TOLERANCE = Decimal("0.05")
# On one day money moves first and verdicts come last.
KIND_ORDER = {"drawdown": 0, "repayment": 1, "overdue": 2, "cure": 3, "default": 4}


@dataclass(frozen=True, slots=True)
class Fact:
    """One loan event: ``kind`` drawdown, repayment, overdue, cure or default; amounts in CNY, zero where none."""

    kind: str
    effective_on: dt.date
    known_on: dt.date
    principal_cny: Decimal = ZERO
    interest_cny: Decimal = ZERO
    id: str = ""

    @property
    def sort_key(self) -> tuple[object, ...]:
        """Order of replay: when it was true, then when it was known; ties by kind, then by content."""
        order = (self.effective_on, self.known_on, KIND_ORDER.get(self.kind, 9))
        return (*order, self.principal_cny, self.interest_cny, self.id)


@dataclass(frozen=True, slots=True)
class Due:
    """One line of the schedule: amounts in CNY that fall due on a day."""

    seq: int
    due_on: dt.date
    principal_cny: Decimal
    interest_cny: Decimal


@dataclass(frozen=True, slots=True)
class LoanState:
    """What a loan looks like at the end of a day.

    Parameters
    ----------
    drawn_cny, repaid_cny, interest_paid_cny, outstanding_cny : Decimal
        Totals; outstanding = drawn − repaid principal, never below zero.
    overdue_since : date or None
        First unpaid due day, or the day the bank reported; null when nothing is overdue.
    overdue_days : int
        Whole days since then; zero when nothing is overdue.
    five_class : str or None
        Lowest class the overdue days allow; a reported default is at least substandard. Null before the first
        drawdown.
    is_defaulted : bool
        Whether a default was reported and not cured since.
    drawn_on : date or None
        First drawdown; null before it.
    next_due : Due or None
        First instalment still to be paid; null when none is left.
    """

    drawn_cny: Decimal
    repaid_cny: Decimal
    interest_paid_cny: Decimal
    outstanding_cny: Decimal
    overdue_since: dt.date | None
    overdue_days: int
    five_class: str | None
    is_defaulted: bool
    drawn_on: dt.date | None
    next_due: Due | None


@dataclass(slots=True)
class _Tally:
    """Running totals of one replay."""

    drawn: Decimal = ZERO
    repaid: Decimal = ZERO
    interest: Decimal = ZERO
    reported_since: dt.date | None = None
    is_defaulted: bool = False
    drawn_on: dt.date | None = None

    def take(self, fact: Fact) -> None:
        """Add one event."""
        if fact.kind == "drawdown":
            self.drawn += fact.principal_cny
            self.drawn_on = self.drawn_on or fact.effective_on
        elif fact.kind == "repayment":
            self.repaid += fact.principal_cny
            self.interest += fact.interest_cny
        elif fact.kind == "cure":
            self.reported_since, self.is_defaulted = None, False
        else:
            self.reported_since = self.reported_since or fact.effective_on
            self.is_defaulted = self.is_defaulted or fact.kind == "default"


def replay(
    facts: Iterable[Fact],
    schedule: Sequence[Due],
    *,
    on: dt.date,
    limits: OverdueLimits,
    known_on: dt.date | None = None,
) -> LoanState:
    """Derive the state at the end of a day.

    Parameters
    ----------
    facts : iterable of Fact
        In any order.
    schedule : sequence of Due
        In order of ``seq``; empty where there is none, then only reported overdue counts.
    on : date
        Later events are left out.
    limits : OverdueLimits
        In force on the day.
    known_on : date or None
        Events that became known later are left out; null keeps all.

    Returns
    -------
    LoanState
        The same for every permutation of the events.
    """
    tally = _Tally()
    kept = [f for f in facts if f.effective_on <= on and (known_on is None or f.known_on <= known_on)]
    for fact in sorted(kept, key=lambda f: f.sort_key):
        tally.take(fact)
    outstanding = max(tally.drawn - tally.repaid, ZERO)
    if tally.drawn_on is None:
        return LoanState(
            ZERO, ZERO, ZERO, ZERO, None, 0, None, False, None, schedule[0] if schedule else None
        )
    is_settled = outstanding == 0
    next_due = None if is_settled else _first_unpaid(schedule, tally)
    since = None if is_settled else _overdue_since(next_due, tally, on)
    days = (on - since).days if since else 0
    graded = five_class_floor(days, limits) or "normal"
    if tally.is_defaulted and not is_settled:
        graded = worse_class(graded, "substandard")
    return LoanState(
        drawn_cny=tally.drawn,
        repaid_cny=tally.repaid,
        interest_paid_cny=tally.interest,
        outstanding_cny=outstanding,
        overdue_since=since,
        overdue_days=days,
        five_class=graded,
        is_defaulted=tally.is_defaulted and not is_settled,
        drawn_on=tally.drawn_on,
        next_due=next_due,
    )


def _first_unpaid(schedule: Sequence[Due], tally: _Tally) -> Due | None:
    """Find the first instalment that what was paid so far does not cover."""
    principal = interest = ZERO
    for due in schedule:
        principal += due.principal_cny
        interest += due.interest_cny
        lacks_principal = principal - tally.repaid > max(due.principal_cny * PRINCIPAL_TOLERANCE, YUAN)
        lacks_interest = interest - tally.interest > max(due.interest_cny * INTEREST_TOLERANCE, YUAN)
        if lacks_principal or lacks_interest:
            return due
    return None


def _overdue_since(next_due: Due | None, tally: _Tally, on: dt.date) -> dt.date | None:
    days = [tally.reported_since] if tally.reported_since and tally.reported_since < on else []
    if next_due and next_due.due_on < on:
        days.append(next_due.due_on)
    return min(days) if days else None
