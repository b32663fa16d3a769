"""Lifecycles, matching and loan classes."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from rongqiao.kernel.decision import Outcome
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError
from rongqiao.rules.criteria import parse_criteria
from rongqiao.rules.loan_class import OverdueLimits, five_class_floor, worse_class
from rongqiao.rules.matching import Demand, Product, match_products
from rongqiao.rules.transitions import INITIAL, LIFECYCLES, TITLES, advance, can_advance, events_from, states

LIMITS = OverdueLimits(7, 90, 270, 360)
DEMAND = Demand(
    Decimal(500_000), 12, "430281", "working_capital", "credit", Decimal("0.045"), is_first_loan=True
)


@pytest.mark.parametrize(
    ("lifecycle", "events", "final"),
    [
        ("demand", ["publish", "take", "quote", "accept", "fulfil"], "fulfilled"),
        ("demand", ["publish", "take", "reopen", "take", "quote", "expire", "reopen"], "published"),
        ("take", ["quote", "win"], "won"),
        ("quote", ["withdraw"], "withdrawn"),
        ("application", ["approve", "contract"], "contracted"),
        ("loan", ["draw", "fall_overdue", "cure", "repay_all"], "repaid"),
        ("loan", ["draw", "fall_overdue", "default", "write_off"], "written_off"),
    ],
)
def test_paths(lifecycle: str, events: list[str], final: str) -> None:
    state = INITIAL[lifecycle]
    for event in events:
        state = advance(lifecycle, state, event)
    assert state == final


def test_an_absent_pair_names_what_is_possible() -> None:
    with pytest.raises(IllegalTransitionError, match="publish") as refused:
        advance("demand", "draft", "accept")
    # People read the thing and the remedy: no codes in them.
    assert refused.value.thing == "融资需求"
    assert not re.search("[a-z_]", refused.value.remedy)
    assert set(TITLES) == set(LIFECYCLES)
    assert not can_advance("application", "refused", "approve")
    with pytest.raises(InvalidValueError):
        advance("journey", "draft", "go")


@pytest.mark.parametrize("lifecycle", sorted(LIFECYCLES))
def test_every_state_can_be_reached(lifecycle: str) -> None:
    reached, todo = set(), [INITIAL[lifecycle]]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [
            after
            for event in events_from(lifecycle, state)
            if (after := advance(lifecycle, state, event)) not in reached
        ]
    assert reached == set(states(lifecycle))


@pytest.mark.parametrize(
    ("days", "floor"),
    [
        (0, "normal"),
        (1, "special_mention"),
        (90, "special_mention"),
        (91, "substandard"),
        (271, "doubtful"),
        (361, "loss"),
    ],
)
def test_overdue_days_set_the_floor(days: int, floor: str) -> None:
    assert five_class_floor(days, LIMITS) == floor


def test_unknown_days_give_no_class_and_technical_delay_is_tolerated() -> None:
    assert five_class_floor(None, LIMITS) is None
    assert five_class_floor(7, LIMITS, is_technical=True) == "normal"
    assert five_class_floor(8, LIMITS, is_technical=True) == "special_mention"
    assert worse_class("normal", "doubtful") == "doubtful"
    with pytest.raises(InvalidValueError):
        five_class_floor(-1, LIMITS)


def test_products_are_ranked_met_then_unknown_then_unmet() -> None:
    old = parse_criteria(
        {"fact": "age_months", "op": ">=", "value": 24, "text": "开业满2年", "settles": "补充成立日期"}
    )
    graded = parse_criteria({"fact": "grade", "op": "in", "value": ["A"], "text": "A级", "settles": "先评级"})
    products = [
        Product("dear", rate_min_ratio=Decimal("0.06"), rate_max_ratio=Decimal("0.08"), criteria=old),
        Product("cheap", rate_min_ratio=Decimal("0.03"), rate_max_ratio=Decimal("0.04"), criteria=old),
        Product("graded", rate_min_ratio=Decimal("0.02"), rate_max_ratio=Decimal("0.02"), criteria=graded),
        Product("small", max_amount_cny=Decimal(300_000)),
        Product("far", region_codes=("4301",)),
    ]
    matches = match_products(DEMAND, products, {"age_months": 30})
    assert [match.product.code for match in matches[:3]] == ["cheap", "dear", "graded"]
    assert [match.decision.outcome for match in matches] == [
        Outcome.MET,
        Outcome.MET,
        Outcome.UNKNOWN,
        Outcome.UNMET,
        Outcome.UNMET,
    ]
    blocking = {
        match.product.code: [r.settles for r in match.decision.reasons if r.outcome is Outcome.UNMET]
        for match in matches
    }
    assert blocking["small"] == ["该产品最高 30 万元，超出 20 万元"]
    assert blocking["far"] == ["该产品不服务企业所在地区"]
    assert matches[2].decision.missing[0].settles == "先评级"


def test_the_score_is_the_sum_of_its_parts_and_bounded() -> None:
    (match,) = match_products(
        DEMAND,
        [
            Product(
                "best",
                rate_min_ratio=Decimal(0),
                rate_max_ratio=Decimal(0),
                region_codes=("430281",),
                processing_days=0,
                is_first_loan_friendly=True,
            )
        ],
        {},
    )
    assert match.score == 100
    assert match.score == sum(part.points for part in match.parts)
    assert sum(part.max_points for part in match.parts) == 100


def test_what_the_demand_does_not_say_is_asked() -> None:
    (match,) = match_products(
        Demand(Decimal(1), 1), [Product("p", region_codes=("43",), purposes=("x",))], {}
    )
    assert match.decision.outcome is Outcome.UNKNOWN
    assert [reason.settles for reason in match.decision.missing] == [
        "补充企业所在县（市、区）",
        "补充资金用途",
    ]
