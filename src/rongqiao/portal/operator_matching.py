"""Operator pages of matching: how far the province-wide pass is, what every product reaches, and what banks change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.resources import changes
from rongqiao.bases.resources.reach import latest_run, least_told, reaches
from rongqiao.bases.resources.selectors import list_products
from rongqiao.bases.resources.services import enqueue_matching
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.bank_products import ProductRow, reach_columns
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse


@require_safe
@for_roles(Role.OPERATOR)
def show_matching(request: HttpRequest) -> HttpResponse:
    """Show the last pass, and every product on sale with what it reaches."""
    htmx = getattr(request, "htmx", None)
    if htmx and htmx.target == "matching-run":
        return render(request, "portal/operator/matching_run.html", {"run": latest_run()})
    products = list(list_products())
    reached = reaches(products)
    least = least_told(timezone.localdate())
    institutions = sorted({each.institution.short_name for each in products})
    listing = Listing(
        request,
        [ProductRow(product, reached[product.pk]) for product in products],
        name="products",
        columns=[
            Column("name", "产品", sort="name", value=lambda row: row.product.name),
            Column(
                "institution",
                "机构",
                sort="institution",
                value=lambda row: row.product.institution.short_name,
            ),
            Column("version", "条件版本", "number", sort="version", value=lambda row: row.product.version),
            *reach_columns(least),
            Column("state", "核对", "status", value=lambda row: row.state),
            Column("judged_at", "核对时间", "time", value=lambda row: row.reach.judged_at),
        ],
        filters=[
            Filter("institution", "机构", [(each, each) for each in institutions], _by_institution),
            Filter("q", "产品名称", apply=_by_name),
        ],
        default_sort="-met",
        empty_title="没有在售产品",
        empty_text="先用 rongqiao market load 载入产品目录。",
    )
    return listing.respond("portal/operator/matching.html", {"run": latest_run(), "least": least})


def _by_institution(rows: Sequence[ProductRow], name: str) -> list[ProductRow]:
    return [row for row in rows if row.product.institution.short_name == name]


def _by_name(rows: Sequence[ProductRow], text: str) -> list[ProductRow]:
    return [row for row in rows if text in row.product.name]


@require_POST
@for_roles(Role.OPERATOR)
def refresh(request: HttpRequest) -> HttpResponse:
    """Ask for the pass now instead of at its hour."""
    enqueue_matching(now=timezone.now())
    messages.success(request, "已排队：条件或数据有变动的产品会在后台重新核对。")
    return redirect("portal:operator_matching")


@require_safe
@for_roles(Role.OPERATOR)
def list_changes(request: HttpRequest) -> HttpResponse:
    """Show what banks change of their products' conditions, and what their trials told them."""
    listing = Listing(
        request,
        changes.list_changes(request_scope(request)),
        name="changes",
        columns=[
            Column("product.name", "产品", sort="product__name"),
            Column("institution.short_name", "机构", sort="institution__short_name"),
            Column("status", "状态", "status", option="change"),
            Column("note", "改动理由"),
            Column("after", "符合企业（约，户）", value=_enterprises),
            Column("dropped", "失去 / 往年匹配（笔）", value=_matches),
            Column("drafted_by.full_name", "起草人"),
            Column("decided_by", "复核人", value=lambda row: row.decided_by and row.decided_by.full_name),
            Column("drafted_at", "起草", "date", sort="drafted_at"),
            Column("decided_at", "发布", "date", sort="decided_at"),
        ],
        filters=[
            Filter("state", "状态", changes.STATUSES, lambda rows, state: rows.filter(status=state)),
            Filter("q", "产品名称", apply=lambda rows, text: rows.filter(product__name__icontains=text[:60])),
            Filter(
                "institution",
                "机构",
                apply=lambda rows, text: rows.filter(institution__short_name__icontains=text[:60]),
            ),
        ],
        default_sort="-drafted_at",
        empty_title="还没有银行改过准入条件",
        empty_text="银行在“我行产品”里起草、试算并经第二人复核后发布。",
    )
    return listing.respond("portal/operator/criteria_changes.html")


def _told(figures: dict[str, Any], name: str) -> str:
    return f"少于 {figures['least']}" if figures[name] is None else f"{figures[name]:,}"


def _enterprises(change: Any) -> str | None:
    figures = change.figures
    return f"{_told(figures, 'before')} → {_told(figures, 'after')}" if figures else None


def _matches(change: Any) -> str | None:
    figures = change.figures
    return f"{_told(figures, 'matches_dropped')} / {figures['matches']:,}" if figures else None
