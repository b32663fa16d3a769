"""Public pages of the data-interface market: catalogue, one interface, and how all of them are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.bases.enterprises.interfaces import selectors
from rongqiao.bases.enterprises.interfaces.describing import AS_OF, KNOWN_AT
from rongqiao.bases.enterprises.interfaces.pinging import WATCHED, interface_states
from rongqiao.bases.enterprises.interfaces.sandbox import USCC, sample_body
from rongqiao.contracts.interfaces import load_interfaces
from rongqiao.portal import interface_sheet as sheet
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.interface_words import (
    cycle_title,
    data_class_title,
    provider_choices,
    provider_title,
    purpose_choices,
)
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rongqiao.bases.enterprises.interfaces.pinging import InterfaceState
    from rongqiao.bases.enterprises.interfaces.selectors import Offer
    from rongqiao.contracts.interfaces import Dataset, Interface

WATCHED_MINUTES = int(WATCHED.total_seconds() // 60)
STATE_CHOICES = [
    ("answering", "正常应答"),
    ("unsteady", "部分读取失败"),
    ("failing", "读取失败"),
    ("unavailable", "暂停服务"),
    ("maintenance", "维护中"),
    ("store_missing", "服务库尚未建立"),
    ("idle", "近期无调用，未知"),
]


def find_offers(request: HttpRequest, *, standing: str = "") -> list[Offer]:
    """Interfaces that match the words, department and purpose in the address, each with the reader's standing."""
    asked = request.GET
    return selectors.list_interfaces(
        request_scope(request),
        now=timezone.now(),
        query=asked.get("q", "")[:60],
        provider=asked.get("provider", ""),
        purpose=asked.get("purpose", ""),
        standing=standing,
    )


def offer_filters() -> list[Filter]:
    """Give the filters by which people look for an interface."""
    return [
        Filter("q", "想知道什么（如：有没有欠税）"),
        Filter("provider", "提供部门", provider_choices()),
        Filter("purpose", "用途", purpose_choices()),
    ]


def ground_of(interface: Interface) -> str:
    """Tell whether the enterprise must have released the data."""
    closed = [each for each in interface.datasets if not each.is_public]
    if not closed:
        return "依法公开，无须企业授权"
    return "须企业授权" if len(closed) == len(interface.datasets) else "部分数据须企业授权"


@require_safe
@for_roles()
def list_interfaces(request: HttpRequest) -> HttpResponse:
    """Catalogue: every interface by the business question it answers."""
    listing = Listing(
        request,
        find_offers(request),
        name="interfaces",
        row_template="portal/public/interface_card.html",
        row_url=lambda row: reverse("portal:interface", args=[row.interface.id]),
        columns=[
            Column("title", "接口", sort="title", value=lambda row: row.interface.title),
            Column("question", "回答什么问题", value=lambda row: row.interface.question),
            Column("provider", "提供部门", sort="provider", value=lambda row: row.interface.provider_title),
            Column("ground", "依据", value=lambda row: ground_of(row.interface)),
            Column("covered", "包含", value=lambda row: row.interface.covered),
            Column("not_covered", "不含", value=lambda row: row.interface.not_covered),
            Column("id", "接口标识", value=lambda row: row.interface.id),
            Column("version", "版本", value=lambda row: row.interface.version),
        ],
        filters=offer_filters(),
        page_size=12,
        empty_title="还没有数据接口",
        empty_text="提供部门登记接口后会显示在这里。",
    )
    return listing.respond("portal/public/interfaces.html", {"total": len(load_interfaces())})


@require_safe
@for_roles()
def show_interface(request: HttpRequest, interface_id: str) -> HttpResponse:
    """One interface: who is covered, what is answered, how fresh it is, and how to ask."""
    now = timezone.now()
    offer = selectors.get_interface(request_scope(request), interface_id, now=now)
    if offer is None:
        raise Http404(interface_id)
    interface = offer.interface
    (state,) = interface_states([interface], now=now)
    place = request.build_absolute_uri("/").rstrip("/")
    context = {
        "offer": offer,
        "interface": interface,
        "state": state,
        "now": now,
        "minutes": WATCHED_MINUTES,
        "ground": ground_of(interface),
        "cycle": cycle_title(interface.ping),
        "tables": sheet.tables_of(interface),
        "data_classes": [(data_class_title(each.data_class), each.is_public) for each in _classes(interface)],
        "purposes": sheet.purposes_of(interface),
        "levels": sheet.codes_of(interface),
        "times": [("as_of", AS_OF), ("known_at", KNOWN_AT)],
        "signing": sheet.signing_text(interface, USCC),
        "client": sheet.client_text(interface, place, USCC),
        "sample": sheet.sample_text(sample_body(interface, timezone.localdate(now))),
    }
    return render(request, "portal/public/interface.html", context)


def _classes(interface: Interface) -> list[Dataset]:
    """One table per class of data."""
    return list({each.data_class: each for each in interface.datasets}.values())


@require_safe
@for_roles()
def show_status(request: HttpRequest) -> HttpResponse:
    """How interfaces are now: what runs, what is under maintenance, and of which nothing is known."""
    now = timezone.now()
    states = interface_states(load_interfaces().values(), now=now)
    listing = Listing(
        request,
        states,
        name="states",
        row_url=lambda row: reverse("portal:interface", args=[row.interface.id]),
        columns=[
            Column("title", "接口", sort="title", value=lambda row: row.interface.title),
            Column("provider", "提供部门", sort="provider", value=lambda row: row.interface.provider_title),
            Column("status", "调用", "status", sort="status", option="state"),
            Column("freshness", "数据", "status", sort="freshness", option="freshness"),
            Column("delivered", "最近供数", "date", sort="delivered", value=_latest, null_text="尚未供数"),
            Column("cycle", "应当多久更新", value=lambda row: cycle_title(row.interface.ping)),
            Column("until", "维护至", "time", value=lambda row: row.maintenance_until),
        ],
        filters=[
            Filter("provider", "提供部门", provider_choices(), _by_provider),
            Filter(
                "status", "调用", STATE_CHOICES, lambda rows, value: [e for e in rows if e.status == value]
            ),
            Filter(
                "freshness",
                "数据",
                [("fresh", "按期更新"), ("stale", "逾期未更新"), ("unknown", "尚未供数，未知")],
                lambda rows, value: [each for each in rows if each.freshness == value],
            ),
        ],
        page_size=30,
        empty_title="还没有数据接口",
        empty_text="提供部门登记接口后会显示在这里。",
    )
    windows = selectors.list_maintenance(now=now)
    context = {
        "now": now,
        "minutes": WATCHED_MINUTES,
        "answering": sum(each.status == "answering" for each in states),
        "troubled": sum(each.status in ("unsteady", "failing", "unavailable") for each in states),
        "unknown": sum(each.status in ("idle", "store_missing") for each in states),
        "paused": sum(each.status == "maintenance" for each in states),
        "total": len(states),
        "windows": [(provider_title(each.provider), each, each.starts_at <= now) for each in windows],
    }
    return listing.respond("portal/public/interface_status.html", context)


def _latest(state: InterfaceState) -> object:
    """Day of the oldest of the sources' last deliveries; null as soon as one was never delivered."""
    days = [day for _, _, day, _ in state.sources]
    return None if None in days else min(day for day in days if day)


def _by_provider(rows: list[InterfaceState], value: str) -> list[InterfaceState]:
    return [each for each in rows if each.interface.provider == value]
