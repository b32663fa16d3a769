"""The data contracts load, are sound, run in the engine, and say what is wrong when they are not."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from config.commands.standards import app
from rongqiao.contracts.checks import check_contract, check_contracts
from rongqiao.contracts.standards import (
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


def test_all_sixteen_tables_are_under_contract():
    assert set(load_contracts()) >= TABLES


def test_contracts_are_sound():
    assert [str(problem) for problem in check_contracts()] == []


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
    mended = root / "court" / "judicial_case.yaml"
    mended.write_text(
        mended.read_text(encoding="utf-8").replace("value: public_judicial", "value: nobody"),
        encoding="utf-8",
    )
    problems = [str(problem) for problem in check_contracts(root)]
    assert any("market_regulation.registry.uscc" in problem for problem in problems)
    assert any("court.judicial_case: nobody: the data class is not in" in problem for problem in problems)


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
    assert (checked.exit_code, checked.stdout) == (0, f"{len(load_contracts())} contracts are sound.\n")
    listed = CliRunner().invoke(app, ["list"])
    assert listed.stdout.count("\n") == len(load_contracts())
    assert "企业登记（市场监督管理局）" in listed.stdout
