"""Products judged for one enterprise: stored rows to the pure rule and back."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.models import Enterprise, Portrait
from rongqiao.bases.enterprises.portraits import known_facts
from rongqiao.bases.resources.models import Product
from rongqiao.bases.resources.reach import kept_verdicts
from rongqiao.kernel.decision import Decision, Outcome, Reason
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.rules import matching as rule
from rongqiao.rules.criteria import parse_criteria

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rongqiao.accounts.scope import Scope

logger = logging.getLogger(__name__)
FULL_SCORE = 100


@dataclass(frozen=True, slots=True)
class Judged:
    """One stored product with the rule's verdict."""

    product: Product
    decision: Decision
    fit: float
    parts: tuple[rule.ScorePart, ...]


def own_facts(scope: Scope) -> dict[str, Any]:
    """Facts of the caller's own enterprise for criteria; empty where nothing is published yet."""
    portrait = Portrait.objects.for_scope(scope).filter(enterprise_id=scope.uscc).first()
    return known_facts(portrait) if portrait else {}


def products_on_sale() -> list[Product]:
    """All products on sale with their institutions."""
    found = Product.objects.filter(status="published").select_related("institution__organisation")
    return list(found.order_by("code"))


def judge_products(
    wanted: rule.Demand, products: Iterable[Product], facts: Mapping[str, Any]
) -> list[Judged]:
    """Judge and order products: met first, then unknown, then unmet; within each by fit.

    A product whose criteria cannot be compared with the facts is unknown, and says so: one broken declaration must not
    keep an enterprise from the others.
    """
    judged = [_judge(wanted, product, facts) for product in products]
    return sorted(judged, key=lambda j: (rule.ORDER[j.decision.outcome], -j.fit, j.product.code))


def _judge(wanted: rule.Demand, product: Product, facts: Mapping[str, Any]) -> Judged:
    try:
        match = rule.match_product(wanted, to_rule(product), facts)
    except InvalidValueError as error:
        logger.warning("Product %s cannot be judged: %s", product.code, error)
        reason = Reason(Outcome.UNKNOWN, error.thing, "产品条件无法与数据比对", None, None, error.remedy)
        return Judged(product, Decision(Outcome.UNKNOWN, (reason,), rule.RULE, rule.VERSION), 0.0, ())
    return Judged(product, match.decision, round(match.score / FULL_SCORE, 4), match.parts)


def judge_criteria(uscc: str, products: Iterable[Product], facts: Mapping[str, Any]) -> list[Judged]:
    """Judge products for an enterprise that has not said what it wants: region and criteria alone.

    The fit is that of the largest demand the product serves.
    """
    entry = Enterprise.objects.filter(pk=uscc).first()
    county = (entry.county_code if entry else "") or None
    judged = [_judge(_typical(product, county), product, facts) for product in products]
    return sorted(judged, key=lambda j: (rule.ORDER[j.decision.outcome], -j.fit, j.product.code))


@dataclass(frozen=True)
class Standing:
    """Where the caller's enterprise stands with one product.

    Parameters
    ----------
    outcome : Outcome
        Of the province-wide pass; of the portrait itself where the pass has not come to it yet.
    judge : callable
        Judges it from the portrait, for the reasons.
    """

    product: Product
    outcome: Outcome
    judge: Callable[[Product], Decision]

    @cached_property
    def decision(self) -> Decision:
        """Reasons from the portrait of this moment; a correction shows here before the next pass."""
        return self.judge(self.product)


@dataclass(frozen=True, slots=True)
class Standings:
    """An enterprise's products: those it meets first, then those that lack data, then the others; within each the cheapest first.

    ``as_of`` is the month of the facts; null where none are known. ``is_kept`` tells whether all of it was read from the pass.
    """

    rows: list[Standing]
    as_of: int | None
    is_kept: bool

    def count(self, outcome: str) -> int:
        """How many products have the outcome."""
        return sum(row.outcome.value == outcome for row in self.rows)


def product_standings(scope: Scope) -> Standings:
    """All products on sale for the caller's enterprise, from the kept pass; judged live where it lags behind the portrait."""
    products = products_on_sale()
    portrait = Portrait.objects.for_scope(scope).filter(enterprise_id=scope.uscc).first()
    entry = Enterprise.objects.filter(pk=scope.uscc).first()
    facts, county = known_facts(portrait) if portrait else {}, (entry.county_code if entry else "") or None

    def judge(product: Product) -> Decision:
        return _judge(_typical(product, county), product, facts).decision

    kept: dict[str, Outcome] = {}
    if portrait is not None:
        kept = kept_verdicts(scope.uscc, products, as_of=portrait.as_of, known_at=portrait.known_at)
    rows = [
        Standing(product, kept[product.code] if product.code in kept else judge(product).outcome, judge)
        for product in products
    ]
    rows.sort(key=lambda row: (rule.ORDER[row.outcome], row.product.rate_min_ratio, row.product.code))
    as_of = portrait.as_of if portrait else None
    return Standings(rows, as_of, is_kept=len(kept) == len(products))


def _typical(product: Product, county_code: str | None) -> rule.Demand:
    """Demand that breaks none of the product's own limits."""
    return rule.Demand(
        amount_cny=product.max_amount_cny,
        term_months=product.max_term_months,
        county_code=county_code,
        purpose=next(iter(product.purposes), None),
        guarantee_kind=next(iter(product.guarantee_kinds), None),
    )


def to_rule(product: Product) -> rule.Product:
    """Turn a stored product into the rule's value.

    Raises
    ------
    InvalidValueError
        If its criteria are malformed.
    """
    return rule.Product(
        code=product.code,
        min_amount_cny=product.min_amount_cny,
        max_amount_cny=product.max_amount_cny,
        min_term_months=product.min_term_months,
        max_term_months=product.max_term_months,
        rate_min_ratio=product.rate_min_ratio,
        rate_max_ratio=product.rate_max_ratio,
        guarantee_kinds=tuple(product.guarantee_kinds),
        purposes=tuple(product.purposes),
        region_codes=tuple(product.region_codes),
        processing_days=product.processing_days,
        is_first_loan_friendly=product.is_first_loan_friendly,
        criteria=parse_criteria(product.criteria, path=f"{product.code}.criteria"),
        criteria_version=str(product.version),
    )


def reasons_to_json(decision: Decision) -> list[dict[str, Any]]:
    """Conditions as plain JSON values."""
    return [
        {
            "outcome": reason.outcome.value,
            "fact": reason.fact,
            "text": reason.text,
            "value": _plain(reason.value),
            "bound": _plain(reason.bound),
            "settles": reason.settles,
        }
        for reason in decision.reasons
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return [_plain(each) for each in value] if isinstance(value, (tuple, list)) else value
