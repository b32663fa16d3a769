"""A bank changes a product's conditions: tried on the province first, told with care, published by a second person."""

import dataclasses

import pytest
from django.db import transaction
from django.db.utils import IntegrityError, ProgrammingError

from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.bases.resources import changes
from rongqiao.bases.resources.judging import requirements
from rongqiao.bases.resources.models import CriteriaChange, Product
from rongqiao.bases.resources.services import load_resources
from rongqiao.kernel.decision import Outcome
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.platforms.financing import criteria_trials as trials
from rongqiao.platforms.financing.dry_run import try_criteria
from rongqiao.platforms.financing.screening.models import ScreeningQuestion
from rongqiao.rules.criteria import evaluate
from tests.web.market_place import DAY, NOW, product, write_market
from tests.web.screening_town import publish_town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    return publish_town(tmp_path / "var" / "screening")


def met(product, town):
    criteria = requirements(product)
    return {
        row["enterprise_id"]
        for row in town
        if evaluate(criteria, row, rule="r", version="1").outcome is Outcome.MET
    }


NARROWER = {
    "all": [
        {"fact": "age_months", "op": ">=", "value": 61, "text": "成立满 61 个月"},
        {"fact": "tax_grade_now", "op": "in", "value": ["A", "B", "M"], "text": "纳税信用 A、B、M 级"},
    ]
}


def test_a_dry_run_says_exactly_what_a_change_would_do(town, market):
    market.publish()
    product = Product.objects.get(code="P01")
    before = met(product, town)
    product.criteria = NARROWER
    after = met(product, town)
    told = try_criteria(product_code="P01", changed=NARROWER, now=NOW + DAY)
    assert (told.before.count, told.after.count) == (len(before), len(after))
    assert (told.gained.count, told.lost.count) == (len(after - before), len(before - after))
    assert len(before - after) > 50
    assert sum(sides[3].count for sides in told.by_county.values()) == told.lost.count
    # The market's enterprise is 60 months old.
    assert (told.matches, told.matches_dropped.count) == (1, 1)
    assert [(each.text, each.kind, each.matches.count) for each in told.effects] == [
        ("成立满 61 个月", "added", 1),
        ("成立满 12 个月", "dropped", 0),
    ]
    assert told.effects[0].enterprises.count == told.lost.count
    same = try_criteria(product_code="P01", changed=Product.objects.get(code="P01").criteria, now=NOW + DAY)
    assert (same.gained.count, same.lost.count, same.by_county, same.effects) == (0, 0, {}, [])
    assert try_criteria(product_code="P01", changed=NARROWER, now=NOW + 400 * DAY).matches == 0
    with pytest.raises(InvalidValueError, match="没有这个产品"):
        try_criteria(product_code="P99", changed={}, now=NOW)


def test_a_looser_condition_tells_the_demands_it_would_have_met(town, market):
    strict = {"fact": "age_months", "op": ">=", "value": 61, "text": "成立满 61 个月"}
    Product.objects.filter(code="P01").update(criteria=strict)
    market.publish()
    told = try_criteria(product_code="P01", changed={}, now=NOW + DAY)
    assert (told.matches, told.matches_gained.count, told.matches_dropped.count) == (0, 1, 0)
    # A demand that the product's own limits turned away is no loss of its conditions.
    Product.objects.filter(code="P03").update(criteria=strict)
    assert try_criteria(product_code="P03", changed={}, now=NOW + DAY).matches_gained.count == 0


def tried(market, scope=None):
    scope = scope or market.officer
    change = market.act(changes.open_change, scope, product_code="P01", now=NOW)
    market.act(trials.move_bound, scope, change_id=change.pk, place=0, value="61")
    return market.act(trials.try_change, scope, change_id=change.pk, now=NOW)


def test_what_a_bank_is_told_is_blurred_and_costs_a_question(town, market):
    market.publish()
    change = tried(market)
    figures = change.figures
    exact = try_criteria(product_code="P01", changed=change.criteria, now=NOW)
    for name in ("before", "after", "lost"):
        assert figures[name] % 5 == 0
        assert abs(figures[name] - getattr(exact, name).count) <= 10
    assert figures["gained"] is None
    assert (figures["matches"], figures["matches_dropped"]) == (1, None)
    numbers = [n for line in figures["counties"] for n in line[1:]] + [
        n for line in figures["conditions"] for n in line[2:]
    ]
    assert all(n is None or (n >= 20 and n % 5 == 0) for n in numbers)
    again = market.act(trials.try_change, market.officer, change_id=change.pk, now=NOW)
    assert again.figures == figures
    with system_scope() as scope:
        assert ScreeningQuestion.objects.for_scope(scope).count() == 1


