"""``rongqiao govern`` and ``rongqiao quarantine list`` as a clerk uses them."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from config.commands import govern, quarantine
from tests.pipeline.departments import ALPHA, BETA, TAX_HEADERS, csv_bytes, put, put_registry, tax_row

pytestmark = pytest.mark.pipeline
TAX = "taxation.tax_filing"


@pytest.fixture
def governed(tmp_path):
    root, lake = tmp_path / "deliveries", tmp_path / "lake"
    put_registry(root)
    rows = [tax_row(ALPHA), tax_row(BETA, 申报日期="昨天")]
    put(root, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, rows, "gb18030"))
    result = CliRunner().invoke(govern.app, [str(root), "--lake", str(lake), "--json"])
    assert result.exit_code == 0, result.output
    return root, lake, json.loads(result.stdout)


def test_json_report_holds_every_file(governed):
    _, _, report = governed
    by_contract = {file["contract_id"]: file for file in report["files"]}
    assert by_contract[TAX]["quarantined_by_rule"] == {f"{TAX}.filed_on_type": 1}
    assert by_contract["market_regulation.registry"]["rows_accepted"] == 3
    assert (report["held"], report["skipped"]) == ([], [])


def test_text_report_of_a_second_run_says_that_nothing_is_new(governed):
    root, lake, _ = governed
    result = CliRunner().invoke(govern.app, [str(root), "--lake", str(lake)])
    assert "0 files governed, 2 had a receipt" in result.stdout


def test_files_handed_over_are_governed_once_without_a_copy(tmp_path):
    root, lake = tmp_path / "deliveries", tmp_path / "lake"
    put_registry(root)
    command = [str(root), "--lake", str(lake), "--handed-over"]
    assert "1 files governed" in CliRunner().invoke(govern.app, command).stdout
    (file,) = root.glob("*/*")
    assert file.stat().st_nlink == 2
    assert "0 files governed, 1 had a receipt" in CliRunner().invoke(govern.app, command).stdout


def test_quarantine_list_shows_place_rule_and_value(governed):
    _, lake, _ = governed
    result = CliRunner().invoke(
        quarantine.app, ["list", "--lake", str(lake), "--rule", f"{TAX}.filed_on_type"]
    )
    assert f"{TAX}/2026-02-16.csv:3" in result.stdout
    assert "昨天" in result.stdout
    none = CliRunner().invoke(
        quarantine.app, ["list", "--lake", str(lake), "--contract", "court.judicial_case"]
    )
    assert none.stdout == ""
