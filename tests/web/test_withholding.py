"""What a bank sees of how a demand was judged: never more than its consent covers."""

import pytest

from rongqiao.accounts.models import Consent, Organisation
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import scope_of, scoped
from rongqiao.accounts.services import open_account, revoke_consent
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.kernel.errors import NotAllowedError
from rongqiao.platforms.financing import selectors, services
from rongqiao.platforms.financing.models import Loan
from tests.web.market_place import NOW, OTHER_USCC, USCC, person

pytestmark = pytest.mark.django_db
PROPOSAL = {
    "amount_cny": {"value": "480000", "reason": "近12个月应税销售额 160 万元 的 30%"},
    "term_months": {"value": 12, "reason": "流动资金贷款常用期限为12个月，可改。"},
}


def reasons(scope, demand):
    with scoped(scope):
        (match,) = selectors.demand_matches(scope, demand.pk, NOW)
    return {reason["fact"]: reason for reason in match.reasons}


def proposal(scope, demand):
    with scoped(scope):
        return selectors.visible_proposal(scope, demand, NOW)


def test_a_consent_to_taxes_shows_reasons_on_taxes(market):
    demand = market.publish(data_classes=["tax"])
    assert reasons(market.officer, demand)["tax_grade_now"]["value"] == "A"


def test_reasons_on_withheld_data_tell_nothing(market):
    demand = market.publish(data_classes=["utilities"])
    seen = reasons(market.officer, demand)["tax_grade_now"]
    assert (seen["outcome"], seen["value"]) == ("unknown", None)
    assert "未授权" in seen["settles"]
    # The bank's own condition and what anybody may know stay.
    assert seen["text"] == "纳税信用 A、B、M 级"
    assert reasons(market.officer, demand)["age_months"]["value"] == 60


def test_reasons_close_with_the_consent(market):
    demand = market.publish(data_classes=["tax"])
    with scoped(market.owner):
        for consent in Consent.objects.for_scope(market.owner):
            revoke_consent(scope=market.owner, consent_id=consent.pk, now=NOW)
    assert reasons(market.officer, demand)["tax_grade_now"]["value"] is None


def test_the_enterprise_sees_all_reasons_on_itself(market):
    demand = market.publish(data_classes=["utilities"])
    with scoped(market.owner):
        matches = selectors.demand_matches(market.owner, demand.pk, NOW)
    assert {r["value"] for m in matches for r in m.reasons if r["fact"] == "tax_grade_now"} == {"A"}


def test_the_proposed_amount_shows_only_with_sales_and_rating(market):
    Portrait.unscoped.filter(pk=USCC).update(
        grade="A", reasons=[{"indicator": "tax_taxable_sales_sum_m12_cny"}]
    )
    hidden = market.publish(data_classes=["utilities"], prefilled=PROPOSAL)
    assert set(proposal(market.officer, hidden)) == {"term_months"}
    assert set(proposal(market.owner, hidden)) == set(PROPOSAL)
    shown = market.publish(data_classes=["tax"], prefilled=PROPOSAL)
    assert set(proposal(market.officer, shown)) == set(PROPOSAL)


def test_a_borrowed_code_shows_nothing_before_it_is_certified(market):
    """Codes and names are public: who registers a borrower's code must not see its loans."""
    market.loan()
    Organisation.objects.filter(uscc=USCC).update(certified_at=None)
    impostor = scope_of(person(Organisation.objects.get(uscc=USCC), "enterprise_owner", "impostor"))
    with scoped(impostor):
        assert not selectors.list_loans(impostor).exists()
        assert not Loan.unscoped.exists()
    with pytest.raises(NotAllowedError, match="核验"):
        market.act(services.withdraw_demand, impostor, demand_id=USCC, now=NOW)


def test_a_role_of_another_kind_of_organisation_sees_nothing(market):
    organisation = Organisation.objects.get(uscc=OTHER_USCC)
    user = open_account(
        organisation=organisation,
        role=Role.ENTERPRISE_CLERK,
        username="misfit",
        password="a-long-pass-phrase",
    )
    user.role = Role.OPERATOR
    assert scope_of(user).kind == "anonymous"
