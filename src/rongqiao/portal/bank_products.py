"""A bank's own products: how many enterprises each reaches and where, and what became of its conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from rongqiao.bases.resources import changes
from rongqiao.bases.resources.reach import (
    Reach,
    eligibility_by_county,
    is_sold_in,
    latest_run,
    least_told,
    reaches,
)
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.criteria_words import describe_criteria
from rongqiao.portal.geography import answer_shapes
from rongqiao.portal.government_map import draw_map
from rongqiao.portal.listing import Column, Filter, Listing, place_name, prefecture_choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

PREFECTURE = 4
ABOUT = "（约，户）"


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product with what it reaches."""

    product: Any
    reach: Reach
    change: Any = None

    @property
    def state(self) -> str:
        """How fresh the count is."""
        return reach_state(self.reach)


def reach_state(reach: Reach) -> str:
    """``reach.current``, ``reach.behind`` (conditions changed since) or ``reach.never``."""
    if reach.judged_at is None:
        return "reach.never"
    return "reach.current" if reach.is_current else "reach.behind"


@require_safe
@for_roles(*BANK)
def list_products(request: HttpRequest) -> HttpResponse:
    """Show the institution's products with what each reaches and the change that is open."""
    scope = request_scope(request)
    products = list(changes.own_products(scope))
    reached = reaches(products)
    opened = {each.product_id: each for each in changes.list_changes(scope).filter(status__in=changes.OPEN)}
    least = least_told(timezone.localdate())
    listing = Listing(
        request,
        [ProductRow(product, reached[product.pk], opened.get(product.pk)) for product in products],
        name="products",
        row_url=lambda row: reverse("portal:bank_product", args=[row.product.code]),
        columns=[
            Column("name", "产品", sort="name", value=lambda row: row.product.name),
            Column("status", "状态", "status", value=lambda row: f"product.{row.product.status}"),
            Column("version", "条件版本", "number", sort="version", value=lambda row: row.product.version),
            *reach_columns(least),
            Column("state", "核对", "status", value=lambda row: row.state),
            Column("judged_at", "核对时间", "time", value=lambda row: row.reach.judged_at),
            Column(
                "change",
                "条件改动",
                "text",
                value=lambda row: row.change.get_status_display() if row.change else None,
                url=lambda row: reverse("portal:bank_change", args=[row.change.pk]) if row.change else "",
            ),
        ],
        filters=[Filter("q", "产品名称", apply=_by_name)],
        empty_title="本机构还没有产品",
        empty_text="产品由平台运营方按机构报送的产品目录载入。",
    )
    return listing.respond("portal/bank/products.html", {"run": latest_run(), "least": least})


def reach_columns(least: int) -> list[Column]:
    """Columns of a product's counts."""

    def hidden(row: ProductRow) -> str:
        return "未核对" if row.reach.judged_at is None else f"少于 {least}"

    titles = {"met": "符合", "unknown": "数据不足", "unmet": "不符合"}
    return [
        Column(key, f"{title}{ABOUT}", "count", sort=key, value=_reader(key), null_text=hidden)
        for key, title in titles.items()
    ]


def _reader(key: str) -> Any:
    return lambda row: getattr(row.reach, key)


def _by_name(rows: Sequence[ProductRow], text: str) -> list[ProductRow]:
    return [row for row in rows if text in row.product.name]


@require_safe
@for_roles(*BANK)
def show_product(request: HttpRequest, code: str) -> HttpResponse:
    """One product: eligible enterprises by county as counts, conditions in force, and how they came about."""
    scope = request_scope(request)
    product = changes.own_product(scope, code)
    if product is None:
        raise Http404(code)
    counties = eligibility_by_county(product)
    reach = reaches([product])[product.pk]
    least = least_told(timezone.localdate())
    past = list(changes.list_changes(scope).filter(product=product))
    hidden = f"少于 {least}"
    none_fit = why_none(
        request, product, "没有核对过的企业", "产品在这里销售，但全省企业中没有所在地为这个市州的。"
    )
    listing = Listing(
        request,
        counties,
        name="counties",
        columns=[
            Column("name", "县市区", sort="name"),
            Column("prefecture", "市州", "region", value=lambda row: row["region_code"][:PREFECTURE]),
            Column("met", f"符合{ABOUT}", "count", sort="met", null_text=hidden),
            Column("unknown", f"数据不足{ABOUT}", "count", sort="unknown", null_text=hidden),
            Column("unmet", f"不符合{ABOUT}", "count", sort="unmet", null_text=hidden),
        ],
        filters=[Filter("prefecture", "市州", prefecture_choices(), by_prefecture)],
        default_sort="-met",
        empty_title="还没有核对过全省企业",
        empty_text="企业数据发布后自动核对，每小时更新一次；也可由平台运营方立即核对。",
        none_fit_title=none_fit[0],
        none_fit_text=none_fit[1],
        further=[Column("region_code", "区划代码")],
    )
    places = [(row["region_code"], row["name"], row["met"], _of_prefecture(row)) for row in counties]
    context = {
        "product": product,
        "reach": reach,
        "state": reach_state(reach),
        "least": least,
        "criteria": describe_criteria(product.criteria),
        "open": next((each for each in past if each.status in changes.OPEN), None),
        "past": [each for each in past if each.status == "published"],
        "map": draw_map(places, metric="met", title="符合条件的企业", unit="户", hidden=hidden),
        "shapes_url": reverse("portal:bank_shapes"),
    }
    return listing.respond("portal/bank/product.html", context)


def why_none(request: HttpRequest, product: Any, title: str, text: str) -> tuple[str, str]:
    """Give title and text for a prefecture without lines: the product is not sold there, or what else it means where it is."""
    code = request.GET.get("prefecture", "").strip()
    if code in dict(prefecture_choices()) and not is_sold_in(product, code):
        return "产品不在这个市州销售", f"{place_name(code)}不在产品的服务地区内，那里的企业不核对。"
    return title, text


def _of_prefecture(row: dict[str, Any]) -> str:
    return f"?prefecture={row['region_code'][:PREFECTURE]}#counties"


def by_prefecture(rows: Sequence[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    """Keep the counties of one prefecture."""
    return [row for row in rows if row["region_code"].startswith(code)]


@require_safe
@for_roles(*BANK)
def send_shapes(request: HttpRequest) -> HttpResponse:
    """GeoJSON of the province's counties; it says nothing of anybody."""
    return answer_shapes("")


@require_POST
@for_roles(*BANK)
def change_product(request: HttpRequest, code: str) -> HttpResponse:
    """Begin a change of the product's conditions, or go on with the open one."""
    change = changes.open_change(scope=request_scope(request), product_code=code, now=timezone.now())
    return redirect("portal:bank_change", change_id=change.pk)
