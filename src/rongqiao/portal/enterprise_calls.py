"""Calls of data interfaces about an enterprise, as it sees them: who asked, what for, on what ground, and which items were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.selectors import list_consents
from rongqiao.bases.enterprises.interfaces import selectors
from rongqiao.portal.access import ENTERPRISE, for_roles, request_scope
from rongqiao.portal.department_interface_usage import OUTCOMES, by_code, caller
from rongqiao.portal.interface_listings import reason_titles
from rongqiao.portal.interface_words import (
    basis_title,
    code_title,
    interface_title,
    provider_title,
    purpose_choices,
    purpose_title,
)
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from rongqiao.accounts.scope import Scope


def _calls_about(scope: Scope) -> QuerySet[Any]:
    # A software vendor sees the calls it makes for others, too; they are not about it.
    return selectors.list_calls(scope).filter(subject_uscc=scope.uscc or "-")


@require_safe
@for_roles(*ENTERPRISE)
def list_calls(request: HttpRequest) -> HttpResponse:
    """Every call about us, refused ones too, newest first."""
    listing = Listing(
        request,
        _calls_about(request_scope(request)),
        name="calls",
        row_url=lambda row: reverse("portal:enterprise_call", args=[row.pk]),
        columns=[
            Column("caller", "谁", value=caller),
            Column("at", "何时", "time", sort="at"),
            Column("interface", "查了什么", value=lambda row: interface_title(row.interface_id)),
            Column("purpose", "用途", value=lambda row: purpose_title(row.purpose)),
            Column("basis", "依据", value=lambda row: basis_title(row.basis)),
            Column("outcome", "结果", value=lambda row: code_title(row.code)),
            Column("records", "取得记录", "number"),
        ],
        filters=[
            Filter(
                "purpose", "用途", purpose_choices(), lambda rows, value: rows.filter(purpose=value)
            ),
            Filter("code", "结果", OUTCOMES, by_code),
        ],
        default_sort="-at",
        empty_title="还没有机构通过接口查询过您的数据",
        empty_text="每次查询，无论是否给了数据，都会列在这里，任何人不能删除。",
    )  # fmt: skip
    return listing.respond("portal/enterprise/calls.html")


@require_safe
@for_roles(*ENTERPRISE)
def show_call(request: HttpRequest, call_id: int) -> HttpResponse:
    """One call whole: ground, consent, items that could be read, and what came of it where it was sampled."""
    scope = request_scope(request)
    call = _calls_about(scope).filter(pk=call_id).first()
    if call is None:
        raise Http404(str(call_id))
    question = selectors.list_questions(scope).filter(call_id=call_id).first()
    context = {
        "call": call,
        "caller": caller(call),
        "title": interface_title(call.interface_id),
        "provider": provider_title(call.provider),
        "purpose": purpose_title(call.purpose),
        "basis": basis_title(call.basis),
        "outcome": code_title(call.code),
        "tables": selectors.call_fields(call),
        "consent": list_consents(scope).filter(pk=call.consent_id).first() if call.consent_id else None,
        "question": question,
        "reasons": reason_titles(question) if question else "",
        "now": timezone.now(),
    }
    return render(request, "portal/enterprise/call.html", context)
