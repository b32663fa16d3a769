"""The whole province span by span: the same values whatever the spans, the processes, and who else is computed."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "spec"))
from drawn import publish, publish_all
from drawn_cast import AS_OF, BIAN, KNOWN_AT, XIN, YUAN
from drawn_departments import penalty
from drawn_taxation import tax_filing

from rongqiao.indicators import compute, load_indicators, province, write_indicators
from rongqiao.indicators.computation import TARGET, select
from rongqiao.indicators.evaluation import MISSING, OK, STALE, Computed
from rongqiao.indicators.reading import Reading
from rongqiao.lake.tables import Lake

SALES = [name for name in load_indicators() if name.startswith("tax_taxable_sales_")]
COUNT = "regulatory_penalty_m36_count"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    drawn = Lake(tmp_path_factory.mktemp("lake"))
    publish_all(drawn)
    # A correction that came later: its month has two rows.
    row = next(row for row in tax_filing() if row["enterprise_id"] == YUAN)
    publish(
        lake=drawn,
        contract_id="taxation.tax_filing",
        rows=[{**row, "vat_paid_cny": 99}],
        known_at=KNOWN_AT,
        batch="2",
    )
    return drawn


@pytest.fixture(scope="module")
def whole(lake):
    return compute(lake, as_of=AS_OF, known_at=KNOWN_AT)


def test_of_two_rows_of_a_month_that_came_on_one_day_the_later_delivery_counts(tmp_path):
    row = next(row for row in tax_filing() if (row["enterprise_id"], row["period"]) == (YUAN, AS_OF))
    wrong, right = ({**row, "vat_paid_cny": paid} for paid in (5, 99))
    drawn = Lake(tmp_path / "lake")
    publish_all(drawn)
    before = _vat_paid(drawn)
    for batch, each in (("2", wrong), ("3", right)):
        publish(drawn, "taxation.tax_filing", [each], batch=batch)
    assert _vat_paid(drawn) == before - row["vat_paid_cny"] + 99


def _vat_paid(lake):
    only = "tax_vat_paid_sum_m12_cny"
    return compute(lake, as_of=AS_OF, known_at=KNOWN_AT, only=[only], enterprise_ids=[YUAN])[only][0].as_py()


def test_where_two_ids_had_one_hash_rows_are_joined_by_id(lake, whole, monkeypatch):
    asked = []
    monkeypatch.setattr(Reading, "_tell_apart_by_hash", lambda _: bool(asked.append(1)))
    assert compute(lake, as_of=AS_OF, known_at=KNOWN_AT).equals(whole)
    assert asked


def test_another_value_or_status_differs_and_what_is_missing_on_both_sides_does_not():
    def of(*rows):
        values, statuses = zip(*rows, strict=True)
        return Computed({"a": np.array(values)}, {"a": np.array(statuses, np.int8)})

    stands = of((1.0, OK), (np.nan, MISSING), (1.0, OK), (1.0, OK), (np.nan, MISSING))
    found = of((1.0, OK), (np.nan, MISSING), (2.0, OK), (1.0, STALE), (0.0, OK))
    assert found.differs(stands, ["a"]).tolist() == [False, False, True, True, True]


def test_spans_and_processes_do_not_show(lake, whole, tmp_path):
    """Four spans of one enterprise each, by two processes, of which one at least computes several after another."""
    copy = Lake(tmp_path / "lake")
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "published").symlink_to(Path(lake.root) / "published")
    seen = []
    assert write_indicators(
        copy, as_of=AS_OF, known_at=KNOWN_AT, span=1, processes=2,
        on_progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen[-1] == (4, 4)
    kept = copy.read(TARGET).sort_by("enterprise_id")
    assert kept.select(whole.column_names).to_pylist() == whole.to_pylist()
    assert not write_indicators(copy, as_of=AS_OF, known_at=KNOWN_AT)
    assert copy.sweep(TARGET) == 0


def test_single_enterprises_have_the_values_of_a_computation_for_all(lake, whole):
    expected = [row for row in whole.to_pylist() if row["enterprise_id"] in (BIAN, XIN)]
    found = compute(lake, as_of=AS_OF, known_at=KNOWN_AT, enterprise_ids=[XIN, BIAN, "nobody"])
    assert found.to_pylist() == expected


def test_a_future_fact_and_a_late_fact_move_no_past_value(lake, whole, tmp_path):
    later = Lake(tmp_path / "lake")
    publish_all(later)
    row = next(row for row in tax_filing() if row["enterprise_id"] == YUAN)
    publish(later, "taxation.tax_filing", [{**row, "vat_paid_cny": 99}], known_at=KNOWN_AT, batch="2")
    publish(
        later,
        "taxation.tax_filing",
        [{**row, "period": 202611, "taxable_sales_cny": 1e9}],
        known_at=KNOWN_AT,
        batch="3",
    )
    publish(
        later, "taxation.tax_filing", [{**row, "taxable_sales_cny": 1e9}],
        known_at=KNOWN_AT + dt.timedelta(days=1), batch="4",
    )  # fmt: skip
    assert compute(later, as_of=AS_OF, known_at=KNOWN_AT).to_pylist() == whole.to_pylist()
    moved = compute(later, as_of=AS_OF, known_at=KNOWN_AT + dt.timedelta(days=1), only=SALES)
    assert moved.select(SALES).to_pylist() != whole.select(SALES).to_pylist()


@pytest.fixture
def only_penalties(monkeypatch):
    """The province has one indicator: what is asked is which rows count, not what is made of them."""
    monkeypatch.setattr(province, "select", lambda _: select([COUNT]))


def counts_by_way(lake):
    """Penalties counted for all, for each alone, and span by span, as the province is."""
    whole = compute(lake, as_of=AS_OF, known_at=KNOWN_AT, only=[COUNT])
    ids = whole.column("enterprise_id").to_pylist()
    alone = [
        compute(lake, as_of=AS_OF, known_at=KNOWN_AT, only=[COUNT], enterprise_ids=[name]).to_pylist()[0] for name in ids
    ]  # fmt: skip
    assert write_indicators(lake, as_of=AS_OF, known_at=KNOWN_AT, span=1, processes=1)
    kept = lake.read(TARGET).sort_by("enterprise_id").select(whole.column_names)
    return [
        {row["enterprise_id"]: row[COUNT] for row in rows}
        for rows in (whole.to_pylist(), alone, kept.to_pylist())
    ]


def test_a_row_that_passed_to_another_enterprise_or_was_withdrawn_counts_for_nobody_else(
    tmp_path, only_penalties
):
    """The spans see it alike: one that had a correction leaves nothing behind for the next."""
    drawn = Lake(tmp_path / "lake")
    publish_all(drawn)
    rows = {row["document_no"]: row for row in penalty()}
    before = compute(drawn, as_of=AS_OF, known_at=KNOWN_AT, only=[COUNT]).to_pylist()
    was = {row["enterprise_id"]: row[COUNT] for row in before}
    passed = {**rows["1"], "enterprise_id": YUAN}
    publish(drawn, "market_regulation.penalty", [passed], known_at=KNOWN_AT, batch="2")
    published = drawn.read("published/market_regulation.penalty")
    number = published.column("document_no").to_pylist().index("10")
    tombstone = published.slice(number, 1).append_column("withdrawn", pa.array([True]))
    drawn.append("published/market_regulation.penalty", tombstone, transaction="withdrawn")
    for found in counts_by_way(drawn):
        assert found[YUAN] == was[YUAN] + 1
        assert found[BIAN] == was[BIAN] - 1
        assert found[XIN] == was[XIN] - 1
