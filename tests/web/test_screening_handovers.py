"""A government body hands its list to banks: counts for them, names only of enterprises that agreed to that, counts back to it."""

import dataclasses

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.test.utils import CaptureQueriesContext

from rongqiao.accounts.models import AuditRecord, Organisation
from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.platforms.financing.screening import (
    counting,
    handover_selectors,
    handovers,
    selectors,
    services,
    tasks,
)
from rongqiao.platforms.financing.screening.consents import (
    agree_to_be_found,
    lists_naming_me,
    refuse_to_be_found,
)
from rongqiao.platforms.financing.screening.models import (
    ScreeningHandover,
    ScreeningMember,
    ScreeningQuestion,
)
from tests.web.market_place import DAY, NOW, OTHER_USCC, USCC
from tests.web.screening_town import add, open_list, publish_town, saved_list

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    return publish_town(tmp_path / "var" / "screening")


def agree(market, scope, *, by_government=True, classes=("tax",), now=NOW):
    market.act(agree_to_be_found, scope, data_classes=classes, by_government=by_government, now=now)


def bank(code):
    return str(Organisation.objects.get(institution__code=code).pk)


def hand(market, screening, *codes, days=20, scope=None, now=NOW):
    return market.act(
        handovers.hand_to_banks,
        scope or market.official,
        list_id=screening.pk,
        bank_ids=[bank(code) for code in codes or ("B01",)],
        valid_days=days,
        now=now,
    )


def ask(market, handover, scope=None, now=NOW):
    return market.act(handovers.ask_names, scope or market.officer, handover_id=handover.pk, now=now)


def received(market, handover, scope=None, now=NOW):
    scope = scope or market.officer
    with scoped(scope):
        found = handover_selectors.get_received(scope, handover.pk)
        return handover_selectors.list_received_names(scope, found, now)


def test_a_bank_gets_counts_and_the_names_of_those_that_agreed_to_it(town, market):
    screening = saved_list(market, market.official)
    (handover,) = hand(market, screening)
    # A government body's list and a bank's own are agreed to apart.
    agree(market, market.owner, by_government=False)
    agree(market, market.stranger)
    assert ask(market, handover) == [OTHER_USCC]
    with scoped(market.officer):
        found = handover_selectors.list_received(market.officer).get()
    assert (found.list_title, found.named_count) == ("首贷拓户", 1)
    assert found.figures["total"] == screening.figures["total"] or found.figures["total"] % 5 == 0
    numbers = [n for name in ("regions", "sections", "sizes") for _, n in found.figures[name]]
    assert numbers
    assert all(n >= 20 and n % 5 == 0 for n in numbers)
    rows, performance = received(market, handover)
    assert [(row.name, row.step) for row in rows] == [("醴陵瓷业有限公司", "named")]
    assert (performance.named, performance.withdrawn) == (1, 0)
    with scoped(market.stranger):
        line = lists_naming_me(market.stranger).get()
    assert (line.source_title, line.organisation.name) == ("省工信厅", "湘江示范银行")


def test_those_that_agree_later_are_named_when_asked_again_and_only_once(town, market):
    (handover,) = hand(market, saved_list(market, market.official))
    with pytest.raises(NotAllowedError, match="没有新的企业同意"):
        ask(market, handover)
    agree(market, market.owner)
    assert ask(market, handover) == [USCC]
    with pytest.raises(NotAllowedError, match="没有新的企业同意"):
        ask(market, handover)
    agree(market, market.stranger)
    assert ask(market, handover) == [OTHER_USCC]
    with scoped(market.officer):
        assert handover_selectors.get_received(market.officer, handover.pk).named_count == 2


def test_a_name_is_hidden_once_the_agreement_no_longer_covers_government_lists(town, market):
    (handover,) = hand(market, saved_list(market, market.official))
    agree(market, market.owner)
    ask(market, handover)
    agree(market, market.owner, by_government=False)
    rows, performance = received(market, handover)
    assert (rows, performance.named, performance.withdrawn) == ([], 1, 1)
    market.act(refuse_to_be_found, market.owner, now=NOW)
    agree(market, market.owner, classes=())
    assert received(market, handover)[0] == []
    agree(market, market.owner)
    assert len(received(market, handover)[0]) == 1


