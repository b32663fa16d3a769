"""Bank workspace: keys of the data interfaces, and software vendors that may call for the bank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from rongqiao.bases.enterprises.interfaces import delegations, selectors, services
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.bank_interface_forms import DelegationForm, InterfaceKeyForm, put_refusal
from rongqiao.portal.interface_words import flag_titles, interface_title
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from django.http import HttpRequest, HttpResponse

KEY_STATUSES = [("live", "使用中"), ("flagged", "使用异常"), ("revoked", "已停用")]
DELEGATION_STATUSES = [("live", "有效"), ("over", "已到期"), ("ended", "已收回")]


@require_http_methods(["GET", "POST"])
@for_roles(*BANK)
def list_keys(request: HttpRequest) -> HttpResponse:
    """Keys of the bank and of its vendors; the secret of a new one is shown in this answer and never again."""
    scope = request_scope(request)
    form, made = InterfaceKeyForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = services.create_key(scope=scope, title=data["title"], is_sandbox=data["kind"] == "sandbox")
        except RongqiaoError as error:
            put_refusal(form, error, InterfaceKeyForm.FIELDS)
        else:
            form = InterfaceKeyForm()
    listing = Listing(
        request,
        selectors.list_keys(scope),
        name="keys",
        row_template="portal/bank/interface_key_card.html",
        columns=[
            Column("title", "使用系统", sort="title"),
            Column("pk", "密钥编号", value=lambda row: str(row.pk)),
            Column("kind", "类型", value=_kind),
            Column("holder", "持有", value=_holder),
            Column("created_at", "生成", "time", sort="created_at"),
            Column("last_called_at", "最近调用", "time", sort="last_called_at", null_text="从未调用"),
            Column("flags", "异常", value=lambda row: flag_titles(row.flags)),
            Column("revoked_at", "停用", "time"),
        ],
        filters=[Filter("status", "状态", KEY_STATUSES, _by_key_status)],
        default_sort="-created_at",
        page_size=12,
        empty_title="还没有密钥",
        empty_text="先生成一个沙箱密钥联调；授权通过后再生成正式密钥。",
    )
    response = listing.respond("portal/bank/interface_keys.html", {"form": form, "made": made})
    return _unkept(response, form, is_secret=made is not None)


def _unkept(response: HttpResponse, form: Any, *, is_secret: bool) -> HttpResponse:
    """Say 422 of a form that was refused; an answer that bears a secret is kept by nobody on the way."""
    if form.is_bound:
        response.status_code = 422
    if is_secret:
        response["Cache-Control"] = "no-store"
    return response


def _kind(row: Any) -> str:
    return "沙箱" if row.is_sandbox else "正式"


def _holder(row: Any) -> str:
    return row.holder.name if row.holder else "本机构"


def _by_key_status(rows: Any, value: str) -> Any:
    if value == "revoked":
        return rows.exclude(revoked_at=None)
    rows = rows.filter(revoked_at=None)
    return rows.exclude(flagged_at=None) if value == "flagged" else rows.filter(flagged_at=None)


@require_POST
@for_roles(*BANK)
def revoke_key(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """Stop a key; its next call is refused."""
    key = services.revoke_key(scope=request_scope(request), key_id=key_id, now=timezone.now())
    messages.success(request, f"密钥“{key.title}”已停用，下一次调用即被拒绝。")
    return redirect("portal:bank_interface_keys")


@require_http_methods(["GET", "POST"])
@for_roles(*BANK)
def list_delegations(request: HttpRequest) -> HttpResponse:
    """Vendors that may call for the bank; what was granted to the bank alone can be delegated."""
    scope, now = request_scope(request), timezone.now()
    granted = list(selectors.live_authorisations(scope, now=now).values_list("interface_id", flat=True))
    form = DelegationForm(request.POST or None, granted=granted)
    if request.method == "POST" and form.is_valid():
        try:
            made = delegations.delegate_to_vendor(scope=scope, now=now, **form.cleaned_data)
        except RongqiaoError as error:
            put_refusal(form, error, DelegationForm.FIELDS)
        else:
            messages.success(request, f"已委托{made.vendor.name}；由对方在平台生成自己的密钥。")
            return redirect("portal:bank_interface_delegations")
    listing = Listing(
        request,
        selectors.list_delegations(scope),
        name="delegations",
        row_template="portal/bank/interface_delegation_card.html",
        columns=[
            Column("vendor.name", "服务商", sort="vendor__name"),
            Column("interfaces", "接口", value=lambda row: "、".join(map(interface_title, row.interfaces))),
            Column("reason", "事由"),
            Column("created_at", "委托时间", "time", sort="created_at"),
            Column("valid_until", "失效时间", "time", sort="valid_until"),
            Column("revoked_at", "收回时间", "time"),
        ],
        filters=[
            Filter("status", "状态", DELEGATION_STATUSES, lambda rows, value: _by_period(rows, value, now))
        ],
        default_sort="-created_at",
        page_size=12,
        empty_title="没有委托服务商",
        empty_text="信贷系统由软件服务商运维的，可委托对方用自己的密钥代为调用，调用记在本机构名下。",
        context={"now": now},
    )
    response = listing.respond(
        "portal/bank/interface_delegations.html", {"form": form, "granted": granted, "now": now}
    )
    return _unkept(response, form, is_secret=False)


def _by_period(rows: Any, value: str, now: dt.datetime) -> Any:
    if value == "ended":
        return rows.exclude(revoked_at=None)
    rows = rows.filter(revoked_at=None)
    return rows.filter(valid_until__gt=now) if value == "live" else rows.filter(valid_until__lte=now)


@require_POST
@for_roles(*BANK)
def revoke_delegation(request: HttpRequest, delegation_id: uuid.UUID) -> HttpResponse:
    """Take a delegation back; the vendor's next call is refused."""
    delegations.revoke_delegation(
        scope=request_scope(request), delegation_id=delegation_id, now=timezone.now()
    )
    messages.success(request, "委托已收回，服务商的下一次调用即被拒绝。")
    return redirect(reverse("portal:bank_interface_delegations"))
