"""What the operator alone sees of the data-interface market: keys that behave otherwise than they used to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises.interfaces import selectors, services
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.department_interfaces import place_of
from rongqiao.portal.interface_words import flag_titles
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

STATES = [("flagged", "使用异常"), ("live", "使用中"), ("revoked", "已停用")]


def key_state(key: Any) -> str:
    """``revoked``, ``flagged`` or ``live``."""
    if key.revoked_at is not None:
        return "revoked"
    return "flagged" if key.flagged_at is not None else "live"


def _by_state(rows: Any, state: str) -> Any:
    if state == "revoked":
        return rows.exclude(revoked_at=None)
    return rows.filter(revoked_at=None, flagged_at__isnull=state != "flagged")


@require_safe
@for_roles(Role.OPERATOR)
def list_keys(request: HttpRequest) -> HttpResponse:
    """Keys of all consumers and vendors, flagged ones first."""
    listing = Listing(
        request,
        selectors.list_keys(request_scope(request)),
        name="keys",
        row_url=lambda row: reverse("portal:operator_interface_key", args=[row.pk]),
        columns=[
            Column("title", "名称", sort="title"),
            Column("consumer.name", "使用机构", sort="consumer__name"),
            Column("holder", "软件服务商", value=lambda row: row.holder.name if row.holder else ""),
            Column("state", "状态", "status", value=key_state, option="key"),
            Column("flags", "异常", value=lambda row: flag_titles(row.flags)),
            Column("flagged_at", "异常时间", "time", sort="flagged_at"),
            Column("last_called_at", "最近调用", "time", sort="last_called_at"),
            Column("created_at", "创建", "time", sort="created_at"),
        ],
        filters=[
            Filter("state", "状态", STATES, _by_state),
            Filter("q", "使用机构", apply=lambda rows, text: rows.filter(consumer__name__icontains=text[:60])),
        ],
        default_sort="-flagged_at",
        empty_title="还没有密钥",
        empty_text="使用机构创建密钥后列在这里；每日比对历史用量，异常的会标出。",
    )  # fmt: skip
    return listing.respond("portal/operator/interface_keys.html", place_of(request, "operator"))


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.OPERATOR)
def show_key(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """One key; on confirmation it is stopped, and its next call is refused."""
    scope = request_scope(request)
    key = selectors.list_keys(scope).filter(pk=key_id).first()
    if key is None:
        raise Http404(str(key_id))
    if request.method == "POST":
        services.revoke_key(scope=scope, key_id=key_id, now=timezone.now())
        messages.success(request, "密钥已停用，即刻生效。")
        return redirect("portal:operator_interface_key", key_id=key_id)
    context = place_of(request, "operator") | {
        "key": key,
        "state": key_state(key),
        "flags": flag_titles(key.flags),
    }
    return render(request, "portal/operator/interface_key.html", context)
