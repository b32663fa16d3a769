"""Changes that consumers are told of: put into the outbox of each webhook that wants them, in the transaction of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces.models import Webhook, WebhookEvent

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Iterable, Mapping

JOB = "interfaces.deliver_webhooks"
EVENTS = {
    "submission.reviewed": "接口申请有审核结果",
    "authorisation.ended": "接口授权终止",
    "maintenance.announced": "提供部门公告或提前结束维护",
    "source.delivered": "已授权接口的数据有更新",
    "fact.disputed": "查询过的企业的数据有异议或更正",
    "question.asked": "需要说明一次访问",
}
#: What the button “test” sends; no webhook subscribes to it.
TEST = "webhook.tested"


def tell(consumers: Iterable[uuid.UUID], kind: str, payload: Mapping[str, Any], *, now: dt.datetime) -> int:
    """Put a change into the outbox of the consumers' webhooks that want its kind.

    Returns
    -------
    int
        Webhooks that will be told.
    """
    # The one who changes something is another than the one who is told.
    with system_scope() as system:
        found = Webhook.objects.for_scope(system).filter(
            consumer_id__in=list(consumers), ended_at=None, events__contains=[kind]
        )
        return sum(put_event(each, kind, payload, now=now) is not None for each in found)


def put_event(webhook: Webhook, kind: str, payload: Mapping[str, Any], *, now: dt.datetime) -> WebhookEvent:
    """Put one event into the outbox of one webhook, and have it delivered after the transaction; within a system scope."""
    event = WebhookEvent(
        webhook=webhook,
        consumer_id=webhook.consumer_id,
        kind=kind,
        payload=dict(payload),
        created_at=now,
        next_at=now,
    )
    event.save(force_insert=True)
    wake()
    return event


def wake() -> None:
    """Have the outbox delivered once the transaction has ended; one waiting job delivers all of it."""
    enqueue(JOB, lock=JOB)
