"""Valid time by date, month and year; the last known row per key."""

from __future__ import annotations

import dataclasses
import datetime as dt

import ibis
import pyarrow as pa
import pytest

from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.asof import current, latest

FAR = dt.date(2030, 1, 1)


def rows(contract_id, valid_type, *valid, known=FAR):
    contract = load_contract(contract_id)
    columns = {name: pa.array([f"{name}{at}" for at in range(len(valid))]) for name in contract.key}
    columns[contract.valid_on] = pa.array(valid, valid_type)
    columns |= {
        "known_at": pa.array([known] * len(valid), pa.date32()),
        "batch_id": pa.array(["b"] * len(valid)),
        "line": pa.array(range(len(valid)), pa.int32()),
    }
    return contract, ibis.memtable(pa.table(columns))


def kept(contract, table, as_of):
    # Penalties of 2026 serve no more by then; that is another matter.
    found = current(table, contract, as_of=as_of, known_at=FAR, with_expired=True).to_pyarrow()
    return sorted(found[contract.valid_on].to_pylist())


def test_date_is_valid_to_the_end_of_the_month():
    contract, table = rows(
        "market_regulation.penalty", pa.date32(), dt.date(2026, 10, 31), dt.date(2026, 11, 1)
    )
    assert kept(contract, table, 202610) == [dt.date(2026, 10, 31)]


def test_month_is_valid_once_it_is_the_last_complete_one():
    contract, table = rows("taxation.tax_filing", pa.int32(), 202609, 202610, 202611)
    assert kept(contract, table, 202610) == [202609, 202610]


@pytest.mark.parametrize(
    ("as_of", "years"), [(202512, [2024, 2025]), (202610, [2024, 2025]), (202511, [2024])]
)
def test_year_is_valid_once_it_is_over(as_of, years):
    contract, table = rows("market_regulation.annual_report", pa.int64(), 2024, 2025, 2026)
    assert kept(contract, table, as_of) == years


def test_unknown_kind_of_valid_time_is_refused():
    contract, table = rows("taxation.tax_filing", pa.int32(), 202610)
    with pytest.raises(ContractError, match="date, month or year"):
        current(table, dataclasses.replace(contract, valid_kind="week"), as_of=202610, known_at=FAR)


def test_latest_breaks_ties_of_one_day_by_batch_and_line():
    table = ibis.memtable(
        pa.table(
            {
                "key": ["k"] * 3,
                "value": ["first", "second", "third"],
                "known_at": pa.array([dt.date(2026, 1, 1)] * 3, pa.date32()),
                "batch_id": ["a", "b", "b"],
                "line": pa.array([9, 2, 3], pa.int32()),
            }
        )
    )
    assert latest(table, ["key"], known_at=FAR).to_pyarrow()["value"].to_pylist() == ["third"]
