"""Pages by which departments govern their data interfaces, and the operator all: review, revoke, meter, judge, announce."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from rongqiao.accounts.models import AuditRecord, Organisation, User
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces import services
from rongqiao.bases.enterprises.interfaces.models import (
    AccessQuestion,
    Authorisation,
    DataCall,
    InterfaceKey,
    Maintenance,
)
from rongqiao.bases.enterprises.models import Enterprise
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from tests.web.interface_calls import FILINGS, act, apply, call, consent, review
from tests.web.market_place import USCC, person

pytestmark = pytest.mark.django_db


def client_of(user):
    client = Client(raise_request_exception=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def staff(kind, role, name, department=""):
    with system_scope():
        organisation = Organisation.objects.create(
            kind=kind, name=name, region_code="43", department_code=department
        )
        return person(organisation, role, name)


@pytest.fixture
def taxes(tax_clerk):
    return client_of(User.objects.get(pk=tax_clerk.user_id))


@pytest.fixture
def operator(db):
    return client_of(staff("operator", "operator", "platform"))


def text_of(response):
    return response.content.decode()


def page(client, name, *args, workspace="department", **query):
    return text_of(client.get(reverse(f"portal:{workspace}_interface{name}", args=args), query))


def put_calls(key, count=1, **changes):
    values = {
        "at": timezone.now(), "key_id": key.pk, "consumer_id": key.consumer_id, "interface_id": FILINGS, "provider": "taxation",
        "subject_uscc": USCC, "purpose": "pre_loan", "basis": "consent", "code": "ok", "records": 3,
    }  # fmt: skip
    with system_scope():
        calls = [DataCall(**(values | changes)) for _ in range(count)]
        for call in calls:
            call.save(force_insert=True)
    return calls[-1]


def ask(call, status="asked", **changes):
    with system_scope():
        question = AccessQuestion(
            call=call, interface_id=FILINGS, consumer_id=call.consumer_id, provider="taxation", subject_uscc=USCC, reasons=["lot", "burst"],
            points=30, status=status, asked_at=timezone.now(), due_at=timezone.now() + dt.timedelta(days=3), **changes
        )  # fmt: skip
        question.save(force_insert=True)
    return question


def grant():
    with system_scope():
        return Authorisation.unscoped.order_by("-granted_at").first()


def test_a_changed_application_shows_what_changed_and_what_did_not(market, tax_clerk, taxes):
    first = apply(market.officer)
    review(tax_clerk, first, "changes_requested", "请缩短期限")
    again = apply(market.officer, valid_days=90)
    html = page(taxes, "_submission", again.pk)
    rows = dict(re.findall(r"<td><b>([^<]+)</b></td>\s*<td data-label=\"变化\">.*?</i>([^<]+)</span>", html))
    assert rows["期限（天）"] == "有变化"
    assert rows["用途"] == rows["申请理由"] == "未变"
    assert re.search(r"365</span></td>\s*<td data-label=\"现在\"><span><span class=\"rq-words\">90<", html)
    assert "请缩短期限" in html


def test_what_waits_longest_is_first_and_the_review_needs_words(market, tax_clerk, taxes):
    submission = apply(market.officer)
    assert reverse("portal:department_interface_submission", args=[submission.pk]) in page(taxes, "s")
    url = reverse("portal:department_interface_review", args=[submission.pk])
    assert taxes.post(url, {}).status_code == 422
    wordless = taxes.post(url, {"verdict": "refused", "note": " "})
    assert wordless.status_code == 422
    assert "须写明理由" in text_of(wordless)
    assert taxes.post(url, {"verdict": "validated"}).status_code == 302
    assert "授权即刻生效" in page(taxes, "_submission", submission.pk)
    assert taxes.post(url, {"verdict": "refused", "note": "不符"}).status_code == 409
    assert grant().submission_id == submission.pk


def test_a_grant_is_ended_in_one_step_with_its_reason(market, tax_clerk, taxes):
    review(tax_clerk, apply(market.officer))
    url = reverse("portal:department_interface_revoke", args=[grant().pk])
    assert "应税销售收入" in page(taxes, "_grant", grant().pk)
    assert taxes.post(url, {"reason": ""}).status_code == 422
    assert grant().ended_at is None
    taxes.post(url, {"reason": "超出用途使用"})
    assert grant().ended_at is not None
    assert "超出用途使用" in page(taxes, "_grants", status="ended")
    assert re.search(r"共 <b>0</b> 条", page(taxes, "_grants", status="live"))


def test_usage_counts_by_consumer_and_day_and_refusals_by_code(taxes, interface_key):
    put_calls(interface_key[0], 2)
    put_calls(interface_key[0], 3, code="consent_missing", records=0, basis="")
    html = page(taxes, "_usage")
    assert "企业未授权" in html
    cells = re.findall(r'data-label="(调用|应答|未应答)">(\d+)\s*<', html)
    assert cells == [("调用", "5"), ("应答", "2"), ("未应答", "3")]
    assert re.search(r"共 <b>3</b> 条", page(taxes, "_calls", code="refused"))
    assert re.search(r"共 <b>2</b> 条", page(taxes, "_calls", code="ok"))


def test_other_departments_and_consumers_see_none_of_it(taxes, interface_key):
    call = put_calls(interface_key[0])
    question = ask(call)
    court = client_of(staff("department", "department_clerk", "court", "court"))
    for name in ("s", "_grants", "_calls", "_questions", "_usage"):
        assert re.search(r"共 <b>0</b> 条", page(court, name)), name
    for name, pk in (("_grant", grant().pk), ("_question", question.pk)):
        assert court.get(reverse(f"portal:department_interface{name}", args=[pk])).status_code == 404
    assert (
        court.post(
            reverse("portal:department_interface_revoke", args=[grant().pk]), {"reason": "x"}
        ).status_code
        == 404
    )


def test_an_explanation_is_judged_with_words_where_it_does_not_hold(taxes, interface_key):
    question = ask(
        put_calls(interface_key[0]),
        "answered",
        answer="客户申请贷款，经办人已核验",
        answered_at=timezone.now(),
    )
    url = reverse("portal:department_interface_question", args=[question.pk])
    html = text_of(taxes.get(url))
    assert "客户申请贷款" in html
    assert "随机抽取、一小时内大量查询" in html
    assert taxes.post(url, {"verdict": "reject"}).status_code == 422
    assert taxes.post(url, {}).status_code == 422
    assert taxes.post(url, {"verdict": "reject", "judgement": "无申请记录"}).status_code == 302
    assert "无申请记录" in text_of(taxes.get(url))
    assert taxes.post(url, {"verdict": "accept"}).status_code == 409


def test_maintenance_is_announced_with_times_that_can_be(taxes, tax_clerk):
    url = reverse("portal:department_interface_maintenance")
    day, later = (timezone.localdate() + dt.timedelta(days=each) for each in (3, 4))
    asked = {
        "provider": "taxation",
        "starts_at": f"{day}T22:00",
        "ends_at": f"{day}T20:00",
        "code": "filing_peak",
        "reason": "征期",
    }
    wrong = taxes.post(url, asked)
    assert wrong.status_code == 422
    assert "须晚于开始时间" in text_of(wrong)
    assert "请按 2026-01-31 18:00" in text_of(taxes.post(url, asked | {"starts_at": "明天"}))
    assert taxes.post(url, asked | {"provider": "court"}).status_code == 422
    assert taxes.post(url, asked | {"ends_at": f"{later}T06:00"}).status_code == 302
    html = text_of(taxes.get(url))
    assert "征期申报高峰" in html
    assert f"{day} 22:00" in html
    latest = timezone.localdate() + dt.timedelta(days=120)
    for starts_at, ends_at, told in (
        ("2020-01-01T00:00", "2062-01-02T06:00", "最长 72 小时"),
        ("2020-01-01T00:00", "2020-01-01T01:00", "须晚于现在"),
        ("2999-01-01T00:00", "2999-01-01T01:00", f"最早提前 120 天公告，即不晚于 {latest} 开始"),
        (f"{later}T05:59", f"{later}T09:00", f"与已公告的维护重叠：{day} 22:00 至 {later} 06:00（征期）"),
    ):
        refused = taxes.post(url, asked | {"starts_at": starts_at, "ends_at": ends_at})
        assert refused.status_code == 422
        assert told in text_of(refused)
    # One that begins when another ends does not meet it, nor does another department's.
    assert (
        taxes.post(url, asked | {"starts_at": f"{later}T06:00", "ends_at": f"{later}T09:00"}).status_code
        == 302
    )
    with pytest.raises(InvalidValueError, match="与已公告的维护重叠"):
        act(
            services.announce_maintenance, tax_clerk, provider="taxation", reason="升级", now=timezone.now(),
            starts_at=timezone.now() + dt.timedelta(days=2), ends_at=timezone.now() + dt.timedelta(days=4, hours=23),
        )  # fmt: skip
    assert Maintenance.objects.count() == 2


@pytest.mark.usefixtures("tax_shelf")
def test_maintenance_is_ended_before_its_time_and_taken_back_before_it_begins(
    taxes, tax_clerk, market, client, interface_key
):
    consent(market)
    now, hour = timezone.now(), dt.timedelta(hours=1)
    running, coming = (
        act(
            services.announce_maintenance, tax_clerk, provider="taxation", starts_at=now + first * hour,
            ends_at=now + (first + 9) * hour, reason="结转", now=now,
        )
        for first in (-1, 20)
    )  # fmt: skip
    assert call(client, interface_key).status_code == 503
    html = text_of(taxes.get(reverse("portal:department_interface_maintenance")))
    for window, words in ((running, "立即结束"), (coming, "撤回公告")):
        url = reverse("portal:department_interface_maintenance_end", args=[window.pk])
        assert url in html
        assert words in html
        assert taxes.get(url).status_code == 405
        assert taxes.post(url).status_code == 302
    assert call(client, interface_key).status_code == 200
    (left,) = Maintenance.objects.all()
    assert (left.pk, left.ends_at < timezone.now()) == (running.pk, True)
    # What is over stays as it is, and what was taken back is gone.
    act(services.end_maintenance, tax_clerk, window_id=running.pk, now=now + hour)
    assert Maintenance.objects.get().ends_at == left.ends_at
    with pytest.raises(NotAllowedError, match="没有这项公告"):
        act(services.end_maintenance, tax_clerk, window_id=coming.pk, now=now)
    with system_scope() as system:
        ended = AuditRecord.objects.for_scope(system).filter(action="interface.maintenance_ended")
        assert sorted(each.object_id for each in ended) == sorted([str(running.pk), str(coming.pk)])
    others = Maintenance.objects.create(provider="court", starts_at=now, ends_at=now + hour, reason="迁移")
    with pytest.raises(NotAllowedError, match="本部门"):
        act(services.end_maintenance, tax_clerk, window_id=others.pk, now=now)


def test_the_operator_sees_all_departments_flagged_keys_and_stops_one(operator, taxes, market, interface_key):
    key, _ = interface_key
    with system_scope():
        InterfaceKey.unscoped.filter(pk=key.pk).update(flags=["burst"], flagged_at=timezone.now())
    assert re.search(r"共 <b>1</b> 条", page(operator, "_grants", workspace="operator", provider="taxation"))
    assert re.search(r"共 <b>0</b> 条", page(operator, "_grants", workspace="operator", provider="court"))
    assert "调用量远高于平日" in page(operator, "_keys", workspace="operator", state="flagged")
    url = reverse("portal:operator_interface_key", args=[key.pk])
    assert operator.post(url).status_code == 302
    with system_scope():
        assert InterfaceKey.unscoped.get(pk=key.pk).revoked_at is not None
    assert re.search(r"共 <b>0</b> 条", page(operator, "_keys", workspace="operator", state="flagged"))
    ask(put_calls(key), "overdue")
    assert re.search(r"共 <b>1</b> 条", page(operator, "_questions", workspace="operator", status="overdue"))


def test_calls_and_questions_name_the_enterprise_beside_its_code(market, taxes, operator, interface_key):
    Enterprise.objects.update_or_create(
        pk=USCC, defaults={"name": "长沙湘辉机械有限公司", "known_at": dt.date(2026, 11, 1)}
    )
    stray, sandbox = (
        put_calls(interface_key[0], subject_uscc="91430000MA4L99999X"),
        put_calls(interface_key[0], subject_uscc=""),
    )
    question = ask(put_calls(interface_key[0]))
    assert {stray.subject_uscc, sandbox.subject_uscc} == {"91430000MA4L99999X", ""}
    officer = client_of(User.objects.get(pk=market.officer.user_id))
    for client, workspace in ((taxes, "department"), (operator, "operator"), (officer, "bank")):
        calls = page(client, "_calls", workspace=workspace)
        assert f"长沙湘辉机械有限公司 {USCC}" in calls
        assert "登记中无此代码 91430000MA4L99999X" in calls
        assert "无或沙箱" in calls
        assert f"长沙湘辉机械有限公司 {USCC}" in page(client, "_questions", workspace=workspace)
        assert "为什么查询长沙湘辉机械有限公司" in page(client, "_question", question.pk, workspace=workspace)
        told = page(client, "_calls", workspace=workspace, export="csv").splitlines()
        assert told[0].endswith(",统一社会信用代码")
        assert any(line.endswith(f",{USCC}") for line in told)


@pytest.mark.parametrize("name", ["s", "_grants", "_calls", "_usage", "_questions"])
def test_queries_do_not_grow_with_rows(taxes, interface_key, name, django_assert_max_num_queries):
    for _ in range(6):
        ask(put_calls(interface_key[0]))
    with django_assert_max_num_queries(14):
        page(taxes, name)


def test_the_enterprise_sees_every_call_its_ground_and_the_items_read(market, taxes, interface_key):
    owner = client_of(User.objects.get(pk=market.owner.user_id))
    call = put_calls(interface_key[0], authorisation_id=grant().pk)
    refused = put_calls(interface_key[0], code="consent_missing", basis="", records=0)
    ask(call, "answered", answer="客户申请贷款，经办人已核验", answered_at=timezone.now())
    html = text_of(owner.get(reverse("portal:enterprise_calls")))
    assert re.search(r"共 <b>2</b> 条", html)
    assert "企业未授权" in html

    def page_of(each):
        return text_of(owner.get(reverse("portal:enterprise_call", args=[each.pk])))

    shown = page_of(call)
    for words in ("应税销售收入", "企业授权", "贷前审查", "经办人已核验", "随机抽取"):
        assert words in shown, words
    assert "没有字段被读取" in page_of(refused)
    another = put_calls(interface_key[0], subject_uscc="91430203MA4L00001X")
    assert owner.get(reverse("portal:enterprise_call", args=[another.pk])).status_code == 404
