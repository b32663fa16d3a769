"""Reads of the resource base: the supermarket, policies, institutions, and the prime rate. All of it is public."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q

from rongqiao.bases.resources.models import Institution, Policy, Product
from rongqiao.contracts.catalog import code_list, lpr
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.region import check_region, parents
from rongqiao.rules.criteria import facts_used, parse_criteria

if TYPE_CHECKING:
    import uuid
    from decimal import Decimal

    from django.db.models import QuerySet

PRODUCT_SORTS = {
    "rate": ("rate_min_ratio", "rate_max_ratio", "code"),
    "amount": ("-max_amount_cny", "code"),
    "speed": ("processing_days", "code"),
    "newest": ("-published_on", "code"),
}
TENORS = ("1Y", "5Y")


@dataclass(frozen=True, slots=True)
class Facet:
    """One choice of a filter with the number of products on sale behind it."""

    code: str
    title: str
    count: int


def list_products(
    *,
    kind: str = "",
    amount: Decimal | None = None,
    term_months: int | None = None,
    guarantee: str = "",
    region: str = "",
    purpose: str = "",
    institution: str = "",
    max_rate: Decimal | None = None,
    first_loan: bool | None = None,
    query: str = "",
    sort: str = "rate",
) -> QuerySet[Product]:
    """Products on sale that fit the filters; an empty filter lets all through.

    Parameters
    ----------
    kind, guarantee, purpose : str
        Codes.
    amount : Decimal or None
        Yuan wanted: within the product's limits.
    term_months : int or None
        Months wanted: within the product's limits.
    region : str
        Region of the enterprise: products that serve it or a wider region, or anywhere.
    institution : str
        Code of the institution.
    max_rate : Decimal or None
        Products whose lowest rate is not above it (ratio per year).
    first_loan : bool or None
        True: only those that welcome first loans.
    query : str
        In name, summary or the institution's name.
    sort : str
        A key of :data:`PRODUCT_SORTS`.

    Raises
    ------
    InvalidValueError
        If the order is not one of those, or the region is no code.
    """
    if sort not in PRODUCT_SORTS:
        raise InvalidValueError("排序", sort, f"可用：{'、'.join(PRODUCT_SORTS)}。")
    exact = {"kind": kind, "institution__code": institution}
    found = Product.objects.filter(
        status="published", **{name: value for name, value in exact.items() if value}
    )
    found = _within_limits(found, amount, term_months, max_rate)
    for column, code in (("guarantee_kinds", guarantee), ("purposes", purpose)):
        if code:
            found = found.filter(Q(**{f"{column}__contains": [code]}) | Q(**{column: []}))
    if region:
        found = found.filter(Q(region_codes__overlap=parents(region)) | Q(region_codes=[]))
    if first_loan:
        found = found.filter(is_first_loan_friendly=True)
    if query.strip():
        text = query.strip()
        found = found.filter(
            Q(name__icontains=text)
            | Q(summary__icontains=text)
            | Q(institution__short_name__icontains=text)
            | Q(institution__organisation__name__icontains=text)
        )
    return found.select_related("institution__organisation").order_by(*PRODUCT_SORTS[sort])


def _within_limits(
    found: QuerySet[Product], amount: Decimal | None, term_months: int | None, max_rate: Decimal | None
) -> QuerySet[Product]:
    if amount is not None:
        found = found.filter(min_amount_cny__lte=amount, max_amount_cny__gte=amount)
    if term_months is not None:
        found = found.filter(min_term_months__lte=term_months, max_term_months__gte=term_months)
    if max_rate is not None:
        found = found.filter(rate_min_ratio__lte=max_rate)
    return found


def get_product(code: str) -> Product | None:
    """Return a product, on sale or not, with its institution; null where there is none of that code."""
    return Product.objects.select_related("institution__organisation").filter(code=code).first()


def products_judging_by(fact: str) -> list[Product]:
    """Products on sale whose criteria name a fact, by institution and code; one query. A broken declaration names none."""
    found = (
        Product.objects.filter(status="published")
        .select_related("institution__organisation")
        .order_by("code")
    )
    return [each for each in found if fact in _facts_of(each)]


def _facts_of(product: Product) -> frozenset[str]:
    try:
        return facts_used(parse_criteria(product.criteria, path=product.code))
    except InvalidValueError:
        return frozenset()


def product_facets() -> dict[str, list[Facet]]:
    """Choices of the supermarket's filters with product counts, in the order of the code lists; two queries."""
    rows = list(
        Product.objects.filter(status="published").values_list(
            "kind", "guarantee_kinds", "purposes", "repayment_methods", "institution_id"
        )
    )
    coded: dict[str, tuple[str, list[list[str]]]] = {
        "kind": ("product_kinds", [[row[0]] for row in rows]),
        "guarantee": ("guarantee_kinds", [row[1] for row in rows]),
        "purpose": ("loan_purposes", [row[2] for row in rows]),
        "repayment": ("repayment_methods", [row[3] for row in rows]),
    }
    facets = {name: _facet(list_id, values) for name, (list_id, values) in coded.items()}
    per_institution: dict[Any, int] = {}
    for row in rows:
        per_institution[row[4]] = per_institution.get(row[4], 0) + 1
    facets["institution"] = [
        Facet(institution.code, institution.short_name, per_institution[institution.pk])
        for institution in Institution.objects.order_by("code")
        if institution.pk in per_institution
    ]
    return facets


def _facet(list_id: str, values: list[list[str]]) -> list[Facet]:
    counts: dict[str, int] = {}
    for codes in values:
        for code in codes:
            counts[code] = counts.get(code, 0) + 1
    return [
        Facet(code, title, counts[code]) for code, title in code_list(list_id).choices() if code in counts
    ]


def list_policies(*, region: str = "", query: str = "") -> QuerySet[Policy]:
    """Policies that apply in a region (its own and those of wider regions), newest first."""
    found = Policy.objects.all()
    if region:
        codes = parents(region)
        found = found.filter(
            region_code__in=["", "00", "000000", *codes, *(code.ljust(6, "0") for code in codes)]
        )
    if query.strip():
        text = query.strip()
        found = found.filter(
            Q(title__icontains=text)
            | Q(summary__icontains=text)
            | Q(document_no__icontains=text)
            | Q(issuer__icontains=text)
        )
    return found.order_by("-effective_from", "title")


def get_policy(policy_id: uuid.UUID | str) -> Policy | None:
    """Return a policy; null where there is none of that key."""
    return Policy.objects.filter(pk=policy_id).first()


def list_institutions() -> QuerySet[Institution]:
    """Institutions with ``products_count``: products on sale."""
    on_sale = Count("products", filter=Q(products__status="published"))
    return (
        Institution.objects.select_related("organisation")
        .annotate(products_count=on_sale)
        .order_by("-products_count", "code")
    )


def get_institution(code: str) -> Institution | None:
    """Return an institution by its code; null where there is none."""
    return Institution.objects.select_related("organisation").filter(code=code).first()


def latest_lpr(on: dt.date | None = None) -> dict[str, Decimal]:
    """Loan prime rate per tenor (``1Y``, ``5Y``) as ratios per year.

    Parameters
    ----------
    on : date or None
        In force on that day; null gives the last one on record.
    """
    return {tenor: lpr(tenor, on or dt.date.max) for tenor in TENORS}


def serves_region(product: Product, region: str) -> bool:
    """Whether a product is offered in a region."""
    return not product.region_codes or bool(set(product.region_codes) & set(parents(check_region(region))))
