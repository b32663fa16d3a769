"""Files made to harm: formulas, SQL in a header, endless lines, bombs. Each is named, and what is sound beside it lands."""

from __future__ import annotations

import gzip
import json
import zipfile

import pytest

from rongqiao.governance import lane, pipeline, sources
from rongqiao.governance.pipeline import govern
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger
from tests.pipeline.departments import ALPHA, BETA, NAMES, TAX_HEADERS, csv_bytes, put, put_registry, tax_row

pytestmark = pytest.mark.faults

TAX = "taxation.tax_filing"
FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "deliveries"
    put_registry(root)
    return root


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.fixture
def small_limits(monkeypatch):
    """Limits that a test can exceed without filling the disk."""
    limits = sources.Limits(line_bytes=1 << 16, inflation_ratio=200, inflation_free_bytes=1 << 20)
    monkeypatch.setattr(pipeline, "limits_for", lambda _: limits)
    return limits


def run(folder, lake):
    report = govern(folder, lake, Ledger(folder.parent / "ledger"))
    return {file.file_name: file for file in report.files if file.contract_id == TAX}


def test_a_formula_stays_text_from_the_file_to_the_row(folder, lake):
    rows = [tax_row(ALPHA, FORMULA), tax_row(BETA, sales=FORMULA)]
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, rows))
    (file,) = run(folder, lake).values()
    assert file.quarantined_by_rule == {f"{TAX}.taxable_sales_cny_type": 1, f"{TAX}.name_intact": 1}
    rows = {row["column"]: row for row in lake.read("operations/quarantine").to_pylist()}
    assert {column: row["value"] for column, row in rows.items()} == {
        "taxable_sales_cny": FORMULA,
        "name": FORMULA,
    }
    assert json.loads(rows["taxable_sales_cny"]["row_json"])["taxable_sales_cny"] == FORMULA
    assert json.loads(rows["name"]["row_json"])["name"] == FORMULA


@pytest.mark.parametrize(
    "header", ['x"); DROP TABLE rejected; --', "'; DELETE FROM typed; --", '"', "a\x00b"]
)
def test_sql_in_a_column_name_is_a_name(folder, lake, header):
    rows = [[*tax_row(code), "1"] for code in NAMES]
    quoted = '"' + header.replace('"', '""') + '"'
    put(folder, TAX, "2026-02-16.csv", csv_bytes([*TAX_HEADERS, quoted], rows))
    (file,) = run(folder, lake).values()
    assert (file.rows_accepted, file.rows_quarantined) == (3, 0)
    profiled = set(lake.read("operations/profiles")["column"].to_pylist())
    assert f"?{header}" in profiled


def test_an_endless_line_is_quarantined_and_the_others_land(folder, lake, small_limits):
    content = csv_bytes(TAX_HEADERS, [tax_row(ALPHA), ["长" * small_limits.line_bytes], tax_row(BETA)])
    put(folder, TAX, "2026-02-16.csv", content)
    (file,) = run(folder, lake).values()
    assert (file.rows_in, file.rows_accepted) == (3, 2)
    (row,) = lake.read("operations/quarantine").to_pylist()
    assert (row["line"], row["rule_id"]) == (3, "source.line_too_long")
    assert len(row["value"]) <= 200


def test_bombs_are_refused_and_the_files_beside_them_land(folder, lake, small_limits):
    line = csv_bytes(TAX_HEADERS, [tax_row(ALPHA)]).split(b"\r\n")[1] + b"\r\n"
    bomb = csv_bytes(TAX_HEADERS, []) + line * 100_000
    assert len(bomb) > small_limits.inflation_ratio * len(gzip.compress(bomb))
    put(folder, TAX, "2026-02-16.csv.gz", bomb)
    put(folder, TAX, "2026-03-16.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA), tax_row(BETA)]))
    path = folder / TAX / "2026-04-16.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<" * (8 << 20))
    files = run(folder, lake)
    for name in ("2026-02-16.csv.gz", "2026-04-16.xlsx"):
        assert (files[name].rows_in, files[name].quarantined_by_rule) == (1, {"source.inflation": 1})
    assert files["2026-03-16.csv"].rows_accepted == 2
    assert lake.read(f"published/{TAX}").num_rows == 2


def test_a_file_that_breaks_off_takes_back_what_was_read_of_it(folder, lake, monkeypatch):
    """Its first blocks were cast before the end proved missing."""
    monkeypatch.setattr(sources.blocks, "BLOCK", 4096)
    monkeypatch.setattr(lane, "LOT_ROWS", 10)
    rows = [
        tax_row(ALPHA, period=f"20{year:02}-{month:02}") for year in range(10, 26) for month in range(1, 13)
    ]
    rows[5] = tax_row(ALPHA, sales="不详")
    whole = gzip.compress(csv_bytes(TAX_HEADERS, rows), mtime=0)
    path = put(folder, TAX, "2026-02-16.csv.gz", b"")
    path.write_bytes(whole[:-9])
    put(folder, TAX, "2026-02-17_late.csv", csv_bytes(TAX_HEADERS, [tax_row(BETA)]))
    files = run(folder, lake)
    assert files["2026-02-16.csv.gz"].quarantined_by_rule == {"source.unreadable": 1}
    assert files["2026-02-16.csv.gz"].rows_in == 1
    assert lake.read(f"published/{TAX}")["enterprise_id"].to_pylist() == [BETA]
    assert lake.read("operations/quarantine").num_rows == 1


def test_pieces_give_the_same_facts_as_whole_files(folder, lake, tmp_path, monkeypatch):
    """Cut into tiny pieces, cast in tiny lots, governed file by file: the content is the same."""
    rows = [
        tax_row(code, name, period=f"20{year:02}-{month:02}", sales=sales)
        for year in range(10, 26)
        for month, sales in enumerate(["1,234.50", "12.5万元", "", "-", "77.00", "abc", "１２", "0"], start=1)
        for code, name in (*NAMES.items(), (ALPHA.lower(), ""), ("", "长沙星河精密机械公司"))
    ]
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, rows, "gb18030"))
    put(folder, TAX, "2026-03-16.csv", csv_bytes(TAX_HEADERS, rows[:40]))
    run(folder, lake)
    other = Lake(tmp_path / "other")
    monkeypatch.setattr(sources.blocks, "BLOCK", 3000)
    monkeypatch.setattr(lane, "LOT_ROWS", 7)
    monkeypatch.setattr("rongqiao.governance.reading.PORTION_ROWS", 1)
    govern(folder, other, Ledger(tmp_path / "other-ledger"))
    for table in (f"published/{TAX}", "published/enterprises", "operations/quarantine", "operations/merges"):
        assert other.digest(table) == lake.digest(table), table
    counted = ["batch_id", "rule_id", "outcome", "rows_checked", "rows_failed"]
    assert other.digest("operations/rule_results", counted) == lake.digest("operations/rule_results", counted)
