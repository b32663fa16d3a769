"""Rank loan products for a demand: hard conditions decide, a fit score with stated parts orders.

No part of the score can be bought: it reads only the demand, the product and the enterprise's facts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rongqiao.kernel.decision import Decision, Outcome, Reason, all_of
from rongqiao.kernel.money import format_cny
from rongqiao.kernel.rate import format_rate
from rongqiao.kernel.region import is_within
from rongqiao.rules.criteria import Criteria, Group, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RULE, VERSION = "matching", "1"
NO_CRITERIA = Group("all", ())
ORDER = {Outcome.MET: 0, Outcome.UNKNOWN: 1, Outcome.UNMET: 2}


@dataclass(frozen=True, slots=True)
class Demand:
    """What the enterprise asks for.

    Parameters
    ----------
    amount_cny : Decimal
        Yuan wanted.
    term_months : int
        Months wanted.
    county_code : str or None
        Where the enterprise is; ``None`` is not known.
    purpose, guarantee_kind : str or None
        Codes; ``None`` is not stated.
    desired_rate_ratio : Decimal or None
        Highest rate hoped for.
    is_first_loan : bool or None
        Whether the enterprise never had a loan.
    """

    amount_cny: Decimal
    term_months: int
    county_code: str | None = None
    purpose: str | None = None
    guarantee_kind: str | None = None
    desired_rate_ratio: Decimal | None = None
    is_first_loan: bool | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What an institution offers; empty tuples mean "any", ``None`` bounds mean "no bound"."""

    code: str
    min_amount_cny: Decimal | None = None
    max_amount_cny: Decimal | None = None
    min_term_months: int | None = None
    max_term_months: int | None = None
    rate_min_ratio: Decimal | None = None
    rate_max_ratio: Decimal | None = None
    guarantee_kinds: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    region_codes: tuple[str, ...] = ()
    processing_days: int | None = None
    is_first_loan_friendly: bool = False
    criteria: Criteria = NO_CRITERIA
    criteria_version: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """Most points each part of the fit score can give; together 100."""

    rate: int = 40
    amount: int = 20
    speed: int = 15
    region: int = 15
    first_loan: int = 10
    # Days after which speed gives nothing, and the rate at which price gives nothing.
    slow_days: int = 30
    dear_rate_ratio: Decimal = Decimal("0.10")


DEFAULT_WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One part of the fit score with its plain reason."""

    part: str
    points: float
    max_points: int
    text: str


@dataclass(frozen=True, slots=True)
class Match:
    """One product's fit: decision over all hard conditions, and the score 0 to 100 with its parts."""

    product: Product
    decision: Decision
    score: float
    parts: tuple[ScorePart, ...] = field(default=())


def match_products(
    demand: Demand,
    products: Iterable[Product],
    facts: Mapping[str, Any],
    *,
    weights: Weights = DEFAULT_WEIGHTS,
) -> tuple[Match, ...]:
    """Judge and order all products.

    Parameters
    ----------
    demand : Demand
        What is wanted.
    products : iterable of Product
        The market.
    facts : mapping
        The enterprise's facts for the products' criteria; missing is "not known".
    weights : Weights
        Of the fit score.

    Returns
    -------
    tuple of Match
        All products: met first, then unknown, then unmet with reasons; within each by score, then by code.
    """
    matches = [match_product(demand, product, facts, weights=weights) for product in products]
    return tuple(sorted(matches, key=lambda m: (ORDER[m.decision.outcome], -m.score, m.product.code)))


def match_product(
    demand: Demand, product: Product, facts: Mapping[str, Any], *, weights: Weights = DEFAULT_WEIGHTS
) -> Match:
    """Judge one product."""
    reasons = (
        _in_range(
            "amount_cny",
            "融资金额",
            demand.amount_cny,
            product.min_amount_cny,
            product.max_amount_cny,
            format_cny,
        ),
        _in_range(
            "term_months",
            "期限",
            demand.term_months,
            product.min_term_months,
            product.max_term_months,
            lambda months: f"{months} 个月",
        ),
        _in_region(demand.county_code, product.region_codes),
        _one_of("purpose", "资金用途", demand.purpose, product.purposes),
        _one_of("guarantee_kind", "担保方式", demand.guarantee_kind, product.guarantee_kinds),
    )
    criteria = evaluate(product.criteria, facts, rule=product.code, version=product.criteria_version)
    outcome = all_of([*(reason.outcome for reason in reasons), criteria.outcome])
    decision = Decision(outcome, reasons + criteria.reasons, RULE, VERSION)
    parts = _score(demand, product, weights)
    return Match(product, decision, round(sum(part.points for part in parts), 2), parts)


