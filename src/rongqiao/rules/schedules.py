"""Repayment schedules, exact to the cent.

Interest is simple per period by ACT/360: ``balance × annual rate ÷ 360 × calendar days``, rounded half up to the
cent. Due days are the start day moved by whole months (month-ends clipped); business-day shifts are the bank's.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.money import CENT, to_cny
from rongqiao.kernel.period import shift_date

if TYPE_CHECKING:
    import datetime as dt

METHODS = {
    "equal_principal": "等额本金",
    "equal_instalment": "等额本息",
    "interest_first": "按月付息、到期还本",
    "bullet": "到期一次还本付息",
}
YEAR_DAYS = 360
MAX_TERM_MONTHS = 480


@dataclass(frozen=True, slots=True)
class Instalment:
    """One payment.

    Parameters
    ----------
    seq : int
        From 1.
    due_on : date
        Last day of the interest period, on which the payment falls due.
    principal, interest : Decimal
        Parts of the payment, CNY.
    balance : Decimal
        Principal outstanding after the payment, CNY.
    from_on : date
        First day of the interest period; of the first instalment: the day of drawing.
    """

    seq: int
    due_on: dt.date
    principal: Decimal
    interest: Decimal
    balance: Decimal
    from_on: dt.date

    @property
    def total(self) -> Decimal:
        """Principal and interest together, CNY."""
        return self.principal + self.interest


def period_interest(balance: Decimal, annual_rate: Decimal, from_on: dt.date, due_on: dt.date) -> Decimal:
    """Interest of one period, ACT/360, in CNY to the cent."""
    days = (due_on - from_on).days
    return (balance * annual_rate * days / YEAR_DAYS).quantize(CENT, rounding=ROUND_HALF_UP)


def build_schedule(
    principal: Decimal, annual_rate: Decimal, term_months: int, method: str, start_on: dt.date
) -> tuple[Instalment, ...]:
    """Build the schedule of a loan that is drawn at once.

    Parameters
    ----------
    principal : Decimal
        CNY, above zero.
    annual_rate : Decimal
        Ratio per year, 0 ≤ rate < 1 (0.0385 is 3.85 %).
    term_months : int
        1 to 480.
    method : str
        A key of :data:`METHODS`.
    start_on : date
        Day of drawing.

    Returns
    -------
    tuple of Instalment
        Principal parts sum to the principal exactly; the last balance is zero.

    Raises
    ------
    InvalidValueError
        If an argument is outside its range.
    """
    amount = to_cny(principal)
    _check(amount, annual_rate, term_months, method)
    ends = [start_on, *(shift_date(start_on, month) for month in range(1, term_months + 1))]
    if method == "bullet":
        ends = [start_on, ends[-1]]
    periods = list(itertools.pairwise(ends))
    payment = _level_payment(amount, annual_rate, periods)
    share = (amount / len(periods)).quantize(CENT, rounding=ROUND_HALF_UP)
    balance, instalments = amount, []
    for seq, (from_on, due_on) in enumerate(periods, start=1):
        interest = period_interest(balance, annual_rate, from_on, due_on)
        if seq == len(periods):
            part = balance
        elif method == "equal_principal":
            part = min(share, balance)
        elif method == "equal_instalment":
            part = min(max(payment - interest, Decimal("0.00")), balance)
        else:
            part = Decimal("0.00")
        balance -= part
        instalments.append(Instalment(seq, due_on, part, interest, balance, from_on))
    return tuple(instalments)


def _check(amount: Decimal, annual_rate: Decimal, term_months: int, method: str) -> None:
    if amount <= 0:
        raise InvalidValueError("贷款本金", amount, "应大于零，以元为单位。")
    if not (isinstance(annual_rate, Decimal) and 0 <= annual_rate < 1):
        raise InvalidValueError(
            "年利率", annual_rate, "应为 0 到 1 之间的小数（Decimal），3.85% 写作 0.0385。"
        )
    if not 1 <= term_months <= MAX_TERM_MONTHS:
        raise InvalidValueError("期限（月）", term_months, f"应为 1 到 {MAX_TERM_MONTHS} 个月。")
    if method not in METHODS:
        raise InvalidValueError("还款方式", method, f"可用：{'、'.join(METHODS)}。")


def _level_payment(amount: Decimal, annual_rate: Decimal, periods: list[tuple[dt.date, dt.date]]) -> Decimal:
    """Payment that is equal in every period: principal over the sum of ACT/360 discount factors."""
    factor, total = Decimal(1), Decimal(0)
    for from_on, due_on in periods:
        factor /= 1 + annual_rate * (due_on - from_on).days / YEAR_DAYS
        total += factor
    return (amount / total).quantize(CENT, rounding=ROUND_HALF_UP)
