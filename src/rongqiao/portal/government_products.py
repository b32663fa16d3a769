"""Government page of products: how many enterprises of the region each product on sale fits, and for how many nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.resources.reach import latest_run, least_told, reaches
from rongqiao.bases.resources.selectors import list_products
from rongqiao.contracts.catalog import regions
from rongqiao.kernel.region import is_within
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.bank_products import ProductRow, reach_columns
from rongqiao.portal.listing import Column, Filter, Listing, place_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

COUNTY = 6


@require_safe
@for_roles(Role.GOVERNMENT_OFFICIAL)
def list_reach(request: HttpRequest) -> HttpResponse:
    """List the products on sale with what each reaches in the official's region, or in a part of it."""
    region = request_scope(request).region
    products = list(list_products())
    least = least_told(timezone.localdate())

    places = dict(_places(region))

    def rows_of(place: str) -> list[ProductRow]:
        # The whole province is one question, whoever asks it: two answers to it would tell more than one.
        is_all = place in regions() and regions()[place].level == "province"
        reached = reaches(products, "" if is_all else place)
        return [ProductRow(product, reached[product.pk]) for product in products]

    def in_place(rows: Sequence[ProductRow], code: str) -> Sequence[ProductRow]:
        # Only as the choices spell it: another spelling of one place would be answered by another draw.
        return rows_of(code) if code in places else rows

    institutions = sorted({each.institution.short_name for each in products})
    listing = Listing(
        request,
        rows_of(region),
        name="products",
        row_url=lambda row: reverse("portal:product", args=[row.product.code]),
        columns=[
            Column("name", "产品", sort="name", value=lambda row: row.product.name),
            Column(
                "institution",
                "机构",
                sort="institution",
                value=lambda row: row.product.institution.short_name,
            ),
            *reach_columns(least),
            Column("state", "核对", "status", value=lambda row: row.state),
            Column("judged_at", "核对时间", "time", value=lambda row: row.reach.judged_at),
        ],
        filters=[
            Filter("place", "市州、县市区", list(places.items()), in_place),
            Filter(
                "institution",
                "机构",
                [(each, each) for each in institutions],
                lambda rows, name: [row for row in rows if row.product.institution.short_name == name],
            ),
            Filter(
                "q", "产品名称", apply=lambda rows, text: [row for row in rows if text in row.product.name]
            ),
        ],
        default_sort="-met",
        empty_title="没有在售产品",
        empty_text="产品由平台运营方按机构报送的产品目录载入。",
    )
    return listing.respond(
        "portal/government/products.html",
        {
            "run": latest_run(),
            "least": least,
            "region_name": place_name(region),
        },
    )


def _places(region: str) -> list[tuple[str, str]]:
    """Prefectures and counties below a region, a county named with its prefecture."""
    found = []
    for code, each in sorted(regions().items()):
        if code == region or not is_within(code, region) or each.level not in {"prefecture", "county"}:
            continue
        above = regions().get(code[:4])
        is_county = len(code) == COUNTY and above is not None
        found.append((code, f"{above.name} {each.name}" if is_county and above else each.name))
    return found
