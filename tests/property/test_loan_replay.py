"""A loan's state does not depend on the order in which its events arrive."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rongqiao.platforms.financing.replay import Due, Fact, replay
from rongqiao.rules.loan_class import FIVE_CLASSES, OverdueLimits
from rongqiao.rules.schedules import METHODS, build_schedule

LIMITS = OverdueLimits(technical_days=7, substandard_days=90, doubtful_days=270, loss_days=360)
START = dt.date(2026, 1, 5)
DAY = dt.timedelta(days=1)
PRINCIPAL = Decimal("600000.00")

days = st.integers(0, 500).map(lambda n: START + n * DAY)
amounts = st.decimals(0, 100_000, places=2)
facts = st.builds(
    Fact,
    kind=st.sampled_from(["drawdown", "repayment", "overdue", "cure", "default"]),
    effective_on=days,
    known_on=days,
    principal_cny=amounts,
    interest_cny=amounts,
    id=st.sampled_from("abcdef"),
)
methods = st.sampled_from(sorted(METHODS))


def schedule(method="equal_principal"):
    lines = build_schedule(PRINCIPAL, Decimal("0.04"), 12, method, START)
    return [Due(line.seq, line.due_on, line.principal, line.interest) for line in lines]


def drawn(*others):
    return [Fact("drawdown", START, START, PRINCIPAL), *others]


@given(events=st.lists(facts, max_size=12), on=days, known=st.none() | days, method=methods, data=st.data())
def test_any_arrival_gives_the_same_state(events, on, known, method, data):
    shuffled = data.draw(st.permutations(events))
    due = schedule(method)
    first = replay(events, due, on=on, limits=LIMITS, known_on=known)
    assert replay(shuffled, due, on=on, limits=LIMITS, known_on=known) == first
    assert first.outstanding_cny >= 0
    assert first.overdue_days >= 0
    assert first.five_class is None or first.five_class in FIVE_CLASSES


@given(method=methods, missed=st.integers(0, 11), late=st.integers(1, 400))
def test_paying_by_the_schedule_is_never_overdue_and_missing_is(method, missed, late):
    due = schedule(method)
    missed = min(missed, len(due) - 1)
    paid = drawn(
        *(Fact("repayment", d.due_on, d.due_on, d.principal_cny, d.interest_cny) for d in due[:missed])
    )
    on_time = replay(paid, due, on=due[missed].due_on, limits=LIMITS)
    assert on_time.overdue_days == 0
    assert on_time.next_due == due[missed]
    state = replay(paid, due, on=due[missed].due_on + late * DAY, limits=LIMITS)
    assert state.overdue_days == late
    assert state.overdue_since == due[missed].due_on


@given(method=methods)
def test_paying_everything_settles(method):
    due = schedule(method)
    paid = drawn(*(Fact("repayment", d.due_on, d.due_on, d.principal_cny, d.interest_cny) for d in due))
    state = replay(paid, due, on=due[-1].due_on + 900 * DAY, limits=LIMITS)
    assert (state.outstanding_cny, state.overdue_days, state.five_class, state.next_due) == (
        0,
        0,
        "normal",
        None,
    )


def test_before_the_drawdown_nothing_is_classed():
    state = replay([], schedule(), on=START, limits=LIMITS)
    assert (state.five_class, state.drawn_on, state.next_due.seq) == (None, None, 1)


@pytest.mark.parametrize(
    ("after", "five_class"),
    [
        (0, "normal"),
        (1, "special_mention"),
        (90, "special_mention"),
        (91, "substandard"),
        (271, "doubtful"),
        (361, "loss"),
    ],
)
def test_reported_overdue_without_a_schedule(after, five_class):
    events = drawn(Fact("overdue", START + 40 * DAY, START + 44 * DAY))
    state = replay(events, [], on=START + (40 + after) * DAY, limits=LIMITS)
    assert (state.overdue_days, state.five_class) == (after, five_class)


def test_default_is_at_least_substandard_until_cured():
    day = START + 10 * DAY
    events = drawn(Fact("default", day, day))
    assert replay(events, [], on=day + DAY, limits=LIMITS).five_class == "substandard"
    cured = [*events, Fact("cure", day + 2 * DAY, day + 2 * DAY)]
    assert replay(cured, [], on=day + 3 * DAY, limits=LIMITS).five_class == "normal"


def test_what_became_known_later_is_left_out():
    events = drawn(Fact("overdue", START + DAY, START + 30 * DAY))
    on = START + 20 * DAY
    assert replay(events, [], on=on, limits=LIMITS, known_on=on).overdue_days == 0
    assert replay(events, [], on=on, limits=LIMITS).overdue_days == 19


def test_cents_between_day_counts_are_no_arrear_but_a_missed_payment_is():
    due = schedule()
    first = due[0]
    short = drawn(
        Fact(
            "repayment", first.due_on, first.due_on, first.principal_cny, first.interest_cny * Decimal("0.98")
        )
    )
    on = first.due_on + DAY
    assert replay(short, due, on=on, limits=LIMITS).overdue_days == 0
    unpaid_interest = drawn(Fact("repayment", first.due_on, first.due_on, first.principal_cny))
    assert replay(unpaid_interest, due, on=on, limits=LIMITS).overdue_days == 1
