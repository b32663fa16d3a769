"""The data contracts load, are sound, run in the engine, and say what is wrong when they are not."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from config.commands.standards import app
from rongqiao.contracts.checks import check_contract, check_contracts
from rongqiao.contracts.standards import (
    FAMILIES,
    load_contract,
    load_contracts,
    read_contract,
    standards_root,
)
from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

TABLES = {
    "bank.enterprise_credit",
    "court.judicial_case",
    "human_resources.social_insurance",
    "intellectual_property.ip_right",
    "market_regulation.annual_report",
    "market_regulation.change",
    "market_regulation.listing",
    "market_regulation.penalty",
    "market_regulation.registry",
    "platform.loan_performance",
    "science.title",
    "taxation.invoice_summary",
    "taxation.tax_filing",
    "taxation.tax_grade",
    "taxation.vat_invoice",
    "utilities.utility_usage",
}
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


def mutate(tmp_path: Path, contract_id: str, change) -> Path:
    """Copy one contract, change its document, and return the new file."""
    department, table = contract_id.split(".")
    source = standards_root() / department / f"{table}.yaml"
    document = yaml.safe_load(source.read_text(encoding="utf-8"))
    change(document)
    target = tmp_path / department / f"{table}.yaml"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return target


def properties(document):
    return document["schema"][0]["properties"]


def set_custom(node, name, value):
    node.setdefault("customProperties", []).append({"property": name, "value": value})


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


def test_all_sixteen_tables_are_under_contract():
    assert set(load_contracts()) == TABLES


def test_contracts_are_sound():
    assert [str(problem) for problem in check_contracts()] == []


@pytest.mark.parametrize("contract_id", sorted(TABLES))
def test_every_rule_binds_in_the_engine(contract_id):
    contract = load_contract(contract_id)
    cells = ", ".join(f"CAST(NULL AS {item.physical_type}) AS {item.id}" for item in contract.items)
    connection = duckdb.connect()
    connection.execute(
        f"CREATE TABLE rows AS SELECT {cells}, DATE '2026-11-15' AS delivered_on, CAST(NULL AS BIGINT) AS previous_rows"
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


def test_every_family_of_quality_is_used():
    used = {rule.family for contract in load_contracts().values() for rule in contract.rules}
    assert used == set(FAMILIES)


def test_contract_knows_its_shape():
    contract = load_contract("taxation.tax_filing")
    assert contract.key == ("uscc", "period")
    assert (contract.valid_on, contract.valid_kind, contract.update_cycle) == ("period", "month", "monthly")
    assert contract.item("period").type == "month"
    assert contract.item("taxable_sales_cny").physical_type == "DECIMAL(18,2)"
    assert (
        contract.headers["税款所属期"] == contract.headers["period"] == contract.headers["所属期"] == "period"
    )


def test_headers_may_state_a_larger_unit():
    item = load_contract("market_regulation.registry").item("registered_capital_cny")
    assert dict(item.scaled_headers)["注册资本（万元）"] == 10_000
    assert "注册资本（元）" in item.headers


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
    rows = ["SELECT CAST(NULL AS BIGINT) AS previous_rows"]
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


def test_unknown_contract_names_the_known_ones():
    with pytest.raises(ContractError, match=r"taxation\.nothing.*taxation\.tax_filing"):
        load_contract("taxation.nothing")


def test_unknown_item_and_rule_are_named():
    contract = load_contract("science.title")
    with pytest.raises(ContractError, match=r"colour.*title_kind"):
        contract.item("colour")
    with pytest.raises(ContractError, match=r"science\.title\.colour"):
        contract.rule("science.title.colour")


def test_bad_yaml_names_the_file(tmp_path):
    path = tmp_path / "court" / "judicial_case.yaml"
    path.parent.mkdir()
    path.write_text("id: [", encoding="utf-8")
    with pytest.raises(ContractError, match=r"judicial_case\.yaml.*not valid YAML"):
        read_contract(path)
    path.write_text("- a list", encoding="utf-8")
    with pytest.raises(ContractError, match="one mapping"):
        read_contract(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: set_custom(properties(d)[3], "codeList", "colours"), r"colours"),
        (lambda d: set_custom(d, "validOn", "weekday"), r"weekday.*validOn must name an item"),
        (lambda d: set_custom(d, "category", "weather"), r"weather.*data_categories"),
        (lambda d: properties(d)[0].update(physicalType="TEXT"), r"TEXT.*VARCHAR"),
        (lambda d: properties(d)[0].pop("businessName"), r"businessName.*missing"),
        (lambda d: [p.pop("primaryKey", None) for p in properties(d)], r"primaryKey"),
        (lambda d: d.update(id="court.other"), r"court\.judicial_case"),
        (lambda d: set_custom(d["schema"][0]["quality"][-1], "columns", ["weekday"]), r"weekday"),
        (lambda d: set_custom(d["schema"][0]["quality"][-1], "family", "beauty"), r"beauty"),
        (lambda d: d["schema"][0]["quality"][-1].update(query="DELETE FROM x"), r"table rule reads"),
    ],
)
def test_malformed_contract_names_file_and_fault(tmp_path, change, message):
    path = mutate(tmp_path, "court.judicial_case", change)
    with pytest.raises(ContractError, match=message) as caught:
        read_contract(path)
    assert "judicial_case.yaml" in str(caught.value)


def test_key_that_is_no_item_is_refused(tmp_path):
    def change(document):
        document["schema"][0]["quality"][0]["customProperties"][1]["value"] = ["case_no", "weekday"]

    with pytest.raises(ContractError, match="weekday"):
        read_contract(mutate(tmp_path, "court.judicial_case", change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: properties(d)[1].update(description=""), "title or definition is empty"),
        (lambda d: properties(d)[1].update(classification="L9"), "'L9'"),
        (lambda d: properties(d)[5].update(physicalType="DOUBLE"), "money is"),
        (lambda d: set_custom(properties(d)[4], "headers", ["案号"]), "stands for two items"),
        (lambda d: properties(d)[6].update(required=False), "valid time must be required"),
        (lambda d: d["schema"][0]["quality"][2].update(implementation="uscc IS NOT"), "is not DuckDB SQL"),
        (lambda d: d["schema"][0]["quality"][2].update(implementation="weekday > 1"), "'weekday'"),
        (
            lambda d: d["schema"][0]["quality"][2].update(implementation="cause = 'x'"),
            "does not list its columns cause",
        ),
        (
            lambda d: d["schema"][0]["quality"][2].update(implementation="max(uscc) = name"),
            "must not aggregate",
        ),
        (lambda d: d["schema"][0]["quality"][-1].pop("mustBeLessOrEqualTo"), "needs a bound"),
        (lambda d: d["schema"][0]["quality"].append(d["schema"][0]["quality"][2]), "declared twice"),
    ],
)
def test_check_finds_the_fault(tmp_path, change, message):
    contract = read_contract(mutate(tmp_path, "court.judicial_case", change))
    assert any(message in str(problem) for problem in check_contract(contract))


def test_check_reports_references_and_consent_that_lead_nowhere(tmp_path):
    root = tmp_path / "standards"
    shutil.copytree(standards_root() / "court", root / "court")
    problems = [str(problem) for problem in check_contracts(root)]
    assert any("market_regulation.registry.uscc" in problem for problem in problems)
    assert any("taxation.tax_filing: catalog/consent.yaml: is no contract" in problem for problem in problems)


def test_check_reports_an_unreadable_file_as_the_problem(tmp_path):
    (tmp_path / "court").mkdir()
    (tmp_path / "court" / "judicial_case.yaml").write_text("id: [", encoding="utf-8")
    (problem,) = check_contracts(tmp_path)
    assert "judicial_case.yaml" in str(problem)


def test_empty_folder_says_how_to_mend_it(tmp_path):
    with pytest.raises(ContractError, match="RONGQIAO_HOME"):
        load_contracts(tmp_path)


def test_command_checks_and_lists():
    checked = CliRunner().invoke(app, ["check"])
    assert (checked.exit_code, checked.stdout) == (0, "16 contracts are sound.\n")
    listed = CliRunner().invoke(app, ["list"])
    assert listed.stdout.count("\n") == 16
    assert "企业登记（市场监督管理局）" in listed.stdout
