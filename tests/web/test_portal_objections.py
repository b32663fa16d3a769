"""Pages of objections: disputed where the fact shows, marked everywhere at once, answered by clock, told to who read it."""

import datetime as dt
import re
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lake_fixture import FIRST, SECOND, build_lake, publish_unchanged

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.accounts.services import give_consent
from rongqiao.bases.enterprises.objections.models import Objection
from rongqiao.platforms.credit.models import Report, ReportNotice

pytestmark = pytest.mark.django_db

CASES, DEFENDANT = "court.judicial_case", "judicial_case_defendant_m12_count"
MARK, HOUR = "存在异议，正在核查", dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return build_lake(tmp_path_factory.mktemp("lake"))


def person(kind, role, name, uscc=None, department=""):
    with system_scope():
        organisation = Organisation.objects.create(
            kind=kind, name=name, uscc=uscc, region_code="430102", certified_at=timezone.now(), department_code=department
        )  # fmt: skip
        return User.objects.create(username=name, organisation=organisation, role=role)


def client_of(user):
    client = Client(raise_request_exception=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def installed(lake, monkeypatch, tmp_path):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path))
    monkeypatch.setenv("RONGQIAO_LAKE_URL", lake.root)
    publish_unchanged(lake)


@pytest.fixture
def owner(installed):
    return client_of(person("enterprise", Role.ENTERPRISE_OWNER, "owner", FIRST))


@pytest.fixture
def court(installed):
    return client_of(person("department", Role.DEPARTMENT_CLERK, "court", department="court"))


@pytest.fixture
def operator(installed):
    return client_of(person("operator", Role.OPERATOR, "operator"))


@pytest.fixture
def bank(owner):
    officer = person("institution", Role.BANK_OFFICER, "officer")
    scope = scope_of(User.objects.get(username="owner"))
    with scoped(scope):
        give_consent(
            scope=scope, recipient_id=officer.organisation_id, purpose="pre_loan", data_classes=["tax"], valid_days=30,
            text_version="2026-1", now=timezone.now() - HOUR
        )  # fmt: skip
    return client_of(officer)


def text_of(response):
    return response.content.decode()


def links(response, pattern):
    return [unquote(found) for found in re.findall(rf'href="({pattern}[^"]*)"', text_of(response))]


def record_page(owner):
    profile = owner.get(reverse("portal:enterprise_profile"))
    return next(iter(links(profile, f"/enterprise/profile/records/{CASES}/")))


def dispute(owner, **changes):
    asked = {
        "item": "cause",
        "claimed": "承揽合同纠纷",
        "ground": "wrong_value",
        "reason": "案由有误，见判决书",
    }
    return owner.post(f"{record_page(owner)}objection/", asked | changes)


def objection():
    with system_scope():
        return (
            Objection.unscoped.select_related("correction", "raised_by_organisation")
            .order_by("-raised_at")
            .first()
        )


def answer(client, deed, workspace="department", text="经核查，原记录无误。", **more):
    url = reverse(f"portal:{workspace}_objection_answer", args=[objection().pk])
    return client.post(url, {"deed": deed, "text": text, **more})


def test_an_event_of_the_profile_leads_to_its_record_and_the_form_names_the_item(owner):
    page = owner.get(record_page(owner))
    assert "（2026）湘0102民初1号" in text_of(page)
    form = next(link for link in links(page, ".*/objection/") if link.endswith("item=cause"))
    shown = text_of(owner.get(form))
    assert re.search(r'<option value="cause" selected>案由（现为：买卖合同纠纷）', shown)


def test_a_figure_leads_to_the_tables_it_rests_on(owner):
    url = reverse("portal:enterprise_tables")
    sales = owner.get(url, {"indicator": "tax_taxable_sales_sum_m12_cny"}, follow=True)
    assert sales.redirect_chain[0][0].startswith("/enterprise/profile/records/taxation.tax_filing/")
    assert "24" in re.search(r"共 <b>(\d+)</b> 条", text_of(sales))[1]
    assert owner.get(url, {"indicator": "no_such_figure"}).status_code == 200


def test_records_say_until_when_they_show(owner):
    page = text_of(owner.get(reverse("portal:enterprise_records", args=["market_regulation.penalty"])))
    assert "2027-06-01" in page
    assert "2024-06-01 已到期，不再展示" in page
    assert "展示至 2027-06-01" in text_of(owner.get(reverse("portal:enterprise_profile")))


