"""Lineage pages: each node a link, no value of an enterprise, a department's own tables only; records lead to their reports."""

import datetime as dt
import re

import pytest
from django.urls import reverse
from django.utils import timezone
from lake_fixture import FIRST, SECOND, build_lake, delivered, filings, publish_unchanged

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.scope import scope_of, scoped
from rongqiao.accounts.services import give_consent, revoke_consent
from rongqiao.bases.enterprises.models import ReadRecord
from rongqiao.bases.enterprises.records import current_records
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from rongqiao.platforms.credit.record_uses import trace_department_record, trace_own_record
from rongqiao.platforms.credit.selectors import trace_indicator
from rongqiao.platforms.credit.services import issue_report

pytestmark = pytest.mark.django_db

SALES, TAX, CASES = "tax_taxable_sales_sum_m12_cny", "taxation.tax_filing", "court.judicial_case"
BATCH = f"{TAX}@2026111800000000"
AS_OF, KNOWN_AT = 202610, dt.date(2026, 11, 20)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return build_lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def published(lake, monkeypatch):
    monkeypatch.setenv("RONGQIAO_LAKE_URL", lake.root)
    publish_unchanged(lake)
    return lake


def person(kind, role, name, uscc=None, department=""):
    organisation = Organisation.objects.create(
        kind=kind, name=name, uscc=uscc, region_code="430102", certified_at=timezone.now(), department_code=department
    )  # fmt: skip
    return User.objects.create(username=name, organisation=organisation, role=role)


@pytest.fixture
def owner(published):
    return scope_of(person("enterprise", "enterprise_owner", "owner", FIRST))


@pytest.fixture
def officer(owner):
    return scope_of(person("institution", "bank_officer", "officer"))


def consent(owner, reader, *classes):
    with scoped(owner):
        return give_consent(
            scope=owner, recipient_id=reader.organisation_id, purpose="pre_loan", data_classes=classes, valid_days=30,
            text_version="2026-1", now=timezone.now()
        )  # fmt: skip


def issue(reader):
    with scoped(reader):
        return issue_report(scope=reader, uscc=FIRST, purpose="pre_loan", now=timezone.now())


def records(lake, contract_id=TAX, uscc=FIRST, known_at=KNOWN_AT):
    return current_records(lake, load_contract(contract_id), uscc, as_of=AS_OF, known_at=known_at)


def page_of(client, name, *args, **query):
    return client.get(reverse(f"portal:{name}", args=args), query).content.decode()


def test_an_operator_walks_from_a_table_to_an_indicator_and_back(
    client, published, django_assert_max_num_queries
):
    client.force_login(person("operator", "operator", "operator"))
    with django_assert_max_num_queries(12):
        index = page_of(client, "operator_lineage")
    assert reverse("portal:operator_lineage_table", args=["court.judicial_case"]) in page_of(
        client, "operator_lineage", q="立案"
    )
    assert "数据血缘" in index
    with django_assert_max_num_queries(12):
        table = page_of(client, "operator_lineage_table", TAX)
    assert reverse("portal:operator_lineage_batch", args=[BATCH]) in table
    item = reverse("portal:operator_lineage_item", args=[TAX, "taxable_sales_cny"])
    assert item in page_of(client, "operator_lineage_table", TAX, q="应税销售收入")
    reader = reverse("portal:operator_lineage_reader", args=["indicator", SALES])
    with django_assert_max_num_queries(12):
        described = client.get(item).content.decode()
    assert reader in described
    assert "decimal" not in described
    with django_assert_max_num_queries(12):
        shown = client.get(reader).content.decode()
    assert item in shown
    assert "取值兼条件" in shown
    assert "只作条件" in shown
    assert "ab" * 32 in shown
    assert reverse("portal:operator_lineage_reader", args=["report", "tax"]) in shown
    with django_assert_max_num_queries(12):
        batch = page_of(client, "operator_lineage_batch", BATCH)
    assert "1 项规则警告" in batch
    assert reverse("portal:operator_lineage_table", args=[TAX]) in batch
    for text in (table, shown, batch):
        assert FIRST not in text
        assert "100,0" not in text


