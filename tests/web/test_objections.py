"""Objections: marked at once, forwarded, answered in writing on the clocks, corrected forward, and told to who relied on it."""

from __future__ import annotations

import datetime as dt
import shutil

import dispute_place as place
import pytest
from dispute_place import AS_OF, CASES, FIRST, NOW, SECOND
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from config import comparing
from rongqiao.accounts.models import AuditRecord, LedgerEntry
from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.accounts.services import revoke_consent
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.bases.enterprises.objections import answering, selectors, services
from rongqiao.bases.enterprises.objections.marks import marks_of
from rongqiao.bases.enterprises.objections.models import Mark, Objection
from rongqiao.bases.enterprises.objections.settling import run_clocks
from rongqiao.bases.enterprises.records import record_versions
from rongqiao.bases.enterprises.selectors import get_own_portrait, group_figures
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.lake.tables import Lake
from rongqiao.platforms.credit.notices import acknowledge_notice, list_notices

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
DISHONEST = "judicial_dishonest_open_count"


@pytest.fixture(scope="module")
def governed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dispute")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RONGQIAO_VAR", str(folder))
        place.govern_province(folder)
    return folder


@pytest.fixture
def home(governed, tmp_path, monkeypatch, db):
    shutil.copytree(governed, tmp_path / "var")
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    place.publish()
    return tmp_path


@pytest.fixture
def owner(home):
    return place.owner()


@pytest.fixture
def court(home):
    return place.court()


def state(scope, objection):
    with scoped(scope):
        return selectors.get_objection(scope, objection.pk)


def figure(scope, indicator):
    with scoped(scope):
        view = get_own_portrait(scope)
        return next(
            each for group in group_figures(view) for each in group.figures if each.id == indicator
        ), view


def accept(court, objection, cells=None, **changes):
    with scoped(court):
        return answering.correct_fact(
            scope=court,
            objection_id=objection.pk,
            answer="经核查，案件已于十月履行完毕，予以更正。",
            cells=cells or {"is_dishonest": "否", "closed_on": "2026-10-20"},
            now=NOW + DAY,
            **changes,
        )


def test_a_dispute_is_marked_at_once_wherever_the_fact_shows(owner, court):
    before, _ = figure(owner, DISHONEST)
    assert (before.value, before.mark) == (1, "")
    objection = place.dispute(owner)
    after, view = figure(owner, DISHONEST)
    assert after.mark == "存在异议，正在核查"
    assert [mark.item for mark in view.marks] == [load_contract(CASES).item("is_dishonest").title]
    (event,) = [each for each in view.events if each["source"] == CASES]
    assert event["marks"][0]["state_title"] == "存在异议，正在核查"
    other, _ = figure(owner, "tax_taxable_sales_sum_m12_cny")
    assert other.mark == ""
    reader = place.bank()
    place.consent(owner, reader)
    report = place.report_of(reader)
    assert report.content["marks"][0]["record_id"] == objection.record_id
    assert "存在异议，正在核查" in place.words(report.content["sections"])


def test_the_clocks_are_one_seven_and_twenty(owner, court):
    objection = place.dispute(owner)
    assert objection.status == "forwarded"
    assert objection.forwarded_at == NOW
    assert objection.forward_due_at.date() == dt.date(2026, 11, 24)
    assert objection.check_due_at.date() == dt.date(2026, 12, 3)
    assert objection.answer_due_at == NOW + 20 * DAY


def test_a_department_without_people_gets_it_from_the_operator(owner):
    objection = place.dispute(owner)
    assert (objection.status, objection.forwarded_at) == ("raised", None)
    operator = place.operator()
    with scoped(operator):
        with pytest.raises(InvalidValueError, match="公文编号"):
            answering.forward_objection(scope=operator, objection_id=objection.pk, note=" ", now=NOW)
        answering.forward_objection(
            scope=operator, objection_id=objection.pk, note="公文〔2026〕12号", now=NOW
        )
        done = answering.reject_objection(
            scope=operator, objection_id=objection.pk, answer="法院来函：仍未履行。", now=NOW + DAY
        )
    assert done.status == "rejected"


