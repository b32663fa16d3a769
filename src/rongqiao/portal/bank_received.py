"""Lists that government bodies handed to the bank: counts at once, names of those that agreed when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from rongqiao.kernel.errors import RongqiaoError
from rongqiao.platforms.financing.screening import handover_selectors, handovers
from rongqiao.platforms.financing.screening.selectors import budgets_left
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.screening import named_listing, total, total_null
from rongqiao.portal.screening_words import bars, figures_chart_source, names_file, profiles, reader_mark
from rongqiao.portal.wording import choices
from rongqiao.rules.transitions import states

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest


@require_safe
@for_roles(*BANK)
def list_received(request: HttpRequest) -> HttpResponse:
    """Show what government bodies handed over, newest first."""
    scope, now = request_scope(request), timezone.now()
    listing = Listing(
        request,
        handover_selectors.with_state(handover_selectors.list_received(scope), now),
        name="received",
        row_url=lambda row: reverse("portal:bank_received_list", args=[row.pk]),
        columns=[
            Column("list_title", "名单", sort="list_title"),
            Column("organisation.name", "交付部门", sort="organisation__name"),
            Column(
                "state",
                "状态",
                "status",
                sort="state",
                value=lambda row: f"handover.{row.state}",
            ),
            Column("conditions", "条件（个）", "number", value=lambda row: len(row.conditions)),
            Column(
                "total",
                "符合（约，户）",
                "count",
                value=lambda row: total(row) if handovers.is_live(row, now) else None,
                null_text=lambda row: total_null(row) if handovers.is_live(row, now) else "不再显示",
            ),
            Column("named_count", "已告知企业（户）", "count", sort="named_count"),
            Column("handed_at", "交付时间", "time", sort="handed_at"),
            Column("expires_on", "有效期至", "date", sort="expires_on"),
        ],
        filters=[
            Filter("q", "名单名称", apply=lambda rows, text: rows.filter(list_title__icontains=text[:60])),
            Filter(
                "state",
                "状态",
                choices(states("screening_handover"), "handover"),
                lambda rows, state: rows.filter(state=state),
            ),
        ],
        default_sort="-handed_at",
        empty_title="还没有政府部门交付的名单",
        empty_text="政府部门把名单交付本行后，会列在这里：先看统计数，企业同意的可取得名称。",
    )
    return listing.respond("portal/bank/received_lists.html")


@require_safe
@for_roles(*BANK)
def show_received(request: HttpRequest, handover_id: uuid.UUID) -> HttpResponse:
    """One of them: its counts, the names that may be shown, and how far the bank has come."""
    return _page(request, handover_id)


def _page(request: HttpRequest, handover_id: uuid.UUID, refusal: RongqiaoError | None = None) -> HttpResponse:
    scope, now = request_scope(request), timezone.now()
    handover = handover_selectors.get_received(scope, handover_id)
    if handover is None:
        raise Http404(str(handover_id))
    is_live = handovers.is_live(handover, now)
    # What was taken back or is over shows neither counts nor names; how far the bank came stays its own.
    figures = handover.figures if is_live else None
    named, performance = handover_selectors.list_received_names(scope, handover, now)
    url = reverse("portal:bank_received_list", args=[handover_id])
    context: dict[str, Any] = {
        "handover": handover,
        "state": handover_selectors.state_of(handover, now),
        "is_live": is_live,
        "conditions": [each["text"] for each in handover.conditions],
        "figures": figures,
        "bars": bars(figures),
        "profiles": profiles(figures),
        "source": figures_chart_source(figures),
        "performance": performance if handover.named_at else None,
        "mark": reader_mark(request),
        "budgets": budgets_left(scope, now),
        "refusal": refusal,
    }
    if handover.named_at is None:
        return render(request, "portal/bank/received_list.html", context, status=422 if refusal else 200)
    answer = named_listing(request, named, url).respond("portal/bank/received_list.html", context)
    answer.status_code = 422 if refusal else 200
    return answer


@require_POST
@for_roles(*BANK)
def ask_names(request: HttpRequest, handover_id: uuid.UUID) -> HttpResponse:
    """Ask for the names of those that agreed; a refusal says in place why."""
    scope = request_scope(request)
    if handover_selectors.get_received(scope, handover_id) is None:
        raise Http404(str(handover_id))
    try:
        named = handovers.ask_names(scope=scope, handover_id=handover_id, now=timezone.now())
    except RongqiaoError as error:
        return _page(request, handover_id, error)
    messages.success(request, f"已取得 {len(named)} 户企业的名称，这些企业看得到本行因这份名单得知其名称。")
    return redirect("portal:bank_received_list", handover_id=handover_id)


@require_POST
@for_roles(*BANK)
def export(request: HttpRequest, handover_id: uuid.UUID) -> HttpResponse:
    """Send the names that may be shown as CSV, each line marked."""
    scope, now = request_scope(request), timezone.now()
    if handover_selectors.get_received(scope, handover_id) is None:
        raise Http404(str(handover_id))
    handover = handovers.record_handover_export(scope=scope, handover_id=handover_id, now=now)
    rows, _ = handover_selectors.list_received_names(scope, handover, now)
    return names_file(
        request,
        rows,
        f"{handover.list_title}（{handover.organisation.name}交付）",
        handover.expires_on,
        handover_id,
    )
