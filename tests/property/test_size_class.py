"""Size classes: lower limits only, and what is not known rules nothing out."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rongqiao.contracts.catalog import size_limits_of
from rongqiao.rules.size_class import SIZE_CLASSES, classify_size

ON = dt.date(2026, 10, 31)
codes = st.sampled_from(["C3511", "F5199", "I6511", "E4710", "A0111", "L7211", "M7320"])
numbers = st.integers(0, 10**10)


@pytest.mark.parametrize(
    ("code", "employees", "revenue_wan", "expected"),
    [
        ("C3511", 1200, 3000, "medium"),
        ("C3511", 1000, 40000, "large"),
        ("C3511", 999, 40000, "medium"),
        ("C3511", 19, 100000, "micro"),
        ("C3511", 20, 300, "small"),
        ("A0111", None, 499, "small"),
        ("I6511", 10, 49, "micro"),
    ],
)
def test_limits(code: str, employees: int | None, revenue_wan: int, expected: str) -> None:
    result = classify_size(size_limits_of(code, ON), employees=employees, revenue_cny=revenue_wan * 10_000)
    assert result.size_class == expected


def test_unknown_leaves_classes_open_and_says_what_to_ask() -> None:
    result = classify_size(size_limits_of("C3511", ON), revenue_cny=30_000_000)
    assert result.size_class is None
    assert result.possible == ("medium", "small", "micro")
    assert {reason.settles for reason in result.reasons if reason.settles} == {"补充从业人员"}


def test_outside_the_standard_there_is_no_class() -> None:
    assert classify_size(size_limits_of("J6621", ON), employees=5, revenue_cny=1).possible == ()


@given(
    code=codes,
    employees=numbers,
    revenue=numbers,
    assets=numbers,
    hidden=st.sampled_from(["employees", "revenue_cny", "total_assets_cny"]),
)
def test_hiding_a_measure_keeps_the_true_class_possible(
    code: str, employees: int, revenue: int, assets: int, hidden: str
) -> None:
    measures: dict[str, int | None] = {
        "employees": employees,
        "revenue_cny": revenue,
        "total_assets_cny": assets,
    }
    limits = size_limits_of(code, ON)
    true = classify_size(limits, **measures).size_class
    assert true in SIZE_CLASSES
    assert true in classify_size(limits, **{**measures, hidden: None}).possible


@given(code=codes, employees=numbers, revenue=numbers, assets=numbers, more=st.integers(0, 10**10))
def test_growing_never_shrinks_the_class(
    code: str, employees: int, revenue: int, assets: int, more: int
) -> None:
    limits = size_limits_of(code, ON)
    before = classify_size(
        limits, employees=employees, revenue_cny=revenue, total_assets_cny=assets
    ).size_class
    after = classify_size(
        limits, employees=employees + more, revenue_cny=revenue + more, total_assets_cny=assets + more
    ).size_class
    assert before is not None
    assert after is not None
    assert SIZE_CLASSES.index(after) <= SIZE_CLASSES.index(before)
