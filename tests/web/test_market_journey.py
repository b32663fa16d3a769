"""The market on services: the whole way, and each wrong role, organisation, state and day."""

from decimal import Decimal

import pytest

from rongqiao.accounts.models import AuditRecord, Consent, LedgerEntry
from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.platforms.financing import selectors, services
from rongqiao.platforms.financing.models import (
    Application,
    Demand,
    Instalment,
    Loan,
    Match,
    Push,
    Quote,
    Take,
)
from tests.web.market_place import DAY, NOW, TODAY

pytestmark = pytest.mark.django_db


def stored(row):
    with system_scope() as scope:
        return type(row).objects.for_scope(scope).get(pk=row.pk)


def seen(model, scope):
    """Count rows of a model behind both walls, and behind the second alone."""
    with scoped(scope):
        return model.objects.for_scope(scope).count(), model.unscoped.count()


def test_whole_journey(market):
    demand = market.publish()
    assert demand.status == "published"
    with system_scope() as scope:
        outcomes = {
            m.product.code: m.outcome for m in Match.objects.for_scope(scope).select_related("product")
        }
        assert outcomes == {"P01": "met", "P02": "met", "P03": "unmet"}
        assert Push.objects.for_scope(scope).count() == 2
        consents = list(Consent.objects.for_scope(scope))
    assert {c.recipient_id for c in consents} == {
        market.officer.organisation_id,
        market.rival.organisation_id,
    }
    assert {c.purpose for c in consents} == {"pre_loan"}
    assert "tax" in consents[0].data_classes
    assert "public_registration" not in consents[0].data_classes

    take = market.take(market.officer, demand)
    # Monday 10:00 in Changsha: contact by Thursday, quote by next Monday.
    assert take.contact_due_at == NOW + 3 * DAY
    assert take.quote_due_at == NOW + 7 * DAY
    rival_take = market.take(market.rival, demand)
    dear = market.quote(market.rival, rival_take, product_code="P02", spread_bp=200)
    quote = market.quote(market.officer, take)
    assert quote.rate_ratio == Decimal("0.04")
    assert quote.all_in_ratio > quote.rate_ratio
    assert stored(demand).quotes_count == 2

    with scoped(market.owner):
        ranked = selectors.compare_quotes(market.owner, demand.pk)
    assert [c.quote.pk for c in ranked] == [quote.pk, dear.pk]
    assert ranked[0].fees_cny == Decimal("5000.00")

    application = market.accept(quote)
    assert stored(dear).status == "closed"
    assert stored(rival_take).status == "lost"
    assert stored(take).status == "won"
    assert application.prepared_by_id == market.officer.user_id
    assert application.decision_due_at == NOW + 30 * DAY

    decide = {"application_id": application.pk, "approve": True, "now": NOW}
    market.act(services.decide_application, market.risk, **decide)
    loan = market.act(
        services.sign_contract,
        market.officer,
        application_id=application.pk,
        contract_no="HT-1",
        start_on=TODAY,
        now=NOW,
    )
    assert stored(demand).status == "fulfilled"
    with system_scope() as scope:
        lines = list(Instalment.objects.for_scope(scope))
    assert len(lines) == 12
    assert sum(line.principal_cny for line in lines) == Decimal(1_000_000)

    market.act(services.record_drawdown, market.officer, loan_id=loan.pk, on=TODAY, now=NOW)
    assert stored(loan).status == "drawn"
    later = NOW + 40 * DAY
    market.act(
        services.record_repayment,
        market.officer,
        loan_id=loan.pk,
        on=lines[0].due_on,
        principal_cny=lines[0].principal_cny,
        interest_cny=lines[0].interest_cny,
        now=later,
    )
    with scoped(market.owner):
        page = selectors.get_loan(market.owner, loan.pk, on=lines[0].due_on)
    assert page.state.outstanding_cny == Decimal(1_000_000) - lines[0].principal_cny
    assert page.state.overdue_days == 0
    assert page.state.next_due.seq == 2
    with system_scope() as scope:
        actions = set(AuditRecord.objects.for_scope(scope).values_list("action", flat=True))
    assert actions >= {
        "demand.published", "consent.given", "demand.taken", "quote.submitted", "quote.accepted",
        "application.approved", "loan.contracted", "loan.drawn", "loan.repaid",
    }  # fmt: skip
    kinds = set(LedgerEntry.objects.values_list("kind", flat=True))
    assert kinds == {"application", "consent_given", "quote", "acceptance", "loan"}


