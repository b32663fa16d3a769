"""All products on sale for one enterprise: which it meets, which lack data, and what is missing for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.views.decorators.http import require_safe

from rongqiao.bases.resources.selectors import product_facets
from rongqiao.kernel.decision import Outcome
from rongqiao.platforms.financing.matching import product_standings
from rongqiao.portal.access import ENTERPRISE, for_roles, request_scope
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.wording import STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from rongqiao.platforms.financing.matching import Standing

GAPS_SHOWN = 3
OUTCOMES = ("met", "unknown", "unmet")


@require_safe
@for_roles(*ENTERPRISE)
def list_products(request: HttpRequest) -> HttpResponse:
    """Every product with its verdict and what would settle it, those that fit first."""
    standings = product_standings(request_scope(request))
    counts = {outcome: standings.count(outcome) for outcome in OUTCOMES}
    kinds = [(facet.code, facet.title) for facet in product_facets()["kind"]]
    listing = Listing(
        request,
        standings.rows,
        name="products",
        row_url=lambda row: reverse("portal:product", args=[row.product.code]),
        columns=[
            Column("name", "产品", sort="name", value=lambda row: row.product.name),
            Column("institution", "机构", value=lambda row: row.product.institution.short_name),
            Column("outcome", "核对结果", "status", value=lambda row: row.decision.outcome.value),
            Column("gaps", "还差什么", value=describe_gaps, null_text="不差"),
            Column("rate", "年利率，最低", "rate", sort="rate", value=lambda row: row.product.rate_min_ratio),
            Column(
                "amount", "最高额度", "money", sort="amount", value=lambda row: row.product.max_amount_cny
            ),
        ],
        filters=[
            Filter(
                "outcome",
                "核对结果",
                [(each, f"{STATUSES[each].text}（{counts[each]}）") for each in OUTCOMES],
                _by_outcome,
            ),
            Filter("kind", "产品类型", kinds, _by_kind),
            Filter("q", "产品或机构", apply=_by_name),
        ],
        empty_title="暂无在售产品",
        empty_text="金融机构发布产品后会显示在这里。",
    )
    context = {"counts": counts, "as_of": standings.as_of, "is_kept": standings.is_kept}
    return listing.respond("portal/enterprise/products.html", context)


def describe_gaps(row: Standing) -> str | None:
    """Say what the enterprise lacks or must supply; null where it meets everything."""
    open_reasons = [each for each in row.decision.reasons if each.outcome is not Outcome.MET]
    if not open_reasons:
        return None
    said = [f"{each.text}（{each.settles}）" if each.settles else each.text for each in open_reasons]
    more = len(said) - GAPS_SHOWN
    return "；".join(said[:GAPS_SHOWN]) + (f"；等 {len(said)} 项" if more > 0 else "")


def _by_outcome(rows: Sequence[Standing], outcome: str) -> list[Any]:
    return [row for row in rows if row.outcome.value == outcome]


def _by_kind(rows: Sequence[Standing], kind: str) -> list[Any]:
    return [row for row in rows if row.product.kind == kind]


def _by_name(rows: Sequence[Standing], text: str) -> list[Any]:
    return [row for row in rows if text in row.product.name or text in row.product.institution.short_name]