def test_a_local_body_hands_over_only_its_own_region(town, market):
    local = dataclasses.replace(market.official, region="4302")
    (handover,) = hand(market, saved_list(market, local), scope=local)
    assert {code[:4] for code, _ in handover.figures["regions"]} == {"4302"}
    agree(market, market.owner)
    agree(market, market.stranger)
    assert ask(market, handover) == [OTHER_USCC]


def test_what_was_handed_over_ends_on_its_day_or_when_it_is_taken_back(town, market):
    screening = saved_list(market, market.official)
    short, long = hand(market, screening, "B01", days=3)[0], hand(market, screening, "B02", days=30)[0]
    agree(market, market.owner)
    ask(market, short)
    late = NOW + 4 * DAY
    assert received(market, short, now=late)[0] == []
    for deed in (handovers.ask_names, handovers.record_handover_export):
        with pytest.raises(IllegalTransitionError, match="收回或已到期"):
            market.act(deed, market.officer, handover_id=short.pk, now=late)
    assert tasks.expire_lists(int(late.timestamp())) == 1
    assert tasks.expire_lists(int(late.timestamp())) == 0
    market.act(handovers.withdraw_handover, market.official, handover_id=long.pk, now=NOW)
    with pytest.raises(IllegalTransitionError):
        market.act(handovers.withdraw_handover, market.official, handover_id=long.pk, now=NOW)
    with pytest.raises(IllegalTransitionError, match="收回或已到期"):
        ask(market, long, market.rival)
    # Taken back, it may be handed over anew; then it stands beside the earlier one.
    (again,) = hand(market, screening, "B02", days=0)
    assert ask(market, again, market.rival) == [USCC]
    with system_scope() as scope:
        kept = AuditRecord.objects.for_scope(scope).filter(object_type="screening_handover")
        assert set(kept.values_list("action", flat=True)) == {
            "screening.handed_to_bank",
            "screening.names_asked",
            "screening.handover_withdrawn",
            "screening.handover_expired",
        }


def test_what_cannot_be_handed_over_says_why(town, market):
    screening = saved_list(market, market.official)
    unsaved = open_list(market, market.official)
    with pytest.raises(IllegalTransitionError):
        hand(market, unsaved)
    for codes, days, words in ((["B01"], 31, "请填 0 至 30"), (["B01"], -1, "请填 0 至 30")):
        with pytest.raises(InvalidValueError, match=words):
            hand(market, screening, *codes, days=days)
    for ids in ([], [str(market.owner.organisation_id)], ["x"]):
        with pytest.raises(InvalidValueError, match="至少勾选一家"):
            market.act(
                handovers.hand_to_banks, market.official, list_id=screening.pk, bank_ids=ids, valid_days=9, now=NOW
            )  # fmt: skip
    hand(market, screening)
    with pytest.raises(InvalidValueError, match="湘江示范银行"):
        hand(market, screening, "B01", "B02")
    with pytest.raises(IllegalTransitionError, match="已到期"):
        hand(market, screening, "B02", now=NOW + 31 * DAY)
    changed = saved_list(market, market.official)
    add(market, market.official, changed, "size_class", "", "small")
    with pytest.raises(InvalidValueError, match="先保存新版本"):
        hand(market, changed)
    with pytest.raises(NotAllowedError):
        hand(market, saved_list(market, market.officer), scope=market.officer)


def test_a_days_budget_of_names_holds_and_the_rest_waits(town, market, monkeypatch):
    real = services.threshold
    monkeypatch.setattr(
        services, "threshold", lambda name, day: 1 if name == "screening_names_per_day" else real(name, day)
    )
    monkeypatch.setattr(selectors, "threshold", services.threshold)
    (handover,) = hand(market, saved_list(market, market.official))
    agree(market, market.owner)
    agree(market, market.stranger)
    first = ask(market, handover)
    assert len(first) == 1
    with pytest.raises(NotAllowedError, match="每人每天限 1"):
        ask(market, handover)
    assert {*first, *ask(market, handover, now=NOW + DAY)} == {USCC, OTHER_USCC}
    with scoped(market.officer):
        asked = ScreeningQuestion.objects.for_scope(market.officer).filter(kind="name")
        assert asked.count() == 2


def lend(market):
    """Name both enterprises to both banks; the first bank lends to one of them."""
    screening = saved_list(market, market.official)
    (ours,), (theirs,) = (hand(market, screening, code) for code in ("B01", "B02"))
    agree(market, market.owner)
    agree(market, market.stranger)
    ask(market, ours)
    ask(market, theirs, market.rival)
    market.loan(now=NOW + DAY, start_on=(NOW + DAY).date())
    return screening, ours, theirs


