"""Credit reports: frozen, authorised, traceable, printable."""

import datetime as dt
import json

import pytest
from django.utils import timezone
from lake_fixture import AS_OF, FIRST, build_lake, delivered, filings, publish_unchanged

from rongqiao.accounts.ledgering import drain
from rongqiao.accounts.models import LedgerEntry, Organisation
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import Scope, scope_of, scoped
from rongqiao.accounts.services import give_consent, open_account, revoke_consent
from rongqiao.bases.enterprises import selectors as enterprises
from rongqiao.kernel.errors import ContractError, InvalidValueError, NotAllowedError
from rongqiao.ledger.log import Ledger
from rongqiao.platforms.credit import pdf, selectors, services
from rongqiao.platforms.credit.models import Report
from rongqiao.platforms.credit.services import issue_report

pytestmark = pytest.mark.django_db

SALES = "tax_taxable_sales_sum_m12_cny"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return build_lake(tmp_path_factory.mktemp("lake"))


def person(kind, role, name, uscc=None):
    organisation = Organisation.objects.create(
        kind=kind, name=name, uscc=uscc, region_code="430102", certified_at=timezone.now()
    )
    return scope_of(
        open_account(organisation=organisation, role=role, username=name, password="bamboo-bridge-2026")
    )


@pytest.fixture
def owner(lake):
    publish_unchanged(lake)
    return person("enterprise", Role.ENTERPRISE_OWNER, "owner", FIRST)


@pytest.fixture
def officer():
    return person("institution", Role.BANK_OFFICER, "officer")


def consent_to(owner, reader, *classes):
    with scoped(owner):
        return give_consent(
            scope=owner,
            recipient_id=reader.organisation_id,
            purpose="pre_loan",
            data_classes=classes,
            valid_days=30,
            text_version="2026-1",
            now=timezone.now(),
        )


def issue(scope, purpose="pre_loan"):
    with scoped(scope):
        return issue_report(scope=scope, uscc=FIRST, purpose=purpose, now=timezone.now())


@pytest.fixture
def report(owner, officer):
    consent_to(owner, officer, "tax")
    return issue(officer)


def section(report, key):
    return next(each for each in report.content["sections"] if each["id"] == key)


def test_report_has_every_section_with_status_source_and_freshness(report):
    assert [each["id"] for each in report.content["sections"]] == [
        "identity", "registration", "tax", "invoices", "social_insurance", "utilities", "judicial", "penalties", "ip_titles", "financing",
    ]  # fmt: skip
    for each in report.content["sections"]:
        for figure in each["figures"]:
            assert figure["status_title"]
            assert figure["sources"]
            assert figure["as_of"] == AS_OF
            assert (figure["value"] is None) == (figure["status"] not in {"ok", "stale"})
    assert "不构成对融资结果的承诺" in report.content["disclaimer"]
    assert report.content["rating"]["grade"] == "BBB"
    assert report.content["rating"]["coverage_text"] == "70%"
    assert section(report, "judicial")["events"][0]["title"] == "被告，买卖合同纠纷"
    assert selectors.find_figure(report, SALES)["text"] == "120.01 万元"


def test_unauthorised_figures_say_so_and_limits_name_them(report):
    figures = section(report, "social_insurance")["figures"]
    assert {figure["status"] for figure in figures} == {"not_authorised"}
    assert any("社会保险" in text for text in report.content["limits"])
    assert "尚未收到报送的数据源" in " ".join(report.content["limits"])


def test_stored_content_keeps_its_digest(report, officer):
    with scoped(officer):
        stored = selectors.get_report(officer, report.pk)
    assert selectors.is_report_intact(stored)
    stored.content["rating"]["grade"] = "AAA"
    assert not selectors.is_report_intact(stored)


def test_same_data_and_consent_give_the_same_content(report, officer):
    assert issue(officer).content == report.content
    assert Report.unscoped.count() == 2


def test_report_stands_in_the_log(report, tmp_path):
    assert LedgerEntry.objects.get(kind="report").digest == report.digest
    ledger = Ledger(tmp_path)
    drain(ledger=ledger, now=timezone.now() + dt.timedelta(hours=1))
    entry = selectors.report_ledger_entry(report)
    assert ledger.entry(entry.leaf_index).digest == report.digest


def test_enterprise_sees_who_got_a_report(report, owner, officer):
    with scoped(owner):
        assert [each.what for each in enterprises.list_reads(owner)] == ["信用报告"]
        assert [each.pk for each in selectors.list_reports(owner)] == [report.pk]


def test_report_is_seen_by_its_parties_only(report, officer):
    for scope in (person("institution", Role.BANK_OFFICER, "rival"), Scope(kind="operator"), Scope()):
        with scoped(scope):
            assert selectors.get_report(scope, report.pk) is None
            assert Report.unscoped.count() == 0
            with pytest.raises(NotAllowedError):
                selectors.trace_indicator(scope, report.pk, SALES)


