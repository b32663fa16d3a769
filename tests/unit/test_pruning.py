"""Columns that nobody reads are not computed, and the rows stay the same."""

from __future__ import annotations

import ibis
import ibis.expr.operations as ops
import pyarrow as pa

from rongqiao.indicators.pruning import pruned
from rongqiao.indicators.series import with_runs


def rows():
    return ibis.memtable(
        pa.table(
            {
                "enterprise_id": [1, 1, 2, 2],
                "back": [0, 1, 0, 1],
                "x": [0.0, 0.0, 3.0, None],
                "y": [1.0, 2.0, 3.0, 4.0],
            }
        )
    )


def windows(table):
    return table.op().find(ops.WindowFunction)


def test_a_window_that_nobody_reads_goes_and_the_rows_stay():
    marked = with_runs(with_runs(rows(), "x", 24), "y", 24).mutate(z=ibis._.x + ibis._.back)
    kept = pruned(marked.filter(marked.back >= 0), ["enterprise_id", "z"])
    assert not windows(kept)
    assert kept.columns == ("enterprise_id", "z")
    assert sorted(kept.to_pyarrow()["z"].to_pylist(), key=str) == [0.0, 1.0, 3.0, None]


def test_a_window_that_a_filter_or_a_wanted_column_rests_on_stays():
    marked = with_runs(rows(), "x", 24)
    by_filter = pruned(marked.filter(marked["x__run"] == 2), ["y"])
    assert windows(by_filter)
    assert sorted(by_filter.to_pyarrow()["y"].to_pylist()) == [1.0, 2.0]
    by_value = pruned(marked.mutate(twice=marked["x__run"] * 2), ["y", "twice"])
    assert sorted(by_value.to_pyarrow()["twice"].to_pylist()) == [0, 0, 4, 4]


def test_what_neither_projects_nor_filters_is_kept_whole():
    grouped = rows().group_by("enterprise_id").aggregate(total=ibis._.y.sum(), most=ibis._.x.max())
    kept = pruned(grouped.mutate(half=grouped.total / 2, other=grouped.most), ["half"])
    assert sorted(kept.to_pyarrow()["half"].to_pylist()) == [1.5, 3.5]
