"""Reads of the province-wide pass: how many enterprises a product reaches and where, and where one enterprise stands.

Counts are told through disclosure control: near the truth, null below the least figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.bases.resources.eligibility import OUTCOMES, blur_rule, tell
from rongqiao.bases.resources.judging import read_verdicts, requirements_digest
from rongqiao.bases.resources.models import Eligibility, EligibilityRun
from rongqiao.contracts.catalog import regions
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.period import last_day
from rongqiao.kernel.region import is_within
from rongqiao.lake.columns import open_current

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from rongqiao.bases.resources.models import Product
    from rongqiao.kernel.decision import Outcome

PREFECTURE, COUNTY = 4, 6


@dataclass(frozen=True, slots=True)
class Reach:
    """Enterprises that a product reaches where it is sold.

    Parameters
    ----------
    met, unknown, unmet : int or None
        Null: too few to be told, or never judged.
    as_of : int or None
        Month of the facts; null where the product was never judged.
    judged_at : datetime or None
        Of the pass.
    is_current : bool
        Whether the conditions judged are those in force.
    """

    met: int | None = None
    unknown: int | None = None
    unmet: int | None = None
    as_of: int | None = None
    judged_at: dt.datetime | None = None
    is_current: bool = False


def eligibility_by_prefecture(product: Product) -> list[dict[str, Any]]:
    """Tell, per prefecture where the product is sold, how many enterprises meet its conditions.

    Returns
    -------
    list of dict
        ``region_code``, ``name``, ``met``, ``unknown``, ``unmet`` (null: fewer than ``least``), ``least``, ``as_of``; empty before
        the first pass.
    """
    return _cells(product, PREFECTURE)


def eligibility_by_county(product: Product) -> list[dict[str, Any]]:
    """Tell the same per county; county and prefecture are told apart from each other and need not add up."""
    return _cells(product, COUNTY)


def _cells(product: Product, length: int) -> list[dict[str, Any]]:
    cells: dict[str, dict[str, Any]] = {}
    for row in _within(product, Eligibility.objects.filter(product=product).order_by("county_code")):
        code = row.county_code[:length]
        found = regions().get(code)
        cell = cells.setdefault(
            code,
            {
                "region_code": code,
                "name": found.name if found else code,
                **dict.fromkeys(OUTCOMES, 0),
                "as_of": row.as_of,
                "digest": row.digest,
            },
        )
        for outcome in OUTCOMES:
            cell[outcome] += getattr(row, outcome)
    return [_told(cell, code) for code, cell in cells.items()]


def _told(cell: dict[str, Any], place: str) -> dict[str, Any]:
    rule, digest = blur_rule(last_day(cell["as_of"])), cell["digest"]
    counts = {each: tell(cell[each], question=f"{digest}|{place}|{each}", rule=rule) for each in OUTCOMES}
    kept = {key: value for key, value in cell.items() if key != "digest"}
    return kept | counts | {"least": rule.least}


def _within(product: Product, rows: Iterable[Eligibility]) -> list[Eligibility]:
    """Rows of counties where the product is sold; enterprises whose county is not known belong to none."""
    served = product.region_codes
    return [
        row
        for row in rows
        if row.county_code and (not served or any(is_within(row.county_code, each) for each in served))
    ]


def is_sold_in(product: Product, region: str) -> bool:
    """Whether a product is sold in a region or in part of it; products without regions are sold everywhere."""
    served = product.region_codes
    return not served or any(is_within(region, each) or is_within(each, region) for each in served)


def reaches(products: Sequence[Product], region: str = "") -> dict[Any, Reach]:
    """Product's key → what it reaches in all, or within a region; one query however many products."""
    rows: dict[Any, list[Eligibility]] = {}
    for row in Eligibility.objects.filter(product__in=list(products)):
        rows.setdefault(row.product_id, []).append(row)
    return {product.pk: _reach(product, rows.get(product.pk, []), region) for product in products}


def _reach(product: Product, rows: list[Eligibility], region: str) -> Reach:
    if not rows:
        return Reach()
    first = rows[0]
    inside = [row for row in _within(product, rows) if not region or is_within(row.county_code, region)]
    cell = {each: sum(getattr(row, each) for row in inside) for each in OUTCOMES}
    told = _told(cell | {"as_of": first.as_of, "digest": first.digest}, region or "total")
    return Reach(
        **{each: told[each] for each in OUTCOMES},
        as_of=first.as_of,
        judged_at=first.judged_at,
        is_current=first.digest == requirements_digest(product),
    )


def kept_verdicts(
    uscc: str, products: Sequence[Product], *, as_of: int, known_at: dt.date
) -> dict[str, Outcome]:
    """Product's code → the pass's verdict on one enterprise.

    A product that was not judged since its conditions or the facts changed is absent.

    Parameters
    ----------
    as_of, known_at : int, date
        Month and day of what is known of the enterprise elsewhere: a pass over another month's or older facts tells nothing.
    """
    try:
        columns = open_current()
    except ContractError:
        return {}
    described = columns.described
    if described["as_of"] != as_of or described["known_at"] < known_at.isoformat():
        return {}
    digests = {product.code: requirements_digest(product) for product in products}
    found = read_verdicts(columns, uscc, list(digests.values()))
    return {code: found[digest] for code, digest in digests.items() if digest in found}


def latest_run() -> EligibilityRun | None:
    """Return the pass that began last; null before the first."""
    return EligibilityRun.objects.first()


def least_told(day: dt.date) -> int:
    """Smallest count that is told, as of a day."""
    return blur_rule(day).least
