"""What a government body is told of a list it handed to banks: which have it, until when, and by counts how it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from rongqiao.platforms.financing.screening import handover_selectors, selectors
from rongqiao.portal.listing import Column, Listing

if TYPE_CHECKING:
    import datetime as dt

    from django.http import HttpRequest

    from rongqiao.accounts.scope import Scope

NAMED, CONTACTED, QUOTED, DRAWN = (
    "告知企业（约，户）",
    "抢单对接（约，户）",
    "报价（约，户）",
    "放款（约，户）",
)


def describe_handovers(
    request: HttpRequest, scope: Scope, screening: Any, now: dt.datetime, path: str
) -> tuple[Listing, dict[str, Any]]:
    """Give a list's page which banks have it and how it did, and what the form needs that hands it to more."""
    state = selectors.state_of(screening, now)
    given, whole = handover_selectors.list_given(scope, screening, now)
    hidden = f"少于 {(screening.figures or {}).get('hidden', 20)}"
    context = {
        "given": len(given),
        "whole": whole,
        "hidden": hidden,
        "banks": handover_selectors.banks_without(scope, screening)
        if state in ("saved", "handed_over")
        else [],
        "chosen_banks": request.POST.getlist("bank"),
        "days": request.POST.get("days", str(max(0, (screening.expires_on - timezone.localdate(now)).days))),
    }
    return _given(request, given, hidden, path), context


def _given(request: HttpRequest, rows: list[Any], hidden: str, path: str) -> Listing:
    told = {"named": NAMED, "contacted": CONTACTED, "quoted": QUOTED, "drawn": DRAWN}
    return Listing(
        request,
        rows,
        name="handovers",
        path=path,
        row_template="portal/screening/handover_card.html",
        columns=[
            Column("bank", "接收银行", sort="bank", value=lambda row: row.handover.recipient.name),
            Column("state", "状态", "status", sort="state", value=lambda row: f"handover.{row.state}"),
            Column(
                "handed_at", "交付时间", "time", sort="handed_at", value=lambda row: row.handover.handed_at
            ),
            Column(
                "expires_on", "有效期至", "date", sort="expires_on", value=lambda row: row.handover.expires_on
            ),
            *(
                Column(key, title, "count", sort=key, null_text=hidden, value=_reader(key))
                for key, title in told.items()
            ),
        ],
        default_sort="-handed_at",
        empty_title="还没有交付给银行",
        empty_text="勾选银行后交付：银行看得到统计数，企业同意的才告知名称。",
    )


def _reader(key: str) -> Any:
    return lambda row: getattr(row.told, key)
