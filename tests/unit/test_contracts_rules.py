"""Quality rules run in the engine, tell legal rows from broken ones, and never stop a scan."""

from __future__ import annotations

import duckdb
import pytest

from rongqiao.contracts.standards import FAMILIES, load_contract, load_contracts

TABLES = sorted(load_contracts())
GOOD_INVOICE = {
    "enterprise_no": "E1",
    "direction": "out",
    "invoice_no": "11459356",
    "issued_on": "2017-08-04",
    "counterparty_no": "B03711",
    "amount_cny": "9401.71",
    "tax_cny": "1598.29",
    "total_cny": "11000.00",
    "status": "valid",
}


def broken_rules(contract_id: str, row: dict, *, delivered_on: str = "2026-11-15") -> set[str]:
    """Names of the row rules that one typed row fails."""
    contract = load_contract(contract_id)
    cells = ", ".join(
        f"CAST(? AS {item.physical_type}) AS {item.id}"
        if item.id in row
        else f"CAST(NULL AS {item.physical_type}) AS {item.id}"
        for item in contract.items
    )
    values = [row[item.id] for item in contract.items if item.id in row]
    checks = ", ".join(f"coalesce({rule.expression}, true)" for rule in contract.row_rules)
    query = f"SELECT {checks} FROM (SELECT {cells}, CAST('{delivered_on}' AS DATE) AS delivered_on)"
    outcomes = duckdb.connect().execute(query, values).fetchone()
    assert outcomes is not None
    names = (rule.id.removeprefix(f"{contract_id}.") for rule in contract.row_rules)
    return {name for name, outcome in zip(names, outcomes, strict=True) if not outcome}


def table_metric(contract_id: str, name: str, rows: list[str]) -> float | None:
    """Value of a table rule over rows given as SQL SELECTs."""
    rule = load_contract(contract_id).rule(f"{contract_id}.{name}")
    found = duckdb.connect().execute(f"SELECT {rule.expression} FROM ({' UNION ALL '.join(rows)})").fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("contract_id", TABLES)
def test_every_rule_binds_in_the_engine(contract_id):
    contract = load_contract(contract_id)
    cells = ", ".join(f"CAST(NULL AS {item.physical_type}) AS {item.id}" for item in contract.items)
    connection = duckdb.connect()
    connection.execute(
        f"CREATE TABLE rows AS SELECT {cells}, DATE '2026-11-15' AS delivered_on, CAST(NULL AS BIGINT) AS previous_rows, TRUE AS is_regular"
    )
    for rule in contract.row_rules:
        outcome = connection.execute(
            f"SELECT {rule.expression}, typeof({rule.expression}) FROM rows"
        ).fetchone()
        assert outcome is not None
        assert outcome[1] == "BOOLEAN", rule.id
        assert outcome[0] is not False or rule.family == "completeness", f"{rule.id} rejects a null"
    for rule in contract.table_rules:
        connection.execute(f"SELECT {rule.expression} FROM rows").fetchone()


EXTREMES = {
    "VARCHAR": ("''", "'x'"),
    "BIGINT": ("9223372036854775807", "-9223372036854775808", "0"),
    "DECIMAL(18,2)": ("9999999999999999.99", "-9999999999999999.99", "0"),
    "DOUBLE": ("CAST('inf' AS DOUBLE)", "CAST('nan' AS DOUBLE)"),
    "DATE": ("DATE '9999-12-31'", "DATE '0001-01-01'"),
    "INTEGER": ("2147483647", "-2147483648", "0"),
    "BOOLEAN": ("true", "false"),
}


@pytest.mark.parametrize("turn", range(6))
@pytest.mark.parametrize("contract_id", TABLES)
def test_no_value_stops_a_scan(contract_id, turn):
    """One absurd row must fail its rules, never the whole delivery."""
    contract = load_contract(contract_id)
    cells = ", ".join(
        f"CAST({choices[(turn + turn // 3 * at) % len(choices)]} AS {item.physical_type}) AS {item.id}"
        for at, item in enumerate(contract.items)
        for choices in (EXTREMES[item.physical_type],)
    )
    connection = duckdb.connect()
    connection.execute(
        f"CREATE TABLE rows AS SELECT {cells}, DATE '2026-11-15' AS delivered_on, 0 AS previous_rows, TRUE AS is_regular"
    )
    for rule in (*contract.row_rules, *contract.table_rules):
        assert connection.execute(f"SELECT {rule.expression} FROM rows").fetchone() is not None


def test_every_family_of_quality_is_used():
    used = {rule.family for contract in load_contracts().values() for rule in contract.rules}
    assert used == set(FAMILIES)


def test_uscc_may_be_missing_where_cleaning_can_resolve_it():
    assert load_contract("market_regulation.registry").item("uscc").is_required
    assert not load_contract("taxation.tax_filing").item("uscc").is_required
    assert broken_rules(
        "taxation.tax_grade", {"grade_year": 2025, "grade": "A", "published_on": "2026-04-20"}
    ) == {"subject_given"}


