"""Whom to ask about an access, and which key behaves otherwise than it used to."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from rongqiao.contracts.numbers import threshold_table
from rongqiao.rules.access_risk import Access, KeyDay, draw_sample, judge_access, judge_key

DAY = dt.date(2026, 11, 24)
WEIGHTS = threshold_table("interface_access_points", DAY)
NUMBERS = threshold_table("interface_key_anomaly", DAY)
#: A Tuesday, ten in the morning in China.
USUAL = Access("1", dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC), "consent", False, 1, 3, False, False)


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({}, ()),
        ({"at": dt.datetime(2026, 11, 24, 15, 0, tzinfo=dt.UTC)}, ("out_of_hours",)),
        ({"at": dt.datetime(2026, 11, 22, 2, 0, tzinfo=dt.UTC)}, ("out_of_hours",)),
        ({"basis": "statutory_duty", "is_first": True}, ("statutory_duty", "first_time")),
        ({"repeats": 5, "is_flagged": True}, ("flagged_key", "repeated")),
        ({"hour_calls": 200, "is_vendor": True}, ("burst", "vendor")),
    ],
)
def test_each_unusual_thing_counts_and_the_gravest_stands_first(change, reasons):
    risk = judge_access(replace(USUAL, **change), WEIGHTS)
    assert risk.reasons == reasons
    assert risk.points == sum(WEIGHTS[each] for each in reasons)


def sample(seed, size=5, count=100):
    risks = [
        judge_access(replace(USUAL, id=str(number), is_first=number < 10, is_flagged=number < 3), WEIGHTS)
        for number in range(count)
    ]
    return [risk.access.id for risk in draw_sample(risks, size=size, random_share=Decimal("0.2"), seed=seed)]


def test_the_riskiest_are_asked_and_one_by_lot():
    drawn = sample("seed")
    assert set(drawn[:3]) == {"0", "1", "2"}
    assert len(set(drawn)) == 5


def test_the_same_seed_draws_the_same_and_another_draws_others():
    assert sample("seed") == sample("seed")
    assert len({tuple(sample(str(seed))[3:]) for seed in range(20)}) > 10


def test_a_small_day_is_asked_whole():
    assert len(sample("seed", size=5, count=2)) == 2
    assert sample("seed", size=5, count=0) == []


@pytest.mark.parametrize(
    ("day", "usual", "flags"),
    [
        (KeyDay(100, 0, 10, 0), KeyDay(20, 0, 10, 0), ["burst"]),
        (KeyDay(99, 0, 10, 0), KeyDay(1, 0, 10, 0), []),
        (KeyDay(20, 10, 1, 0), None, ["refusals"]),
        (KeyDay(60, 0, 60, 0), KeyDay(60, 0, 10, 0), ["sweep"]),
        (KeyDay(10, 0, 1, 1), KeyDay(10, 0, 1, 0), ["new_address"]),
        # A new key has no habits: its first day is no departure.
        (KeyDay(500, 0, 500, 3), None, []),
    ],
)
def test_a_key_is_flagged_for_what_departs_from_its_days(day, usual, flags):
    assert judge_key(day, usual, NUMBERS) == flags
