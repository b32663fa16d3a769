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
from rongqiao.indicators import compute, load_indicators
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


def test_every_invoice_indicator_is_computed_for_every_enterprise(run):
    found, _ = run
    only_invoices = {
        name
        for name, each in load_indicators().items()
        if set(each.sources) - {"enterprises"} == {"taxation.vat_invoice"}
    }
    assert len(only_invoices) > 70
    for enterprise, values in found["indicators"].items():
        assert values.keys() == only_invoices, enterprise
    # Told of nobody, an indicator would be declared in vain.
    known = {
        name for values in found["indicators"].values() for name, value in values.items() if value is not None
    }
    assert known == only_invoices


#: Written by hand over the published files alone: same rows, other way. The year ends with February 2020.
BY_HAND = """
    WITH published AS (
        SELECT 企业代号, 'out' AS side, 开票日期, 发票号码, 购方单位代号 AS other, 金额, 税额, 价税合计, 发票状态 FROM read_csv($out, all_varchar = true)
        UNION ALL
        SELECT 企业代号, 'in', 开票日期, 发票号码, 销方单位代号, 金额, 税额, 价税合计, 发票状态 FROM read_csv($in, all_varchar = true)
    ), lines AS (
        SELECT 企业代号 AS enterprise, side, strptime(开票日期, '%Y/%m/%d')::DATE AS day, 发票号码 AS number, other,
            金额::DECIMAL(18, 2) AS net, 税额::DECIMAL(18, 2) AS tax, 价税合计::DECIMAL(18, 2) AS gross,
            trim(发票状态) = '有效发票' AS good
        FROM (SELECT *, row_number() OVER () AS place FROM published)
        -- An invoice that stands twice counts as it stands last: E160 voided three of them a few lines later.
        QUALIFY row_number() OVER (PARTITION BY enterprise, side, day, number, other ORDER BY place DESC) = 1
    ), year AS (
        SELECT *, good AND net > 0 AS blue, good AND net < 0 AS red FROM lines
        WHERE abs(net + tax - gross) <= 0.02 AND day >= DATE '2019-03-01' AND day < DATE '2020-03-01'
    ), customers AS (
        SELECT enterprise, other, greatest(sum(net), 0)::DOUBLE AS bought FROM year WHERE side = 'out' AND good GROUP BY ALL
    ), concentration AS (
        SELECT enterprise, count(*) AS customers, max(bought) / nullif(sum(bought), 0) AS top1,
            sum(bought * bought) / nullif(sum(bought) * sum(bought), 0) AS hhi
        FROM customers GROUP BY enterprise
    )
    SELECT enterprise,
        coalesce(sum(net) FILTER (side = 'out' AND good), 0)::DOUBLE AS vat_out_amount_sum_m12_cny,
        coalesce(sum(net) FILTER (side = 'in' AND good), 0)::DOUBLE AS vat_in_amount_sum_m12_cny,
        count(*) FILTER (side = 'out') AS vat_out_invoice_m12_count,
        count(*) FILTER (side = 'out' AND NOT good) / nullif(count(*) FILTER (side = 'out'), 0) AS vat_out_void_m12_ratio,
        count(*) FILTER (side = 'in' AND red) / nullif(count(*) FILTER (side = 'in'), 0) AS vat_in_red_invoice_m12_ratio,
        max(net) FILTER (side = 'out' AND blue) / nullif(sum(net) FILTER (side = 'out' AND blue), 0)::DOUBLE AS vat_out_largest_m12_ratio,
        (sum(net) FILTER (side = 'in' AND blue) / nullif(count(*) FILTER (side = 'in' AND blue), 0))::DOUBLE AS vat_in_average_m12_cny,
        count(DISTINCT day) FILTER (side = 'out') AS vat_out_active_m12_days,
        count(*) FILTER (side = 'out' AND isodow(day) >= 6) / nullif(count(*) FILTER (side = 'out'), 0) AS vat_weekend_m12_ratio,
        (sum(tax) FILTER (side = 'out' AND blue) / nullif(sum(net) FILTER (side = 'out' AND blue), 0))::DOUBLE AS vat_tax_rate_m12_ratio,
        any_value(customers) AS vat_customer_m12_count,
        any_value(top1) AS vat_customer_top1_m12_ratio,
        any_value(hhi) AS vat_customer_hhi_m12_ratio
    FROM year LEFT JOIN concentration USING (enterprise) GROUP BY enterprise ORDER BY enterprise
"""


def test_thirteen_indicators_agree_with_sql_written_by_hand_over_the_files(run, data):
    found, _ = run
    assert found["as_of"] == 202002
    files = {
        side: [str(data / name) for name in INVOICES if f"_{side}put_" in name] for side in ("out", "in")
    }
    rows = duckdb.execute(BY_HAND, files).to_arrow_table().to_pylist()
    assert len(rows) > 400
    compared = dict.fromkeys(rows[0].keys() - {"enterprise"}, 0)
    for row in rows:
        values = found["indicators"][row["enterprise"]]
        for name in compared:
            if row[name] is not None and values[name] is not None:
                assert values[name] == pytest.approx(row[name], rel=1e-9, abs=1e-6), (row["enterprise"], name)
                compared[name] += 1
            else:
                # Without a customer there is none to count, which is nought and not unknown.
                assert (row[name] or 0, values[name] or 0) == (0, 0), (row["enterprise"], name)
    assert len(compared) == 13
    assert min(compared.values()) > 300, compared


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