def test_conditions_are_edited_one_by_one(town, market):
    change = market.act(changes.open_change, market.officer, product_code="P01", now=NOW)
    assert market.act(changes.open_change, market.risk, product_code="P01", now=NOW).pk == change.pk
    change = market.act(
        trials.add_condition,
        market.officer,
        change_id=change.pk,
        fact="size_class",
        op="",
        values=["small"],
        now=NOW,
    )
    assert [each["fact"] for each in change.criteria["all"]] == ["age_months", "tax_grade_now", "size_class"]
    change = market.act(trials.move_bound, market.officer, change_id=change.pk, place=0, value="24")
    # The advice to the enterprise stays with the condition.
    assert change.criteria["all"][0]["value"] == 24
    assert change.criteria["all"][0]["settles"] == "补充成立日期"
    change = market.act(trials.remove_condition, market.officer, change_id=change.pk, place=1)
    assert [each["fact"] for each in change.criteria["all"]] == ["age_months", "size_class"]
    with pytest.raises(InvalidValueError, match="没有可改的数值"):
        market.act(trials.move_bound, market.officer, change_id=change.pk, place=1, value="3")
    with pytest.raises(InvalidValueError, match="没有这个条件"):
        market.act(trials.remove_condition, market.officer, change_id=change.pk, place=7)


def submitted(market):
    change = tried(market)
    return market.act(changes.submit_change, market.officer, change_id=change.pk, note="不良上升")


def test_two_people_bring_a_change_into_force(town, market):
    change = submitted(market)
    with pytest.raises(NotAllowedError):
        market.act(changes.publish_change, market.officer, change_id=change.pk, now=NOW)
    done = market.act(changes.publish_change, market.risk, change_id=change.pk, now=NOW)
    product = Product.objects.get(code="P01")
    assert (product.version, product.criteria["all"][0]["value"]) == (2, 61)
    assert done.before["all"][0]["value"] == 12
    assert done.status == "published"
    with pytest.raises(IllegalTransitionError):
        market.act(changes.publish_change, market.risk, change_id=change.pk, now=NOW)


def test_a_file_does_not_overturn_what_a_bank_published(town, market, tmp_path):
    change = submitted(market)
    market.act(changes.publish_change, market.risk, change_id=change.pk, now=NOW)
    published = Product.objects.get(code="P01")
    rows = [product("P01", "B01", name="惠商贷（新名）"), product("P02", "B02", criteria={})]
    counts = load_resources(folder=write_market(tmp_path / "again", products=rows))
    again = {each.code: each for each in Product.objects.all()}
    assert (again["P01"].criteria, again["P01"].version) == (published.criteria, published.version)
    assert (again["P01"].name, again["P02"].criteria) == ("惠商贷（新名）", {})
    assert counts["kept_criteria"] == 1


def test_nobody_approves_an_own_change(town, market):
    change = tried(market, market.risk)
    market.act(changes.submit_change, market.risk, change_id=change.pk, note="收紧")
    with pytest.raises(NotAllowedError, match="起草人不能复核"):
        market.act(changes.publish_change, market.risk, change_id=change.pk, now=NOW)
    with (
        pytest.raises(IntegrityError, match="criteria_change_by_two"),
        system_scope() as scope,
        transaction.atomic(),
    ):
        CriteriaChange.objects.for_scope(scope).update(status="published", decided_by_id=market.risk.user_id)


def test_a_change_is_submitted_only_as_it_was_tried(town, market):
    change = market.act(changes.open_change, market.officer, product_code="P01", now=NOW)
    with pytest.raises(InvalidValueError, match="相同"):
        market.act(changes.submit_change, market.officer, change_id=change.pk, note="x")
    change = tried(market)
    with pytest.raises(InvalidValueError, match="改动理由"):
        market.act(changes.submit_change, market.officer, change_id=change.pk, note=" ")
    market.act(trials.move_bound, market.officer, change_id=change.pk, place=0, value="65")
    with pytest.raises(InvalidValueError, match="请先按现在的条件试算"):
        market.act(changes.submit_change, market.officer, change_id=change.pk, note="收紧")


def test_a_change_of_an_overtaken_version_is_refused(town, market):
    change = submitted(market)
    Product.objects.filter(code="P01").update(version=4)
    with pytest.raises(IllegalTransitionError, match="现行已是第 4 版"):
        market.act(changes.publish_change, market.risk, change_id=change.pk, now=NOW)
    market.act(changes.return_change, market.risk, change_id=change.pk)
    market.act(changes.discard_change, market.officer, change_id=change.pk)
    fresh = market.act(changes.open_change, market.officer, product_code="P01", now=NOW)
    assert (fresh.pk != change.pk, fresh.base_version) == (True, 4)


def test_another_bank_neither_sees_nor_touches_a_change(town, market):
    change = tried(market)
    with pytest.raises(NotAllowedError):
        market.act(changes.open_change, market.rival, product_code="P01", now=NOW)
    with pytest.raises(NotAllowedError):
        market.act(trials.remove_condition, market.rival, change_id=change.pk, place=0)
    with scoped(market.rival) as scope:
        assert changes.get_change(scope, change.pk) is None
    # Row security stands behind it: what was settled at the start does not move.
    with pytest.raises(ProgrammingError), scoped(market.officer) as scope, transaction.atomic():
        CriteriaChange.objects.for_scope(scope).update(base_version=9)
    operator = dataclasses.replace(market.official, kind="operator", role="operator")
    with scoped(operator) as scope:
        assert changes.get_change(scope, change.pk) is not None
