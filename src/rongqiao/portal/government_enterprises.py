"""Officials look up an enterprise of their region for a matter of duty: public classes only, each reading on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.figure_traces import read_figure_trace_on_duty
from rongqiao.bases.enterprises.portraits import DUTY_MATTERS
from rongqiao.bases.enterprises.resolution.selectors import dissents_of
from rongqiao.bases.enterprises.services import read_portrait_on_duty
from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.portraits import portrait_context
from rongqiao.portal.tracing import trace_context

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

LONGEST = 60


@require_safe
@for_roles(Role.GOVERNMENT_OFFICIAL)
def list_enterprises(request: HttpRequest) -> HttpResponse:
    """Find enterprises of the region in the public register, by name or code."""
    asked = request.GET.get("q", "")[:LONGEST]
    listing = Listing(
        request,
        base.find_regional_enterprises(request_scope(request), asked),
        name="enterprises",
        row_url=lambda row: reverse("portal:government_enterprise", args=[row.pk]),
        columns=[
            Column("name", "企业", sort="name"),
            Column("uscc", "统一社会信用代码", sort="uscc"),
            Column("status", "登记状态"),
            Column("county_code", "县市区", "region", sort="county_code"),
            Column("established_on", "成立日期", "date", sort="established_on"),
        ],
        filters=[Filter("q", "企业名称或统一社会信用代码")],
        default_sort="name",
        empty_title="没有找到企业" if asked.strip() else "请输入企业名称或统一社会信用代码",
        empty_text="只能查询本部门所辖区域内的企业。查看画像须选择履职事项，查看会留下企业可见的记录。",
    )
    return listing.respond("portal/government/enterprises.html")


@require_safe
@for_roles(Role.GOVERNMENT_OFFICIAL)
def show_enterprise(request: HttpRequest, uscc: str) -> HttpResponse:
    """Public register entry, and once a matter is named the portrait; opening it is a reading that the enterprise sees."""
    scope = request_scope(request)
    entry = _entry(request, uscc)
    matter = request.GET.get("matter", "")
    context = {
        "entry": entry,
        "matter": matter,
        "matters": DUTY_MATTERS.items(),
        "withheld": [each.title for each in consent_data_classes().values() if not each.is_public],
        "classes": [each.title for each in consent_data_classes().values() if each.is_public],
    }
    if matter:
        portrait = read_portrait_on_duty(scope=scope, uscc=uscc, matter=matter, now=timezone.now())
        context |= portrait_context(portrait) | {
            "traces": "government",
            "matter_title": DUTY_MATTERS[matter],
            "dissents": dissents_of(scope, uscc),
        }
    return render(request, "portal/government/enterprise.html", context)


@require_safe
@for_roles(Role.GOVERNMENT_OFFICIAL)
def trace_figure(request: HttpRequest, uscc: str, indicator_id: str) -> HttpResponse:
    """Follow a public figure to the rows it rests on; a reading that the enterprise sees."""
    entry = _entry(request, uscc)
    matter = request.GET.get("matter", "")
    if not matter:
        return redirect("portal:government_enterprise", uscc=uscc)
    found = read_figure_trace_on_duty(
        scope=request_scope(request), uscc=uscc, matter=matter, indicator_id=indicator_id, now=timezone.now()
    )
    context = {
        "entry": entry,
        "matter": matter,
        "figure": found.figure,
        **trace_context(found.trace),
    }
    return render(request, "portal/government/figure_trace.html", context)


def _entry(request: HttpRequest, uscc: str) -> Any:
    entry = base.get_regional_enterprise(request_scope(request), uscc)
    if entry is None:
        raise Http404(uscc)
    return entry