def test_sealed_quotes_stay_sealed(market):
    demand = market.publish()
    market.quote(market.officer, market.take(market.officer, demand))
    for model in (Quote, Take):
        assert seen(model, market.rival) == (0, 0)
        assert seen(model, market.stranger) == (0, 0)
        assert seen(model, market.officer) == (1, 1)
    assert seen(Quote, market.official) == (0, 0)
    with scoped(market.rival):
        assert selectors.compare_quotes(market.rival, demand.pk) == []
        item = selectors.bank_inbox(market.rival, NOW)[0]
    assert (item.takes_count, item.take, item.best_match.product.code) == (1, None, "P02")


@pytest.mark.parametrize("who", ["clerk", "officer", "risk", "official"])
def test_only_the_owner_publishes(market, who):
    with pytest.raises(NotAllowedError):
        market.act(
            services.publish_demand,
            getattr(market, who),
            amount_cny=Decimal(1_000_000), term_months=12, purpose="working_capital", guarantee_kind="credit",
            consent_days=30, now=NOW,
        )  # fmt: skip
    with system_scope() as scope:
        assert not Demand.objects.for_scope(scope).exists()


def test_clerk_drafts_and_owner_publishes_the_draft(market):
    values = {
        "amount_cny": Decimal(500_000),
        "term_months": 6,
        "purpose": "working_capital",
        "guarantee_kind": "credit",
    }
    draft = market.act(
        services.draft_demand, market.clerk, **values, prefilled={"amount_cny": "480000"}, now=NOW
    )
    assert seen(Demand, market.officer) == (0, 0)
    published = market.publish(demand_id=draft.pk)
    assert published.pk == draft.pk
    assert stored(draft).amount_cny == Decimal(1_000_000)
    assert stored(draft).prefilled == {"amount_cny": "480000"}
    with pytest.raises(IllegalTransitionError):
        market.publish(demand_id=draft.pk)


@pytest.mark.parametrize(
    "change",
    [
        {"amount_cny": Decimal(0)},
        {"amount_cny": Decimal(-5)},
        {"term_months": 0},
        {"purpose": "gambling"},
        {"guarantee_kind": "smile"},
        {"desired_rate_ratio": Decimal(5)},
        {"consent_days": 0},
        {"data_classes": []},
        {"amount_cny": Decimal(900_000_000)},
    ],
)
def test_bad_demand_leaves_nothing(market, change):
    with pytest.raises(InvalidValueError):
        market.publish(**change)
    with system_scope() as scope:
        assert not Demand.objects.for_scope(scope).exists()
        assert not Consent.objects.for_scope(scope).exists()


def test_missing_facts_are_unknown_and_still_pushed(market):
    with system_scope() as scope:
        Portrait.objects.for_scope(scope).filter(enterprise_id=market.owner.uscc).update(
            facts={"age_months": 60}
        )
    demand = market.publish()
    with scoped(market.owner):
        first = selectors.demand_matches(market.owner, demand.pk)[0]
    assert first.outcome == "unknown"
    assert [r["settles"] for r in first.reasons if r["outcome"] == "unknown"] == ["授权纳税数据"]


