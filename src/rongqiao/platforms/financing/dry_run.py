"""What a change of a product's criteria would do, before it is published: over the whole province, and to the past year's matches."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.resources.judging import limit_to_regions
from rongqiao.bases.resources.models import Product
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.platforms.financing.models import Match
from rongqiao.platforms.financing.screening import counting
from rongqiao.rules.criteria import Criteria, Group, parse_criteria

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rongqiao.platforms.financing.screening.counting import Province

YEAR = dt.timedelta(days=365)
#: What a match rests on besides the product's own conditions.
WISHES = ("amount_cny", "term_months", "county_code", "purpose", "guarantee_kind")
DROPPED, ADDED = "dropped", "added"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many, and the sum of their secret numbers, from which a told count draws its deviation (``rules.disclosure.blur``)."""

    count: int
    key: int

    def less(self, part: Tally) -> Tally:
        """Those of this tally that are not of a part of it."""
        return Tally(self.count - part.count, self.key - part.key)


@dataclass(frozen=True, slots=True)
class ConditionEffect:
    """What one condition does by itself.

    Parameters
    ----------
    text : str
        The condition in words.
    kind : str
        ``added``: of those that meet the present criteria, how many it turns away. ``dropped``: of those that meet the changed
        criteria, how many it kept out.
    enterprises, matches : Tally
        Enterprises of the province; matches of the past year, by their enterprises' facts of today.
    """

    text: str
    kind: str
    enterprises: Tally
    matches: Tally


@dataclass(frozen=True, slots=True)
class DryRun:
    """Exact figures: whoever shows them to people puts them through disclosure control first.

    Parameters
    ----------
    before, after : Tally
        Enterprises where the product is sold that meet the criteria in force, and the changed ones; unknown is not met.
    gained, lost : Tally
        Enterprises that only the changed, and only the present criteria take.
    by_county : dict
        County code → before, after, gained and lost, where somebody is gained or lost.
    matches : int
        The past year's matches of the product.
    matches_dropped, matches_gained : Tally
        Of them, those whose enterprise meets the present criteria on today's facts but not the changed ones; and of the past
        year's demands that only these criteria kept from the product, those that it would have met.
    effects : list of ConditionEffect
        Per condition that is new or gone.
    as_of : int
        Month of the facts.
    """

    before: Tally
    after: Tally
    gained: Tally
    lost: Tally
    by_county: dict[str, tuple[Tally, Tally, Tally, Tally]]
    matches: int
    matches_dropped: Tally
    matches_gained: Tally
    as_of: int
    effects: list[ConditionEffect] = field(default_factory=list)


def try_criteria(*, product_code: str, changed: Mapping[str, Any], now: dt.datetime) -> DryRun:
    """Judge the whole province by a product's present and changed criteria; nothing is written.

    Parameters
    ----------
    product_code : str
        Of the product.
    changed : Mapping
        Criteria as JSON.
    now : datetime
        The year of matches ends here.

    Raises
    ------
    InvalidValueError
        If there is no such product, or the criteria are malformed.
    ContractError
        If the columns of facts were never published.
    """
    product = Product.objects.filter(code=product_code).first()
    if product is None:
        raise InvalidValueError("产品代码", product_code, "没有这个产品，请核对 products.jsonl。")
    found = counting.province()
    old, new = (
        limit_to_regions(parse_criteria(each, path=path), product.region_codes)
        for each, path in ((product.criteria, product_code), (changed, "新条件"))
    )
    sides = [_cells(found, each) for each in (old, new, Group("all", (old, new)))]
    before, after, both = sides
    met, unmet = _past_year(product, now)
    met_old, met_new = (set(counting.find_met(found, each, [*met, *unmet])) for each in (old, new))
    return DryRun(
        before=_sum(before),
        after=_sum(after),
        gained=_sum(after - both),
        lost=_sum(before - both),
        by_county=_by_county(found, before, after, both),
        matches=len(met),
        matches_dropped=_tally(found, (uscc for uscc in met if uscc in met_old - met_new)),
        matches_gained=_tally(found, (uscc for uscc in unmet if uscc in met_new - met_old)),
        as_of=found.as_of,
        effects=[
            *_effects(found, ADDED, old, _sum(before), _only(changed, product.criteria), met),
            *_effects(found, DROPPED, new, _sum(after), _only(product.criteria, changed), unmet),
        ],
    )


