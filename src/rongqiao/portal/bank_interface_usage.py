"""Bank workspace: what was called, what came of it and what it costs; by day, by code, and call by call."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from rongqiao.bases.enterprises.interfaces import selectors
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.charts import Chart
from rongqiao.portal.interface_listings import (
    BY_USCC,
    CALL_FACTS,
    PERIOD,
    PERIODS,
    SUBJECT_CODE,
    USAGE_COUNTS,
    first_day,
    start_of,
    usage_totals,
)
from rongqiao.portal.interface_words import (
    code_choices,
    interface_choices,
    interface_title,
    provider_title,
)
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

    from rongqiao.bases.enterprises.interfaces.selectors import Usage

CALL_PERIODS = [("1", "今天"), *PERIODS]
CHART_DAYS = 90


@require_safe
@for_roles(*BANK)
def show_usage(request: HttpRequest) -> HttpResponse:
    """Metering: calls per day and interface, refusals by code, what is to be paid."""
    scope, today = request_scope(request), timezone.localdate()
    days, first = first_day(request)
    rows = selectors.usage_by_day(scope, since=first, until=today)
    listing = Listing(
        request,
        rows,
        name="usage",
        columns=[
            Column("day", "日期", "date", sort="day"),
            Column(
                "interface", "接口", sort="interface", value=lambda row: interface_title(row.interface_id)
            ),
            Column("provider", "提供部门", value=lambda row: provider_title(row.provider)),
            *USAGE_COUNTS,
        ],
        filters=[
            PERIOD,
            Filter("interface", "接口", interface_choices(), _by_interface),
        ],
        default_sort="-day",
        page_size=30,
        empty_title="这段时间没有调用",
        empty_text="用密钥调用接口后，每次调用都计量在这里；沙箱调用不计。",
        empty_url=reverse("portal:bank_interface_keys"),
        empty_label=_("查看密钥"),
    )
    shown = max(first, today - dt.timedelta(days=CHART_DAYS - 1))
    context = usage_totals(scope, rows, days, first) | {"chart": _chart(rows, shown, today)}
    return listing.respond("portal/bank/interface_usage.html", context)


def _by_interface(rows: list[Usage], value: str) -> list[Usage]:
    return [row for row in rows if row.interface_id == value]


def _chart(rows: Iterable[Usage], first: dt.date, today: dt.date) -> Chart:
    """Answered and refused calls per day. A day without calls is a true zero: this is the platform's own meter."""
    days = [first + dt.timedelta(days=each) for each in range((today - first).days + 1)]
    answered, refused = dict.fromkeys(days, 0), dict.fromkeys(days, 0)
    for row in rows:
        if row.day in answered:
            answered[row.day] += row.answered
            refused[row.day] += row.calls - row.answered
    return Chart(
        id="usage",
        title="每日调用",
        labels=[f"{day:%m-%d}" for day in days],
        series={"应答": list(answered.values()), "未应答": list(refused.values())},
        unit="次",
        source=f"平台计量，截至 {today:%Y-%m-%d}；不含沙箱调用。",
        kind="bar",
    )


@require_safe
@for_roles(*BANK)
def list_calls(request: HttpRequest) -> HttpResponse:
    """Every call with key, enterprise, purpose, ground, outcome and time."""
    scope = request_scope(request)
    keys = [(str(each.pk), each.title) for each in selectors.list_keys(scope)]
    days = request.GET.get("days", "")
    since = None
    if days in dict(CALL_PERIODS):
        first = timezone.localdate() - dt.timedelta(days=int(days) - 1)
        since = start_of(first)
    listing = Listing(
        request,
        selectors.with_names(selectors.list_calls(scope, since=since)),
        name="calls",
        columns=[
            Column("at", "时间", "time", sort="at"),
            Column("interface", "接口", value=lambda row: interface_title(row.interface_id)),
            *CALL_FACTS,
            Column("key", "密钥", value=_key),
            Column("milliseconds", "毫秒", "number", sort="milliseconds"),
            Column("price_cny", "费用", "money"),
        ],
        filters=[
            Filter("days", "时间", CALL_PERIODS),
            Filter(
                "interface", "接口", interface_choices(), lambda rows, value: rows.filter(interface_id=value)
            ),
            Filter("code", "结果", code_choices(), lambda rows, value: rows.filter(code=value)),
            Filter("key", "密钥", keys, lambda rows, value: _of_key(rows, value, keys)),
            BY_USCC,
        ],
        default_sort="-at",
        further=[SUBJECT_CODE],
        empty_title="还没有调用",
        empty_text="用密钥调用接口后，每次调用都会记录在这里。",
        empty_url=reverse("portal:bank_interface_keys"),
        empty_label=_("查看密钥"),
    )
    return listing.respond("portal/bank/interface_calls.html")


def _key(row: Any) -> str:
    """Say which key called, whose it is where a vendor holds it, and whether an agent did."""
    notes = [f"{row.holder.name}代办"] if row.holder else []
    notes += ["智能体"] if row.via == "mcp" else []
    return f"{row.key.title}（{'、'.join(notes)}）" if notes else str(row.key.title)


def _of_key(rows: Any, value: str, keys: list[tuple[str, str]]) -> Any:
    """Keep calls by one of the bank's keys; a number typed into the address that is none finds nothing."""
    return rows.filter(key_id=value) if value in dict(keys) else rows.none()
