"""One expression, two evaluations: by the engine over rows, and by arrays over panels of months and enterprises."""

from __future__ import annotations

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rongqiao.indicators import panels
from rongqiao.indicators.array_evaluation import MONTHS, NotArrayableError, is_arrayable
from rongqiao.indicators.panels import Panel, needed_columns
from rongqiao.indicators.series import STATISTICS, with_runs, within

SIZE = 5
#: Zeros, gaps and nulls are what goes wrong; sums of round numbers are exact in any order.
VALUES = st.sampled_from([None, 0.0, 0.0, 1.0, 2.5, 40.0, 1000.0, -3.0])
PANELS = st.dictionaries(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, MONTHS - 1)),
    VALUES,
    min_size=1,
    max_size=SIZE * MONTHS,
)


def rows_of(cells):
    columns = {
        "enterprise_id": pa.array([place for place, _ in cells], pa.int32()),
        "back": pa.array([back for _, back in cells], pa.int64()),
        "x": pa.array(list(cells.values()), pa.float64()),
    }
    return pa.table(columns)


def aggregates(t):
    found = {name: statistic.build(t, "x") for name, statistic in STATISTICS.items()}
    found["newest"] = t.back.min()
    found["rows"] = t.back.count(where=t.back < 12)
    found["last"] = t.x.argmin(t.back, where=within(t, 6) & t.x.notnull())
    found["peak"] = t.x.max(where=within(t, 12))
    found["above"] = ibis.ifelse(
        t.x.count(where=within(t, 12)) >= 1, (t.x > 1).sum(where=within(t, 12)), None
    )
    found["any_other"] = t.x.max(where=(t.x != 0) | (t.back == 3)).coalesce(-1)
    found["spread"] = t.x.var(where=within(t, 12) & (t.x > 0), how="pop")
    found["either"] = ((t.x > 1) | (t.x < 0)).sum(where=within(t, 12, 3))
    found["cast"] = ((t.x == 0) & (t.back >= 2)).cast("int32").sum()
    found["other"] = (t.x != 0).cast("int32").max(where=(t.back == 1) | (t.back == 7))
    found["not"] = (~(t.x > 1)).sum()
    found["greatest"] = t.x.argmax(t.back, where=(t.x > 1) & (t.x < 100))
    found["oldest"] = t.back.max(where=t.x.notnull() & (t.x > 0))
    found["long_ago"] = t.x.sum(where=within(t, 12, 24))
    found["long_ago_rows"] = t.back.count(where=t.back >= 24)
    found["sample"] = t.x.std(where=within(t, 24), how="sample").clip(0, 100)
    return found


def by_engine(rows, names):
    table = with_runs(ibis.memtable(rows), "x", 24)
    found = table.group_by("enterprise_id").aggregate(
        **{name: each.cast("float64") for name, each in aggregates(table).items()}
    )
    rows = found.to_pyarrow()
    values = {name: np.full(SIZE, np.nan) for name in names}
    for name in names:
        values[name][rows["enterprise_id"].to_numpy()] = rows[name].to_numpy()
    return values


def panel_of(rows, columns=("x",), order=()):
    return Panel(
        SIZE,
        rows["enterprise_id"].to_numpy(),
        rows["back"].to_numpy(),
        {name: rows[name].to_numpy() for name in columns},
        order=order,
    )


@settings(max_examples=40, deadline=None)
@given(PANELS)
def test_arrays_give_what_the_engine_gives(cells):
    rows = rows_of(cells)
    table = with_runs(ibis.memtable(rows), "x", 24)
    expressions = aggregates(table)
    assert needed_columns(list(expressions.values()), table) == {"x"}
    assert all(is_arrayable(each) for each in expressions.values())
    found = panel_of(rows).evaluate(expressions)
    for name, expected in by_engine(rows, expressions).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=20, deadline=None)
@given(PANELS)
def test_how_many_are_evaluated_at_a_time_does_not_show(cells):
    rows = rows_of(cells)
    expressions = aggregates(with_runs(ibis.memtable(rows), "x", 24))
    whole = panel_of(rows).evaluate(expressions)
    with pytest.MonkeyPatch.context() as patch:
        # The last block has one enterprise.
        patch.setattr(panels, "BLOCK", 2)
        parts = panel_of(rows).evaluate(expressions)
    for name, expected in whole.items():
        np.testing.assert_array_equal(parts[name], expected, err_msg=name)


def test_an_operation_without_an_array_form_is_left_to_the_engine():
    table = ibis.table(
        {"enterprise_id": "int32", "back": "int64", "x": "float64", "word": "string", "day": "date"}, name="t"
    )
    assert not is_arrayable(table.x.quantile(0.3))
    assert not is_arrayable(table.x.cast("int32").sum())
    assert not is_arrayable((table.day > ibis.date(2026, 1, 1)).sum())
    assert not is_arrayable((table.word == "A").sum())
    assert is_arrayable(table.x.sum(where=table.back < 3))


def test_the_last_known_of_several_rows_of_a_month_counts():
    rows = pa.table({"enterprise_id": [0, 0, 1, 0], "back": [2, 2, 2, 3], "x": [1.0, 7.0, 5.0, 9.0]})
    table = ibis.memtable(rows)
    total = {"total": table.x.sum()}
    days, same_day, lines = (pa.array(each) for each in ([20, 10, 10, 10], [10, 10, 10, 10], [1, 2, 3, 4]))
    found = panel_of(rows, order=[days, lines]).evaluate(total)["total"]
    np.testing.assert_array_equal(found, [10.0, 5.0, np.nan, np.nan, np.nan])
    found = panel_of(rows, order=[same_day, lines]).evaluate(total)["total"]
    np.testing.assert_array_equal(found, [16.0, 5.0, np.nan, np.nan, np.nan])
    with pytest.raises(NotArrayableError):
        panel_of(rows, order=[same_day])
    with pytest.raises(NotArrayableError):
        panel_of(rows)


def test_rows_in_any_order_fall_into_their_blocks(monkeypatch):
    monkeypatch.setattr(panels, "BLOCK", 2)
    monkeypatch.setattr(panels, "MOST_RUNS", 1)
    cells = {(place, back): float(10 * place + back) for back in (5, 0, 3) for place in (4, 0, 2)}
    rows = rows_of(cells)
    table = ibis.memtable(rows)
    found = panel_of(rows).evaluate({"total": table.x.sum(), "last": table.x.argmin(table.back)})
    np.testing.assert_array_equal(found["total"], [8.0, np.nan, 68.0, np.nan, 128.0])
    np.testing.assert_array_equal(found["last"], [0.0, np.nan, 20.0, np.nan, 40.0])
