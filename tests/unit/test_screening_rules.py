"""Screening's limits and its disclosure control: no two questions can be subtracted to find one enterprise."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.rules.disclosure import Blur, blur
from rongqiao.rules.screening import (
    differing,
    parse_conditions,
    question_digest,
    read_bound,
    round_bound,
)

RULE = Blur(least=20, noise=8, step=5)


def told(members: list[int], question: str) -> int | None:
    return blur(len(members), key=sum(members), question=question, rule=RULE)


@pytest.fixture
def crowd() -> list[int]:
    drawn = random.Random(7)
    return [drawn.getrandbits(32) for _ in range(400)]


def test_the_same_question_always_has_the_same_answer(crowd: list[int]) -> None:
    assert len({told(crowd, "q") for _ in range(50)}) == 1


def test_figures_stay_near_the_truth_and_on_the_step(crowd: list[int]) -> None:
    for number in range(200):
        found = told(crowd, f"q{number}")
        assert found is not None
        assert found % RULE.step == 0
        assert abs(found - len(crowd)) <= RULE.noise + RULE.step / 2


def test_nobody_alone_and_nobody_at_all_look_the_same(crowd: list[int]) -> None:
    """Who singles an enterprise out by public features must not read from zero or one whether it meets a secret condition."""
    for size in range(10):
        for number in range(300):
            assert told(crowd[:size], f"q{size} {number}") is None


def guess_by_subtraction(crowd: list[int], *, is_in: bool, attempt: int) -> bool:
    """Attack: count a group with and without the conditions that leave just the target out, and subtract."""
    target, others = crowd[0], crowd[1:]
    whole = told([target, *others] if is_in else others, f"all {attempt}")
    without = told(others, f"all but one {attempt}")
    assert whole is not None
    assert without is not None
    return whole - without > 0


def test_subtracting_two_counts_does_not_tell_whether_one_enterprise_is_among_them(crowd: list[int]) -> None:
    attempts = 2000
    hits = sum(guess_by_subtraction(crowd, is_in=True, attempt=at) for at in range(attempts))
    false_alarms = sum(guess_by_subtraction(crowd, is_in=False, attempt=-1 - at) for at in range(attempts))
    right = (hits + attempts - false_alarms) / (2 * attempts)
    assert 0.45 < right < 0.60


def test_an_unchanged_answer_is_no_proof_and_a_changed_one_neither(crowd: list[int]) -> None:
    same = [told(crowd[1:], f"a{at}") == told(crowd[1:], f"b{at}") for at in range(500)]
    other = [told(crowd, f"a{at}") == told(crowd[1:], f"b{at}") for at in range(500)]
    # Two questions about the very same enterprises differ about as often as two about sets that differ by one.
    assert abs(sum(same) - sum(other)) < 60
    assert 50 < sum(same) < 350


@pytest.mark.parametrize("numbers", [(5, 8, 5), (20, 0, 5), (20, 8, 0)])
def test_numbers_under_which_one_could_be_told_are_refused(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidValueError):
        Blur(*numbers)


@pytest.mark.parametrize(
    ("value", "nearest"),
    [("1234567", "1200000"), ("0.0567", "0.057"), ("500", "500"), ("-37.5", "-38"), ("0", "0")],
)
def test_bounds_keep_two_digits(value: str, nearest: str) -> None:
    assert f"{round_bound(Decimal(value)):f}" == nearest


def test_a_finer_bound_is_refused_with_the_nearest() -> None:
    assert read_bound("1,500", title="销售额") == 1500
    with pytest.raises(InvalidValueError, match="1200"):
        read_bound("1234", title="销售额")
    for text in ("1e400", "1e-400", "9" * 400):
        with pytest.raises(InvalidValueError, match="过大或过小"):
            read_bound(text, title="销售额")
    for text in ("many", "", "NaN", "Infinity"):
        with pytest.raises(InvalidValueError, match="请填数字"):
            read_bound(text, title="销售额")


def condition(fact: str, value: float, text: str = "") -> dict[str, object]:
    return {"fact": fact, "op": ">=", "value": value, "text": text or f"{fact} {value}"}


def test_order_and_words_make_no_other_question() -> None:
    first, second = condition("a", 1), condition("b", 2)
    asked = question_digest([first, second], region="", build="x")
    assert asked == question_digest([second, first | {"text": "换个说法"}], region="", build="x")
    assert asked != question_digest([first, condition("b", 3)], region="", build="x")
    assert asked != question_digest([first, second], region="4301", build="x")


def test_conditions_are_plain_and_not_too_many() -> None:
    assert len(parse_conditions([condition("a", 1)], most=2).members) == 1
    with pytest.raises(InvalidValueError, match="最多 2"):
        parse_conditions([condition("a", each) for each in range(3)], most=2)
    with pytest.raises(InvalidValueError, match="不可嵌套"):
        parse_conditions([{"not": condition("a", 1)}], most=2)


def test_what_a_version_changed() -> None:
    assert differing([condition("a", 1), condition("b", 2)], [condition("b", 2), condition("c", 3)]) == (
        ["a 1"],
        ["c 3"],
    )