def test_links_swap_alone_and_nothing_is_found_under_wrong_names(client, published):
    client.force_login(person("operator", "operator", "operator"))
    url = reverse("portal:operator_lineage_table", args=[TAX])
    part = client.get(url, headers={"HX-Request": "true", "HX-Target": "links"}).content.decode()
    assert part.strip() in client.get(url).content.decode()
    for name, args in (
        ("table", ["no.such"]),
        ("item", [TAX, "no_such"]),
        ("reader", ["indicator", "no_such"]),
        ("reader", ["wishes", SALES]),
        ("batch", ["no.such@0"]),
    ):
        assert client.get(reverse(f"portal:operator_lineage_{name}", args=args)).status_code == 404


def test_a_department_sees_its_own_tables_and_of_others_only_names(client, published):
    client.force_login(person("department", "department_clerk", "clerk", department="taxation"))
    index = page_of(client, "department_lineage")
    assert reverse("portal:department_lineage_table", args=[TAX]) in index
    assert "judicial_case" not in index
    derived = page_of(client, "department_lineage_reader", "indicator", "social_sales_per_head_m12_cny")
    assert reverse("portal:department_lineage_item", args=[TAX, "taxable_sales_cny"]) in derived
    assert "参保人数" in derived
    assert "human_resources.social_insurance" not in derived
    for name, args in (
        ("table", [CASES]),
        ("item", [CASES, "role"]),
        ("reader", ["indicator", "judicial_defendant_m12_count"]),
        ("batch", [f"{CASES}@2026111800000000"]),
        ("line", [f"{CASES}@2026111800000000"]),
    ):
        address = reverse(f"portal:department_lineage_{name}", args=args)
        assert client.get(address, {"line": 2}).status_code == 404, name


def test_an_enterprise_walks_from_a_figure_to_the_proof_and_on_to_reports(
    client, published, owner, officer, django_assert_max_num_queries
):
    consent(owner, officer, "tax")
    issue(officer)
    client.force_login(User.objects.get(username="owner"))
    trace = reverse("portal:enterprise_trace", args=[SALES])
    assert trace in page_of(client, "enterprise_profile")
    with django_assert_max_num_queries(16):
        shown = client.get(trace).content.decode()
    assert "120.01 万元" in shown
    assert re.search(r"2026-11-18\.csv 第 2 行", shown)
    assert "ab" * 32 in shown
    assert re.search(r"应税销售收入</td><td[^>]*>取值兼条件", shown)
    assert re.search(r"所属期</td><td[^>]*>只作条件", shown)
    newest = records(published)[0]["record_id"]
    record = reverse("portal:enterprise_record_uses", args=[TAX, newest])
    assert record in shown
    with django_assert_max_num_queries(16):
        page = client.get(record).content.decode()
    assert trace in page
    assert "officer" in page
    assert not ReadRecord.unscoped.filter(what__startswith="指标明细").exists()


def test_a_record_leads_to_exactly_the_figures_and_reports_that_lead_to_it(published, owner, officer):
    consent(owner, officer, "tax")
    report = issue(officer)
    with_value = [
        each["id"]
        for section in report.content["sections"]
        for each in section["figures"]
        if each["value"] is not None
    ]
    with scoped(owner):
        back = {}
        for name in with_value:
            for source in trace_indicator(owner, report, name, lake=published).sources:
                for row in source.rows:
                    back.setdefault((source.contract_id, row.record_id), set()).add(name)
        kept = {(each, row["record_id"]) for each in (TAX, CASES) for row in records(published, each)}
        assert len(kept) == 25
        assert set(back) <= kept | {key for key in back if key[0] == "market_regulation.penalty"}
        for contract_id, record_id in kept:
            found = trace_own_record(owner, contract_id, record_id, lake=published)
            used = {use.id for each in found.reports for use in each.uses if use.kind == "indicator"}
            assert used == back.get((contract_id, record_id), set()), (contract_id, record_id)