def test_the_mark_stands_at_once_on_profile_bank_page_report_and_print(owner, court, bank):
    before = bank.get(reverse("portal:bank_enterprise", args=[FIRST]))
    assert MARK not in text_of(before)
    done = dispute(owner)
    assert done.url == reverse("portal:enterprise_objection", args=[objection().pk])
    shown = text_of(owner.get(done.url))
    assert shown.index("办理时限") < shown.index("争议内容")
    assert MARK in text_of(owner.get(reverse("portal:enterprise_profile")))
    assert MARK in text_of(owner.get(record_page(owner)))
    assert MARK in text_of(bank.get(reverse("portal:bank_enterprise", args=[FIRST])))
    issued = bank.post(reverse("portal:bank_report_issue", args=[FIRST]), {"purpose": "pre_loan"})
    page = text_of(bank.get(issued.url))
    assert page.count(MARK) >= 2
    assert "案由" in page
    assert bank.get(f"{issued.url}pdf/").status_code == 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": " "}, "请填写“说明与依据”"),
        ({"ground": ""}, "请选择“理由”"),
        ({"ground": "made-up"}, "请从列出的选项中选择"),
        ({"item": "no_such_item"}, "请从列出的选项中选择"),
    ],
)
def test_a_bad_form_says_what_to_mend_and_lands_nothing(owner, changes, words):
    response = dispute(owner, **changes)
    assert response.status_code == 422
    assert words in text_of(response)
    assert objection() is None


def test_the_same_fact_is_not_disputed_twice(owner, court):
    dispute(owner)
    again = dispute(owner)
    assert again.status_code == 422
    assert "正在处理中" in text_of(again)


def test_no_record_of_others_opens(owner):
    stranger = client_of(person("enterprise", Role.ENTERPRISE_OWNER, "stranger", SECOND))
    for url in (record_page(owner), f"{record_page(owner)}objection/"):
        assert stranger.get(url).status_code == 404
    dispute(owner)
    assert stranger.get(reverse("portal:enterprise_objection", args=[objection().pk])).status_code == 404
    assert (
        stranger.post(reverse("portal:enterprise_objection_withdraw", args=[objection().pk])).status_code
        == 404
    )


def test_the_inbox_is_ordered_by_the_clock_that_runs_out_first(owner, court):
    dispute(owner)
    first = objection()
    dispute(owner, item="amount_cny", claimed="40000")
    with system_scope():
        Objection.unscoped.exclude(pk=first.pk).update(check_due_at=timezone.now() - HOUR)
    page = text_of(court.get(reverse("portal:department_objections")))
    rows = re.findall(r"judicial|案件[^<]*：(案由|[^<]*金额[^<]*)", page[page.index('id="objections"') :])
    assert len(rows) == 2
    assert "金额" in rows[0]
    assert "已到期" in page
    with system_scope():
        second = Objection.unscoped.exclude(pk=first.pk).get()
    # An amount reads as one, on the side of the department and of the enterprise.
    for client, name in ((court, "department_objection"), (owner, "enterprise_objection")):
        assert re.search(
            r"提出人主张</dt><dd>40,000 元<", text_of(client.get(reverse(f"portal:{name}", args=[second.pk])))
        )
    late = text_of(court.get(reverse("portal:department_objections"), {"state": "over"}))
    assert re.search(r"共 <b>1</b> 条", late)


def test_queries_of_the_inbox_do_not_grow_with_rows(owner, court, django_assert_max_num_queries):
    for item in ("cause", "amount_cny", "role", "filed_on"):
        dispute(owner, item=item)
    with django_assert_max_num_queries(12):
        court.get(reverse("portal:department_objections"))


def test_the_written_answer_reaches_the_enterprise_and_its_statement_the_readers(owner, court, bank):
    dispute(owner)
    refused = answer(court, "reject", text=" ")
    assert refused.status_code == 422
    assert "请填写“书面答复”" in text_of(refused)
    assert answer(court, "reject").status_code == 302
    url = reverse("portal:enterprise_objection", args=[objection().pk])
    assert "经核查，原记录无误。" in text_of(owner.get(url))
    assert MARK not in text_of(bank.get(reverse("portal:bank_enterprise", args=[FIRST])))
    assert owner.post(f"{url}statement/", {"text": ""}).status_code == 422
    assert owner.post(f"{url}statement/", {"text": "我司已上诉"}).status_code == 302
    shown = text_of(bank.get(reverse("portal:bank_enterprise", args=[FIRST])))
    assert "企业另有声明" in shown
    assert "我司已上诉" in shown
    assert answer(court, "reject").status_code == 422


