"""Aggregates taken apart into distinct reductions are what they were."""

from __future__ import annotations

import ibis
import pyarrow as pa
import pytest

from rongqiao.indicators.partials import (
    aggregate_in_two_steps,
    in_portions,
    reductions_of,
    same_once,
)
from rongqiao.indicators.series import STATISTICS, mean, total

BACKS = range(30)


@pytest.fixture
def rows():
    return ibis.memtable(
        pa.table(
            {
                "enterprise_id": ["a"] * 30 + ["b"] * 30,
                "back": [*BACKS, *BACKS],
                "x": [None if back % 7 == 3 else float(back * 3 % 11) for back in (*BACKS, *range(5, 35))],
                "kind": ["sale" if back % 2 else "purchase" for back in (*BACKS, *BACKS)],
            }
        )
    )


def test_two_steps_give_what_one_gives(rows):
    wanted = {name: each.build(rows, "x") for name, each in STATISTICS.items() if name != "gap_m24"}
    wanted["middle"] = rows.x.median(where=rows.kind == "sale")
    direct = rows.group_by("enterprise_id").aggregate(**{k: v.cast("float64") for k, v in wanted.items()})
    found = aggregate_in_two_steps(rows, "enterprise_id", wanted)
    expected = direct.order_by("enterprise_id").to_pyarrow().to_pylist()
    for mine, theirs in zip(found.order_by("enterprise_id").to_pyarrow().to_pylist(), expected, strict=True):
        assert mine == pytest.approx(theirs, nan_ok=True)


def test_what_several_share_is_reduced_once(rows):
    both = {"sum": total(rows, "x", 12), "mean": mean(rows, "x", 12)}
    assert [len(reductions_of(each)) for each in both.values()] == [2, 2]
    assert len(reductions_of(both["sum"]) | reductions_of(both["mean"])) == 3
    assert [list(each) for each in in_portions(both, most=3)] == [["sum", "mean"]]
    assert [list(each) for each in in_portions(both, most=2)] == [["sum"], ["mean"]]


def test_equal_aggregates_stand_in_one_column(rows):
    kept, names = same_once(
        {"one": total(rows, "x", 12), "other": total(rows, "x", 12), "third": rows.x.max()}
    )
    assert list(kept) == ["one", "third"]
    assert names == {"one": "one", "other": "one", "third": "third"}
