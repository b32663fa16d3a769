"""The CUMCM 2020 C data set through the six steps: 1,099,441 invoices, every one accounted for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from config.commands.real import app
from rongqiao.governance.sources import cumcm2020c
from rongqiao.indicators import compute
from rongqiao.lake.tables import Lake

pytestmark = pytest.mark.real

INVOICES = {
    "attachment1_input_invoices.csv.gz": 210_947,
    "attachment1_output_invoices.csv.gz": 162_484,
    "attachment2_input_invoices.csv.gz": 395_175,
    "attachment2_output_invoices.csv.gz": 330_835,
}


@pytest.fixture(scope="module")
def data():
    root = os.environ.get("RONGQIAO_REAL_DATA")
    if not root or not (Path(root) / "cumcm2020c").is_dir():
        pytest.skip("Set RONGQIAO_REAL_DATA to the folder that holds cumcm2020c/.")
    return Path(root) / "cumcm2020c"


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    lake = tmp_path_factory.mktemp("real") / "lake"
    result = CliRunner().invoke(app, ["cumcm2020c", "--data", str(data), "--lake", str(lake), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), Lake(lake)


def test_every_invoice_is_accepted_or_quarantined(run):
    found, lake = run
    files = found["files"]
    assert {name: files[name]["rows_in"] for name in INVOICES} == INVOICES
    assert sum(files[name]["rows_in"] for name in INVOICES) == 1_099_441
    for counts in files.values():
        assert counts["rows_in"] == counts["rows_accepted"] + counts["rows_quarantined"]
        assert counts["rows_quarantined"] == sum(counts["quarantined_by_rule"].values())
    published = lake.read("published/taxation.vat_invoice", ["line"]).num_rows
    assert published == sum(files[name]["rows_accepted"] for name in INVOICES)
    assert lake.read("operations/quarantine", ["line"]).num_rows == 1_099_441 - published


def test_only_exact_repeats_and_wrong_sums_are_set_aside(run):
    found, _ = run
    rules = {rule for counts in found["files"].values() for rule in counts["quarantined_by_rule"]}
    assert rules == {"taxation.vat_invoice.duplicate_key", "taxation.vat_invoice.total_balance"}


def test_all_enterprises_have_indicators(run):
    found, lake = run
    assert len(found["indicators"]) == 425 == lake.read("published/enterprises", ["uscc"]).num_rows
    assert any(value is not None for value in found["indicators"]["E1"].values())
    assert not any("grade" in name for name in found["indicators"]["E1"])


def test_indicators_agree_with_plain_sql(run):
    """Void share, buyers and the largest buyer's share of the last 12 months, written by hand over the same rows."""
    found, lake = run
    invoices = lake.read("published/taxation.vat_invoice")  # noqa: F841 - read by the query
    rows = duckdb.sql(
        """
        WITH sales AS (
            SELECT * FROM invoices WHERE direction = 'out' AND issued_on BETWEEN DATE '2019-03-01' AND DATE '2020-02-29'
        ), buyers AS (
            SELECT enterprise_id, counterparty_no, sum(amount_cny)::DOUBLE AS amount
            FROM sales WHERE status = 'valid' GROUP BY ALL HAVING amount > 0
        )
        SELECT enterprise_id,
            (SELECT count(*) FILTER (status = 'void') / count(*) FROM sales s WHERE s.enterprise_id = b.enterprise_id),
            max(amount) / sum(amount)
        FROM buyers b GROUP BY enterprise_id
        """
    ).fetchall()
    assert found["as_of"] == 202002
    assert len(rows) > 300
    for enterprise, void, top in rows:
        values = found["indicators"][enterprise]
        assert values["vat_out_void_m12_ratio"] == pytest.approx(void), enterprise
        assert values["vat_customer_top1_m12_ratio"] == pytest.approx(top), enterprise


def test_indicators_are_the_same_every_time(run):
    found, lake = run
    chosen = sorted(found["indicators"]["E1"])
    again = compute(lake, as_of=found["as_of"], known_at=cumcm2020c.PUBLISHED_ON, only=chosen)
    for row in again.to_pylist():
        assert {name: row[name] for name in chosen} == found["indicators"][row["enterprise_id"]]


def test_rating_from_invoices_alone_tells_defaults_apart(run):
    found, _ = run
    assert found["auc"] > 0.75
    assert found["bank_grade_auc"] > found["auc"]
    assert len(found["folds"]) == 5
