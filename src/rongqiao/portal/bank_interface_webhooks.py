"""Bank workspace: change notices to the bank's own systems, and every attempt to deliver them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rongqiao.bases.enterprises.interfaces import selectors, webhooks
from rongqiao.bases.enterprises.interfaces.telling import EVENTS, TEST
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.bank_interface_forms import SubscriptionForm, put_refusal
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

EVENT_TITLES = EVENTS | {TEST: "测试"}
DELIVERIES = [("waiting", "待送达"), ("delivered", "已送达"), ("dead", "未能送达")]


def event_title(kind: str) -> str:
    """Name of a kind of change."""
    return EVENT_TITLES.get(kind, kind)


@require_http_methods(["GET", "POST"])
@for_roles(*BANK)
def list_webhooks(request: HttpRequest) -> HttpResponse:
    """Subscriptions; the secret of a new one is shown in this answer and never again."""
    scope = request_scope(request)
    form, secret, made = SubscriptionForm(request.POST or None), "", None
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = webhooks.subscribe(scope=scope, **form.cleaned_data)
        except RongqiaoError as error:
            put_refusal(form, error, SubscriptionForm.FIELDS)
        else:
            form = SubscriptionForm()
    listing = Listing(
        request,
        selectors.list_webhooks(scope),
        name="webhooks",
        row_url=lambda row: reverse("portal:bank_interface_webhook", args=[row.pk]),
        columns=[
            Column("url", "通知地址", sort="url"),
            Column("events", "通知哪些变化", value=lambda row: "、".join(map(event_title, row.events))),
            Column("created_at", "订阅时间", "time", sort="created_at"),
            Column("status", "状态", "status", value=webhook_status, option="webhook"),
        ],
        default_sort="-created_at",
        empty_title="还没有订阅",
        empty_text="订阅后，审核结果、授权终止、维护公告、数据更新与异议会主动通知本机构系统。",
    )
    response = listing.respond(
        "portal/bank/interface_webhooks.html", {"form": form, "secret": secret, "made": made}
    )
    if form.is_bound:
        response.status_code = 422
    if secret:
        response["Cache-Control"] = "no-store"
    return response


def webhook_status(row: Any) -> str:
    """``live`` until it is ended."""
    return "ended" if row.ended_at else "live"


@require_safe
@for_roles(*BANK)
def show_webhook(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """One subscription with the changes that were told or are to be told."""
    scope = request_scope(request)
    webhook = selectors.list_webhooks(scope).filter(pk=webhook_id).first()
    if webhook is None:
        raise Http404(str(webhook_id))
    listing = Listing(
        request,
        selectors.list_events(scope, webhook_id=webhook.pk),
        name="events",
        row_url=lambda row: reverse("portal:bank_interface_event", args=[row.pk]),
        columns=[
            Column("kind", "变化", value=lambda row: event_title(row.kind)),
            Column("created_at", "发生时间", "time", sort="created_at"),
            Column("status", "状态", "status", sort="status", option="delivery"),
            Column("attempts", "尝试次数", "number", sort="attempts"),
            Column(
                "next_at",
                "下次尝试",
                "time",
                value=lambda row: row.next_at if row.status == "waiting" else None,
            ),
        ],
        filters=[
            Filter("status", "状态", DELIVERIES, lambda rows, value: rows.filter(status=value)),
            Filter("kind", "变化", list(EVENT_TITLES.items()), lambda rows, value: rows.filter(kind=value)),
        ],
        default_sort="-created_at",
        empty_title="还没有发送过通知",
        empty_text="可先发送一次测试，确认本机构系统收得到、验得过签名。",
    )
    context = {
        "webhook": webhook,
        "status": webhook_status(webhook),
        "events": [event_title(each) for each in webhook.events],
        "now": timezone.now(),
    }
    return listing.respond("portal/bank/interface_webhook.html", context)


@require_POST
@for_roles(*BANK)
def send_test(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """Send a test event."""
    event = webhooks.send_test(scope=request_scope(request), webhook_id=webhook_id, now=timezone.now())
    messages.success(request, "测试通知已排队发送，稍后刷新查看送达结果。")
    return redirect("portal:bank_interface_event", event_id=event.pk)


@require_POST
@for_roles(*BANK)
def rotate_secret(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """Give a new secret, shown in this answer and never again."""
    webhook, secret = webhooks.rotate_secret(
        scope=request_scope(request), webhook_id=webhook_id, now=timezone.now()
    )
    response = render(
        request, "portal/bank/interface_webhook_secret.html", {"webhook": webhook, "secret": secret}
    )
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@for_roles(*BANK)
def end_subscription(request: HttpRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """Tell no more."""
    webhooks.end_subscription(scope=request_scope(request), webhook_id=webhook_id, now=timezone.now())
    messages.success(request, "订阅已停用，尚未送达的通知不再发送。")
    return redirect("portal:bank_interface_webhook", webhook_id=webhook_id)


@require_safe
@for_roles(*BANK)
def show_event(request: HttpRequest, event_id: uuid.UUID) -> HttpResponse:
    """One change with its content and every attempt to deliver it."""
    scope = request_scope(request)
    event = selectors.list_events(scope).filter(pk=event_id).first()
    if event is None:
        raise Http404(str(event_id))
    context = {
        "event": event,
        "title": event_title(event.kind),
        "body": json.dumps(json.loads(webhooks.body_of(event)), ensure_ascii=False, indent=2),
        "attempts": list(selectors.list_attempts(scope, event.pk)),
        "can_replay": event.webhook.ended_at is None,
    }
    return render(request, "portal/bank/interface_event.html", context)


@require_POST
@for_roles(*BANK)
def replay_event(request: HttpRequest, event_id: uuid.UUID) -> HttpResponse:
    """Have a change delivered once more."""
    webhooks.replay_event(scope=request_scope(request), event_id=event_id, now=timezone.now())
    messages.success(request, "已重新排队发送，编号不变，接收系统应按编号去重。")
    return redirect("portal:bank_interface_event", event_id=event_id)
