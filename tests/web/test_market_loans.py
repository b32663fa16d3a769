"""Loans on services: contract, drawdown, repayment, delay and settlement, each refused to the wrong hand, state or day."""

import datetime as dt
from decimal import Decimal

import pytest

from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.platforms.financing import selectors, services
from rongqiao.platforms.financing.models import Instalment
from tests.web.market_place import DAY, NOW, TODAY

pytestmark = pytest.mark.django_db


def test_contract_needs_approval_its_own_bank_and_a_fresh_number(market):
    loan = market.loan()
    quote = market.quote(market.officer, market.take(market.officer, market.publish()))
    application = market.accept(quote)
    sign = {"application_id": application.pk, "start_on": TODAY, "now": NOW}
    with pytest.raises(IllegalTransitionError):
        market.act(services.sign_contract, market.officer, **sign, contract_no="HT-2")
    market.act(services.decide_application, market.risk, application_id=application.pk, approve=True, now=NOW)
    with pytest.raises(NotAllowedError):
        market.act(services.sign_contract, market.rival, **sign, contract_no="HT-2")
    for number in ("", loan.contract_no):
        with pytest.raises(InvalidValueError, match="合同编号"):
            market.act(services.sign_contract, market.officer, **sign, contract_no=number)
    market.act(services.sign_contract, market.officer, **sign, contract_no="HT-2")
    with pytest.raises(IllegalTransitionError):
        market.act(services.sign_contract, market.officer, **sign, contract_no="HT-3")


def test_drawdown_moves_the_schedule_and_happens_once(market):
    loan = market.loan(start_on=TODAY - 3 * DAY)
    with system_scope() as scope:
        first = Instalment.objects.for_scope(scope).get(loan=loan, seq=1)
    assert first.due_on == dt.date(2026, 12, 20)
    draw = {"loan_id": loan.pk, "on": TODAY, "now": NOW}
    with pytest.raises(InvalidValueError, match="已放款"):
        market.act(services.record_drawdown, market.officer, **draw)
    with pytest.raises(NotAllowedError):
        market.act(services.record_drawdown, market.rival, **draw)
    with pytest.raises(NotAllowedError):
        market.act(services.record_drawdown, market.owner, **draw)


@pytest.mark.parametrize(
    ("principal", "interest", "on"),
    [
        (Decimal(0), Decimal(0), TODAY),
        (Decimal(-1), Decimal(5), TODAY),
        (Decimal(1_000_001), Decimal(0), TODAY),
        (Decimal(5), Decimal(0), TODAY + DAY),
        (Decimal(5), Decimal(0), TODAY - DAY),
    ],
)
def test_impossible_repayments(market, principal, interest, on):
    loan = market.loan()
    with pytest.raises(InvalidValueError):
        market.act(
            services.record_repayment,
            market.officer,
            loan_id=loan.pk,
            on=on,
            principal_cny=principal,
            interest_cny=interest,
            now=NOW,
        )


def test_overdue_default_cure_and_settlement(market):
    loan = market.loan()

    def report(kind, on, now):
        return market.act(services.report_loan, market.risk, loan_id=loan.pk, kind=kind, on=on, now=now)

    def repay(principal, interest, day):
        now = NOW + day * DAY
        return market.act(
            services.record_repayment,
            market.officer, loan_id=loan.pk, on=TODAY + day * DAY, principal_cny=Decimal(principal), interest_cny=Decimal(interest), now=now,
        )  # fmt: skip

    with pytest.raises(IllegalTransitionError):
        report("default", TODAY, NOW)
    assert report("overdue", TODAY + 31 * DAY, NOW + 31 * DAY).status == "overdue"
    with scoped(market.officer):
        late = selectors.get_loan(market.officer, loan.pk, on=TODAY + 130 * DAY).state
    assert (late.overdue_days, late.five_class) == (100, "substandard")
    assert report("default", TODAY + 131 * DAY, NOW + 131 * DAY).status == "defaulted"
    assert repay(10, 0, 132).status == "defaulted"
    assert repay(500_000, 30_000, 133).status == "drawn"
    assert repay(499_990, 0, 134).status == "repaid"
    with pytest.raises(IllegalTransitionError):
        repay(1, 0, 135)
