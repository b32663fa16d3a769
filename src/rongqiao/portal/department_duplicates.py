"""Rows that the department closed as duplicates: what, by whom and why; and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from rongqiao.bases.enterprises.intake import duplicates, selectors
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.department_deliveries import CLERKS, table_title
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

STATES = [("closed", "确认重复，不再办理"), ("waiting", "已恢复办理")]


@require_safe
@for_roles(*CLERKS)
def list_duplicates(request: HttpRequest) -> HttpResponse:
    """Every closing, those taken back among them; newest first."""
    return _page(request)


def _page(request: HttpRequest, problem: str = "") -> HttpResponse:
    scope = request_scope(request)
    listing = Listing(
        request,
        selectors.with_given_names(scope, selectors.list_duplicates(scope)),
        name="duplicates",
        path=reverse("portal:department_duplicates"),
        row_template="portal/department/duplicate_card.html",
        row_url=lambda row: reverse("portal:department_duplicate_reopen", args=[row.pk]),
        columns=[
            Column("given_name", "文件", sort="given_name"),
            Column("line", "行", "number"),
            Column("contract_id", "数据表", value=lambda row: table_title(row.contract_id)),
            Column("state", "状态", "status", option="quarantined_row"),
            Column("reason", "确认重复的理由"),
            Column("closed_by", "确认人", value=lambda row: _name(row.closed_by)),
            Column("closed_at", "确认时间", "time", sort="closed_at"),
            Column("reopen_reason", "恢复办理的理由"),
            Column("reopened_by", "恢复人", value=lambda row: _name(row.reopened_by)),
            Column("reopened_at", "恢复时间", "time"),
        ],
        filters=[
            Filter(
                "state",
                "状态",
                STATES,
                lambda rows, value: rows.filter(reopened_at__isnull=value == "closed"),
            ),
            Filter("q", "文件名", apply=selectors.of_file),
        ],
        default_sort="-closed_at",
        empty_title="没有确认重复的行",
        empty_text="主键重复而退回的行，可在“退回修复”里确认重复，不再办理。",
        empty_url=reverse("portal:department_repairs"),
        empty_label=_("退回修复"),
    )
    answer = listing.respond("portal/department/duplicates.html", {"problem": problem})
    answer.status_code = 422 if problem else 200
    return answer


def _name(person: object) -> str | None:
    """Name a person as the department knows them; nothing for nobody."""
    return (getattr(person, "full_name", "") or getattr(person, "username", "")) if person else None


@require_POST
@for_roles(*CLERKS)
def reopen_duplicate(request: HttpRequest, closing_id: int) -> HttpResponse:
    """Take a row up again: it waits for repair as before."""
    try:
        row = duplicates.reopen_duplicate(
            scope=request_scope(request),
            closing_id=closing_id,
            reason=request.POST.get("reason", ""),
            now=timezone.now(),
        )
    except InvalidValueError as error:
        return _page(request, f"{error.thing}：{error.remedy}")
    messages.success(request, f"第 {row.line} 行已恢复为待修复。")
    return redirect("portal:department_repair", batch_id=row.batch_id)
