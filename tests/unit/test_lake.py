"""Exactly-once appends, content digests, and reading at two times."""

from __future__ import annotations

import pyarrow as pa
import pytest

from rongqiao.kernel.errors import ContractError
from rongqiao.lake import Lake
from rongqiao.lake.engine import connect, ibis_connection


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def table(*values):
    return pa.table({"batch_id": [f"b{value}" for value in values], "value": pa.array(values, pa.int32())})


def test_append_writes_a_transaction_once(lake):
    assert lake.append("t", table(1), transaction="b1")
    assert not lake.append("t", table(1), transaction="b1")
    assert lake.read("t")["value"].to_pylist() == [1]
    assert lake.has("t", "b1")
    assert not lake.has("t", "b2")


def test_append_refuses_a_half_committed_set(lake):
    lake.append("t", table(1), transaction=["b1"])
    with pytest.raises(ContractError, match="b1"):
        lake.append("t", table(1, 2), transaction=["b1", "b2"])
    assert lake.read("t").num_rows == 1


def test_digest_counts_content_and_neither_order_nor_files(lake):
    lake.append("one", table(1, 2, 2), transaction="x")
    for value in (2, 1, 2):
        lake.append(
            "many", table(value), transaction=f"y{len(lake.uris('many')) if lake.exists('many') else 0}"
        )
    lake.append("fewer", table(1, 2), transaction="z")
    assert lake.digest("one") == lake.digest("many")
    assert lake.digest("one") != lake.digest("fewer")
    assert lake.digest("one", ["value"]) == lake.digest("many", ["value"])


def test_digest_tells_null_from_empty_text(lake):
    lake.append("null", pa.table({"a": pa.array([None], pa.string())}), transaction="x")
    lake.append("empty", pa.table({"a": pa.array([""], pa.string())}), transaction="x")
    assert lake.digest("null") != lake.digest("empty")


def test_replace_leaves_only_the_new_rows(lake):
    lake.append("t", table(1, 2), transaction="x")
    lake.replace("t", table(3), transaction="y")
    assert lake.read("t")["value"].to_pylist() == [3]
    assert lake.has("t", "y")


def test_absent_table_says_what_to_run(lake):
    with pytest.raises(ContractError, match="rongqiao govern"):
        lake.read("published/none")


def test_empty_table_and_added_columns_can_be_read(lake):
    lake.append("t", table(1).slice(0, 0), transaction="x")
    with connect(lake, ["t"]) as connection:
        assert connection.sql('SELECT count(*) FROM "t"').fetchall() == [(0,)]
    lake.append("t", table(1), transaction="y")
    lake.append("t", table(2).append_column("extra", pa.array(["new"])), transaction="z")
    found = ibis_connection(lake, ["t"]).table("t").order_by("value").to_pyarrow().to_pylist()
    assert [row["extra"] for row in found] == [None, "new"]


def test_files_of_a_killed_run_are_swept_and_committed_ones_stay(lake, tmp_path):
    with connect(lake) as connection:
        assert lake.append_query("t", connection, "SELECT 1 AS value", transaction=["one"])
        folder = tmp_path / "lake" / "t"
        (committed,) = folder.glob("*.parquet")
        (folder / "portion-orphan.parquet").write_bytes(b"half")
        assert lake.sweep("t") == 1
        assert list(folder.glob("*.parquet")) == [committed]
        assert not lake.append_query("t", connection, "SELECT 2 AS value", transaction=["one"])
        lake.replace_queries("t", connection, ["SELECT 3 AS value"], transaction="two")
        assert lake.read("t")["value"].to_pylist() == [3]
    assert lake.sweep("absent") == 0


def test_a_table_that_was_never_committed_is_swept_whole(lake, tmp_path):
    folder = tmp_path / "lake" / "t"
    folder.mkdir(parents=True)
    (folder / "portion-orphan.parquet").write_bytes(b"half")
    assert lake.sweep("t") == 1
    assert not lake.exists("t")
