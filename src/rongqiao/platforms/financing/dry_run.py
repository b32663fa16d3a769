"""What a change of a product's criteria would do, before it is published: over the whole province, and to the past year's matches."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.resources.models import Product
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.platforms.financing.models import Match
from rongqiao.platforms.financing.screening import counting
from rongqiao.rules.criteria import Group, parse_criteria

if TYPE_CHECKING:
    from collections.abc import Mapping

YEAR = dt.timedelta(days=365)


@dataclass(frozen=True, slots=True)
class DryRun:
    """Exact counts, for the operator alone.

    Parameters
    ----------
    before, after : int
        Enterprises of the province that meet the criteria in force, and the changed ones; unknown is not met.
    gained, lost : int
        Enterprises that only the changed, and only the present criteria take.
    by_county : dict
        County code → (before, after), where they differ.
    matches, matches_dropped : int
        The past year's matches of the product; and those whose enterprise meets the present criteria on today's facts but
        not the changed ones.
    as_of : int
        Month of the facts.
    """

    before: int
    after: int
    gained: int
    lost: int
    by_county: dict[str, tuple[int, int]]
    matches: int
    matches_dropped: int
    as_of: int


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
    old = parse_criteria(product.criteria, path=product_code)
    new = parse_criteria(changed, path="新条件")
    found = counting.province()
    before, after, both = (
        counting.count_by_county(found, each) for each in (old, new, Group("all", (old, new)))
    )
    kept = sum(both.values())
    with system_scope() as scope:
        since = Match.objects.for_scope(scope).filter(
            product=product, outcome="met", demand__published_at__gte=now - YEAR
        )
        matched = list(since.values_list("uscc", flat=True))
    met_now = set(counting.find_met(found, old, matched))
    met_then = set(counting.find_met(found, new, matched))
    return DryRun(
        before=sum(before.values()),
        after=sum(after.values()),
        gained=sum(after.values()) - kept,
        lost=sum(before.values()) - kept,
        by_county={code: (before[code], after[code]) for code in before if before[code] != after[code]},
        matches=len(matched),
        matches_dropped=sum(uscc in met_now - met_then for uscc in matched),
        as_of=found.as_of,
    )
