"""The whole province span by span: the same values whatever the spans, the processes, and who else is computed."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "spec"))
from drawn import publish, publish_all
from drawn_cast import AS_OF, BIAN, KNOWN_AT, XIN, YUAN
from drawn_taxation import tax_filing

from rongqiao.indicators import compute, write_indicators
from rongqiao.indicators.computation import TARGET
from rongqiao.lake.tables import Lake


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


@pytest.mark.parametrize(("span", "processes"), [(1, 1), (3, 2)])
def test_spans_and_processes_do_not_show(lake, whole, tmp_path, span, processes):
    copy = Lake(tmp_path / "lake")
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "published").symlink_to(Path(lake.root) / "published")
    seen = []
    assert write_indicators(
        copy, as_of=AS_OF, known_at=KNOWN_AT, span=span, processes=processes,
        on_progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen[-1] == (-(-4 // span), -(-4 // span))
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
    moved = compute(later, as_of=AS_OF, known_at=KNOWN_AT + dt.timedelta(days=1)).to_pylist()
    assert moved != whole.to_pylist()
