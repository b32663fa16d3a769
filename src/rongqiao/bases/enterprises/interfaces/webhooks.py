"""Webhooks: subscribe, test, rotate, replay; and delivery, signed, with every attempt on record.

A receiver may get an event twice, when we died between its answer and our note of it: it bears the same ``id``.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.interfaces.models import Webhook, WebhookAttempt, WebhookEvent
from rongqiao.bases.enterprises.interfaces.posting import check_place, post
from rongqiao.bases.enterprises.interfaces.secret import hmac_sm3, secret_of
from rongqiao.bases.enterprises.interfaces.selectors import CONSUMERS
from rongqiao.bases.enterprises.interfaces.telling import EVENTS, TEST, put_event, wake
from rongqiao.contracts.numbers import threshold, threshold_table
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotFoundError
from rongqiao.rules.transitions import advance

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Sequence

    from rongqiao.accounts.scope import Scope

    #: Posts a body with headers to a URL; returns the status, or raises OSError with the reason.
    Post = Callable[[str, bytes, dict[str, str]], int]

PER_RUN = 500
DELIVERED = range(200, 300)


@transaction.atomic
def subscribe(*, scope: Scope, url: str, events: Sequence[str]) -> tuple[Webhook, str]:
    """Tell the consumer's system of changes from now on; the secret that signs them is returned once.

    Raises
    ------
    InvalidValueError
        If the address is not on a public host over HTTPS, or an event is unknown.
    """
    require(scope, *CONSUMERS)
    user_id, consumer_id = scope.person
    wanted = list(dict.fromkeys(events))
    if not wanted or not set(wanted) <= set(EVENTS):
        raise InvalidValueError("事件", wanted, f"可选：{'、'.join(EVENTS)}。")
    check_place(url)
    webhook = Webhook(
        consumer_id=consumer_id, url=url, events=wanted, salt=secrets.token_hex(32), created_by_id=user_id
    )
    webhook.save(force_insert=True)
    _audit(scope, "webhook.subscribed", webhook.pk)
    return webhook, secret_of(webhook.pk, webhook.salt)


@transaction.atomic
def end_subscription(*, scope: Scope, webhook_id: uuid.UUID, now: dt.datetime) -> Webhook:
    """Tell no more; what still waits is given up."""
    webhook = _own(scope, webhook_id)
    if webhook.ended_at is None:
        webhook.ended_at = now
        webhook.save(update_fields=["ended_at"])
        with system_scope() as system:
            WebhookEvent.objects.for_scope(system).filter(webhook=webhook, status="waiting").update(
                status="dead"
            )
        _audit(scope, "webhook.ended", webhook.pk)
    return webhook


@transaction.atomic
def rotate_secret(*, scope: Scope, webhook_id: uuid.UUID, now: dt.datetime) -> tuple[Webhook, str]:
    """Give a new secret, returned once; for a day every event bears the signatures of both."""
    webhook = _live(scope, webhook_id)
    hours = int(threshold("interface_webhook_rotation_hours", timezone.localdate(now)))
    webhook.previous_salt, webhook.previous_until = webhook.salt, now + dt.timedelta(hours=hours)
    webhook.salt = secrets.token_hex(32)
    webhook.save(update_fields=["salt", "previous_salt", "previous_until"])
    _audit(scope, "webhook.rotated", webhook.pk)
    return webhook, secret_of(webhook.pk, webhook.salt)


@transaction.atomic
def send_test(*, scope: Scope, webhook_id: uuid.UUID, now: dt.datetime) -> WebhookEvent:
    """Put a test event into the outbox."""
    webhook = _live(scope, webhook_id)
    with system_scope():
        event = put_event(webhook, TEST, {"message": "这是一次测试。"}, now=now)
    _audit(scope, "webhook.tested", webhook.pk)
    return event


@transaction.atomic
def replay_event(*, scope: Scope, event_id: uuid.UUID, now: dt.datetime) -> WebhookEvent:
    """Have an event delivered once more, whatever came of it before.

    Raises
    ------
    IllegalTransitionError
        If its webhook has ended.
    """
    require(scope, *CONSUMERS, Role.OPERATOR)
    found = WebhookEvent.objects.for_scope(scope).select_for_update().filter(pk=event_id).first()
    if found is None:
        raise NotFoundError("变更事件", str(event_id), "没有这个事件，或不属于本机构。")
    _live(scope, found.webhook_id)
    event: WebhookEvent = found
    event.status = advance("webhook_event", event.status, "replay")
    event.attempts, event.next_at = 0, now
    event.save(update_fields=["status", "attempts", "next_at"])
    wake()
    _audit(scope, "webhook.replayed", event.pk)
    return event


def _own(scope: Scope, webhook_id: uuid.UUID) -> Webhook:
    require(scope, *CONSUMERS, Role.OPERATOR)
    found = Webhook.objects.for_scope(scope).select_for_update().filter(pk=webhook_id).first()
    if found is None:
        raise NotFoundError("变更通知", str(webhook_id), "没有这项订阅，或不属于本机构。")
    webhook: Webhook = found
    return webhook


def _live(scope: Scope, webhook_id: uuid.UUID) -> Webhook:
    webhook = _own(scope, webhook_id)
    if webhook.ended_at is not None:
        raise IllegalTransitionError("变更通知", webhook.url, "已停用，请重新订阅。")
    return webhook


def deliver_due(*, clock: Callable[[], dt.datetime], send: Post = post) -> int:
    """Deliver what is due, oldest first; a receiver that fails is left alone until its next turn. Returns attempts made."""
    made = 0
    failing: set[uuid.UUID] = set()
    for _ in range(PER_RUN):
        with system_scope() as system:
            due = WebhookEvent.objects.for_scope(system).filter(status="waiting", next_at__lte=clock())
            event = (
                due.exclude(webhook_id__in=failing).select_related("webhook").order_by("created_at").first()
            )
        if event is None:
            break
        made += 1
        if not _attempt(event, clock=clock, send=send):
            failing.add(event.webhook_id)
    return made


def _attempt(event: WebhookEvent, *, clock: Callable[[], dt.datetime], send: Post) -> bool:
    at, started = clock(), time.perf_counter()
    status_code: int | None = None
    problem = ""
    try:
        body = body_of(event)
        status_code = send(event.webhook.url, body, headers_of(event, body, now=at))
    except OSError as error:
        problem = str(error)[:200] or type(error).__name__
    is_delivered = status_code in DELIVERED
    event.attempts += 1
    pauses = [
        int(each) for each in threshold_table("interface_webhook_pauses", timezone.localdate(at)).values()
    ]
    missed = "give_up" if event.attempts > len(pauses) else "miss"
    event.status = advance("webhook_event", event.status, "hear" if is_delivered else missed)
    if event.status == "waiting":
        event.next_at = at + dt.timedelta(seconds=pauses[event.attempts - 1])
    with system_scope():
        WebhookAttempt(
            event=event,
            consumer_id=event.consumer_id,
            at=at,
            status_code=status_code,
            milliseconds=round((time.perf_counter() - started) * 1000),
            problem=problem,
        ).save(force_insert=True)
        event.save(update_fields=["status", "attempts", "next_at"])
    return is_delivered


def body_of(event: WebhookEvent) -> bytes:
    """Body of an event, the same at every attempt."""
    content = {
        "id": str(event.pk),
        "event": event.kind,
        "at": event.created_at.astimezone(dt.UTC).isoformat(),
        "data": event.payload,
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


def headers_of(event: WebhookEvent, body: bytes, *, now: dt.datetime) -> dict[str, str]:
    """Headers of one attempt: ``Rongqiao-Signature: t=<second>, v1=<HMAC-SM3 of "t.body">``, of both secrets after a rotation."""
    webhook = event.webhook
    second = str(int(now.timestamp()))
    salts = [webhook.salt]
    if webhook.previous_salt and webhook.previous_until and now < webhook.previous_until:
        salts.append(webhook.previous_salt)
    text = f"{second}.{body.decode()}"
    signatures = [f"v1={hmac_sm3(secret_of(webhook.pk, salt).encode(), text)}" for salt in salts]
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "rongqiao-webhooks/1",
        "Rongqiao-Event": event.kind,
        "Rongqiao-Event-Id": str(event.pk),
        "Rongqiao-Signature": ", ".join([f"t={second}", *signatures]),
        "Host": urlsplit(webhook.url).netloc,
    }


def _audit(scope: Scope, action: str, object_id: object) -> None:
    record_audit(scope=scope, action=action, object_type="webhook", object_id=object_id)