def test_both_sides_see_how_it_did_each_as_it_may(town, market, monkeypatch):
    screening, ours, theirs = lend(market)
    later = NOW + 2 * DAY
    rows, performance = received(market, ours, now=later)
    assert {row.uscc: row.step for row in rows} == {USCC: "drawn", OTHER_USCC: "named"}
    assert (performance.named, performance.contacted, performance.quoted, performance.drawn) == (2, 1, 1, 1)
    # What the first bank did is no merit of the second.
    assert received(market, theirs, market.rival, now=later)[1].contacted == 0
    with scoped(market.official):
        given, whole = handover_selectors.list_given(market.official, screening, later)
    # Two are too few to be told, and so is none.
    assert {each.told for each in given} == {handover_selectors.Told()} == {whole}
    monkeypatch.setattr(counting, "tell_number", lambda usccs, *, question, day: len(usccs))
    with scoped(market.official):
        given, whole = handover_selectors.list_given(market.official, screening, later)
    assert {each.handover.recipient.name: dataclasses.astuple(each.told) for each in given} == {
        "湘江示范银行": (2, 1, 1, 1),
        "岳麓示范银行": (2, 0, 0, 0),
    }
    # In all, an enterprise counts once, however many banks were told.
    assert dataclasses.astuple(whole) == (2, 1, 1, 1)


def test_the_giver_is_told_how_many_near_the_truth(town, market):
    usccs = [row["enterprise_id"] for row in town[:200]]
    day = NOW.date()
    told = counting.tell_number(usccs, question="handover 1|named", day=day)
    assert told % 5 == 0
    assert abs(told - 200) <= 10
    assert counting.tell_number(usccs, question="handover 1|named", day=day) == told
    others = {counting.tell_number(usccs, question=f"handover {n}|named", day=day) for n in range(20)}
    assert len(others) > 1
    assert counting.tell_number(usccs[:5], question="handover 1|named", day=day) is None
    assert counting.tell_number([], question="handover 1|named", day=day) is None


def test_how_it_did_costs_the_same_queries_however_many_banks(town, market):
    screening, *_ = lend(market)
    other = saved_list(market, market.official)
    (handover,) = hand(market, other, "B01")
    ask(market, handover)

    def cost(each):
        with scoped(market.official), CaptureQueriesContext(connection) as counted:
            handover_selectors.list_given(market.official, each, NOW)
        return len(counted)

    assert cost(screening) == cost(other)


def test_nobody_else_reads_or_moves_what_was_handed_over(town, market):
    (handover,) = hand(market, saved_list(market, market.official))
    agree(market, market.owner)
    ask(market, handover)
    other = dataclasses.replace(market.official, organisation_id=market.owner.organisation_id)
    for scope in (market.rival, market.owner, other):
        with scoped(scope):
            assert handover_selectors.get_received(scope, handover.pk) is None
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM screening_screeninghandover")
                assert cursor.fetchone()[0] == 0
    with pytest.raises(NotAllowedError):
        ask(market, handover, market.rival)
    with pytest.raises(NotAllowedError):
        market.act(handovers.withdraw_handover, market.officer, handover_id=handover.pk, now=NOW)
    # The giver never reads whom the bank was told.
    with scoped(market.official), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM screening_screeningmember")
        assert cursor.fetchone()[0] == 0
    with scoped(market.official):
        assert not ScreeningMember.objects.for_scope(market.official).exists()


@pytest.mark.parametrize(
    ("who", "change"),
    [
        ("official", {"conditions": []}),
        ("official", {"named_count": 9}),
        ("officer", {"expires_on": NOW.date()}),
        ("officer", {"status": "handed", "figures": {}}),
    ],
)
def test_the_database_lets_neither_side_change_what_was_handed_over(town, market, who, change):
    hand(market, saved_list(market, market.official))
    scope = getattr(market, who)
    with scoped(scope), pytest.raises(ProgrammingError), transaction.atomic():
        ScreeningHandover.objects.for_scope(scope).update(**change)


def test_a_bank_hands_nothing_to_itself(town, market):
    (handover,) = hand(market, saved_list(market, market.official))
    handover.pk, handover.status = None, "withdrawn"
    with scoped(market.officer), pytest.raises(ProgrammingError), transaction.atomic():
        handover.save(force_insert=True)