def _cells(found: Province, criteria: Criteria) -> NDArray[np.int64]:
    """Count, and sum the keys, by county."""
    cells = counting.count_groups(found, criteria)[0]
    by_county: NDArray[np.int64] = cells.reshape(2, len(found.labels[0]), -1).sum(axis=2)
    return by_county


def _sum(cells: NDArray[np.int64]) -> Tally:
    return Tally(*(int(each) for each in cells.sum(axis=1)))


def _by_county(
    found: Province, before: NDArray[np.int64], after: NDArray[np.int64], both: NDArray[np.int64]
) -> dict[str, tuple[Tally, Tally, Tally, Tally]]:
    sides = (before, after, after - both, before - both)
    return {
        code: (told[0], told[1], told[2], told[3])
        for at, code in enumerate(found.labels[0])
        if (told := [Tally(int(side[0][at]), int(side[1][at])) for side in sides])[2].count or told[3].count
    }


def _past_year(product: Product, now: dt.datetime) -> tuple[list[str], list[str]]:
    """Enterprises of the year's demands that matched; and of those that nothing but the product's conditions kept from it."""
    with system_scope() as scope:
        rows = Match.objects.for_scope(scope).filter(product=product, demand__published_at__gte=now - YEAR)
        judged = list(rows.values_list("uscc", "outcome", "reasons"))
    met = [uscc for uscc, outcome, _ in judged if outcome == "met"]
    unmet = [
        uscc
        for uscc, outcome, reasons in judged
        if outcome != "met" and all(each["outcome"] == "met" for each in reasons if each["fact"] in WISHES)
    ]
    return met, unmet


def _tally(found: Province, usccs: Iterable[str]) -> Tally:
    """Tally of matches: an enterprise counts as often as it asked."""
    times = Counter(usccs)
    return Tally(times.total(), counting.sum_keys(found, list(times)))


def _only(these: Mapping[str, Any], others: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Conditions of the first level that only the first criteria have."""
    known = [asks(each) for each in members_of(others)]
    return [each for each in members_of(these) if asks(each) not in known]


def members_of(criteria: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Conditions of the first level, all of which must hold; a tree of another kind is one condition."""
    if not criteria:
        return []
    return list(criteria["all"]) if "all" in criteria else [criteria]


def asks(condition: Mapping[str, Any]) -> Any:
    """Reduce a condition to what it asks: without its words, and in whatever order its values stand."""
    if "fact" in condition:
        value = condition.get("value")
        chosen = sorted(value) if isinstance(value, list) and condition["op"] != "between" else value
        return (condition["fact"], condition["op"], chosen)
    return dict(condition)


def _effects(
    found: Province,
    kind: str,
    side: Criteria,
    whole: Tally,
    conditions: Sequence[Mapping[str, Any]],
    matched: Sequence[str],
) -> list[ConditionEffect]:
    """Tell of those that meet one side how many each condition of the other fails."""
    effects = []
    inside = set(counting.find_met(found, side, list(matched)))
    for condition in conditions:
        criteria = parse_criteria(condition, path="条件")
        kept = _sum(_cells(found, Group("all", (side, criteria))))
        passing = set(counting.find_met(found, criteria, list(inside)))
        failing = _tally(found, (uscc for uscc in matched if uscc in inside - passing))
        effects.append(ConditionEffect(in_words(condition), kind, whole.less(kept), failing))
    return effects


def in_words(condition: Mapping[str, Any]) -> str:
    """Put a condition in words; of a group the words of its conditions."""
    if "fact" in condition:
        return str(condition.get("text") or f"{condition['fact']} {condition['op']} {condition.get('value')}")
    kind, members = next(iter(condition.items()))
    words = [in_words(each) for each in (members if isinstance(members, list) else [members])]
    return f"不得：{words[0]}" if kind == "not" else ("，或 " if kind == "any" else "，且 ").join(words)
