"""Government workspace: what changed, the map, the funnel, the trend, who responds, how fresh the data are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises.selectors import source_statuses
from rongqiao.contracts.catalog import industries, regions
from rongqiao.government import selectors
from rongqiao.government.disclosure import cell_minimum
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.charts import Chart, scale_cny
from rongqiao.portal.freshness import judge_sources
from rongqiao.portal.geography import answer_shapes
from rongqiao.portal.government_change import largest_change
from rongqiao.portal.government_map import METRICS, build_map
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.source_listing import freshness_listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

TOP = 8
LEAST_MONTHS = 4
WHOLE_PROVINCE = "43"
MARKET = "来源：平台融资需求与金融机构放款登记"


@require_safe
@for_roles(Role.GOVERNMENT_OFFICIAL)
def show_overview(request: HttpRequest) -> HttpResponse:
    """Overview of the official's region."""
    found = selectors.overview(request_scope(request))
    today = timezone.localdate()
    sources = judge_sources(source_statuses(), today)
    listing = freshness_listing(
        request, sources, empty_title="还没有数据来源", empty_text="部门首次报送并发布后显示。"
    )
    return listing.respond(
        "portal/government/overview.html",
        found
        | {
            "change": largest_change(found["trend"], today),
            "map": build_map(found["counties"], request.GET.get("metric", ""), found["threshold"]),
            "metrics": [(key, title) for key, (title, _unit) in METRICS.items()],
            "shapes_url": f"{reverse('portal:government_map')}?region={found['region_code']}",
            "charts": trend_charts(found["trend"], found["threshold"]),
            "top_institutions": found["institutions"][:TOP],
            "judged": sources,
            "late": sum(each.is_late for each in sources),
            "funnel_steps": _bars(found["funnel"]),
            "today": today,
        },
    )


@require_safe
@for_roles(Role.GOVERNMENT_OFFICIAL)
def send_shapes(request: HttpRequest) -> HttpResponse:
    """GeoJSON of the counties of the official's region."""
    return answer_shapes(request_scope(request).region)


@require_safe
@for_roles(Role.GOVERNMENT_OFFICIAL)
def list_counties(request: HttpRequest) -> HttpResponse:
    """List the counties of the region with their figures."""
    cells = selectors.map_cells(request_scope(request))
    hidden = f"少于 {cell_minimum(selectors.RULE_DAY)}"
    listing = Listing(
        request,
        [row | {"prefecture": regions()[row["code"][:4]].name} for row in cells],
        name="counties",
        row_url=lambda row: reverse("portal:government_county", args=[row["code"]]),
        columns=[
            Column("name", "县市区", sort="code"),
            Column("prefecture", "市州"),
            Column("enterprises", "存续企业（户）", "number", sort="enterprises", null_text=hidden),
            Column("demands", "需求（笔）", "number", sort="demands", null_text=hidden),
            Column("demand_amount_cny", "需求金额", "money", sort="demand_amount_cny"),
            Column("loans", "放款（笔）", "number", sort="loans", null_text=hidden),
            Column("loan_amount_cny", "放款金额", "money", sort="loan_amount_cny"),
        ],
        filters=[
            Filter(
                "prefecture",
                "市州",
                [(code, each.name) for code, each in regions().items() if each.level == "prefecture"],
                lambda rows, code: [row for row in rows if row["code"].startswith(code)],
            )
        ],
        default_sort="-loans",
        page_size=50,
    )
    return listing.respond("portal/government/counties.html")


@require_safe
@for_roles(Role.GOVERNMENT_OFFICIAL)
def show_county(request: HttpRequest, code: str) -> HttpResponse:
    """One county, or a prefecture with its counties."""
    found = selectors.county_overview(request_scope(request), code)
    sections = [
        (
            (industries()[row["section"]].name if row["section"] in industries() else "行业未填"),
            row["demands"],
        )
        for row in found["industries"]
    ]
    return render(
        request,
        "portal/government/county.html",
        found
        | {
            "charts": trend_charts(found["trend"], found["threshold"]) if _has_trend(found["trend"]) else [],
            "sections": sections,
            "prefecture": regions()[found["region_code"][:4]] if len(found["region_code"]) > 4 else None,
            "inner": [row for row in found["counties"] if row["code"] != found["region_code"]],
        },
    )


@require_safe
@for_roles(Role.GOVERNMENT_OFFICIAL)
def list_institutions(request: HttpRequest) -> HttpResponse:
    """Institutions by how they respond to what was pushed to them."""
    found = selectors.overview(request_scope(request))
    hidden = f"少于 {found['threshold']}"
    listing = Listing(
        request,
        found["institutions"],
        name="institutions",
        columns=[
            Column("name", "机构", sort="name"),
            Column("pushes", "推送（笔）", "number", sort="pushes", null_text=hidden),
            Column("takes", "抢单（笔）", "number", sort="takes", null_text=hidden),
            Column("taken_share_ratio", "抢单率", "rate", sort="taken_share_ratio"),
            Column("response_hours", "平均响应（小时）", "number", sort="response_hours", value=_hours),
            Column("loans", "放款（笔）", "number", sort="loans", null_text=hidden),
            Column("loan_amount_cny", "放款金额", "money", sort="loan_amount_cny"),
        ],
        filters=[
            Filter("q", "机构名称", apply=lambda rows, text: [row for row in rows if text in row["name"]])
        ],
        default_sort="-taken_share_ratio",
        page_size=50,
        empty_title="还没有推送过需求",
    )
    return listing.respond("portal/government/institutions.html", {"threshold": found["threshold"]})


def trend_charts(trend: Sequence[dict[str, Any]], threshold: int) -> list[Chart]:
    """Draw counts and amounts by month; a hidden month is a gap."""
    labels = [f"{row['month'] // 100}-{row['month'] % 100:02d}" for row in trend]
    source = f"{MARKET}；少于 {threshold} 笔的月份不显示，当月未满"
    wanted, paid = (_floats(trend, key) for key in ("demand_amount_cny", "loan_amount_cny"))
    amounts, unit = scale_cny([*wanted, *paid])
    return [
        Chart(
            "trend-counts",
            "每月需求与放款笔数",
            labels,
            {"需求": [row["demands"] for row in trend], "放款": [row["loans"] for row in trend]},
            "笔",
            source,
        ),
        Chart(
            "trend-amounts",
            "每月需求与放款金额",
            labels,
            {"需求": amounts[: len(trend)], "放款": amounts[len(trend) :]},
            unit,
            source,
        ),
    ]


def _has_trend(trend: Sequence[dict[str, Any]]) -> bool:
    """Whether enough months can be told; a line through gaps would say what is not known."""
    return (
        max(sum(bool(row[key]) for row in trend) for key in ("demands", "loans")) >= LEAST_MONTHS
        if trend
        else False
    )


def _floats(trend: Sequence[dict[str, Any]], key: str) -> list[float | None]:
    return [None if row[key] is None else float(row[key]) for row in trend]


def _bars(funnel: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each step the width of its bar: enterprises against the first step, demands against those published."""
    first = next((row["value"] for row in funnel if row["value"]), None)
    return [
        row
        | {
            "width": round(
                100
                * (
                    row["share_ratio"]
                    if row["share_ratio"] is not None
                    else (row["value"] or 0) / (first or 1)
                )
            )
        }
        for row in funnel
    ]


def _hours(row: dict[str, Any]) -> float | None:
    hours = row["response_hours"]
    return None if hours is None else round(hours, 1)
