"""Reports in the bank workspace: every figure leads to file, line, digest and ledger; what is withheld is a word."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from lake_fixture import FIRST, build_lake, publish_unchanged

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.accounts.services import give_consent, revoke_consent
from rongqiao.platforms.credit.models import Report

pytestmark = pytest.mark.django_db

SALES, PEOPLE = "tax_taxable_sales_sum_m12_cny", "social_insured_headcount_avg_m3_count"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return build_lake(tmp_path_factory.mktemp("lake"))


def person(kind, role, name, uscc=None):
    organisation = Organisation.objects.create(
        kind=kind, name=name, uscc=uscc, region_code="430102", certified_at=timezone.now()
    )
    return User.objects.create(username=name, organisation=organisation, role=role)


@pytest.fixture
def consent(lake, monkeypatch):
    monkeypatch.setenv("RONGQIAO_LAKE_URL", lake.root)
    publish_unchanged(lake)
    owner = scope_of(person("enterprise", Role.ENTERPRISE_OWNER, "owner", FIRST))
    officer = person("institution", Role.BANK_OFFICER, "officer")
    with scoped(owner):
        given = give_consent(
            scope=owner,
            recipient_id=officer.organisation_id,
            purpose="pre_loan",
            data_classes=["tax"],
            valid_days=30,
            text_version="2026-1",
            now=timezone.now(),
        )
    return owner, given


@pytest.fixture
def report(client, consent):
    client.force_login(User.objects.get(username="officer"))
    answer = client.post(reverse("portal:bank_report_issue", args=[FIRST]), {"purpose": "pre_loan"})
    found = Report.unscoped.get()
    assert answer.url == reverse("portal:bank_report", args=[found.pk])
    return found


def test_report_page_leads_from_each_figure_to_its_source(client, report, django_assert_max_num_queries):
    with django_assert_max_num_queries(10):
        page = client.get(reverse("portal:bank_report", args=[report.pk])).content.decode()
    assert "内容与摘要一致" in page
    assert report.digest in page
    assert "不构成对融资结果的承诺" in page
    assert reverse("portal:bank_report_trace", args=[report.pk, SALES]) in page
    assert reverse("portal:bank_report_trace", args=[report.pk, PEOPLE]) not in page


def test_altered_content_is_called_out(client, report):
    with system_scope():
        Report.unscoped.filter(pk=report.pk).update(content={**report.content, "title": "改过的报告"})
    assert "请勿使用" in client.get(reverse("portal:bank_report", args=[report.pk])).content.decode()


def test_trace_shows_file_line_and_digest(client, report, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        page = client.get(reverse("portal:bank_report_trace", args=[report.pk, SALES])).content.decode()
    assert "120.01 万元" in page
    assert re.search(r"2026-11-18\.csv 第 2 行", page)
    assert "ab" * 32 in page
    assert "100,000.00" in page


def test_trace_of_a_place_the_ledger_does_not_have_is_not_verified(client, report, tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path))
    page = client.get(reverse("portal:bank_report_trace", args=[report.pk, SALES])).content.decode()
    assert "第 7 条" in page
    assert "已验证" not in page


def test_trace_withholds_values_after_revocation(client, report, consent):
    owner, given = consent
    with scoped(owner):
        revoke_consent(scope=owner, consent_id=given.pk, now=timezone.now())
    page = client.get(reverse("portal:bank_report_trace", args=[report.pk, SALES])).content.decode()
    assert "授权已失效" in page
    assert "100000.00" not in page
    assert client.get(reverse("portal:bank_enterprise", args=[FIRST])).status_code == 403


def test_unauthorised_and_unknown_figures_are_not_traced(client, report):
    assert client.get(reverse("portal:bank_report_trace", args=[report.pk, PEOPLE])).status_code == 403
    unknown = client.get(reverse("portal:bank_report_trace", args=[report.pk, "tax_wishes_count"]))
    assert unknown.status_code == 422


def test_portrait_reads_count_queries(client, report, django_assert_max_num_queries):
    with django_assert_max_num_queries(28):
        page = client.get(reverse("portal:bank_enterprise", args=[FIRST])).content.decode()
    assert "本次查看已记录" in page
    assert "未授权" in page


def test_report_prints_as_pdf(client, report):
    answer = client.get(reverse("portal:bank_report_pdf", args=[report.pk]))
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")


def test_rivals_open_no_report_of_ours(client, report):
    client.force_login(person("institution", Role.BANK_RISK, "rival"))
    for name in ("bank_report", "bank_report_pdf"):
        assert client.get(reverse(f"portal:{name}", args=[report.pk])).status_code == 404
    assert client.get(reverse("portal:bank_report_trace", args=[report.pk, SALES])).status_code == 404
    page = client.get(reverse("portal:bank_reports")).content.decode()
    assert "还没有出具过信用报告" in page