def test_take_needs_a_push_a_bank_and_an_open_demand(market):
    demand = market.publish()
    for scope in (market.owner, market.official):
        with pytest.raises(NotAllowedError):
            market.take(scope, demand)
    with system_scope() as scope:
        Push.objects.for_scope(scope).filter(institution_id=market.rival.organisation_id).delete()
    with pytest.raises(NotAllowedError, match="无权查看"):
        market.take(market.rival, demand)
    market.take(market.officer, demand)
    with pytest.raises(NotAllowedError, match="不必重复"):
        market.take(market.officer, demand)
    market.act(services.withdraw_demand, market.owner, demand_id=demand.pk, now=NOW)
    with pytest.raises(IllegalTransitionError):
        market.take(market.officer, demand)


def test_window_closes_for_taken_demands_only(market):
    taken, untouched = market.publish(), market.publish()
    market.take(market.officer, taken)
    late = NOW + DAY
    with pytest.raises(NotAllowedError, match="抢单时限已过"):
        market.take(market.rival, taken, late)
    assert market.take(market.rival, untouched, late).status == "active"
    with pytest.raises(NotAllowedError, match="有效期"):
        market.take(market.rival, market.publish(), NOW + 61 * DAY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"product_code": "P02"}, "本机构在售"),
        ({"amount_cny": Decimal(50_000)}, "额度"),
        ({"term_months": 60}, "期限"),
        ({"spread_bp": 400}, "最高利率"),
        ({"spread_bp": -300}, "LPR"),
        ({"lpr_tenor": "3Y"}, "期限"),
        ({"repayment_method": "bullet"}, "还款方式"),
        ({"fees": [{"kind": "tea", "amount_cny": Decimal(1)}]}, "费用"),
        ({"fees": [{"kind": "notary_fee", "amount_cny": Decimal(-1)}]}, "不可为负"),
        ({"valid_days": 0}, "有效期"),
    ],
)
def test_quote_keeps_to_what_was_published(market, change, message):
    take = market.take(market.officer, market.publish())
    with pytest.raises(InvalidValueError, match=message):
        market.quote(market.officer, take, **change)
    assert stored(take).status == "active"


def test_quote_on_anothers_take_or_too_late(market):
    take = market.take(market.officer, market.publish())
    with pytest.raises(NotAllowedError):
        market.quote(market.rival, take, product_code="P02")
    with pytest.raises(NotAllowedError, match="时限已过"):
        market.quote(market.officer, take, now=NOW + 8 * DAY)
    quote = market.quote(market.officer, take)
    with pytest.raises(NotAllowedError, match="先撤回"):
        market.quote(market.officer, take)
    with pytest.raises(NotAllowedError):
        market.act(services.withdraw_quote, market.rival, quote_id=quote.pk, now=NOW)
    market.act(services.withdraw_quote, market.officer, quote_id=quote.pk, now=NOW)
    assert market.quote(market.officer, take, spread_bp=50).status == "submitted"


def test_acceptance_refuses_strangers_clerks_the_expired_and_the_second(market):
    demand = market.publish()
    quote = market.quote(market.officer, market.take(market.officer, demand))
    other = market.quote(market.rival, market.take(market.rival, demand), product_code="P02")
    for scope in (market.stranger, market.clerk, market.officer):
        with pytest.raises(NotAllowedError):
            market.accept(quote, scope=scope)
    with pytest.raises(NotAllowedError, match="有效期"):
        market.accept(quote, now=NOW + 10 * DAY)
    assert stored(quote).status == "submitted"
    market.accept(quote)
    for again in (quote, other):
        with pytest.raises(IllegalTransitionError):
            market.accept(again)
    with system_scope() as scope:
        assert Application.objects.for_scope(scope).count() == 1


def test_decision_is_not_the_authors_and_refusal_names_a_listed_reason(market):
    quote = market.quote(market.risk, market.take(market.risk, market.publish()))
    application = market.accept(quote)
    decide = {"application_id": application.pk, "now": NOW}
    with pytest.raises(NotAllowedError, match="报价人不得审批"):
        market.act(services.decide_application, market.risk, **decide, approve=True)
    for scope in (market.officer, market.rival_risk, market.owner):
        with pytest.raises(NotAllowedError):
            market.act(services.decide_application, scope, **decide, approve=True)
    assert stored(application).status == "submitted"


