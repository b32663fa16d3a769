"""Adverse records serve for their term only; the engine and the single record give the same answer, and so do record ids."""

from __future__ import annotations

import datetime as dt

import ibis
import pyarrow as pa
import pytest

from rongqiao.contracts.standards import load_contract
from rongqiao.lake.expiry import expires_on, expires_on_sql, has_clock, is_expired, serves_sql, unexpired
from rongqiao.lake.record_ids import record_id, record_id_sql

PENALTY, LISTING = load_contract("market_regulation.penalty"), load_contract("market_regulation.listing")
TODAY = dt.date(2026, 11, 20)
D = dt.date
CASES = [
    # severity, decided, published until, last day it serves
    ("minor", D(2026, 8, 20), None, D(2026, 11, 20)),
    ("minor", D(2026, 8, 19), None, D(2026, 11, 19)),
    ("minor", D(2026, 8, 31), None, D(2026, 11, 30)),
    ("general", D(2025, 11, 20), D(2027, 1, 1), D(2026, 11, 20)),
    ("general", D(2025, 11, 19), None, D(2026, 11, 19)),
    ("serious", D(2024, 1, 1), None, D(2027, 1, 1)),
    ("serious", D(2024, 1, 1), D(2026, 11, 19), D(2026, 11, 19)),
    ("serious", D(2023, 1, 1), None, D(2026, 1, 1)),
    (None, D(2023, 11, 20), None, D(2026, 11, 20)),
]


def penalties():
    return [
        {"document_no": str(number), "severity": severity, "decided_on": decided, "published_until": until}
        for number, (severity, decided, until, _) in enumerate(CASES)
    ]


def table(rows):
    schema = {
        "document_no": pa.string(),
        "severity": pa.string(),
        "decided_on": pa.date32(),
        "published_until": pa.date32(),
    }
    return ibis.memtable(pa.Table.from_pylist(rows, pa.schema(schema)))


def test_each_severity_has_its_term_and_a_repair_ends_it_earlier():
    for row, (_, _, _, end) in zip(penalties(), CASES, strict=True):
        assert expires_on(PENALTY, row, known_at=TODAY) == end


@pytest.mark.parametrize("known_at", [TODAY, D(2026, 11, 21), D(2026, 3, 31), D(2030, 1, 1)])
@pytest.mark.parametrize("absent", ["", "severity", "published_until", "decided_on"])
def test_the_condition_in_sql_keeps_what_the_expression_keeps(known_at, absent):
    rows = [*penalties(), {"document_no": "99", "severity": "minor"}]
    laid_out = table(rows).drop(absent) if absent else table(rows)
    connection = ibis.duckdb.connect()
    held = connection.create_table("t", laid_out.to_pyarrow())
    where = serves_sql(PENALTY, known_at=known_at, columns=held.columns)
    found = connection.raw_sql(f"SELECT document_no FROM t WHERE {where}").fetchall()
    kept = unexpired(held, PENALTY, known_at=known_at).document_no.to_pyarrow().to_pylist()
    assert sorted(name for (name,) in found) == sorted(kept)
    assert serves_sql(load_contract("taxation.tax_filing"), known_at=known_at, columns=()) == "true"


@pytest.mark.parametrize("known_at", [TODAY, D(2026, 11, 21), D(2026, 3, 31), D(2030, 1, 1)])
def test_the_engine_and_one_record_agree(known_at):
    rows = penalties()
    kept = unexpired(table(rows), PENALTY, known_at=known_at).to_pyarrow()["document_no"].to_pylist()
    assert sorted(kept) == [
        row["document_no"] for row in rows if not is_expired(PENALTY, row, known_at=known_at)
    ]
    texts = [{key: value and str(value) for key, value in row.items()} for row in rows]
    assert [is_expired(PENALTY, row, known_at=known_at) for row in texts] == [
        is_expired(PENALTY, row, known_at=known_at) for row in rows
    ]


def test_what_still_holds_has_no_end():
    on_list = {"listed_on": D(2015, 1, 1), "removed_on": None}
    assert expires_on(LISTING, on_list, known_at=TODAY) is None
    assert is_expired(LISTING, on_list | {"removed_on": D(2023, 1, 1)}, known_at=TODAY)


def test_a_table_without_a_clock_keeps_everything():
    filing = load_contract("taxation.tax_filing")
    assert not has_clock(filing)
    assert expires_on(filing, {"period": 201001}, known_at=TODAY) is None


@pytest.mark.parametrize("known_at", [TODAY, D(2030, 1, 1)])
def test_pages_name_the_same_last_day_as_the_single_record(known_at):
    connection = ibis.duckdb.connect()
    connection.create_table("t", table(penalties()).to_pyarrow())
    query = f"SELECT {expires_on_sql(PENALTY, known_at=known_at)} FROM t ORDER BY document_no::INT"
    found = [row[0] for row in connection.raw_sql(query).fetchall()]
    assert found == [expires_on(PENALTY, row, known_at=known_at) for row in penalties()]


def test_record_ids_are_the_same_in_the_engine_and_outside():
    rows = [
        {"enterprise_id": "A", "list_kind": "abnormal", "listed_on": D(2026, 1, 1)},
        {"enterprise_id": "A", "list_kind": None, "listed_on": D(2026, 1, 2)},
    ]
    schema = pa.schema({"enterprise_id": pa.string(), "list_kind": pa.string(), "listed_on": pa.date32()})
    connection = ibis.duckdb.connect()
    connection.create_table("t", pa.Table.from_pylist(rows, schema))
    found = connection.raw_sql(f"SELECT {record_id_sql(LISTING)} FROM t").fetchall()
    assert [row[0] for row in found] == [record_id(LISTING, row) for row in rows]
    assert len({row[0] for row in found}) == 2
    assert record_id(LISTING, {**rows[0], "listed_on": "2026-01-01"}) == found[0][0]
