"""The serving store answers of one enterprise what the engine answers of all, follows the lake, and forgets nothing when killed."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import random
from decimal import Decimal

import pyarrow as pa
import pytest

from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import ContractError
from rongqiao.lake import Lake, grouping, serving
from rongqiao.lake.asof import current
from rongqiao.lake.engine import ibis_connection
from rongqiao.lake.serving import ServingStore

FILING, PENALTY = load_contract("taxation.tax_filing"), load_contract("market_regulation.penalty")
ENTERPRISES = ["91430100MA4L00001X", "91430100MA4L000028", "91430100MA4L000036"]
TODAY = dt.date(2026, 11, 20)
TYPES = {
    "string": pa.string(), "integer": pa.int64(), "month": pa.int32(), "date": pa.date32(), "boolean": pa.bool_(),
    "decimal": pa.decimal128(18, 2),
}  # fmt: skip


def published(contract, rows):
    """Arrow table of a published contract; what a row leaves out is null."""
    columns = {item.id: TYPES[item.type] for item in contract.items} | {
        "enterprise_id": pa.string(), "known_at": pa.date32(), "batch_id": pa.string(), "line": pa.int32(),
    }  # fmt: skip
    return pa.Table.from_pylist(rows, pa.schema(columns))


def filing(enterprise, period, sales, known=TODAY, batch="b1", line=1):
    return {"uscc": enterprise, "enterprise_id": enterprise, "period": period, "taxable_sales_cny": Decimal(sales),
            "known_at": known, "batch_id": batch, "line": line}  # fmt: skip


def penalty(enterprise, number, decided, known=TODAY, severity="minor", line=1):
    return {"uscc": enterprise, "enterprise_id": enterprise, "document_no": number, "decided_on": decided,
            "severity": severity, "known_at": known, "batch_id": "p1", "line": line}  # fmt: skip


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def put(lake, contract, rows, name):
    lake.append(f"published/{contract.id}", published(contract, rows), transaction=name)


def build(path, lake, *contracts):
    with ServingStore(path, is_writer=True) as store:
        return [store.build(lake, each) for each in contracts]


def ask(path, contract, enterprise, as_of=202610, known_at=TODAY):
    with ServingStore(path) as store:
        return store.rows(contract, enterprise, as_of=as_of, known_at=known_at)


def test_a_store_that_was_not_built_says_how(tmp_path):
    with pytest.raises(ContractError, match="interfaces build"):
        ServingStore(tmp_path / "nothing")


def test_exact_amounts_dates_and_nulls_come_back(tmp_path, lake):
    put(
        lake,
        FILING,
        [filing(ENTERPRISES[0], 202609, "12345678901234.56") | {"due_on": dt.date(2026, 10, 15)}],
        "one",
    )
    build(tmp_path / "s", lake, FILING)
    (row,) = ask(tmp_path / "s", FILING, ENTERPRISES[0])
    assert (row["taxable_sales_cny"], row["due_on"], row["arrears_cny"]) == (
        "12345678901234.56",
        "2026-10-15",
        None,
    )
    assert ask(tmp_path / "s", FILING, ENTERPRISES[1]) == []
    assert ask(tmp_path / "s", PENALTY, ENTERPRISES[0]) == []


def test_new_files_are_taken_in_and_old_ones_are_not_taken_twice(tmp_path, lake):
    put(lake, FILING, [filing(ENTERPRISES[0], 202609, "1.00")], "one")
    assert build(tmp_path / "s", lake, FILING) == [1]
    assert build(tmp_path / "s", lake, FILING) == [0]
    put(
        lake,
        FILING,
        [filing(ENTERPRISES[0], 202609, "2.00", known=TODAY + dt.timedelta(days=1), batch="b2")],
        "two",
    )
    assert build(tmp_path / "s", lake, FILING) == [1]
    assert [row["taxable_sales_cny"] for row in ask(tmp_path / "s", FILING, ENTERPRISES[0])] == ["1.00"]
    later = ask(tmp_path / "s", FILING, ENTERPRISES[0], known_at=TODAY + dt.timedelta(days=1))
    assert [row["taxable_sales_cny"] for row in later] == ["2.00"]


def test_a_table_that_was_rewritten_begins_anew_and_disturbs_no_other(tmp_path, lake):
    for number in range(3):
        put(lake, PENALTY, [penalty(ENTERPRISES[0], f"p{number}", dt.date(2026, 10, 1))], f"p{number}")
        put(lake, FILING, [filing(ENTERPRISES[0], 202601 + number, "1.00")], f"f{number}")
        build(tmp_path / "s", lake, PENALTY, FILING)
    # All penalties move into one file: numbers given before must not be given again.
    rows = [penalty(ENTERPRISES[0], "new", dt.date(2026, 10, 2))]
    lake.replace(f"published/{PENALTY.id}", published(PENALTY, rows))
    assert build(tmp_path / "s", lake, PENALTY) == [1]
    for number in range(3, 6):
        put(lake, FILING, [filing(ENTERPRISES[0], 202601 + number, "1.00")], f"f{number}")
        build(tmp_path / "s", lake, FILING)
    assert [row["document_no"] for row in ask(tmp_path / "s", PENALTY, ENTERPRISES[0])] == ["new"]
    assert sorted(row["period"] for row in ask(tmp_path / "s", FILING, ENTERPRISES[0])) == list(
        range(202601, 202607)
    )


def test_a_build_that_breaks_off_leaves_nothing_of_what_was_new_and_goes_on(tmp_path, lake, monkeypatch):
    put(lake, FILING, [filing(each, 202608, "1.00") for each in ENTERPRISES], "one")
    build(tmp_path / "s", lake, FILING)
    put(lake, FILING, [filing(each, 202609, "1.00", batch="b2") for each in ENTERPRISES], "two")
    put(lake, FILING, [filing(each, 202610, "1.00", batch="b3") for each in ENTERPRISES], "three")
    pack, calls = serving.pack, []

    def break_off(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return pack(*arguments)

    monkeypatch.setattr(serving, "pack", break_off)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "s", lake, FILING)
    assert all(len(ask(tmp_path / "s", FILING, each)) == 1 for each in ENTERPRISES)
    monkeypatch.undo()
    assert build(tmp_path / "s", lake, FILING) == [2]
    assert all(len(ask(tmp_path / "s", FILING, each)) == 3 for each in ENTERPRISES)


def test_files_that_are_new_at_once_make_one_value_of_each_enterprise_whatever_the_ranges(
    tmp_path, lake, monkeypatch
):
    monkeypatch.setattr(grouping, "RANGE_RECORDS", 7)
    enterprises = [f"91430100MA4L{number:06d}" for number in range(20)]
    months = range(202601, 202611)
    for month in months:
        rows = [filing(each, month, "1.00", batch=f"b{month}", line=n) for n, each in enumerate(enterprises)]
        put(lake, FILING, [*rows, filing(None, month, "9.00", batch=f"b{month}", line=99)], f"f{month}")
    assert build(tmp_path / "s", lake, FILING) == [len(months)]
    with ServingStore(tmp_path / "s") as store:
        for each in enterprises:
            found = store.rows(FILING, each, as_of=202610, known_at=TODAY)
            assert sorted(row["period"] for row in found) == list(months)
            assert len(store._values(FILING.id.encode(), each.encode())) == 1


def test_an_open_store_reads_on_when_a_table_was_rewritten_and_packed_with_another_dictionary(tmp_path, lake):
    put(lake, FILING, [filing(ENTERPRISES[0], 202609, "1.00")], "one")
    build(tmp_path / "s", lake, FILING)
    with ServingStore(tmp_path / "s") as store:

        def sales():
            found = store.rows(FILING, ENTERPRISES[0], as_of=202610, known_at=TODAY)
            return [row["taxable_sales_cny"] for row in found]

        assert sales() == ["1.00"]
        lake.replace(
            f"published/{FILING.id}",
            published(FILING, [filing(ENTERPRISES[0], 202609, "2.00", batch="anew", line=7)]),
        )
        # One process opens a store once: the builder is another.
        builder = multiprocessing.get_context("spawn").Process(
            target=build, args=(tmp_path / "s", Lake(lake.root), FILING)
        )
        builder.start()
        builder.join()
        assert builder.exitcode == 0
        assert sales() == ["2.00"]


def test_records_much_alike_take_little_room_and_what_was_packed_without_a_dictionary_stays_readable():
    names, rows = '["a", "batch_id"]', '[["x", "taxation.tax_filing@0123456789abcdef"]]'
    alone, shared = serving.pack(names, rows), serving.pack(names, rows, f"{names}{rows}".encode())
    assert len(shared) < len(alone) / 2
    expected = [{"a": "x", "batch_id": "taxation.tax_filing@0123456789abcdef"}]
    assert serving.unpack(alone) == serving.unpack(shared, f"{names}{rows}".encode()) == expected


def test_a_record_whose_clock_ran_out_is_answered_no_more(tmp_path, lake):
    rows = [
        penalty(ENTERPRISES[0], "old", dt.date(2026, 8, 19), line=1),
        penalty(ENTERPRISES[0], "new", dt.date(2026, 8, 20), line=2),
    ]
    put(lake, PENALTY, rows, "one")
    build(tmp_path / "s", lake, PENALTY)
    assert [row["document_no"] for row in ask(tmp_path / "s", PENALTY, ENTERPRISES[0])] == ["new"]


@pytest.mark.parametrize("seed", range(4))
def test_store_and_engine_agree_at_any_two_times(tmp_path, lake, seed):
    draw = random.Random(seed)
    days = [TODAY - dt.timedelta(days=draw.randrange(400)) for _ in range(60)]
    for batch in range(3):
        put(lake, FILING, [
            filing(draw.choice(ENTERPRISES), draw.choice([202511, 202608, 202609, 202610, 202611]), f"{draw.randrange(99)}.00",
                   known=draw.choice(days), batch=f"b{draw.randrange(3)}", line=batch * 100 + line)
            for line in range(30)
        ], f"f{batch}")  # fmt: skip
        put(lake, PENALTY, [
            penalty(draw.choice(ENTERPRISES), f"p{draw.randrange(9)}", draw.choice(days), known=draw.choice(days),
                    severity=draw.choice(["minor", "general", "serious", None]), line=batch * 100 + line)
            for line in range(30)
        ], f"p{batch}")  # fmt: skip
    build(tmp_path / "s", lake, FILING, PENALTY)
    for contract in (FILING, PENALTY):
        name = f"published/{contract.id}"
        source = ibis_connection(lake, [name]).table(name)
        for as_of, known_at in ((202610, TODAY), (202608, TODAY - dt.timedelta(days=100)), (202611, TODAY)):
            found = current(source, contract, as_of=as_of, known_at=known_at).to_pyarrow().to_pylist()
            for enterprise in ENTERPRISES:
                expected = {
                    (row["batch_id"], row["line"]) for row in found if row["enterprise_id"] == enterprise
                }
                answered = ask(tmp_path / "s", contract, enterprise, as_of, known_at)
                assert {(row["batch_id"], row["line"]) for row in answered} == expected


def test_what_ended_was_repaired_or_withdrawn_since_is_gone_at_every_known_day(tmp_path, lake):
    then, later = dt.date(2026, 8, 1), dt.date(2026, 10, 1)
    repaired = penalty(ENTERPRISES[0], "repaired", dt.date(2026, 7, 1), severity="serious", line=2)
    moved = penalty(ENTERPRISES[0], "moved", dt.date(2026, 7, 1), known=then, severity="serious", line=4)
    rows = [
        penalty(ENTERPRISES[0], "over", dt.date(2026, 7, 1), known=then, line=1),
        repaired | {"known_at": then},
        penalty(ENTERPRISES[0], "stands", dt.date(2026, 7, 1), known=then, severity="serious", line=3),
        moved,
    ]
    put(lake, PENALTY, rows, "one")
    ended = repaired | {"known_at": later, "batch_id": "p2", "published_until": dt.date(2026, 9, 30)}
    put(lake, PENALTY, [ended], "two")
    gone = published(PENALTY, [moved | {"known_at": later}])
    gone = gone.append_column("withdrawn", pa.array([True]))
    lake.append(f"published/{PENALTY.id}", gone, transaction="three")
    build(tmp_path / "s", lake, PENALTY)

    def numbers(**days):
        with ServingStore(tmp_path / "s") as store:
            found = store.rows(PENALTY, ENTERPRISES[0], as_of=202610, **days)
        return {row["document_no"] for row in found}

    assert numbers(known_at=then) == {"over", "repaired", "stands", "moved"}
    assert numbers(known_at=then, read_on=TODAY) == {"stands"}
    assert numbers(known_at=TODAY, read_on=then) == numbers(known_at=TODAY) == {"stands"}