def test_refusal_opens_the_next_round_to_those_who_lost(market):
    demand = market.publish()
    quote = market.quote(market.officer, market.take(market.officer, demand))
    market.take(market.rival, demand)
    application = market.accept(quote)
    decide = {"application_id": application.pk, "approve": False, "now": NOW}
    for reason in ("", "我不喜欢"):
        with pytest.raises(InvalidValueError):
            market.act(services.decide_application, market.risk, **decide, refusal_reason=reason)
    with pytest.raises(InvalidValueError, match="写明原因"):
        market.act(services.decide_application, market.risk, **decide, refusal_reason="other")
    market.act(services.decide_application, market.risk, **decide, refusal_reason="high_debt")
    assert (stored(demand).status, stored(demand).takes_count, stored(quote).status) == (
        "published",
        0,
        "refused",
    )
    with pytest.raises(NotAllowedError, match="不能重复"):
        market.take(market.officer, demand)
    second = market.quote(market.rival, market.take(market.rival, demand), product_code="P02")
    assert market.accept(second).status == "submitted"


def test_clocks_expire_quotes_release_takes_and_demands(market):
    demand, idle = market.publish(), market.publish()
    take = market.take(market.officer, demand)
    quote = market.quote(market.officer, take, valid_days=10)
    assert services.expire_due(now=NOW + 9 * DAY) == {"quotes": 0, "takes": 0, "demands": 0}
    assert services.expire_due(now=NOW + 10 * DAY) == {"quotes": 1, "takes": 1, "demands": 0}
    assert (stored(quote).status, stored(take).status) == ("expired", "released")
    # The last taker let go: the demand is open to all again, with a fresh clock.
    assert (stored(demand).status, stored(demand).takes_count) == ("published", 0)
    assert services.expire_due(now=NOW + 60 * DAY) == {"quotes": 0, "takes": 0, "demands": 1}
    assert stored(idle).status == "expired"
    assert services.expire_due(now=NOW + 60 * DAY) == {"quotes": 0, "takes": 0, "demands": 0}
    assert stored(demand).status == "published"


def test_withdrawal_closes_everything_and_is_the_owners_alone(market):
    demand = market.publish()
    take = market.take(market.officer, demand)
    quote = market.quote(market.officer, take)
    for scope in (market.stranger, market.officer):
        with pytest.raises(NotAllowedError):
            market.act(services.withdraw_demand, scope, demand_id=demand.pk, now=NOW)
    market.act(services.withdraw_demand, market.owner, demand_id=demand.pk, now=NOW)
    assert (stored(demand).status, stored(quote).status, stored(take).status) == (
        "withdrawn",
        "closed",
        "lost",
    )


def test_withdrawal_after_acceptance_ends_the_application(market):
    demand = market.publish()
    take = market.take(market.officer, demand)
    application = market.accept(market.quote(market.officer, take))
    market.act(services.withdraw_demand, market.clerk, demand_id=demand.pk, now=NOW)
    assert (stored(application).status, stored(take).status) == ("withdrawn", "released")
    with pytest.raises(IllegalTransitionError):
        market.act(
            services.decide_application, market.risk, application_id=application.pk, approve=True, now=NOW
        )


def test_bank_lets_go(market):
    demand = market.publish()
    take = market.take(market.officer, demand)
    market.act(services.release_take, market.officer, take_id=take.pk, now=NOW)
    assert (stored(take).status, stored(demand).status) == ("released", "published")


def test_stranger_sees_nothing(market):
    market.loan()
    for model in (Demand, Match, Push, Take, Quote, Application, Loan, Instalment):
        assert seen(model, market.stranger) == (0, 0), model
    assert seen(Loan, market.rival) == (0, 0)
    assert seen(Loan, market.official) == (1, 1)