def test_good_invoice_breaks_no_rule():
    assert broken_rules("taxation.vat_invoice", GOOD_INVOICE) == set()


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"amount_cny": "-943.40", "tax_cny": "-56.60", "total_cny": "-1000.00"}, set()),
        ({"total_cny": "11000.02"}, set()),
        ({"total_cny": "11000.03"}, {"total_balance"}),
        (
            {"amount_cny": "-22.54", "tax_cny": "0.68", "total_cny": "-23.22"},
            {"total_balance", "signs_agree"},
        ),
        ({"amount_cny": "0", "tax_cny": "0", "total_cny": "0"}, {"valid_has_amount"}),
        ({"amount_cny": "0", "tax_cny": "0", "total_cny": "0", "status": "void"}, set()),
        ({"issued_on": "2026-11-16"}, {"issued_on_not_future"}),
        ({"invoice_no": None}, {"invoice_no_required"}),
    ],
)
def test_invoice_rules_tell_legal_from_broken(change, broken):
    assert broken_rules("taxation.vat_invoice", GOOD_INVOICE | change) == broken


@pytest.mark.parametrize(
    ("contract_id", "row", "broken"),
    [
        (
            "taxation.invoice_summary",
            {"uscc": "x", "period": 202610, "out_count": 3, "out_void_count": 4},
            {"void_within_count"},
        ),
        ("taxation.tax_filing", {"uscc": "x", "period": 202613}, {"period_valid"}),
        ("taxation.tax_filing", {"uscc": "x", "period": 202612}, {"period_valid"}),
        (
            "taxation.tax_filing",
            {
                "uscc": "x",
                "period": 202610,
                "filed_on": "2026-11-10",
                "vat_payable_cny": "100",
                "vat_paid_cny": "60",
                "arrears_cny": "0",
            },
            {"arrears_balance"},
        ),
        (
            "market_regulation.annual_report",
            {
                "uscc": "x",
                "report_year": 2025,
                "reported_on": "2026-05-01",
                "revenue_cny": "10",
                "main_revenue_cny": "11",
            },
            {"main_revenue_within_revenue"},
        ),
        (
            "court.judicial_case",
            {
                "name": "甲",
                "case_no": "（2026）湘0102民初1号",
                "role": "defendant",
                "filed_on": "2026-03-01",
                "closed_on": "2026-02-01",
            },
            {"closed_after_filed"},
        ),
        (
            "market_regulation.penalty",
            {
                "name": "甲",
                "document_no": "1",
                "authority": "乙",
                "kind": "fire",
                "severity": "minor",
                "decided_on": "2026-04-10",
                "published_until": "2026-07-11",
            },
            {"minor_published_within_limit"},
        ),
    ],
)
def test_rules_catch_what_they_name(contract_id, row, broken):
    assert broken_rules(contract_id, row) == broken


def test_loan_overdue_91_days_must_be_substandard():
    row = {
        "uscc": "x",
        "loan_no": "1",
        "institution_code": "b",
        "principal_cny": "100",
        "annual_rate_ratio": 0.0345,
        "drawn_on": "2026-01-05",
        "maturity_on": "2027-01-05",
        "outstanding_cny": "100",
        "overdue_days": 90,
        "five_class": "special_mention",
        "reported_on": "2026-10-31",
    }
    assert broken_rules("platform.loan_performance", row) == set()
    assert broken_rules("platform.loan_performance", row | {"overdue_days": 91}) == {
        "class_floor_substandard"
    }
    assert broken_rules("platform.loan_performance", row | {"annual_rate_ratio": 3.45}) == {"rate_valid"}


def test_drift_is_not_run_without_a_baseline():
    rows = ["SELECT CAST(NULL AS BIGINT) AS previous_rows, TRUE AS is_regular"]
    assert table_metric("taxation.tax_filing", "row_count_drift", rows) is None
    assert table_metric("taxation.tax_filing", "row_count_drift", ["SELECT 4 AS previous_rows"] * 8) == 2.0


def test_timeliness_counts_from_the_end_of_the_last_month():
    rows = [f"SELECT {month} AS period, DATE '2026-11-16' AS delivered_on" for month in (202501, 202610)]
    assert table_metric("taxation.tax_filing", "delivered_in_time", rows) == 16


@pytest.mark.parametrize(
    "contract_id", ["taxation.tax_filing", "taxation.tax_grade", "market_regulation.annual_report"]
)
def test_timeliness_of_an_impossible_period_is_not_run(contract_id):
    valid_on = "grade_year" if contract_id == "taxation.tax_grade" else load_contract(contract_id).valid_on
    rows = [f"SELECT 99999999 AS {valid_on}, DATE '2026-11-16' AS delivered_on"]
    assert table_metric(contract_id, "delivered_in_time", rows) is None
