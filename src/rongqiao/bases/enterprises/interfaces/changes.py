"""Changes that a job tells of: sources that were delivered anew, and facts whose mark came, changed or went."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from rongqiao.accounts.models import Consent
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces.models import AnnouncedDelivery, Authorisation, DataCall
from rongqiao.bases.enterprises.interfaces.telling import tell
from rongqiao.bases.enterprises.models import SourceStatus
from rongqiao.bases.enterprises.objections.models import MarkChange
from rongqiao.contracts.interfaces import load_interfaces

if TYPE_CHECKING:
    import uuid

    from rongqiao.accounts.scope import Scope

#: How long after reading an enterprise a consumer hears of disputes.
READ_DAYS = 365


def tell_deliveries(*, now: dt.datetime) -> int:
    """Tell holders of grants of each source that was delivered since they were last told; returns sources told of."""
    told = 0
    known = dict(AnnouncedDelivery.objects.values_list("contract_id", "delivered_on"))
    for status in SourceStatus.objects.exclude(delivered_on=None).order_by("contract_id"):
        before, day = known.get(status.contract_id), status.delivered_on
        if day is None or (before is not None and day <= before):
            continue
        with system_scope() as system:
            AnnouncedDelivery.objects.update_or_create(
                contract_id=status.contract_id, defaults={"delivered_on": day}
            )
            # What was there before anybody could subscribe is no change.
            if before is not None:
                told += 1
                _tell_delivery(system, status, now)
    return told


def _tell_delivery(system: Scope, status: SourceStatus, now: dt.datetime) -> None:
    reading = [
        each.id
        for each in load_interfaces().values()
        if any(dataset.contract_id == status.contract_id for dataset in each.datasets)
    ]
    live = Authorisation.objects.for_scope(system).filter(
        interface_id__in=reading, ended_at=None, valid_until__gt=now
    )
    about = {
        "contract": status.contract_id,
        "title": status.title,
        "delivered_on": status.delivered_on.isoformat() if status.delivered_on else None,
        "interfaces": reading,
    }
    tell(set(live.values_list("consumer_id", flat=True)), "source.delivered", about, now=now)


def tell_disputes(*, now: dt.datetime) -> int:
    """Tell those who read an enterprise, and whose consent still holds, of marks that came, changed or went; returns changes told.

    The event names enterprise, table and state, never the value: that is read through the interface again. Each change
    waits until it was told, however late that is.
    """
    with system_scope() as system:
        waiting = MarkChange.objects.for_scope(system).select_for_update(of=("self",)).filter(told_at=None)
        found = list(waiting.select_related("objection").order_by("pk"))
        for change in found:
            about = {
                "uscc": change.subject_uscc,
                "contract": change.contract_id,
                "state": change.state,
                "since": change.objection.raised_at.isoformat(),
                "changed_at": change.changed_at.isoformat(),
            }
            tell(_readers(system, change, now), "fact.disputed", about, now=now)
        waiting.filter(pk__in=[each.pk for each in found]).update(told_at=now)
    return len(found)


def _readers(system: Scope, mark: MarkChange, now: dt.datetime) -> set[uuid.UUID]:
    calls = DataCall.objects.for_scope(system).filter(
        subject_uscc=mark.subject_uscc, code="ok", at__gte=now - dt.timedelta(days=READ_DAYS)
    )
    readers = set(calls.order_by().values_list("consumer_id", flat=True))
    if mark.is_public:
        return readers
    consents = Consent.objects.for_scope(system).filter(
        subject_uscc=mark.subject_uscc,
        recipient_id__in=readers,
        revoked_at=None,
        valid_from__lte=now,
        valid_until__gt=now,
        data_classes__contains=[mark.data_class],
    )
    return set(consents.values_list("recipient_id", flat=True))
