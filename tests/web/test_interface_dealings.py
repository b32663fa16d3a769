"""Around the calls: vendors, questions about accesses, keys that behave strangely, usage."""

import datetime as dt

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.interfaces import (
    anomalies,
    delegations,
    questions,
    selectors,
)
from rongqiao.bases.enterprises.interfaces.models import (
    AccessQuestion,
    Authorisation,
    DataCall,
    Delegation,
    InterfaceKey,
)
from rongqiao.bases.enterprises.models import ReadRecord
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.kernel.identifiers import complete_uscc
from tests.web.interface_calls import FILINGS, act, call, code, consent
from tests.web.market_place import OTHER_USCC, USCC, person

pytestmark = pytest.mark.usefixtures("tax_shelf")
VENDOR_USCC = complete_uscc("91430100MA4L90009")
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def vendor(db):
    organisation = Organisation.objects.create(
        kind="enterprise", name="银企软件有限公司", uscc=VENDOR_USCC, region_code="430100", certified_at=timezone.now()
    )  # fmt: skip
    return scope_of(person(organisation, "enterprise_owner", "vendor"))


@pytest.fixture
def delegation(market, interface_key, vendor):
    return act(
        delegations.delegate_to_vendor, market.officer, vendor_uscc=VENDOR_USCC, interfaces=[FILINGS],
        reason="信贷系统由其运维", valid_days=30, now=timezone.now(),
    )  # fmt: skip


def vendor_key(vendor, delegation):
    return act(
        delegations.create_vendor_key, vendor, delegation_id=delegation.pk, title="代办", now=timezone.now()
    )


def test_a_vendor_calls_for_the_bank_until_that_is_taken_back(client, market, vendor, delegation):
    consent(market)
    key = vendor_key(vendor, delegation)
    assert call(client, key).status_code == 200
    with system_scope() as system:
        metered = DataCall.objects.for_scope(system).get()
        read = ReadRecord.objects.for_scope(system).get()
    assert (metered.consumer_id, metered.holder_id) == (
        market.officer.organisation_id,
        vendor.organisation_id,
    )
    assert read.reader_organisation_id == market.officer.organisation_id
    assert "代办" in read.what
    act(delegations.revoke_delegation, market.officer, delegation_id=delegation.pk, now=timezone.now())
    assert code(call(client, key)) == "platform.delegation_ended"
    with pytest.raises(NotAllowedError, match="已收回"):
        vendor_key(vendor, delegation)


def test_a_vendor_reaches_only_what_was_delegated(client, market, vendor, delegation):
    key = vendor_key(vendor, delegation)
    consent(market)
    assert code(call(client, key, interface="enterprise_profile")) == "platform.delegation_ended"
    with scoped(vendor):
        assert selectors.list_keys(vendor).get().pk == key[0].pk
        assert selectors.list_delegations(vendor).count() == 1
        assert not Authorisation.objects.for_scope(vendor).exists()
    with scoped(market.stranger):
        assert not selectors.list_keys(market.stranger).exists()
        assert not InterfaceKey.unscoped.exists()
        assert not Delegation.unscoped.exists()


def test_nobody_delegates_what_was_not_granted_or_to_strangers(market, interface_key, vendor):
    values = {"interfaces": [FILINGS], "reason": "信贷系统由其运维", "valid_days": 30, "now": timezone.now()}
    with pytest.raises(InvalidValueError, match="已认证"):
        act(delegations.delegate_to_vendor, market.officer, vendor_uscc="91430100MA4L900000", **values)
    with pytest.raises(InvalidValueError, match="已获授权"):
        act(
            delegations.delegate_to_vendor, market.officer, vendor_uscc=VENDOR_USCC,
            **values | {"interfaces": ["enterprise_profile"]},
        )  # fmt: skip
    with pytest.raises(NotAllowedError):
        act(delegations.delegate_to_vendor, vendor, vendor_uscc=VENDOR_USCC, **values)


def test_row_security_lets_a_vendor_make_no_key_without_a_delegation(market, vendor, delegation):
    act(delegations.revoke_delegation, market.officer, delegation_id=delegation.pk, now=timezone.now())
    row = InterfaceKey(
        consumer_id=market.officer.organisation_id, holder_id=vendor.organisation_id, delegation_id=delegation.pk,
        title="x", salt="s", digest="d", created_by_id=vendor.user_id,
    )  # fmt: skip
    with pytest.raises(DatabaseError, match="row-level security"), scoped(vendor), transaction.atomic():
        row.save(force_insert=True)


# Questions about accesses


@pytest.fixture
def asked(client, market, interface_key):
    consent(market)
    for _ in range(8):
        assert call(client, interface_key).status_code == 200
    now = timezone.now()
    assert questions.ask_about_day(timezone.localdate(now), now=now) == 5
    with system_scope() as system:
        return AccessQuestion.objects.for_scope(system).first()


