"""Rules between departments: what agrees, what does not, what cannot be judged, and the rows that say so."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from rongqiao.contracts.cross import check_cross_rules, load_cross_rules
from rongqiao.governance.cross_checks import check_enterprise, run_cross_checks
from rongqiao.governance.pipeline import govern
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import (
    ALPHA,
    BETA,
    GAMMA,
    NAMES,
    TAX_HEADERS,
    csv_bytes,
    put,
    put_registry,
    tax_row,
)

pytestmark = pytest.mark.pipeline

KNOWN = dt.date(2026, 2, 28)
RULE = "cross.declared_sales_cover_invoices"
INVOICE_HEADERS = ["统一社会信用代码", "企业名称", "所属期", "开票金额", "开票张数"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("cross")
    deliveries = root / "deliveries"
    put_registry(deliveries)
    months = [f"2025-{month:02}" for month in range(1, 13)]
    filed = [tax_row(code, period=month, sales="100000.00") for code in (ALPHA, BETA) for month in months]
    filed = [
        [cell.replace("2026-02", "2026-01") if at in (7, 8) else cell for at, cell in enumerate(row)]
        for row in filed
    ]
    put(deliveries, "taxation.tax_filing", "2026-02-16.csv", csv_bytes(TAX_HEADERS, filed))
    invoiced = [[ALPHA, NAMES[ALPHA], month, "100000", "3"] for month in months]
    invoiced += [[BETA, NAMES[BETA], month, "200000", "3"] for month in months]
    invoiced += [[GAMMA, NAMES[GAMMA], month, "50000", "3"] for month in months]
    put(deliveries, "taxation.invoice_summary", "2026-02-16.csv", csv_bytes(INVOICE_HEADERS, invoiced))
    lake = Lake(root / "lake")
    report = govern(deliveries, lake, None)
    assert sum(file.rows_quarantined for file in report.files) == 0
    return lake


def test_every_rule_names_what_exists_and_reads_two_contracts():
    rules = load_cross_rules()
    assert list(check_cross_rules()) == []
    assert len(rules) >= 25
    assert all(len(set(rule.contracts)) == 2 for rule in rules.values())
    assert ("taxation.tax_filing", "taxable_sales_cny") in rules[RULE].items


def test_the_enterprise_that_disagrees_is_found_with_the_rows_that_say_so(lake):
    results = {one.rule_id: one for one in run_cross_checks(lake, as_of=202512, known_at=KNOWN)}
    assert (results[RULE].outcome, results[RULE].checked, results[RULE].failed) == ("warned", 2, 1)
    found = [row for row in lake.read("operations/findings").to_pylist() if row["rule_id"] == RULE]
    assert [
        (row["enterprise_id"], row["period"], row["left_value"], row["right_value"]) for row in found
    ] == [(BETA, "2025", 1_200_000.0, 2_400_000.0)]
    evidence = json.loads(found[0]["evidence"])
    published = lake.read("published/taxation.invoice_summary").to_pylist()
    mine = {(row["batch_id"], row["line"]) for row in published if row["enterprise_id"] == BETA}
    named = {
        (one["batch_id"], one["line"]) for one in evidence if one["contract"] == "taxation.invoice_summary"
    }
    assert named
    assert named <= mine


def test_what_was_never_delivered_is_not_run_and_never_green(lake):
    results = {one.rule_id: one for one in run_cross_checks(lake, as_of=202512, known_at=KNOWN)}
    assert results["cross.housing_fund_depositors_near_insured"].outcome == "not_run"
    assert results["cross.annual_revenue_near_declared_sales"].outcome == "not_run"
    assert len(results) == len(load_cross_rules())


def test_a_run_is_filed_once(lake):
    run_cross_checks(lake, as_of=202512, known_at=KNOWN)
    before = lake.read("operations/rule_results").num_rows, lake.read("operations/findings").num_rows
    run_cross_checks(lake, as_of=202512, known_at=KNOWN)
    assert (
        lake.read("operations/rule_results").num_rows,
        lake.read("operations/findings").num_rows,
    ) == before


def test_one_enterprise_is_judged_as_the_run_judges_all(lake):
    for enterprise, outcome in ((ALPHA, "passed"), (BETA, "warned"), (GAMMA, "not_run")):
        judged = {
            one.rule_id: one for one in check_enterprise(lake, enterprise, as_of=202512, known_at=KNOWN)
        }
        assert judged[RULE].outcome == outcome


def test_nothing_of_later_days_is_read(lake):
    results = {one.rule_id: one for one in run_cross_checks(lake, as_of=202506, known_at=KNOWN)}
    assert results[RULE].checked == 2
    earlier = {
        one.rule_id: one for one in run_cross_checks(lake, as_of=202512, known_at=dt.date(2026, 1, 31))
    }
    assert earlier[RULE].outcome == "not_run"
