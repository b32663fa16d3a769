"""Screening: counts through disclosure control within a budget, names only of those who agreed."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from rongqiao.accounts.models import AuditRecord, LedgerEntry
from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.kernel.decision import Outcome
from rongqiao.kernel.errors import ContractError, IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.platforms.financing.screening import counting, selectors, services
from rongqiao.platforms.financing.screening.consents import (
    lists_naming_me,
    own_agreement,
    refuse_to_be_found,
)
from rongqiao.platforms.financing.screening.facts import build_condition, facts, find_facts
from rongqiao.platforms.financing.screening.models import FindableConsent, ScreeningMember, ScreeningQuestion
from rongqiao.rules.criteria import evaluate, parse_criteria
from tests.web.market_place import DAY, NOW, OTHER_USCC, USCC
from tests.web.screening_town import SALES, add, agree, open_list, publish_town, saved_list

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    return publish_town(tmp_path / "var" / "screening")


CONDITIONS = [
    ("age_months", ">=", ["24"]),
    (SALES, ">=", ["200"]),
    ("county_code", "", ["4301"]),
    ("size_class", "", ["small", "micro"]),
    ("tax_grade_now", "", ["A", "B"]),
    ("industry_section", "", ["C", "F"]),
]


def judged(town, criteria):
    return [evaluate(criteria, row, rule="r", version="1").outcome for row in town]


@pytest.mark.parametrize("number", range(len(CONDITIONS) + 1))
def test_counts_equal_judging_one_by_one_and_unknown_is_never_met(town, number):
    criteria = parse_criteria({"all": [build_condition(*each) for each in CONDITIONS[:number]]})
    cells, unknown = counting.count_groups(counting.province(), criteria)
    met = cells[0].sum()
    outcomes = judged(town, criteria)
    assert (met, unknown) == (outcomes.count(Outcome.MET), outcomes.count(Outcome.UNKNOWN))
    assert number <= 1 or unknown > 0
    codes = [row["enterprise_id"] for row in town]
    expected = [c for c, outcome in zip(codes, outcomes, strict=True) if outcome is Outcome.MET]
    assert counting.find_met(counting.province(), criteria, [*codes, "91430102MA9999999X"]) == expected


def test_groups_add_up_to_judging_one_by_one(town):
    criteria = parse_criteria({"all": [build_condition(*CONDITIONS[0])]})
    found = counting.province()
    cube = counting.count_groups(found, criteria)[0][0].reshape([len(words) for words in found.labels])
    for axis, name in enumerate(counting.DIMENSIONS):
        others = tuple(each for each in range(3) if each != axis)
        told = dict(zip(found.labels[axis], cube.sum(axis=others), strict=True))
        for word, number in told.items():
            rows = [row for row in town if (row[name] or "") == word]
            assert number == judged(rows, criteria).count(Outcome.MET), (name, word)


def test_no_figure_that_is_told_is_small_or_exact(town, market):
    screening = open_list(market, market.officer)
    for fact, op, values in CONDITIONS:
        screening = add(market, market.officer, screening, fact, op, *values)
    figures = screening.figures
    numbers = [n for name in ("regions", "sections", "sizes") for _, n in figures[name]]
    assert all(n >= 20 and n % 5 == 0 for n in [*numbers, *(x for x in (figures["total"],) if x is not None)])
    screening = add(market, market.officer, open_list(market, market.officer), "age_months", ">=", "2400")
    assert screening.figures["total"] is None


def test_a_government_body_counts_only_in_its_region(town, market):
    import dataclasses

    local = dataclasses.replace(market.official, region="4302")
    screening = open_list(market, local)
    assert {code[:4] for code, _ in screening.figures["regions"]} == {"4302"}
    assert {len(code) for code, _ in screening.figures["regions"]} == {6}
    add(market, local, screening, "age_months", ">=", "24")
    market.act(services.save_version, local, list_id=screening.pk, now=NOW)
    with pytest.raises(NotAllowedError):
        market.act(services.hand_over, local, list_id=screening.pk, now=NOW)


def test_the_budget_is_per_person_and_day_and_repeats_are_free(town, market, monkeypatch):
    real = services.threshold
    limits = {"screening_questions_per_day": Decimal(3)}
    monkeypatch.setattr(services, "threshold", lambda name, day: limits.get(name) or real(name, day))
    first = open_list(market, market.officer)
    open_list(market, market.officer, "同样没有条件")
    first = add(market, market.officer, first, "age_months", ">=", "24")
    first = add(market, market.officer, first, "age_months", "<=", "240")
    before = first.figures
    with pytest.raises(NotAllowedError, match="每人每天限 3"):
        add(market, market.officer, first, "size_class", "", "small")
    market.act(services.remove_condition, market.officer, list_id=first.pk, place=1, now=NOW)
    kept = add(market, market.officer, first, "age_months", "<=", "240")
    assert kept.figures == before
    assert len(kept.conditions) == 2
    open_list(market, market.risk)
    add(market, market.officer, first, "size_class", "", "small", now=NOW + DAY)
    with scoped(market.officer):
        assert ScreeningQuestion.objects.for_scope(market.officer).count() == 5


def test_names_are_refused_without_consent_and_given_of_the_one_that_agreed(town, market):
    screening = saved_list(market, market.officer)
    with pytest.raises(NotAllowedError, match="没有企业同意"):
        market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)
    agree(market, market.owner)
    named = market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)
    assert named == [USCC]
    with scoped(market.officer):
        rows, performance = selectors.list_named(market.officer, screening, NOW)
    assert [(row.name, row.step) for row in rows] == [("长沙湘辉陶瓷有限公司", "named")]
    assert (performance.named, performance.contacted, performance.withdrawn) == (1, 0, 0)
    with scoped(market.owner):
        assert [row.list_title for row in lists_naming_me(market.owner)] == ["首贷拓户"]
    with scoped(market.stranger):
        assert not list(lists_naming_me(market.stranger))


def test_a_condition_on_data_outside_the_agreement_names_nobody(town, market):
    screening = saved_list(market, market.officer)
    agree(market, market.owner, classes=())
    with pytest.raises(NotAllowedError, match="没有企业同意"):
        market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)
    plain = open_list(market, market.officer, "只用登记信息")
    add(market, market.officer, plain, "age_months", ">=", "24")
    market.act(services.save_version, market.officer, list_id=plain.pk, now=NOW)
    assert market.act(services.hand_over, market.officer, list_id=plain.pk, now=NOW) == [USCC]


def test_revoking_hides_the_name_at_once_and_leaves_proof(town, market):
    screening = saved_list(market, market.officer)
    agreed = agree(market, market.owner)
    market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)
    assert market.act(refuse_to_be_found, market.clerk, now=NOW)
    assert not market.act(refuse_to_be_found, market.owner, now=NOW)
    with scoped(market.officer):
        rows, performance = selectors.list_named(market.officer, screening, NOW)
    assert (rows, performance.named, performance.withdrawn) == ([], 1, 1)
    assert {e.kind for e in LedgerEntry.objects.filter(subject=f"finding:{agreed.pk}")} == {
        "consent_given",
        "consent_revoked",
    }


def test_an_agreement_ends_by_itself_and_is_the_owners_to_give(town, market):
    agree(market, market.owner)
    with scoped(market.owner):
        assert own_agreement(market.owner, NOW)
        assert own_agreement(market.owner, NOW + 366 * DAY) is None
    with pytest.raises(NotAllowedError):
        agree(market, market.clerk)
    with pytest.raises(InvalidValueError):
        agree(market, market.owner, classes=("no_such_class",))
    with scoped(market.officer):
        assert not FindableConsent.objects.for_scope(market.officer).exists()


def test_how_a_list_did_comes_from_the_market(town, market):
    screening = saved_list(market, market.officer)
    agree(market, market.owner)
    agree(market, market.stranger)
    assert set(market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)) == {
        USCC,
        OTHER_USCC,
    }
    market.loan(now=NOW + DAY, start_on=(NOW + DAY).date())
    with scoped(market.officer):
        rows, performance = selectors.list_named(market.officer, screening, NOW + 2 * DAY)
    assert {row.uscc: row.step for row in rows} == {USCC: "drawn", OTHER_USCC: "named"}
    assert (performance.contacted, performance.quoted, performance.drawn) == (1, 1, 1)


def test_versions_say_what_changed_and_the_last_one_is_handed_over(town, market):
    screening = saved_list(market, market.officer)
    with pytest.raises(InvalidValueError, match="没有变化"):
        market.act(services.save_version, market.officer, list_id=screening.pk, now=NOW)
    add(market, market.officer, screening, "size_class", "", "small")
    agree(market, market.owner)
    with pytest.raises(InvalidValueError, match="先保存"):
        market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)
    market.act(services.save_version, market.officer, list_id=screening.pk, now=NOW)
    with scoped(market.officer):
        assert [v.number for v in selectors.list_versions(market.officer, screening.pk)] == [2, 1]


def test_a_list_ends_on_its_day_and_can_no_longer_be_used(town, market):
    screening = saved_list(market, market.officer)
    agree(market, market.owner)
    market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)
    with pytest.raises(IllegalTransitionError):
        add(market, market.officer, screening, "size_class", "", "small")
    late = NOW + 31 * DAY
    with pytest.raises(IllegalTransitionError):
        market.act(services.record_export, market.officer, list_id=screening.pk, now=late)
    assert services.expire_lists(now=late) == 1
    assert services.expire_lists(now=late) == 0
    with scoped(market.officer):
        assert selectors.list_named(market.officer, screening, late)[0] == []


def test_exports_are_budgeted_and_audited(town, market):
    screening = saved_list(market, market.officer)
    agree(market, market.owner)
    market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)
    for _ in range(5):
        market.act(services.record_export, market.officer, list_id=screening.pk, now=NOW)
    with pytest.raises(NotAllowedError, match="每人每天限 5"):
        market.act(services.record_export, market.officer, list_id=screening.pk, now=NOW)
    with system_scope() as scope:
        kept = AuditRecord.objects.for_scope(scope).filter(object_id=str(screening.pk))
        assert set(kept.values_list("action", flat=True)) >= {
            "screening.opened", "screening.revised", "screening.saved", "screening.handed_over", "screening.exported"
        }  # fmt: skip


def test_a_rival_sees_and_moves_nothing(town, market):
    screening = saved_list(market, market.officer)
    with pytest.raises(NotAllowedError, match="不属于本机构"):
        add(market, market.rival, screening, "size_class", "", "small")
    with scoped(market.rival):
        assert selectors.get_screening(market.rival, screening.pk) is None
        with connection.cursor() as cursor:
            for table in ("screeninglist", "screeningversion", "screeningquestion"):
                cursor.execute(f"SELECT count(*) FROM screening_{table}")
                assert cursor.fetchone()[0] == 0, table


def test_the_database_keeps_an_enterprise_from_writing_itself_onto_a_list(town, market):
    screening = saved_list(market, market.officer)
    agree(market, market.owner)
    market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)
    with scoped(market.owner):
        member = ScreeningMember.objects.for_scope(market.owner).get()
        member.pk, member.uscc = None, USCC
        with pytest.raises(ProgrammingError), transaction.atomic():
            member.save(force_insert=True)


def test_two_lists_are_compared_by_counts_only(town, market):
    first, second = open_list(market, market.officer, "甲"), open_list(market, market.officer, "乙")
    first = add(market, market.officer, first, "age_months", ">=", "24")
    second = add(market, market.officer, second, "size_class", "", "small")
    with scoped(market.officer):
        told = selectors.compare_lists(market.officer, first, second, NOW)
    assert set(told) == {"first", "second", "both"}
    assert told["both"] <= min(told["first"], told["second"])
    # As on the lists' own pages: a count that is told twice with two deviations would be told more exactly.
    assert (told["first"], told["second"]) == (first.figures["total"], second.figures["total"])


def test_without_columns_the_page_says_what_to_run(tmp_path, monkeypatch, market):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "empty"))
    with pytest.raises(ContractError, match="尚未发布"):
        open_list(market, market.officer)


def test_facts_are_found_by_words_and_every_one_makes_a_condition():
    assert find_facts("")[0].title == "所在地区"
    assert SALES in [fact.id for fact in find_facts("应税销售 12个月")]
    for fact in facts().values():
        op = {"number": ">=", "flag": "is_true"}.get(fact.kind, "")
        values = [fact.choices[0][0]] if fact.choices else ["10"]
        assert parse_criteria(build_condition(fact.id, op, values))


@pytest.mark.parametrize(
    ("fact", "op", "values", "text"),
    [
        ("status", "", ["存续"], "搜索"),
        ("age_months", "==", ["12"], "不低于"),
        ("age_months", ">=", ["125"], "两位"),
        ("size_class", "", ["huge"], "至少选一个"),
        ("county_code", "", [], "至少选一个"),
    ],
)
def test_conditions_that_cannot_be_say_what_can(fact, op, values, text):
    with pytest.raises(InvalidValueError, match=text):
        build_condition(fact, op, values)


def test_amounts_and_shares_are_typed_as_people_say_them():
    assert build_condition(SALES, ">=", ["500"])["value"] == 5_000_000
    assert "不低于 500 万元" in build_condition(SALES, ">=", ["500"])["text"]
    ratio = next(fact for fact in facts().values() if fact.id.endswith("_ratio"))
    assert build_condition(ratio.id, "<=", ["35"])["value"] == 0.35


def test_days_are_local(town, market):
    evening = dt.datetime(2026, 11, 23, 17, 0, tzinfo=dt.UTC)
    screening = market.act(services.open_list, market.officer, title="夜间", valid_days=1, now=evening)
    assert screening.expires_on == dt.date(2026, 11, 25)


def test_a_sample_shows_kinds_of_enterprises_and_nobody(town, market):
    figures = open_list(market, market.officer).figures
    counts = [count for *_, count in figures["profiles"]]
    assert 0 < len(counts) <= 8
    assert counts == sorted(counts, reverse=True)
    assert all(count >= 20 and count % 5 == 0 for count in counts)
    by_section = dict(figures["sections"])
    assert all(count <= by_section[section] + 10 for _, section, _, count in figures["profiles"])