def test_evidence_is_asked_for_and_supplied_and_its_want_stops_no_answer(owner, court):
    dispute(owner)
    answer(court, "ask_evidence", text="请提供判决书文号")
    url = reverse("portal:enterprise_objection", args=[objection().pk])
    assert "请提供判决书文号" in text_of(owner.get(url))
    assert url in text_of(owner.get(reverse("portal:enterprise")))
    assert owner.post(f"{url}supply/", {"text": ""}).status_code == 422
    owner.post(f"{url}supply/", {"text": "（2026）湘0102民初1号"})
    assert objection().status == "forwarded"
    answer(court, "ask_evidence", text="请再提供")
    answer(court, "leave_open", text="逾期未补充，无法确认。")
    assert objection().status == "undecided"
    assert "企业主张：承揽合同纠纷" in text_of(owner.get(reverse("portal:enterprise_profile")))


def test_a_correction_takes_the_changed_cells_alone(owner, court):
    dispute(owner)
    page = text_of(court.get(reverse("portal:department_objection", args=[objection().pk])))
    assert 'name="cell-cause" value="买卖合同纠纷"' in page
    assert 'name="cell-case_no"' not in page
    unchanged = answer(court, "correct", **{"cell-cause": "买卖合同纠纷"})
    assert unchanged.status_code == 422
    assert "还没有改动任何一项" in text_of(unchanged)
    done = answer(court, "correct", **{"cell-cause": "承揽合同纠纷"})
    assert done.status_code == 302
    assert objection().status == "correcting"
    assert objection().correction.origin == "correction"


def test_withdrawing_takes_the_mark_away(owner, court):
    dispute(owner)
    owner.post(reverse("portal:enterprise_objection_withdraw", args=[objection().pk]))
    owner.get(reverse("portal:enterprise"))  # Shows what the deeds said, once.
    assert MARK not in text_of(owner.get(reverse("portal:enterprise_profile")))
    assert "已办结，不再计时" in text_of(
        owner.get(reverse("portal:enterprise_objection", args=[objection().pk]))
    )


def test_the_operator_forwards_for_a_department_without_people_and_answers_for_it(owner, operator):
    dispute(owner)
    found = operator.get(reverse("portal:operator_objections"), {"ours": "yes"})
    assert re.search(r"共 <b>1</b> 条", text_of(found))
    url = reverse("portal:operator_objection_forward", args=[objection().pk])
    assert operator.post(url, {"text": ""}).status_code == 422
    operator.post(url, {"text": "公文〔2026〕12号"})
    assert objection().status == "forwarded"
    answer(operator, "reject", workspace="operator")
    assert objection().status == "rejected"


def test_the_operator_does_not_answer_while_the_department_is_in_time(owner, court, operator):
    dispute(owner)
    page = text_of(operator.get(reverse("portal:operator_objection", args=[objection().pk])))
    assert "部门超期后平台方可代为答复" in page
    assert answer(operator, "reject", workspace="operator").status_code == 403
    assert re.search(
        r"共 <b>0</b> 条", text_of(operator.get(reverse("portal:operator_objections"), {"ours": "yes"}))
    )


def test_a_notice_shows_what_changed_and_is_acknowledged(owner, court, bank):
    issued = bank.post(reverse("portal:bank_report_issue", args=[FIRST]), {"purpose": "pre_loan"})
    dispute(owner)
    report = Report.unscoped.get()
    with system_scope():
        notice = ReportNotice(
            report=report, recipient_id=report.recipient_id, subject_uscc=FIRST, objection_id=objection().pk, table="司法案件", answer="案由更正。",
            changes=[{"id": "a", "title": "被告案件数", "before": "1 件", "after": "0 件"}, {"id": "b", "title": "销售额", "before": "1", "after": None}],
            told_at=timezone.now()
        )  # fmt: skip
        notice.save()
    url = reverse("portal:bank_notice", args=[notice.pk])
    assert "您查阅过的报告中有数据更正" in text_of(bank.get(issued.url))
    assert "1 件未阅" in text_of(bank.get(reverse("portal:bank")))
    assert url in text_of(bank.get(reverse("portal:bank_notices"), {"state": "unread"}))
    page = text_of(bank.get(url))
    assert "0 件" in page
    assert "授权已失效，不显示" in page
    bank.post(reverse("portal:bank_notice_seen", args=[notice.pk]))
    assert url not in text_of(bank.get(reverse("portal:bank_notices"), {"state": "unread"}))
    other = client_of(person("institution", Role.BANK_OFFICER, "other"))
    assert other.get(url).status_code == 404
    assert other.post(reverse("portal:bank_notice_seen", args=[notice.pk])).status_code == 404
