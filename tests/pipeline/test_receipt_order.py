"""Deliveries of one table on one day count in the order in which they were received, whatever their digests are."""

from __future__ import annotations

import datetime as dt

import pytest

from rongqiao.bases.enterprises.records import current_records, record_versions
from rongqiao.contracts.standards import load_contract
from rongqiao.governance.batch import Delivery
from rongqiao.governance.pipeline import govern
from rongqiao.governance.staging import stage_contract
from rongqiao.lake.engine import connect
from rongqiao.lake.serving import ServingStore
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger
from tests.pipeline.departments import ALPHA, TAX_HEADERS, csv_bytes, put, put_registry, registry_row, tax_row

TAX = load_contract("taxation.tax_filing")
DAY = dt.date(2026, 2, 16)
SALES = ("100.00", "200.00", "300.00")


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


def deliver(folder, lake, ledger, sales, part):
    content = csv_bytes(TAX_HEADERS, [tax_row(ALPHA, sales=sales)])
    path = put(folder, TAX.id, f"{DAY.isoformat()}_part{part}.csv", content)
    return govern([Delivery(TAX.id, path, DAY)], lake, ledger).files[0].batch_id


def read(lake, folder):
    """What every reader holds to be the sales of the month."""
    asked = {"as_of": 202602, "known_at": DAY}
    (current,) = current_records(lake, TAX, ALPHA, **asked)
    versions = record_versions(lake, TAX, ALPHA, current["record_id"], known_at=DAY)
    with connect(lake) as connection:
        stage_contract(connection, lake, TAX, 202602, DAY)
        staged = connection.execute(f'SELECT taxable_sales_cny FROM "{TAX.id}"').fetchall()
    with ServingStore(folder / "serving", is_writer=True) as store:
        store.build(lake, TAX)
        (served,) = store.rows(TAX, ALPHA, **asked)
    values = {
        str(each)
        for each in (
            current["taxable_sales_cny"],
            versions[0]["taxable_sales_cny"],
            staged[0][0],
            served["taxable_sales_cny"],
        )
    }
    return values, [str(row["taxable_sales_cny"]) for row in versions]


@pytest.mark.parametrize("order", [SALES, SALES[::-1]])
def test_the_delivery_received_last_counts(tmp_path, lake, ledger, order):
    put_registry(tmp_path / "in")
    govern(tmp_path / "in", lake, ledger)
    for part, sales in enumerate(order):
        deliver(tmp_path / "in", lake, ledger, sales, part)
    assert read(lake, tmp_path) == ({order[-1]}, list(order[::-1]))


@pytest.mark.parametrize("order", [SALES[:2], SALES[1::-1]])
def test_a_lake_older_than_the_order_goes_on_with_it(tmp_path, lake, ledger, order):
    put_registry(tmp_path / "in")
    govern(tmp_path / "in", lake, ledger)
    deliver(tmp_path / "in", lake, ledger, order[0], 0)
    table = f"published/{TAX.id}"
    lake.replace(table, lake.read(table).drop_columns(["ledger_index"]))
    assert read(lake, tmp_path)[0] == {order[0]}
    deliver(tmp_path / "in", lake, ledger, order[1], 1)
    assert read(lake, tmp_path) == ({order[1]}, list(order[::-1]))


@pytest.mark.parametrize("order", [("甲", "乙"), ("乙", "甲")])
def test_the_register_shows_the_snapshot_received_last(tmp_path, lake, ledger, order):
    for number, name in enumerate(order):
        folder = tmp_path / str(number)
        put_registry(folder, [registry_row(ALPHA, f"长沙星河{name}机械有限公司")])
        govern(folder, lake, ledger)
    (row,) = lake.read("published/enterprises").to_pylist()
    assert row["name"] == f"长沙星河{order[-1]}机械有限公司"


def test_the_order_is_told_by_the_ledger_alone(tmp_path, lake, ledger):
    put_registry(tmp_path / "in")
    govern(tmp_path / "in", lake, ledger)
    batches = [deliver(tmp_path / "in", lake, ledger, sales, part) for part, sales in enumerate(SALES[::-1])]
    rows = lake.read(f"published/{TAX.id}", ["batch_id", "ledger_index"]).to_pylist()
    places = {row["batch_id"]: row["ledger_index"] for row in rows}
    assert sorted(places, key=places.__getitem__) == batches
    assert [ledger.entry(places[batch]).subject for batch in batches] == batches