def test_a_correction_flows_through_the_six_steps_to_portrait_rating_and_readers(owner, court, monkeypatch):
    reader = place.bank()
    place.consent(owner, reader, *place.PRIVATE_CLASSES)
    report = place.report_of(reader)
    objection = place.dispute(owner)
    accept(court, objection)
    assert state(owner, objection).status == "correcting"
    with system_scope() as scope:
        graded = Portrait.objects.for_scope(scope).get(pk=FIRST).grade
    place.settle_now(monkeypatch, NOW + DAY)
    done = state(owner, objection)
    assert (done.status, done.answered_by_organisation_id) == ("corrected", court.organisation_id)
    assert done.correction is None  # The enterprise sees the answer, not the department's deliveries.
    assert state(court, objection).correction.outcome["rows_accepted"] == 1
    now, view = figure(owner, DISHONEST)
    assert (now.value, now.mark) == (0, "")
    assert (graded, view.grade) == ("D", view.grade)
    assert view.grade != "D"
    assert "已结案" in next(each["title"] for each in view.events if each["source"] == CASES)
    # What was said before stays on file, under the day on which it was known.
    versions = record_versions(
        Lake(), load_contract(CASES), FIRST, objection.record_id, known_at=dt.date(2026, 12, 31)
    )
    assert [row["is_dishonest"] for row in versions] == [False, True]
    with scoped(reader):
        (notice,) = list_notices(reader)
        changed = {each["id"]: (each["before"], each["after"]) for each in notice.changes}
        assert notice.report_id == report.pk
        assert changed[DISHONEST] == ("1 件", "0 件")
        assert "rating" in changed
        assert acknowledge_notice(scope=reader, notice_id=notice.pk, now=NOW + 2 * DAY).seen_at
    with scoped(reader):
        assert list_notices(reader).get().seen_at == NOW + 2 * DAY
    place.settle_now(monkeypatch, NOW + 2 * DAY)
    with scoped(reader):
        assert list_notices(reader).count() == 1


def test_who_may_no_longer_read_is_told_that_but_not_what(owner, court, monkeypatch):
    reader = place.bank()
    given = place.consent(owner, reader)
    place.report_of(reader)
    with scoped(owner):
        revoke_consent(scope=owner, consent_id=given.pk, now=timezone.now())
    tax = place.person("department", "税务", place.Role.DEPARTMENT_CLERK, department="taxation")
    accept(tax, place.dispute_sales(owner), {"taxable_sales_cny": "150000"})
    place.settle_now(monkeypatch, NOW + DAY)
    with scoped(reader):
        (notice,) = list_notices(reader)
    assert {each["after"] for each in notice.changes} == {None}


def test_a_correction_that_the_rules_refuse_goes_back_to_the_department(owner, court, monkeypatch):
    objection = place.dispute(owner)
    accept(court, objection, {"closed_on": "2025-01-01"})
    place.settle_now(monkeypatch, NOW + DAY)
    back = state(court, objection)
    assert (back.status, back.checked_at, back.ended_at) == ("forwarded", None, None)
    assert figure(owner, DISHONEST)[0].mark
    accept(court, objection)
    place.settle_now(monkeypatch, NOW + DAY)
    assert state(owner, objection).status == "corrected"


def test_a_refused_correction_is_no_correction_though_its_run_was_killed(owner, court, monkeypatch):
    objection = place.dispute(owner)
    accept(court, objection, {"closed_on": "2024-01-01"})

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(comparing, "find_conflicts", killed)
        with pytest.raises(KeyboardInterrupt):
            place.settle_now(monkeypatch, NOW + DAY)
    place.settle_now(monkeypatch, NOW + DAY)
    back = state(court, objection)
    assert back.status == "forwarded"
    assert back.correction.status == "landed"
    assert back.correction.outcome["rows_quarantined"] == 1