def test_issued_report_is_never_changed(report, officer):
    with scoped(officer):
        assert Report.objects.for_scope(officer).update(digest="0" * 64) == 0


def test_no_report_without_consent_or_for_officials(owner, officer):
    with pytest.raises(NotAllowedError, match="授权"):
        issue(officer)
    with pytest.raises(NotAllowedError, match="限于"):
        issue(person("government", Role.GOVERNMENT_OFFICIAL, "official"), "government_duty")
    assert Report.unscoped.count() == 0


def test_own_report_is_complete_whatever_purpose_was_asked(owner):
    own = issue(owner, "pre_loan")
    assert (own.purpose, own.consent) == ("self_query", None)
    assert not any(
        figure["status"] == "not_authorised" for each in own.content["sections"] for figure in each["figures"]
    )


def test_figure_leads_to_file_line_digest_and_log(report, officer, lake):
    with scoped(officer):
        trace = selectors.trace_indicator(officer, report, SALES, lake=lake)
    (source,) = trace.sources
    assert (source.contract_id, source.more) == ("taxation.tax_filing", 0)
    assert [row.valid for row in source.rows] == [
        str(month) for month in [*range(202610, 202600, -1), 202512, 202511]
    ]
    newest = source.rows[0]
    assert newest.line == 2
    assert newest.delivery.file_name == "2026-11-18.csv"
    assert (newest.delivery.digest, newest.delivery.ledger_index) == ("ab" * 32, 7)
    assert (
        dict(zip((item.title for item in source.items), newest.values, strict=True))["应税销售收入（元）"]
        == "100,000.00"
    )


def test_old_report_traces_to_what_was_known_then(report, officer, tmp_path):
    later = build_lake(tmp_path)
    delivered(later, "taxation.tax_filing", filings(FIRST, sales=1)[:1], on=dt.date(2026, 11, 22))
    with scoped(officer):
        (source,) = selectors.trace_indicator(officer, report, SALES, lake=later).sources
    assert "100,000.00" in source.rows[0].values


def test_the_enterprise_sees_who_read_the_rows_behind_a_figure(report, owner, officer, lake):
    arguments = {"report_id": report.pk, "indicator_id": SALES, "lake": lake}
    with scoped(officer):
        assert services.read_trace(scope=officer, **arguments).sources[0].rows
    with scoped(owner):
        assert services.read_trace(scope=owner, **arguments).sources[0].rows[0].values
        newest, *_ = enterprises.list_reads(owner).order_by("-at")
        assert newest.what.startswith("指标明细：")
        assert (newest.basis, newest.consent_id, newest.data_classes) == (
            "consent",
            report.consent_id,
            ["tax"],
        )
        revoke_consent(scope=owner, consent_id=report.consent_id, now=timezone.now())
        known = enterprises.list_reads(owner).count()
    with scoped(officer):
        # Only where the rows stood is shown now, and that tells nothing of the enterprise.
        assert not services.read_trace(scope=officer, **arguments).sources[0].rows[0].values
    with scoped(owner):
        assert enterprises.list_reads(owner).count() == known


def test_values_are_withheld_once_the_consent_is_revoked(report, owner, officer, lake):
    with scoped(owner):
        revoke_consent(scope=owner, consent_id=report.consent_id, now=timezone.now())
    with scoped(officer):
        (source,) = selectors.trace_indicator(officer, report, SALES, lake=lake).sources
    assert source.rows[0].values == ()
    assert source.rows[0].line == 2


def test_unauthorised_or_unknown_figures_are_not_traced(report, officer, lake):
    with scoped(officer):
        with pytest.raises(NotAllowedError, match="没有授权"):
            selectors.trace_indicator(officer, report, "social_insured_headcount_avg_m3_count", lake=lake)
        with pytest.raises(InvalidValueError, match="没有这个指标"):
            selectors.trace_indicator(officer, report, "tax_wishes_count", lake=lake)


def test_personal_items_are_not_traced(owner, lake):
    own = issue(owner)
    figure = next(
        each
        for each in section(own, "registration")["figures"]
        if "market_regulation.registry" in each["sources"]
    )
    with scoped(owner):
        trace = selectors.trace_indicator(owner, own, figure["id"], lake=lake)
    assert not any("摘要" in item.title for source in trace.sources for item in source.items)


def test_printed_report_is_the_same_each_time(report):
    printed = pdf.render_pdf(report)
    assert printed.startswith(b"%PDF")
    assert pdf.render_pdf(report) == printed
    assert json.dumps(report.content)


def test_machine_without_chinese_font_is_told_what_to_install(report, monkeypatch):
    monkeypatch.setattr(pdf, "FAMILIES", ("No Such Font",))
    pdf._fonts.cache_clear()
    with pytest.raises(ContractError, match="fonts-noto-cjk"):
        pdf.render_pdf(report)
    pdf._fonts.cache_clear()
