"""Operator pages of screening: all lists with how many they named, and who asked how much on which day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.platforms.financing.screening import selectors
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.screening import FILTERS

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
@for_roles(Role.OPERATOR)
def list_screenings(request: HttpRequest) -> HttpResponse:
    """Show the lists of all organisations; never whom they name."""
    now = timezone.now()
    listing = Listing(
        request,
        selectors.with_state(selectors.oversee_screenings(request_scope(request)), now),
        name="screenings",
        columns=[
            Column("title", "名单", sort="title"),
            Column("organisation.name", "机构", sort="organisation__name"),
            Column(
                "state",
                "状态",
                "status",
                sort="state",
                value=lambda row: f"screening.{row.state}",
            ),
            Column(
                "conditions", "条件", value=lambda row: "；".join(e["text"] for e in row.conditions) or "无"
            ),
            Column("banks_count", "交付银行（家）", "number", sort="banks_count"),
            Column("told_count", "告知企业（户次）", "count", sort="told_count"),
            Column("created_by.full_name", "建立人", sort="created_by__full_name"),
            Column("created_at", "建立", "date", sort="created_at"),
            Column("expires_on", "有效期至", "date", sort="expires_on"),
        ],
        filters=[
            *FILTERS,
            Filter(
                "organisation",
                "机构",
                apply=lambda rows, text: rows.filter(organisation__name__icontains=text[:60]),
            ),
        ],
        default_sort="-created_at",
        empty_title="还没有机构建立筛选名单",
    )
    return listing.respond("portal/operator/screenings.html")


KINDS = {"count": "统计", "name": "企业名称", "export": "导出"}


def _person(row: dict[str, Any]) -> str:
    return str(row["user__full_name"] or row["user__username"])


def _used_up(row: dict[str, Any]) -> str:
    """Kinds of which the person had all that the day allowed, each with that limit."""
    used = [(title, row["limits"][kind]) for kind, title in KINDS.items() if row[kind] >= row["limits"][kind]]
    return "、".join(f"{title}（{limit:,}）" for title, limit in used)


@require_safe
@for_roles(Role.OPERATOR)
def list_spending(request: HttpRequest) -> HttpResponse:
    """Show questions, names and exports per person and day."""
    listing = Listing(
        request,
        selectors.list_spending(request_scope(request)),
        name="spending",
        columns=[
            Column("asked_on", "日期", "date", sort="asked_on"),
            Column("organisation__name", "机构", sort="organisation__name"),
            Column("user__full_name", "人员", sort="user__full_name", value=_person),
            Column("count", "统计（组）", "number", sort="count"),
            Column("name", "企业名称（户）", "number", sort="name"),
            Column("export", "导出（次）", "number", sort="export"),
            Column("full", "当日用满", value=_used_up),
        ],
        filters=[
            Filter(
                "organisation",
                "机构",
                apply=lambda rows, text: [row for row in rows if text in row["organisation__name"]],
            ),
            Filter("q", "人员", apply=lambda rows, text: [row for row in rows if text in _person(row)]),
            Filter(
                "full",
                "当日用满",
                [("yes", "用满任一项额度")],
                lambda rows, _: [row for row in rows if _used_up(row)],
            ),
        ],
        default_sort="-asked_on",
        empty_title="还没有人筛选过",
        empty_text="银行和政府部门按条件统计、取得名称或导出后，按人按日列在这里。",
    )
    return listing.respond("portal/operator/screening_budgets.html")