def test_reports_are_found_by_the_version_they_could_know(tmp_path, monkeypatch, owner, officer):
    lake = build_lake(tmp_path)
    consent(owner, officer, "tax")
    before = issue(officer)
    corrected = delivered(lake, TAX, filings(FIRST, sales=1)[:1], on=dt.date(2026, 11, 22))
    newest = records(lake)[0]["record_id"]
    outside = records(lake)[-1]["record_id"]
    with scoped(owner):
        found = trace_own_record(owner, TAX, newest, lake=lake)
        assert [each.batch_id for each in found.versions] == [corrected, BATCH]
        assert [(each.report_id, each.batch_id, each.line) for each in found.reports] == [
            (str(before.pk), BATCH, 2)
        ]
        # Two years old: only the series of 24 months and figures that look back so far still use it.
        old = trace_own_record(owner, TAX, outside, lake=lake)
        assert SALES not in {use.id for each in old.reports for use in each.uses}
        assert trace_own_record(owner, TAX, "0" * 32, lake=lake) is None
        assert trace_own_record(owner, TAX, records(lake, uscc=SECOND)[0]["record_id"], lake=lake) is None


def test_a_report_without_authority_over_the_table_did_not_use_its_records(published, owner, officer):
    consent(owner, officer, "social_insurance")
    issue(officer)
    with scoped(owner):
        assert trace_own_record(owner, TAX, records(published)[0]["record_id"], lake=published).reports == ()


def test_a_department_sees_counts_of_reports_and_never_their_recipients(client, published, owner, officer):
    consent(owner, officer, "tax")
    issue(officer)
    client.force_login(person("department", "department_clerk", "clerk", department="taxation"))
    url = reverse("portal:department_lineage_line", args=[BATCH])
    page = client.get(url, {"line": 2}).content.decode()
    assert "出具 1 份" in page
    assert "officer" not in page
    assert "120.01" not in page
    assert "近12个月应税销售额" in page
    assert client.get(url, {"line": 9999}).status_code == 422
    assert client.get(url, {"line": "x"}).status_code == 422
    assert client.get(url, {"line": "9" * 40}).status_code == 422


def test_a_department_asks_for_rows_of_its_own_alone(published, owner):
    court = scope_of(person("department", "department_clerk", "court", department="court"))
    with scoped(court), pytest.raises(NotAllowedError, match="不是本部门"):
        trace_department_record(court, BATCH, 2)
    clerk = scope_of(person("department", "department_clerk", "clerk", department="taxation"))
    with scoped(clerk), pytest.raises(InvalidValueError, match="没有这一行"):
        trace_department_record(clerk, BATCH, 1)
    with scoped(owner), pytest.raises(NotAllowedError):
        trace_department_record(owner, BATCH, 2)


def test_a_bank_traces_a_portrait_under_its_live_consent_only(
    client, published, owner, officer, django_assert_max_num_queries
):
    given = consent(owner, officer, "tax")
    client.force_login(User.objects.get(username="officer"))
    url = reverse("portal:bank_figure_trace", args=[FIRST, SALES])
    assert url in page_of(client, "bank_enterprise", FIRST)
    with django_assert_max_num_queries(30):
        page = client.get(url, {"purpose": "pre_loan"}).content.decode()
    assert "120.01 万元" in page
    assert "/enterprise/records/" not in page
    with scoped(owner):
        assert ReadRecord.objects.for_scope(owner).filter(what__startswith="指标明细：").count() == 1
    withheld = reverse("portal:bank_figure_trace", args=[FIRST, "social_insured_headcount_avg_m3_count"])
    assert client.get(withheld).status_code == 403
    with scoped(owner):
        revoke_consent(scope=owner, consent_id=given.pk, now=timezone.now())
    assert client.get(url, {"purpose": "pre_loan"}).status_code == 403