def test_rejecting_takes_the_mark_away_and_a_statement_brings_words_back(owner, court):
    objection = place.dispute(owner)
    with scoped(court):
        with pytest.raises(InvalidValueError, match="用文字写明"):
            answering.reject_objection(scope=court, objection_id=objection.pk, answer=" ", now=NOW)
        answering.reject_objection(
            scope=court, objection_id=objection.pk, answer="尚未履行完毕。", now=NOW + DAY
        )
    assert figure(owner, DISHONEST)[0].mark == ""
    with scoped(owner):
        services.add_statement(scope=owner, objection_id=objection.pk, text="我司已申请复议", now=NOW + DAY)
        (mark,) = marks_of(owner, FIRST)
    assert (mark.state, mark.statement, mark.claimed_value) == ("statement", "我司已申请复议", "")


def test_what_cannot_be_settled_shows_both_versions(owner, court):
    objection = place.dispute(owner)
    with scoped(court):
        answering.leave_open(
            scope=court, objection_id=objection.pk, answer="卷宗不全，无法确认。", now=NOW + DAY
        )
    with scoped(owner):
        (mark,) = marks_of(owner, FIRST)
    assert mark.as_dict()["claimed_value"] == "否"
    assert mark.state_title == "经核查无法确定，双方说法并存"


def test_evidence_is_asked_for_and_supplied_while_the_clocks_go_on(owner, court):
    objection = place.dispute(owner)
    with scoped(court):
        answering.ask_evidence(
            scope=court, objection_id=objection.pk, question="请提供结案通知书文号", now=NOW
        )
    assert state(owner, objection).status == "evidence"
    with scoped(owner):
        services.supply_evidence(
            scope=owner, objection_id=objection.pk, text="（2026）湘0102执1号结", now=NOW + DAY
        )
    again = state(court, objection)
    assert (again.status, again.answer_due_at) == ("forwarded", NOW + 20 * DAY)
    with scoped(court):
        assert [step.event for step in selectors.list_steps(court, again)] == [
            "raise", "forward", "ask_evidence", "supply",
        ]  # fmt: skip


def test_withdrawing_takes_the_mark_away_and_the_fact_can_be_disputed_again(owner, court):
    objection = place.dispute(owner)
    with pytest.raises(InvalidValueError, match="正在处理中"):
        place.dispute(owner)
    with scoped(owner):
        services.withdraw_objection(scope=owner, objection_id=objection.pk, now=NOW)
        assert marks_of(owner, FIRST) == ()
    assert place.dispute(owner).pk != objection.pk
    with scoped(owner), pytest.raises(IllegalTransitionError):
        services.withdraw_objection(scope=owner, objection_id=objection.pk, now=NOW)


def test_missed_clocks_go_to_the_operator_once(owner, court):
    objection = place.dispute(owner)
    operator = place.operator()
    assert run_clocks(now=NOW + 5 * DAY) == 0
    with scoped(operator), pytest.raises(NotAllowedError, match="归口部门答复"):
        answering.reject_objection(scope=operator, objection_id=objection.pk, answer="核查无误", now=NOW)
    late = objection.check_due_at + DAY
    assert run_clocks(now=late) == 1
    assert run_clocks(now=late) == 0
    assert state(operator, objection).escalated_at == late
    with scoped(operator):
        done = answering.reject_objection(
            scope=operator, objection_id=objection.pk, answer="核查无误", now=late
        )
    assert done.status == "rejected"