def test_accesses_are_drawn_once_asked_answered_and_judged(market, tax_clerk, asked):
    now = timezone.now()
    assert questions.ask_about_day(timezone.localdate(now), now=now) == 0
    assert "repeated" in asked.reasons
    assert asked.due_at > now + dt.timedelta(days=4)
    with pytest.raises(InvalidValueError, match="十个字"):
        act(questions.answer_question, market.officer, question_id=asked.pk, answer="业务", now=now)
    with pytest.raises(NotAllowedError):
        act(
            questions.answer_question,
            market.rival,
            question_id=asked.pk,
            answer="别家机构的说明文字",
            now=now,
        )
    act(
        questions.answer_question, market.officer, question_id=asked.pk, answer="客户当日申请贷款，经办人贷前核查", now=now
    )  # fmt: skip
    with pytest.raises(IllegalTransitionError):
        act(
            questions.answer_question,
            market.officer,
            question_id=asked.pk,
            answer="换一个说法再说一遍吧",
            now=now,
        )
    with pytest.raises(InvalidValueError, match="写明理由"):
        act(
            questions.judge_question,
            tax_clerk,
            question_id=asked.pk,
            is_accepted=False,
            judgement="",
            now=now,
        )
    judged = act(
        questions.judge_question, tax_clerk, question_id=asked.pk, is_accepted=True, judgement="", now=now
    )
    assert judged.status == "accepted"
    with scoped(market.owner):
        assert selectors.list_questions(market.owner).count() == 5
    with scoped(market.stranger):
        assert not AccessQuestion.unscoped.exists()


def test_a_question_nobody_answers_becomes_overdue_and_can_still_be_answered(market, asked):
    late = asked.due_at + dt.timedelta(seconds=1)
    assert questions.mark_overdue(now=late) == 5
    act(
        questions.answer_question,
        market.officer,
        question_id=asked.pk,
        answer="经办人休假，补交贷前核查说明",
        now=late,
    )


def test_row_security_lets_no_consumer_judge_itself(market, asked):
    with pytest.raises(DatabaseError, match="may change"), scoped(market.officer), transaction.atomic():
        AccessQuestion.unscoped.filter(pk=asked.pk).update(status="accepted")
    with pytest.raises(DatabaseError, match="may change"), scoped(market.officer), transaction.atomic():
        AccessQuestion.unscoped.filter(pk=asked.pk).update(points=0)
    with pytest.raises(IntegrityError, match="nobody_judges"), system_scope() as system:
        AccessQuestion.objects.for_scope(system).filter(pk=asked.pk).update(
            answered_by_id=market.officer.user_id, judged_by_id=market.officer.user_id
        )


# Keys and usage


def test_a_key_that_departs_from_its_days_is_flagged_until_it_behaves(client, market, interface_key):
    now = timezone.now()
    rows = [
        DataCall(
            at=at, key_id=interface_key[0].pk, consumer_id=market.officer.organisation_id, interface_id=FILINGS,
            provider="taxation", subject_uscc=USCC, code="ok", records=1, address="10.0.0.1",
        )
        for at in [now - dt.timedelta(days=day) for day in range(2, 9)] + [now - HOUR] * 150
    ]  # fmt: skip
    with system_scope():
        DataCall.unscoped.bulk_create(rows)
    assert anomalies.flag_keys(now=now) == {interface_key[0].pk: ["burst"]}
    with scoped(market.officer):
        shown = selectors.list_keys(market.officer).get()
    assert (shown.flags, shown.last_called_at) == (["burst"], now - HOUR)
    assert anomalies.flag_keys(now=now + dt.timedelta(days=2)) == {}
    with scoped(market.officer):
        assert selectors.list_keys(market.officer).get().flags == []


def test_usage_is_summed_per_day_and_seen_by_those_it_concerns(client, market, tax_clerk, interface_key):
    consent(market)
    call(client, interface_key)
    call(client, interface_key)
    call(client, interface_key, uscc=OTHER_USCC)
    today = timezone.localdate()
    for scope in (market.officer, tax_clerk):
        with scoped(scope):
            (usage,) = selectors.usage_by_day(scope, since=today, until=today)
            assert (usage.calls, usage.answered, usage.enterprises, usage.records) == (3, 2, 1, 4)
            assert selectors.codes_by_count(scope, since=timezone.now() - HOUR) == [("consent_missing", 1)]
    with scoped(market.owner):
        assert selectors.list_calls(market.owner).count() == 2
    with scoped(market.stranger):
        assert [each.code for each in selectors.list_calls(market.stranger)] == ["consent_missing"]
    with scoped(market.rival):
        assert not selectors.list_calls(market.rival).exists()