def _in_range(fact: str, title: str, value: Any, low: Any, high: Any, show: Any) -> Reason:
    bound = (low, high)
    if low is not None and high is not None:
        text = f"{title}在 {show(low)} 至 {show(high)} 之间"
    elif low is not None:
        text = f"{title}不低于 {show(low)}"
    else:
        text = f"{title}不超过 {show(high)}" if high is not None else f"{title}不限"
    if low is not None and value < low:
        return Reason(
            Outcome.UNMET, fact, text, value, bound, f"该产品最低 {show(low)}，还差 {show(low - value)}"
        )
    if high is not None and value > high:
        return Reason(
            Outcome.UNMET, fact, text, value, bound, f"该产品最高 {show(high)}，超出 {show(value - high)}"
        )
    return Reason(Outcome.MET, fact, text, value, bound)


def _in_region(county_code: str | None, regions: tuple[str, ...]) -> Reason:
    text = "在产品服务区域内" if regions else "服务区域不限"
    if not regions:
        return Reason(Outcome.MET, "county_code", text, county_code, regions)
    if county_code is None:
        return Reason(Outcome.UNKNOWN, "county_code", text, None, regions, "补充企业所在县（市、区）")
    if any(is_within(county_code, region) for region in regions):
        return Reason(Outcome.MET, "county_code", text, county_code, regions)
    return Reason(Outcome.UNMET, "county_code", text, county_code, regions, "该产品不服务企业所在地区")


def _one_of(fact: str, title: str, value: str | None, offered: tuple[str, ...]) -> Reason:
    text = f"{title}在产品范围内" if offered else f"{title}不限"
    if not offered:
        return Reason(Outcome.MET, fact, text, value, offered)
    if value is None:
        return Reason(Outcome.UNKNOWN, fact, text, None, offered, f"补充{title}")
    if value in offered:
        return Reason(Outcome.MET, fact, text, value, offered)
    return Reason(Outcome.UNMET, fact, text, value, offered, f"更换{title}后可再匹配")


def _score(demand: Demand, product: Product, weights: Weights) -> tuple[ScorePart, ...]:
    return (
        _rate_part(demand, product, weights),
        _amount_part(demand, product, weights),
        _speed_part(product, weights),
        _region_part(demand, product, weights),
        _first_loan_part(demand, product, weights),
    )


def _part(part: str, share: float, max_points: int, text: str) -> ScorePart:
    return ScorePart(part, round(max_points * min(max(share, 0.0), 1.0), 2), max_points, text)


def _rate_part(demand: Demand, product: Product, weights: Weights) -> ScorePart:
    lowest = product.rate_min_ratio
    if lowest is None:
        return _part("rate", 0, weights.rate, "未公布利率")
    highest = product.rate_max_ratio if product.rate_max_ratio is not None else lowest
    typical = (lowest + highest) / 2
    share = float(1 - typical / weights.dear_rate_ratio)
    text = f"年化利率 {format_rate(lowest)} 至 {format_rate(highest)}"
    if demand.desired_rate_ratio is not None and lowest <= demand.desired_rate_ratio:
        # Within hope: half the way from the price alone to full points.
        return _part(
            "rate",
            (share + 1) / 2,
            weights.rate,
            f"{text}，可达期望 {format_rate(demand.desired_rate_ratio)}",
        )
    return _part("rate", share, weights.rate, text)


def _amount_part(demand: Demand, product: Product, weights: Weights) -> ScorePart:
    highest = product.max_amount_cny
    if highest is None:
        return _part("amount", 1, weights.amount, "额度不设上限")
    covered = float(highest / demand.amount_cny) if demand.amount_cny > 0 else 1.0
    return _part("amount", covered, weights.amount, f"最高可贷 {format_cny(highest)}")


def _speed_part(product: Product, weights: Weights) -> ScorePart:
    days = product.processing_days
    if days is None:
        return _part("speed", 0, weights.speed, "未公布办理时限")
    return _part("speed", 1 - days / weights.slow_days, weights.speed, f"承诺 {days} 个工作日办结")


def _region_part(demand: Demand, product: Product, weights: Weights) -> ScorePart:
    if demand.county_code is None or not product.region_codes:
        return _part("region", 0.5, weights.region, "面向全省")
    near = max((len(code) for code in product.region_codes if is_within(demand.county_code, code)), default=0)
    text = {6: "专为本县（市、区）设立", 4: "专为本市（州）设立", 2: "面向全省"}.get(
        near, "不服务企业所在地区"
    )
    return _part("region", {6: 1.0, 4: 0.8, 2: 0.5}.get(near, 0.0), weights.region, text)


def _first_loan_part(demand: Demand, product: Product, weights: Weights) -> ScorePart:
    if not demand.is_first_loan:
        return _part("first_loan", 0.5, weights.first_loan, "非首贷或未知，不作区分")
    text = "欢迎首贷户" if product.is_first_loan_friendly else "未注明面向首贷户"
    return _part("first_loan", float(product.is_first_loan_friendly), weights.first_loan, text)
