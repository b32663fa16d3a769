"""Consents of an enterprise: who may read what, until when; one click takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from rongqiao.accounts.selectors import list_consents as find_consents
from rongqiao.accounts.services import revoke_consent as revoke
from rongqiao.contracts.catalog import consent_data_classes, consent_purposes
from rongqiao.portal.access import ENTERPRISE, for_roles, request_scope
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from django.http import HttpRequest, HttpResponse


@require_safe
@for_roles(*ENTERPRISE)
def list_consents(request: HttpRequest) -> HttpResponse:
    """All consents we gave, those in force first recognisable by their word."""
    now = timezone.now()
    listing = Listing(
        request,
        find_consents(request_scope(request)),
        name="consents",
        row_url=lambda row: reverse("portal:enterprise_consent_revoke", args=[row.pk]),
        columns=[
            Column("recipient.name", "被授权机构", sort="recipient__name"),
            Column("state", "状态", "status", value=lambda row: consent_state(row, now)),
            Column("purpose", "用途", value=lambda row: _title(consent_purposes(), row.purpose)),
            Column("data_classes", "数据类别", value=_classes),
            Column("valid_from", "起", "date", sort="valid_from"),
            Column("valid_until", "止", "date", sort="valid_until"),
        ],
        filters=[Filter("state", "状态", [("live", "生效中"), ("ended", "已失效")], _by_state(now))],
        default_sort="-valid_from",
        empty_title="还没有授权过任何机构",
        empty_text="发布融资需求时逐项勾选授权；没有授权，银行看不到您的数据。",
        empty_url=reverse("portal:enterprise_demand_new"),
        empty_label=_("发布需求"),
    )
    return listing.respond("portal/enterprise/consents.html")


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(*ENTERPRISE)
def revoke_consent(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Show one consent whole; on confirmation take it back, at once."""
    scope, now = request_scope(request), timezone.now()
    consent = find_consents(scope).filter(pk=consent_id).first()
    if consent is None:
        raise Http404(str(consent_id))
    if request.method == "POST":
        revoke(scope=scope, consent_id=consent_id, now=now)
        messages.success(request, f"已撤回对 {consent.recipient.name} 的授权，即刻生效。")
        return redirect("portal:enterprise_consents")
    context = {
        "consent": consent,
        "state": consent_state(consent, now),
        "purpose": _title(consent_purposes(), consent.purpose),
        "classes": _classes(consent),
    }
    return render(request, "portal/enterprise/consent.html", context)


def consent_state(consent: Any, now: dt.datetime) -> str:
    """``live``, ``revoked`` or ``over``."""
    if consent.revoked_at is not None:
        return "revoked"
    return "live" if consent.valid_until > now else "over"


def _by_state(now: dt.datetime) -> Any:
    def narrow(rows: Any, state: str) -> Any:
        live = rows.filter(revoked_at=None, valid_until__gt=now)
        return live if state == "live" else rows.exclude(pk__in=live.values("pk"))

    return narrow


def _title(entries: Any, code: str) -> str:
    return str(entries[code].title) if code in entries else code


def _classes(row: Any) -> str:
    classes = consent_data_classes()
    guarded = {code for code, each in classes.items() if not each.is_public}
    # A dozen names on each of many lines hide the one line that differs.
    if guarded <= set(row.data_classes):
        return f"全部 {len(guarded)} 类须授权的数据"
    return "、".join(_title(classes, code) for code in row.data_classes)
