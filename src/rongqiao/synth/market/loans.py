"""How loans of the synthetic market went: drawdown, repayments, overdue, cure and default by the borrower's fate."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rongqiao.kernel.period import month_index
from rongqiao.rules.schedules import Instalment, build_schedule
from rongqiao.synth.codes import stable_id

if TYPE_CHECKING:
    from rongqiao.synth.block import Block
    from rongqiao.synth.market.demands import Applicant

if TYPE_CHECKING:
    import numpy as np

DEFAULT_DAYS = 91
_SLIP_BASE = -5.6
_SLIP_SLOPE = 1.0


@dataclass(slots=True)
class Course:
    """A loan's events and where they led.

    Attributes
    ----------
    status : str
        ``drawn``, ``repaid``, ``overdue`` or ``defaulted``.
    events : list of dict
        In order of ``effective_on``.
    """

    status: str
    events: list[dict[str, Any]]


class _Log:
    """Collects the events of one loan."""

    def __init__(self, seed: int, loan_id: str, end: dt.date) -> None:
        self.seed, self.loan_id, self.end = seed, loan_id, end
        self.events: list[dict[str, Any]] = []

    def add(self, kind: str, on: dt.date, lag: int, principal: Decimal, interest: Decimal) -> bool:
        """Add an event if it is known by the end of history; whether it was."""
        known = on + dt.timedelta(days=lag)
        if known > self.end:
            return False
        self.events.append(
            {
                "id": stable_id(self.seed, "loan_event", f"{self.loan_id}-{len(self.events)}"),
                "loan_id": self.loan_id,
                "kind": kind,
                "effective_on": on.isoformat(),
                "known_on": known.isoformat(),
                "principal_cny": f"{principal:.2f}",
                "interest_cny": f"{interest:.2f}",
            }
        )
        return True


def _trouble_day(block: Block, applicant: Applicant) -> dt.date | None:
    """Middle of the month in which the borrower's distress begins."""
    column = int(block.paths.distress[applicant.row])
    if column >= len(block.paths.months):
        return None
    month = block.paths.months[column]
    return dt.date(month // 100, month % 100, 15)


def _slips(block: Block, applicant: Applicant, due: dt.date, draw: float) -> bool:
    """Whether a sound borrower pays this instalment late."""
    column = month_index(due.year * 100 + due.month) - month_index(block.paths.months[0])
    health = float(block.paths.health[applicant.row, min(column, len(block.paths.months) - 1)])
    return draw < 1 / (1 + math.exp(_SLIP_SLOPE * health - _SLIP_BASE))


def _fail(log: _Log, due: Instalment, left: Decimal) -> str:
    """Nothing is paid any more: overdue after a week, in default after ninety days."""
    status = "drawn"
    if log.add("overdue", due.due_on + dt.timedelta(days=1), 6, due.principal, due.interest):
        status = "overdue"
    if log.add("default", due.due_on + dt.timedelta(days=DEFAULT_DAYS), 4, left, Decimal(0)):
        status = "defaulted"
    return status


def _pay_late(log: _Log, due: Instalment, days: int) -> bool:
    """Overdue, then paid and cured some days later; whether the payment is known already."""
    log.add("overdue", due.due_on + dt.timedelta(days=1), 3, due.principal, due.interest)
    paid_on = due.due_on + dt.timedelta(days=days)
    if not log.add("repayment", paid_on, 2, due.principal, due.interest):
        return False
    return log.add("cure", paid_on, 2, Decimal(0), Decimal(0))


def run_loan(
    block: Block, applicant: Applicant, loan: dict[str, Any], random: np.random.Generator, end: dt.date
) -> Course:
    """Play one loan to the end of history.

    Parameters
    ----------
    block : Block
        Holds the borrower's true path.
    applicant : Applicant
        The borrower.
    loan : dict
        The loan's record: principal, rate, term, method, start.
    random : numpy.random.Generator
        Decides slips and delays.
    end : date
        Last day on which something can be known.
    """
    start = dt.date.fromisoformat(loan["start_on"])
    principal = Decimal(loan["principal_cny"])
    schedule = build_schedule(
        principal, Decimal(loan["rate_ratio"]), loan["term_months"], loan["repayment_method"], start
    )
    log = _Log(block.seed, loan["id"], end)
    log.add("drawdown", start, int(random.integers(0, 2)), principal, Decimal(0))
    trouble = _trouble_day(block, applicant)
    left = principal
    draws, lags = random.random(len(schedule)), random.integers(0, 3, len(schedule))
    for position, due in enumerate(schedule):
        if due.due_on > end:
            break
        if trouble and due.due_on >= trouble:
            return Course(_fail(log, due, left), log.events)
        if _slips(block, applicant, due.due_on, float(draws[position])):
            if not _pay_late(log, due, int(random.integers(4, 26))):
                known = log.events[-1]["kind"]
                return Course("overdue" if known == "overdue" else "drawn", log.events)
        elif not log.add("repayment", due.due_on, int(lags[position]), due.principal, due.interest):
            break
        left -= due.principal
    return Course("repaid" if left == 0 else "drawn", log.events)
