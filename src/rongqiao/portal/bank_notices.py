"""Corrections of facts in reports that the bank holds: what was told, what changed, and that it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from rongqiao.platforms.credit import notices
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    from typing import Any

    from django.http import HttpRequest, HttpResponse

STATES = [("unread", "未阅"), ("read", "已阅")]


@require_safe
@for_roles(*BANK)
def list_notices(request: HttpRequest) -> HttpResponse:
    """Every correction in reports that this institution was given, unread ones recognisable by their word."""
    listing = Listing(
        request,
        notices.list_notices(request_scope(request)),
        name="notices",
        row_url=lambda row: reverse("portal:bank_notice", args=[row.pk]),
        columns=[
            Column("report.subject_name", "企业", sort="report__subject_name"),
            Column("state", "状态", "status", value=notice_state),
            Column("table", "更正的数据", sort="table"),
            Column("changes", "变化", "number", value=lambda row: len(row.changes)),
            Column("report.issued_at", "报告出具", "time", sort="report__issued_at"),
            Column("told_at", "告知时间", "time", sort="told_at"),
        ],
        filters=[
            Filter("state", "状态", STATES, _by_state),
            Filter(
                "q",
                "企业名称",
                apply=lambda rows, text: rows.filter(report__subject_name__icontains=text[:60]),
            ),
        ],
        default_sort="-told_at",
        empty_title="没有更正告知",
        empty_text="本行查阅过的报告如有数据更正，会逐件告知在这里，报告原文不变。",
        empty_url=reverse("portal:bank_reports"),
        empty_label=_("看信用报告"),
    )
    return listing.respond("portal/bank/notices.html")


def notice_state(row: Any) -> str:
    """``unread`` or ``read``."""
    return "read" if row.seen_at else "unread"


def _by_state(rows: Any, state: str) -> Any:
    return rows.filter(seen_at__isnull=state == "unread")


@require_safe
@for_roles(*BANK)
def show_notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """One correction: every value of the report that it changes, before and after."""
    notice = notices.list_notices(request_scope(request)).filter(pk=notice_id).first()
    if notice is None:
        raise Http404(str(notice_id))
    return render(request, "portal/bank/notice.html", {"notice": notice, "state": notice_state(notice)})


@require_POST
@for_roles(*BANK)
def acknowledge(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Note that it was read."""
    notice = notices.acknowledge_notice(scope=request_scope(request), notice_id=notice_id, now=timezone.now())
    if notice is None:
        raise Http404(str(notice_id))
    messages.success(request, "已登记已阅。")
    return redirect("portal:bank_notice", notice_id=notice_id)
