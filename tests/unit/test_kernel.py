"""Money, rates, months, regions, identifiers and three-valued logic."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rongqiao.kernel.decision import Decision, Outcome, Reason, all_of, any_of, negate
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.identifiers import check_uscc, complete_uscc, is_uscc
from rongqiao.kernel.money import format_cny, to_cny
from rongqiao.kernel.period import add_months, check_month, end_of_last, last_day, months_between, shift_date
from rongqiao.kernel.rate import format_rate, from_lpr
from rongqiao.kernel.region import check_region, is_within, parents, region_level

MONTHS = st.integers(1950, 2190).flatmap(
    lambda year: st.integers(1, 12).map(lambda month: year * 100 + month)
)
OUTCOMES = st.lists(st.sampled_from(Outcome), max_size=5)


@pytest.mark.parametrize(
    "code", ["91440300708461136T", "9144030071526726XG", "91330100799655058B", "91110000802100433B"]
)
def test_real_codes_pass_and_their_neighbours_do_not(code):
    assert check_uscc(f" {code.lower()[:8]} {code.lower()[8:]} ") == code
    assert complete_uscc(code[:17]) == code
    wrong = code[:5] + ("1" if code[5] != "1" else "2") + code[6:]
    assert not is_uscc(wrong)


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("9144O300708461136T", "O→0"),
        ("91440300708461136", "18位"),
        ("91440300708461136A", "校验位"),
        ("", "18位"),
    ],
)
def test_a_wrong_code_names_its_remedy(value, remedy):
    with pytest.raises(InvalidValueError, match=remedy) as caught:
        check_uscc(value)
    assert caught.value.value == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "—"),
        (0, "0 元"),
        (9999.5, "9,999.5 元"),
        (Decimal(500000), "50 万元"),
        (Decimal("-12345678.00"), "-1,234.57 万元"),
        (341_698_000_000, "3,416.98 亿元"),
    ],
)
def test_amounts_show_as_officials_read_them(value, shown):
    assert format_cny(value) == shown


def test_money_has_two_places_and_refuses_floats():
    assert to_cny("10.005") == Decimal("10.01")
    for bad in (0.1, "NaN", "ten"):
        with pytest.raises(InvalidValueError):
            to_cny(bad)


def test_a_quote_is_lpr_plus_basis_points():
    assert from_lpr(Decimal("0.0300"), 45) == Decimal("0.0345")
    assert from_lpr(Decimal("0.0300"), -20) == Decimal("0.0280")
    assert format_rate(Decimal("0.0345")) == "3.45%"
    assert format_rate(None) == "—"


@given(MONTHS, MONTHS)
def test_moving_months_there_and_back(month, other):
    step = months_between(month, other)
    assert add_months(month, step) == other
    assert add_months(other, -step) == month
    assert step == -months_between(other, month)


@given(MONTHS)
def test_the_next_month_is_one_further(month):
    following = add_months(month, 1)
    assert following - month == (89 if month % 100 == 12 else 1)


@pytest.mark.parametrize("month", [0, 202600, 202613, 20261, -202601])
def test_a_month_that_is_none(month):
    with pytest.raises(InvalidValueError, match="YYYYMM"):
        check_month(month)


def test_month_ends():
    assert last_day(202402) == dt.date(2024, 2, 29)
    assert shift_date(dt.date(2026, 1, 31), 1) == dt.date(2026, 2, 28)
    assert shift_date(dt.date(2026, 3, 15), -3) == dt.date(2025, 12, 15)


def test_regions_nest():
    assert check_region("430000") == "43"
    assert region_level("430281") == "county"
    assert parents("430281") == ["43", "4302", "430281"]
    assert is_within("430281", "4302")
    assert is_within("430281", "")
    assert not is_within("4302", "430281")
    for bad in ("", "4", "43028", "长沙", "４３"):
        with pytest.raises(InvalidValueError):
            check_region(bad)


@given(OUTCOMES, OUTCOMES)
def test_kleene_logic(left, right):
    assert all_of([all_of(left), all_of(right)]) == all_of(left + right)
    assert negate(all_of(left)) == any_of([negate(outcome) for outcome in left])
    assert negate(negate(any_of(left))) == any_of(left)


def test_unknown_is_never_no():
    assert all_of([Outcome.MET, Outcome.UNKNOWN]) is Outcome.UNKNOWN
    assert any_of([Outcome.UNMET, Outcome.UNKNOWN]) is Outcome.UNKNOWN
    ask = Reason(Outcome.UNKNOWN, "age_months", "成立满两年", settles="补充成立日期")
    decision = Decision(Outcome.UNKNOWN, (ask, Reason(Outcome.MET, "grade", "评级A以上", "AA", "A")))
    assert decision.missing == (ask,)
    assert not decision.is_met


@pytest.mark.parametrize(
    ("cycle", "on", "end"),
    [
        ("daily", "2026-03-01", "2026-02-28"),
        ("weekly", "2026-11-27", "2026-11-22"),
        ("weekly", "2026-11-22", "2026-11-15"),
        ("monthly", "2026-11-30", "2026-10-31"),
        ("monthly", "2026-01-01", "2025-12-31"),
        ("quarterly", "2026-11-27", "2026-09-30"),
        ("quarterly", "2026-02-27", "2025-12-31"),
        ("yearly", "2026-11-27", "2025-12-31"),
        ("once", "2026-11-27", "2026-11-27"),
    ],
)
def test_a_cycle_that_is_over_ends_before_the_day(cycle, on, end):
    assert end_of_last(cycle, dt.date.fromisoformat(on)) == dt.date.fromisoformat(end)
