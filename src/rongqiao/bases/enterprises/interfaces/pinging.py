"""Whether an interface answers now, told to anybody: maintenance, breaker, store, and the age of its sources."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.utils import timezone

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces import answers
from rongqiao.bases.enterprises.interfaces.calls import breaker_of
from rongqiao.bases.enterprises.interfaces.models import DataCall, Maintenance
from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rongqiao.contracts.interfaces import Interface

#: Real calls of these last minutes say whether records are read well; without any, nothing is known.
WATCHED = dt.timedelta(minutes=15)
OUTCOMES_SECONDS = 60.0
_FAILURES = ("failed", "unavailable")
_outcomes: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class InterfaceState:
    """What can be told of one interface now.

    Parameters
    ----------
    status : str
        ``maintenance``, ``unavailable`` (breaker open in this process), ``store_missing``; else by the real calls of the last
        minutes: ``answering``, ``unsteady`` (some failed), ``failing`` (all failed), or ``idle`` when nobody called, which is
        not known to be good.
    windows : tuple of Maintenance
        Windows of the provider that run or are to come.
    maintenance_until : datetime or None
        End of the window that runs; null when none does.
    sources : tuple
        Contract, heading, day of the last delivery (null: never), and ``fresh``, ``stale`` or ``unknown``.
    """

    interface: Interface
    status: str
    windows: tuple[Maintenance, ...]
    maintenance_until: dt.datetime | None
    sources: tuple[tuple[str, str, dt.date | None, str], ...]

    @property
    def freshness(self) -> str:
        """Worst of its sources: ``unknown`` before ``stale`` before ``fresh``."""
        found = {each for _, _, _, each in self.sources}
        return next(each for each in ("unknown", "stale", "fresh") if each in found)


def interface_states(interfaces: Iterable[Interface], *, now: dt.datetime) -> list[InterfaceState]:
    """Tell the state of interfaces, in two queries for all of them."""
    windows = list(Maintenance.objects.filter(ends_at__gt=now).order_by("starts_at"))
    outcomes = recent_outcomes(now)
    return [
        _told(each, [one for one in windows if one.provider == each.provider], outcomes.get(each.id, {}), now)
        for each in interfaces
    ]


def _told(
    interface: Interface, windows: list[Maintenance], outcomes: dict[str, int], now: dt.datetime
) -> InterfaceState:
    running = [each for each in windows if each.starts_at <= now]
    status = "maintenance" if running else _state(interface, now)
    if status == "ok":
        failed = any(outcomes.get(each) for each in _FAILURES)
        answered = bool(outcomes.get("ok"))
        words = {(True, False): "answering", (True, True): "unsteady", (False, True): "failing"}
        status = words.get((answered, failed), "idle")
    return InterfaceState(
        interface=interface,
        status=status,
        windows=tuple(windows),
        maintenance_until=max((each.ends_at for each in running), default=None),
        sources=tuple((dataset.contract_id, dataset.title, *_delivered(interface, dataset.contract_id, timezone.localdate(now)))
                      for dataset in interface.datasets),
    )  # fmt: skip


def recent_outcomes(now: dt.datetime) -> dict[str, dict[str, int]]:
    """Count answers and failures of real calls by interface and code, at most a minute old: the page is public, the table large."""
    held = _outcomes.get("held")
    if held is None or time.monotonic() - held[0] > OUTCOMES_SECONDS:
        found: dict[str, dict[str, int]] = {}
        with system_scope() as system:
            calls = DataCall.objects.for_scope(system).filter(
                at__gte=now - WATCHED, code__in=("ok", *_FAILURES)
            )
            rows = calls.exclude(basis="sandbox").order_by().values_list("interface_id", "code")
            for interface_id, code, count in rows.annotate(calls=Count("id")):
                found.setdefault(interface_id, {})[code] = count
        held = _outcomes["held"] = (time.monotonic(), found)
    known: dict[str, dict[str, int]] = held[1]
    return known


def forget_outcomes() -> None:
    """Count the recent calls anew at the next question."""
    _outcomes.clear()


def _delivered(interface: Interface, contract_id: str, today: dt.date) -> tuple[dt.date | None, str]:
    status = answers.status_of(contract_id)
    day = status.delivered_on if status else None
    return day, answers.freshness(day, interface.ping, today)


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
        day, fresh = _delivered(interface, dataset.contract_id, timezone.localdate(now))
        sources[dataset.contract_id] = {"delivered_on": day and day.isoformat(), "freshness": fresh}
    return {
        "interface": interface.id,
        "version": interface.version,
        "status": "maintenance" if running else _state(interface, now),
        "maintenance_until": _told_time(max(each.ends_at for each in running)) if running else None,
        "next_maintenance": [
            {
                "starts_at": _told_time(each.starts_at),
                "ends_at": _told_time(each.ends_at),
                "reason": each.reason,
            }
            for each in coming
        ],
        "sources": sources,
    }


def _told_time(instant: dt.datetime) -> str:
    """Instant as people in China read it; its offset says so to programs."""
    return timezone.localtime(instant).isoformat()


def _state(interface: Interface, now: dt.datetime) -> str:
    if breaker_of(interface.provider, timezone.localdate(now)).is_open(time.monotonic()):
        return "unavailable"
    try:
        answers.store()
    except ContractError:
        return "store_missing"
    return "ok"
