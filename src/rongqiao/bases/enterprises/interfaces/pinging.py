"""Whether an interface answers now, told to anybody: maintenance, breaker, store, and the age of its sources."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.interfaces import answers
from rongqiao.bases.enterprises.interfaces.calls import breaker_of
from rongqiao.bases.enterprises.interfaces.models import Maintenance
from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.contracts.interfaces import Interface


def ping_interface(interface: Interface, *, now: dt.datetime) -> dict[str, Any]:
    """Return the state of an interface.

    Returns
    -------
    dict
        ``status`` is ``ok``, ``maintenance`` (with its end), ``unavailable`` (breaker open here) or ``store_missing``;
        ``sources`` gives each table's last delivery and whether it is ``fresh``, ``stale`` or ``unknown``.
    """
    windows = Maintenance.objects.filter(provider=interface.provider, ends_at__gt=now).order_by("starts_at")
    running = [each for each in windows if each.starts_at <= now]
    coming = [each for each in windows if each.starts_at > now]
    sources = {}
    for dataset in interface.datasets:
        status = answers.status_of(dataset.contract_id)
        day = status.delivered_on if status else None
        fresh = answers.freshness(day, interface.ping, now.date())
        sources[dataset.contract_id] = {"delivered_on": day and day.isoformat(), "freshness": fresh}
    return {
        "interface": interface.id,
        "version": interface.version,
        "status": "maintenance" if running else _state(interface, now),
        "maintenance_until": max(each.ends_at for each in running).isoformat() if running else None,
        "next_maintenance": [
            {
                "starts_at": each.starts_at.isoformat(),
                "ends_at": each.ends_at.isoformat(),
                "reason": each.reason,
            }
            for each in coming
        ],
        "sources": sources,
    }


def _state(interface: Interface, now: dt.datetime) -> str:
    if breaker_of(interface.provider, now.date()).is_open(time.monotonic()):
        return "unavailable"
    try:
        answers.store()
    except ContractError:
        return "store_missing"
    return "ok"
