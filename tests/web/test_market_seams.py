"""Where requests, jobs and institutions meet: locks in one order, numbers that others hold, days as people count them."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from rongqiao.accounts.models import Consent
from rongqiao.accounts.scope import scoped
from rongqiao.bases.enterprises.services import read_portrait
from rongqiao.government.selectors import overview
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from rongqiao.platforms.financing import services
from rongqiao.platforms.financing.models import Application, Demand
from tests.web.market_place import DAY, NOW, TODAY, USCC

pytestmark = pytest.mark.django_db


def fee(amount):
    return {"kind": "guarantee_fee", "amount_cny": Decimal(amount), "payee": "省担保", "due": "upfront"}


def test_the_clock_locks_the_demand_before_its_quotes(market):
    """Accepting locks the demand, then its quotes; the other way round the two would wait for each other."""
    market.quote(market.officer, market.take(market.officer, market.publish()))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert services.expire_due(now=NOW + 10 * DAY)["quotes"] == 1
    statements = [query["sql"] for query in queries]
    locked = next(
        i for i, sql in enumerate(statements) if 'FROM "financing_demand"' in sql and "FOR UPDATE" in sql
    )
    changed = next(i for i, sql in enumerate(statements) if sql.startswith('UPDATE "financing_quote"'))
    assert locked < changed


def test_a_contract_number_of_another_institution_is_refused_in_words(market):
    loan = market.loan()
    demand = market.publish()
    take = market.take(market.rival, demand)
    market.accept(market.quote(market.rival, take, product_code="P02"))
    application = Application.unscoped.get(status="submitted")
    market.act(
        services.decide_application, market.rival_risk, application_id=application.pk, approve=True, now=NOW
    )
    terms = {"application_id": application.pk, "start_on": TODAY, "now": NOW}
    with pytest.raises(InvalidValueError, match="合同编号"):
        market.act(services.sign_contract, market.rival_risk, contract_no=loan.contract_no, **terms)
    signed = market.act(services.sign_contract, market.rival_risk, contract_no="YL-1", **terms)
    assert signed.contract_no == "YL-1"


def test_refusals_tell_the_day_on_which_it_is_in_china(market):
    """At 01:30 in Changsha it is still the day before in UTC."""
    night = dt.datetime(2026, 11, 24, 17, 30, tzinfo=dt.UTC)
    market.publish()
    Consent.unscoped.update(revoked_at=night)
    with pytest.raises(NotAllowedError, match="2026-11-25"), scoped(market.officer):
        read_portrait(scope=market.officer, uscc=USCC, purpose="pre_loan", now=night + DAY)


def test_officials_see_the_day_of_the_newest_demand_as_in_china(market):
    market.publish()
    Demand.unscoped.update(published_at=dt.datetime(2026, 11, 24, 17, 30, tzinfo=dt.UTC))
    with scoped(market.official):
        figures = {each.id: each for each in overview(market.official)["figures"]}
    assert figures["demands"].freshest_on == dt.date(2026, 11, 25)


@pytest.mark.parametrize(
    ("changes", "thing"),
    [
        ({"note": "长" * 301}, "对企业的说明"),
        ({"fees": [fee(999_000)]}, "综合融资成本"),
    ],
)
def test_a_quote_that_cannot_be_stored_is_refused_in_words(market, changes, thing):
    take = market.take(market.officer, market.publish())
    with pytest.raises(InvalidValueError) as error:
        market.quote(market.officer, take, **changes)
    assert error.value.thing == thing


def test_interest_by_a_slip_of_the_pen_is_refused_in_words(market):
    loan = market.loan()
    payment = {"on": TODAY, "principal_cny": Decimal(0), "interest_cny": Decimal(10) ** 17, "now": NOW}
    with pytest.raises(InvalidValueError, match="还款利息"):
        market.act(services.record_repayment, market.officer, loan_id=loan.pk, **payment)
