"""What a loan really costs: rate from LPR and spread, and the annualised cost of all cash flows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pyxirr

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.money import to_cny
from rongqiao.kernel.period import shift_date
from rongqiao.kernel.rate import from_lpr

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from rongqiao.rules.schedules import Instalment

DUE = {"upfront": "放款时一次", "per_year": "每年年初", "at_maturity": "到期时"}
XIRR_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Fee:
    """A cost beside interest.

    Parameters
    ----------
    kind : str
        Code such as ``guarantee``, ``assessment``, ``notary``, ``registration``, ``insurance``.
    amount_cny : Decimal
        Per occurrence, not negative.
    payee : str
        Who receives it.
    due : str
        A key of :data:`DUE`; ``per_year`` falls at the start of each begun year of the loan.
    """

    kind: str
    amount_cny: Decimal
    payee: str
    due: str = "upfront"


@dataclass(frozen=True, slots=True)
class AllInCost:
    """Cost of a loan over all cash flows of the enterprise.

    Parameters
    ----------
    xirr_ratio : Decimal
        Internal rate of return per year (ACT/365), ratio to six places.
    total_cost_cny, interest_cny, fees_cny : Decimal
        Yuan over the whole term; total = interest + fees.
    """

    xirr_ratio: Decimal
    total_cost_cny: Decimal
    interest_cny: Decimal
    fees_cny: Decimal


# 10 000 % a year: beyond it no cost is meant, and no column holds it.
MAX_RATIO = 100


def quote_rate(lpr_ratio: Decimal, spread_bp: int) -> Decimal:
    """Annual rate of a quote: LPR ± basis points.

    Raises
    ------
    InvalidValueError
        If the result is not above zero and below one.
    """
    rate = from_lpr(lpr_ratio, spread_bp)
    if not 0 < rate < 1:
        raise InvalidValueError("报价利率", rate, "LPR 加点后应在 0 与 1 之间，请核对加点（1 BP = 0.01%）。")
    return rate


def fee_payments(fee: Fee, start_on: dt.date, maturity_on: dt.date) -> list[tuple[dt.date, Decimal]]:
    """Days and amounts on which a fee falls due.

    Raises
    ------
    InvalidValueError
        If the amount is negative or the due code is not known.
    """
    if fee.due not in DUE:
        raise InvalidValueError("费用支付方式", fee.due, f"可用：{'、'.join(DUE)}。")
    amount = to_cny(fee.amount_cny)
    if amount < 0:
        raise InvalidValueError("费用金额", fee.amount_cny, "不可为负；贴息请单独列示。")
    if fee.due == "upfront":
        return [(start_on, amount)]
    if fee.due == "at_maturity":
        return [(maturity_on, amount)]
    payments, year, day = [], 0, start_on
    while day < maturity_on:
        payments.append((day, amount))
        year += 1
        day = shift_date(start_on, 12 * year)
    return payments


def all_in_cost(principal: Decimal, schedule: Sequence[Instalment], fees: Iterable[Fee] = ()) -> AllInCost:
    """Annualise everything the enterprise pays.

    Parameters
    ----------
    principal : Decimal
        CNY received on the first day of the first instalment's period.
    schedule : sequence of Instalment
        From :func:`rongqiao.rules.schedules.build_schedule`.
    fees : iterable of Fee
        All costs beside interest.

    Raises
    ------
    InvalidValueError
        If the schedule is empty, or no rate explains the flows (fees swallow the principal).

    Notes
    -----
    Source: PBoC notice 2021-3 on showing annualised rates; 贷款明白纸 pilot (2024-09).
    """
    if not schedule:
        raise InvalidValueError("还款计划", schedule, "还款计划不可为空。")
    start_on, maturity_on = schedule[0].from_on, schedule[-1].due_on
    paid = [payment for fee in fees for payment in fee_payments(fee, start_on, maturity_on)]
    interest = sum((instalment.interest for instalment in schedule), Decimal("0.00"))
    fees_cny = sum((amount for _, amount in paid), Decimal("0.00"))
    flows = [(start_on, float(principal))]
    flows += [(instalment.due_on, -float(instalment.total)) for instalment in schedule]
    flows += [(day, -float(amount)) for day, amount in paid]
    rate = pyxirr.xirr([day for day, _ in flows], [amount for _, amount in flows])
    if rate is None or rate >= MAX_RATIO:
        raise InvalidValueError("综合融资成本", fees_cny, "无法年化：请核对费用是否超过本金。")
    ratio = Decimal(repr(rate)).quantize(XIRR_PLACES) + 0
    return AllInCost(ratio, interest + fees_cny, interest, fees_cny)