def test_a_department_disputes_its_own_record_and_does_not_answer_itself(owner, court):
    objection = place.dispute(court, ground="not_ours", reason="系统错挂企业")
    with scoped(owner):
        assert [mark.record_id for mark in marks_of(owner, FIRST)] == [objection.record_id]
    with scoped(court), pytest.raises(NotAllowedError):
        answering.reject_objection(scope=court, objection_id=objection.pk, answer="核查无误", now=NOW)
    tax = place.person("department", "税务", place.Role.DEPARTMENT_CLERK, department="taxation")
    with pytest.raises(NotAllowedError, match="本部门归口"):
        place.dispute(tax)
    operator = place.operator()
    with scoped(operator):
        answering.leave_open(scope=operator, objection_id=objection.pk, answer="待企业确认", now=NOW)


def test_nobody_disputes_or_sees_what_is_another_enterprises(owner, court):
    objection = place.dispute(owner)
    stranger = place.owner(SECOND)
    with pytest.raises(NotAllowedError, match="本企业"):
        place.dispute(stranger)
    with pytest.raises(InvalidValueError, match="没有本企业的这条记录"):
        place.dispute(stranger, uscc=SECOND)
    with scoped(stranger):
        assert not selectors.list_objections(stranger).exists()
        assert selectors.get_objection(stranger, objection.pk) is None
        # The second wall: rows that no scope filtered are hidden by the database itself.
        assert Objection.objects.for_scope(place.Scope(kind="system")).count() == 0
        assert Mark.objects.for_scope(place.Scope(kind="system")).count() == 0
        with pytest.raises(NotAllowedError):
            services.withdraw_objection(scope=stranger, objection_id=objection.pk, now=NOW)
    tax = place.person("department", "税务", place.Role.DEPARTMENT_CLERK, department="taxation")
    with scoped(tax):
        assert not selectors.list_objections(tax).exists()


def test_a_bank_reads_the_mark_under_consent_only(owner, court):
    place.dispute_sales(owner)
    reader = place.bank()
    with scoped(reader):
        assert marks_of(reader, FIRST) == ()
    place.consent(owner, reader)
    with scoped(reader):
        (mark,) = marks_of(reader, FIRST)
        with pytest.raises(NotAllowedError):
            selectors.list_objections(reader)
    assert mark.claimed_value == ""


def test_no_approval_of_ones_own_objection_even_past_the_services(owner, court):
    objection = place.dispute(owner)
    with system_scope() as scope, pytest.raises(IntegrityError), transaction.atomic():
        Objection.objects.for_scope(scope).filter(pk=objection.pk).update(
            status="rejected",
            answer="无误",
            answered_at=NOW,
            answered_by_organisation_id=owner.organisation_id,
        )


def test_an_enterprise_cannot_write_the_answer_past_the_services(owner, court):
    objection = place.dispute(owner)
    for changes in ({"answer": "已更正"}, {"status": "corrected"}, {"answer_due_at": NOW + 99 * DAY}):
        with scoped(owner), pytest.raises(DatabaseError), transaction.atomic():
            Objection.objects.for_scope(owner).filter(pk=objection.pk).update(**changes)


def test_every_deed_is_audited_and_its_digest_goes_to_the_ledger(owner, court):
    objection = place.dispute(owner)
    with scoped(court):
        answering.reject_objection(scope=court, objection_id=objection.pk, answer="尚未履行。", now=NOW)
    with system_scope() as scope:
        found = AuditRecord.objects.for_scope(scope).filter(object_id=str(objection.pk))
        actions = set(found.values_list("action", flat=True))
        assert actions == {"objection.raise", "objection.forward", "objection.reject"}
        assert LedgerEntry.objects.filter(subject=f"objection:{objection.pk}").count() == 2


def test_a_correction_must_change_something_and_not_the_key(owner, court):
    objection = place.dispute(owner)
    for cells, problem in (
        ({"is_dishonest": "是"}, "还没有改动"),
        ({"case_no": "（2026）湘0102执9号"}, "标识一条记录"),
    ):
        with pytest.raises(InvalidValueError, match=problem):
            accept(court, objection, cells)
    assert AS_OF == 202610
