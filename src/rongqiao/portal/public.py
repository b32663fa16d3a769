"""Pages for everybody: home, product supermarket, policies, institutions, transparency."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from rongqiao.bases.enterprises.selectors import source_statuses
from rongqiao.bases.resources import selectors as resources
from rongqiao.bases.resources.reach import eligibility_by_prefecture
from rongqiao.contracts.catalog import code_list, consent_data_classes, consent_purposes, regions
from rongqiao.kernel.money import WAN
from rongqiao.platforms.financing import selectors as market
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.criteria_words import describe_criteria
from rongqiao.portal.forms import StartForm
from rongqiao.portal.listing import Column, Filter, Listing, prefecture_choices
from rongqiao.portal.public_figures import home_figures
from rongqiao.windows.selectors import get_window

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

TERMS = [("6", "6 个月"), ("12", "1 年"), ("24", "2 年"), ("36", "3 年"), ("60", "5 年")]
AMOUNTS = [
    ("50", "50 万元"),
    ("100", "100 万元"),
    ("300", "300 万元"),
    ("500", "500 万元"),
    ("1000", "1000 万元"),
]
RATES = [("0.035", "3.5% 以内"), ("0.04", "4% 以内"), ("0.05", "5% 以内"), ("0.06", "6% 以内")]


@require_safe
@for_roles()
def show_home(request: HttpRequest) -> HttpResponse:
    """Home: start a demand, what the platform has done, products, policies, who can read my data."""
    return render(
        request,
        "portal/public/home.html",
        {
            "form": StartForm(),
            "figures": home_figures(),
            "products": resources.list_products(sort="newest")[:6],
            "policies": resources.list_policies(region=get_window().region_code).exclude(effective_from=None)[
                :4
            ],
        },
    )


@require_safe
@for_roles()
def list_products(request: HttpRequest) -> HttpResponse:
    """Supermarket: every product on sale, filtered by what an enterprise knows of itself."""
    facets = resources.product_facets()
    asked = request.GET
    rows = resources.list_products(
        kind=_one_of(asked.get("kind"), facets["kind"]),
        amount=_amount(asked.get("amount")),
        term_months=_number(asked.get("term")),
        guarantee=_one_of(asked.get("guarantee"), facets["guarantee"]),
        region=_region(asked.get("region")),
        purpose=_one_of(asked.get("purpose"), facets["purpose"]),
        institution=_one_of(asked.get("institution"), facets["institution"]),
        max_rate=_ratio(asked.get("rate")),
        first_loan=asked.get("first_loan") == "1" or None,
        query=asked.get("q", "")[:60],
    )
    listing = Listing(
        request,
        rows,
        name="products",
        row_template="portal/public/product_card.html",
        row_url=lambda product: reverse("portal:product", args=[product.code]),
        columns=[
            Column("name", "产品"),
            Column("institution.short_name", "机构"),
            Column("rate_min_ratio", "最低年利率", "rate", sort="rate_min_ratio"),
            Column("max_amount_cny", "最高额度", "money", sort="max_amount_cny"),
            Column("processing_days", "办理时限（工作日）", "number", sort="processing_days"),
            Column("published_on", "发布时间", "date", sort="published_on"),
        ],
        filters=[
            Filter("q", "关键词"),
            Filter("amount", "需要多少", AMOUNTS),
            Filter("term", "用多久", TERMS),
            Filter("purpose", "用途", _choices(facets["purpose"])),
            Filter("guarantee", "担保方式", _choices(facets["guarantee"])),
            Filter("region", "企业所在地", prefecture_choices()),
            Filter("kind", "产品类型", _choices(facets["kind"])),
            Filter("rate", "利率", RATES),
            Filter("institution", "机构", _choices(facets["institution"])),
            Filter("first_loan", "首贷", [("1", "支持首贷")]),
        ],
        default_sort="rate_min_ratio",
        page_size=12,
        empty_title="暂无在售产品",
        empty_text="金融机构发布产品后会显示在这里。",
    )
    return listing.respond("portal/public/products.html")


@require_safe
@for_roles()
def show_product(request: HttpRequest, code: str) -> HttpResponse:
    """One product: terms, criteria in words, materials, prime rate for comparison, who can reach it."""
    product = resources.get_product(code)
    if product is None:
        raise Http404(code)
    eligibility = eligibility_by_prefecture(product)
    return render(
        request,
        "portal/public/product.html",
        {
            "product": product,
            "criteria": describe_criteria(product.criteria),
            "verdict": _own_verdict(request, code),
            "lpr": resources.latest_lpr(),
            "eligibility": eligibility,
            "as_of": eligibility[0]["as_of"] if eligibility else None,
        },
    )


@require_safe
@for_roles()
def list_policies(request: HttpRequest) -> HttpResponse:
    """Policies in force here, newest first."""
    region = _region(request.GET.get("region")) or get_window().region_code
    listing = Listing(
        request,
        resources.list_policies(region=region, query=request.GET.get("q", "")[:60]),
        name="policies",
        row_url=lambda policy: reverse("portal:policy", args=[policy.pk]),
        columns=[
            Column("title", "政策"),
            Column("issuer", "发文机关"),
            Column("document_no", "文号"),
            Column("benefit", "支持内容"),
            Column("region_code", "适用地区", "region", null_text="全国"),
            Column("effective_from", "生效日期", "date", sort="effective_from", null_text="原文未载"),
        ],
        filters=[Filter("q", "关键词"), Filter("region", "适用地区", prefecture_choices())],
        default_sort="-effective_from",
        empty_title="暂无政策",
        empty_text="政策入库后会显示在这里。",
    )
    return listing.respond("portal/public/policies.html")


@require_safe
@for_roles()
def show_policy(request: HttpRequest, policy_id: uuid.UUID) -> HttpResponse:
    """One policy with its conditions in words and its source."""
    policy = resources.get_policy(policy_id)
    if policy is None:
        raise Http404(str(policy_id))
    context = {"policy": policy, "criteria": describe_criteria(policy.criteria)}
    return render(request, "portal/public/policy.html", context)


@require_safe
@for_roles()
def list_institutions(request: HttpRequest) -> HttpResponse:
    """Institutions on the platform with their products."""
    listing = Listing(
        request,
        resources.list_institutions(),
        name="institutions",
        row_url=lambda row: f"{reverse('portal:products')}?institution={row.code}",
        columns=[
            Column("organisation.name", "机构", sort="organisation__name"),
            Column("kind", "类型", "code", sort="kind", option="institution_kinds"),
            Column("products_count", "在售产品", "number", sort="products_count"),
            Column("phone", "服务电话"),
        ],
        filters=[Filter("kind", "机构类型", code_list("institution_kinds").choices(), _by_kind)],
        page_size=30,
    )
    return listing.respond("portal/public/institutions.html")


@require_safe
@for_roles()
def show_transparency(request: HttpRequest) -> HttpResponse:
    """Say what data there is, who may read it for what, how to object, how fresh each source is."""
    listing = Listing(
        request,
        source_statuses(),
        name="source_list",
        columns=[
            Column("title", "数据", sort="title"),
            Column("department", "来源部门", "code", sort="department", option="departments"),
            Column("delivered_on", "最近报送", "date", sort="delivered_on", null_text="尚未报送"),
            Column("rows_in", "收到记录", "count", value=_if_delivered("rows_in")),
            Column("rows_quarantined", "隔离记录", "count", value=_if_delivered("rows_quarantined")),
            Column("enterprises", "覆盖企业", "count", value=_if_delivered("enterprises")),
        ],
        filters=[
            Filter("q", "数据", apply=lambda rows, text: rows.filter(title__icontains=text[:60])),
            Filter(
                "department",
                "来源部门",
                code_list("departments").choices(),
                lambda rows, code: rows.filter(department=code),
            ),
        ],
        empty_title="尚无部门报送数据",
        empty_text="报送后，这里会列出每个来源的最近日期与质量。",
    )
    context = {"classes": consent_data_classes().values(), "purposes": consent_purposes().values()}
    return listing.respond("portal/public/transparency.html", context)


def _if_delivered(count: str) -> Callable[[Any], int | None]:
    """Read a count of a source; of one that never came there is none, not even zero."""
    return lambda source: getattr(source, count) if source.delivered_on else None


def _own_verdict(request: HttpRequest, code: str) -> Any:
    """Verdict on the product for the reader's own enterprise; null for all other readers."""
    judged = market.eligible_products(request_scope(request))
    return next((each.decision for each in judged if each.product.code == code), None)


def _by_kind(rows: Any, kind: str) -> Any:
    return rows.filter(kind=kind)


def _choices(facets: list[resources.Facet]) -> list[tuple[str, str]]:
    return [(facet.code, f"{facet.title}（{facet.count}）") for facet in facets]


def _one_of(value: str | None, facets: list[resources.Facet]) -> str:
    """Return the value if it is one of the choices; anything typed into the address is ignored."""
    return value if value and value in {facet.code for facet in facets} else ""


def _region(value: str | None) -> str:
    return value if value and value in regions() else ""


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) <= 4 else None


def _ratio(value: str | None) -> Decimal | None:
    try:
        number = Decimal(value or "")
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 < number < 1 else None


def _amount(value: str | None) -> Decimal | None:
    """Read an amount in 万元 from the address."""
    try:
        number = Decimal(value or "")
    except InvalidOperation:
        return None
    return number * WAN if number.is_finite() and 0 < number < 10_000_000 else None
