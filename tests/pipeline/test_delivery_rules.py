"""Rules that every contract has without writing them: on columns, on damaged text, on gaps, on values unlike those before."""

from __future__ import annotations

import datetime as dt

import pytest

from rongqiao.contracts.standards import load_contract
from rongqiao.governance.batch import Delivery
from rongqiao.governance.rehearsal import Stage
from rongqiao.kernel.identifiers import complete_uscc
from tests.pipeline.departments import NAMES, TAX_HEADERS, csv_bytes, tax_row

pytestmark = pytest.mark.pipeline
TAX = "taxation.tax_filing"
MANY = {complete_uscc(f"91430100MA4M{number:05d}"): f"长沙第{number}号机械有限公司" for number in range(60)}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage(tmp_path_factory.mktemp("landing"), [*NAMES.items(), *MANY.items()])


@pytest.fixture
def judge(stage, tmp_path):
    """Take rows of tax filings through the steps; gives what each rule said."""

    def run(rows, headers=TAX_HEADERS, name="2026-02-16.csv", before=None):
        path = tmp_path / name
        path.write_bytes(csv_bytes(headers, rows))
        delivery = Delivery(TAX, path, dt.date.fromisoformat(name[:10]))
        return stage.rehearse(load_contract(TAX), delivery, before)

    return run


def outcome(found, rule):
    return found.outcomes[f"{TAX}.{rule}"][0]


def many_rows(sales="120000.00", **changes):
    return [
        tax_row(code, name, sales=f"{float(sales) * (1 + at):.2f}", **changes)
        for at, (code, name) in enumerate(MANY.items())
    ]


def test_a_sound_delivery_passes_and_what_has_nothing_to_compare_with_is_not_run(judge):
    found = judge(many_rows())
    assert found.rows_accepted == len(MANY)
    assert outcome(found, "columns_complete") == "passed"
    assert outcome(found, "headers_known") == "passed"
    assert outcome(found, "periods_unbroken") == "passed"
    assert outcome(found, "distribution_drift") == "not_run"
    assert outcome(found, "row_count_drift") == "not_run"


def test_what_could_be_read_of_each_item_is_judged_and_what_was_not_given_is_not_run(judge):
    rows = many_rows()
    rows[0][3], rows[1][3] = "很多", "不少"
    found = judge(rows)
    assert found.outcomes[f"{TAX}.taxable_sales_cny_type"] == ("failed", 2)
    assert found.outcomes[f"{TAX}.vat_paid_cny_type"] == ("passed", 0)
    nothing = judge([])
    assert found.outcomes.keys() == nothing.outcomes.keys()
    assert outcome(nothing, "taxable_sales_cny_type") == "not_run"


def test_a_missing_column_and_an_unknown_one_are_told_apart(judge):
    rows = [row[:-1] for row in many_rows()]
    assert outcome(judge(rows, TAX_HEADERS[:-1]), "columns_complete") == "warned"
    extra = judge([[*row, "1"] for row in many_rows()], [*TAX_HEADERS, "备注栏"])
    assert (outcome(extra, "columns_complete"), outcome(extra, "headers_known")) == ("passed", "warned")


def test_a_correction_owes_neither_all_columns_nor_all_months(judge):
    rows = [row[:-1] for row in many_rows()[:2]]
    rows[0][2] = "2025-06"
    found = judge(rows, TAX_HEADERS[:-1], name="2026-02-20_correction.csv")
    assert outcome(found, "columns_complete") == "not_run"
    assert outcome(found, "periods_unbroken") == "not_run"


def test_a_month_that_is_missing_between_two_others_is_noticed(judge):
    rows = many_rows()
    for row, month in zip(rows, ["2025-11", "2026-01"] * 30, strict=True):
        row[2] = month
    assert outcome(judge(rows), "periods_unbroken") == "warned"
    for row, month in zip(rows, ["2025-12", "2026-01"] * 30, strict=True):
        row[2] = month
    assert outcome(judge(rows), "periods_unbroken") == "passed"


def test_values_of_another_order_of_magnitude_are_noticed_and_the_same_values_are_not(judge):
    first = judge(many_rows())
    before = (first.rows_in, first.baselines)
    assert outcome(judge(many_rows(), name="2026-03-16.csv", before=before), "distribution_drift") == "passed"
    smaller = judge(many_rows(sales="12.00"), name="2026-03-17.csv", before=before)
    assert outcome(smaller, "distribution_drift") == "warned"


def test_a_column_that_holds_one_value_where_it_held_many_is_noticed(judge):
    first = judge(many_rows())
    rows = many_rows()
    for row in rows:
        row[TAX_HEADERS.index("应税销售收入")] = "120000.00"
    found = judge(rows, name="2026-03-18.csv", before=(first.rows_in, first.baselines))
    assert outcome(found, "distribution_drift") == "warned"


def test_a_delivery_without_a_row_after_one_that_had_some_is_not_passed_over(judge):
    first = judge(many_rows())
    gone = judge([], name="2026-03-19.csv", before=(first.rows_in, first.baselines))
    assert outcome(gone, "row_count_drift") == "warned"
    assert outcome(judge([], name="2026-03-20.csv"), "row_count_drift") == "not_run"


@pytest.mark.parametrize(
    "damaged",
    ["=SUM(A1:A2)", "#REF!", "长沙\ufffd机械", "锟斤拷机械有限公司", "长沙市".encode().decode("latin-1")],
)
def test_damaged_text_is_kept_out_with_its_item(judge, damaged):
    rows = many_rows()
    rows[0][1] = damaged
    assert judge(rows).quarantined == {f"{TAX}.name_intact": 1}


def test_absurd_amounts_and_days_are_kept_out(judge):
    rows = many_rows()
    rows[0][TAX_HEADERS.index("应税销售收入")] = "123456789012345"
    rows[1][TAX_HEADERS.index("申报期限")] = "0206-02-15"
    found = judge(rows)
    assert found.quarantined[f"{TAX}.taxable_sales_cny_plausible"] == 1
    assert found.quarantined[f"{TAX}.due_on_plausible"] == 1
