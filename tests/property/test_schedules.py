"""Repayment schedules are exact, and all-in costs are monotone in what is paid."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.rules.pricing import Fee, all_in_cost, quote_rate
from rongqiao.rules.schedules import METHODS, build_schedule

principals = st.integers(1, 10**12).map(lambda cents: Decimal(cents) / 100)
rates = st.integers(0, 2400).map(lambda bp: Decimal(bp) / 10_000)
starts = st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31))


@settings(max_examples=80, deadline=None)
@given(
    principal=principals,
    rate=rates,
    term=st.integers(1, 120),
    method=st.sampled_from(sorted(METHODS)),
    start=starts,
)
def test_principal_is_repaid_to_the_cent(
    principal: Decimal, rate: Decimal, term: int, method: str, start: dt.date
) -> None:
    schedule = build_schedule(principal, rate, term, method, start)
    assert sum(part.principal for part in schedule) == principal
    assert schedule[-1].balance == 0
    balances = [principal, *(part.balance for part in schedule)]
    assert balances == sorted(balances, reverse=True)
    assert all(part.interest >= 0 and part.principal >= 0 for part in schedule)
    assert [part.due_on for part in schedule] == sorted({part.due_on for part in schedule})


def test_equal_instalments_are_equal_but_for_the_last() -> None:
    schedule = build_schedule(
        Decimal(1_000_000), Decimal("0.0385"), 12, "equal_instalment", dt.date(2026, 1, 31)
    )
    assert {part.total for part in schedule[:-1]} == {Decimal("85093.27")}
    assert abs(schedule[-1].total - Decimal("85093.27")) < Decimal("0.12")
    assert schedule[0].due_on == dt.date(2026, 2, 28)


def test_interest_is_actual_over_360() -> None:
    (only,) = build_schedule(Decimal(360_000), Decimal("0.05"), 12, "bullet", dt.date(2026, 1, 1))
    assert only.interest == Decimal("18250.00")
    first, *_, last = build_schedule(
        Decimal(360_000), Decimal("0.05"), 12, "interest_first", dt.date(2026, 1, 1)
    )
    assert (first.principal, first.interest) == (0, Decimal("1550.00"))
    assert last.principal == 360_000


@settings(max_examples=40, deadline=None)
@given(
    fee=st.integers(0, 50_000),
    more=st.integers(1, 50_000),
    due=st.sampled_from(["upfront", "per_year", "at_maturity"]),
)
def test_a_dearer_fee_costs_more(fee: int, more: int, due: str) -> None:
    schedule = build_schedule(Decimal(1_000_000), Decimal("0.04"), 24, "equal_principal", dt.date(2026, 3, 1))
    cheap, dear = (
        all_in_cost(Decimal(1_000_000), schedule, [Fee("guarantee", Decimal(amount), "担保公司", due)])
        for amount in (fee, fee + more)
    )
    assert dear.xirr_ratio > cheap.xirr_ratio
    assert dear.total_cost_cny - cheap.total_cost_cny == (2 if due == "per_year" else 1) * more
    assert cheap.total_cost_cny == cheap.interest_cny + cheap.fees_cny


def test_all_in_cost_of_a_plain_year_is_the_effective_rate() -> None:
    schedule = build_schedule(Decimal(360_000), Decimal("0.05"), 12, "bullet", dt.date(2026, 1, 1))
    assert all_in_cost(Decimal(360_000), schedule).xirr_ratio == Decimal("0.050694")
    assert quote_rate(Decimal("0.03"), 85) == Decimal("0.0385")


@pytest.mark.parametrize(
    ("principal", "rate", "term", "method"),
    [
        (0, "0.04", 12, "bullet"),
        (100, "3.85", 12, "bullet"),
        (100, "0.04", 0, "bullet"),
        (100, "0.04", 12, "balloon"),
    ],
)
def test_bad_arguments_are_refused(principal: int, rate: str, term: int, method: str) -> None:
    with pytest.raises(InvalidValueError):
        build_schedule(Decimal(principal), Decimal(rate), term, method, dt.date(2026, 1, 1))
