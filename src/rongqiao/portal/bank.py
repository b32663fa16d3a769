"""Bank workspace: the desk, the demand inbox, one demand and its grab."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from rongqiao.accounts import selectors as accounts
from rongqiao.contracts.catalog import industries, threshold
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.kernel.money import WAN
from rongqiao.platforms.credit.notices import list_notices
from rongqiao.platforms.financing import selectors as market
from rongqiao.platforms.financing import services
from rongqiao.platforms.financing.screening import handover_selectors
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.bank_clocks import KINDS, gather_clocks
from rongqiao.portal.listing import Column, Filter, Listing, prefecture_choices

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from rongqiao.platforms.financing.selectors import InboxItem

AMOUNTS = [("0-100", "100 万元以内"), ("100-500", "100 至 500 万元"), ("500-", "500 万元以上")]
DESK_CLOCKS = 8


@require_safe
@for_roles(*BANK)
def show_desk(request: HttpRequest) -> HttpResponse:
    """Desk: the clock that runs out first, then what waits."""
    scope, now = request_scope(request), timezone.now()
    inbox = market.bank_inbox(scope, now)
    waiting = list(market.list_applications(scope).filter(status="submitted"))
    clocks = gather_clocks(inbox, waiting, now)
    duties = [clock for clock in clocks if clock.is_duty]
    return render(
        request,
        "portal/bank/desk.html",
        {
            "first": clocks[0] if clocks else None,
            "duties": duties[:DESK_CLOCKS],
            "late": sum(clock.at <= now for clock in duties),
            "open_demands": [item for item in inbox if item.take is None][:DESK_CLOCKS],
            "counts": {
                "new": sum(item.take is None and item.push.seen_at is None for item in inbox),
                "open": sum(item.take is None for item in inbox),
                "to_quote": sum(item.take is not None and item.quote is None for item in inbox),
                "quoted": sum(item.quote is not None for item in inbox),
                "to_decide": len(waiting),
            },
            "unread": list_notices(scope).filter(seen_at=None).count(),
            "lists_waiting": handover_selectors.count_waiting(scope, now),
            "now": now,
        },
    )


@require_safe
@for_roles(*BANK)
def list_demands(request: HttpRequest) -> HttpResponse:
    """Inbox: open demands that were pushed to this institution."""
    return _inbox(request).respond("portal/bank/demands.html", {"limit": _places()})


def _inbox(request: HttpRequest) -> Listing:
    return Listing(
        request,
        market.bank_inbox(request_scope(request), timezone.now()),
        name="inbox",
        row_url=lambda item: reverse("portal:bank_demand", args=[item.demand.pk]),
        columns=[
            Column("name", "企业", value=lambda item: item.demand.enterprise_name),
            Column("amount", "金额", "money", sort="amount", value=lambda item: item.demand.amount_cny),
            Column("term", "期限", "months", sort="term", value=lambda item: item.demand.term_months),
            Column("purpose", "用途", "code", value=lambda item: item.demand.purpose, option="loan_purposes"),
            Column("region", "所在地", "region", sort="region", value=lambda item: item.demand.region_code),
            Column("fit", "匹配度", "number", sort="fit", value=_fit),
            Column("match", "本行产品", "status", value=_outcome),
            Column("takes", "已抢", "number", sort="takes", value=lambda item: item.takes_count),
            Column("state", "时限事项", value=lambda item: KINDS[item.deadline_kind]),
            Column("deadline", "时限", "clock", sort="deadline", value=lambda item: item.deadline),
        ],
        filters=[
            Filter("region", "所在地", prefecture_choices(), _by_region),
            Filter("industry", "行业门类", _sections(), _by_industry),
            Filter("amount", "金额", AMOUNTS, _by_amount),
            Filter(
                "state",
                "本行进度",
                [("new", "未抢单"), ("to_quote", "待报价"), ("quoted", "已报价")],
                _by_state,
            ),
        ],
        default_sort="deadline",
        empty_title="现在没有待处理的需求",
        empty_text="企业发布与本行产品匹配的需求后，会立即推送到这里。",
    )


@require_safe
@for_roles(*BANK)
def show_demand(request: HttpRequest, demand_id: uuid.UUID) -> HttpResponse:
    """One demand: what is asked, which of our products fit and why, and the grab."""
    return render(request, "portal/bank/demand.html", _demand_context(request, demand_id))


def _demand_context(request: HttpRequest, demand_id: uuid.UUID) -> dict[str, Any]:
    scope, now = request_scope(request), timezone.now()
    demand = market.get_demand(scope, demand_id)
    if demand is None:
        raise Http404(str(demand_id))
    take = market.list_takes(scope).filter(demand_id=demand_id).first()
    consent = accounts.live_consent(
        scope, subject_uscc=demand.uscc, recipient_id=scope.organisation_id, now=now
    )
    return {
        "demand": demand,
        "take": take,
        "is_held": take is not None and take.status in ("active", "quoted", "won"),
        "quotes": list(market.list_quotes(scope).filter(demand_id=demand_id)),
        "matches": market.demand_matches(scope, demand_id, now),
        "consent": consent,
        # What data proposed is itself enterprise data: shown only as far as a consent holds.
        "prefilled": market.visible_proposal(scope, demand, now) if consent else {},
        "places": _places(),
        "is_open": demand.status in market.OPEN_STATUSES,
        "now": now,
    }


@require_POST
@for_roles(*BANK)
def take(request: HttpRequest, demand_id: uuid.UUID) -> HttpResponse:
    """Grab a demand; a refusal says why, in place."""
    try:
        taken = services.take_demand(scope=request_scope(request), demand_id=demand_id, now=timezone.now())
    except RongqiaoError as error:
        context = _demand_context(request, demand_id) | {"refusal": error}
        if request.htmx:  # type: ignore[attr-defined]
            return render(request, "portal/bank/take_panel.html", context)
        return render(request, "portal/bank/demand.html", context, status=409)
    messages.success(request, "抢单成功。请在时限内联系企业并提交报价。")
    url = reverse("portal:bank_quote", args=[taken.pk])
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)  # type: ignore[attr-defined]


@require_POST
@for_roles(*BANK)
def release(request: HttpRequest, take_id: uuid.UUID) -> HttpResponse:
    """Let a taken demand go."""
    released = services.release_take(scope=request_scope(request), take_id=take_id, now=timezone.now())
    messages.success(request, "已释放，名额退还给其他机构。")
    return redirect("portal:bank_demand", demand_id=released.demand_id)


def _places() -> int:
    return int(threshold("max_takers", timezone.localdate()))


def _fit(item: InboxItem) -> int | None:
    """Fit of our best product, in whole hundredths; null without one."""
    return None if item.best_match is None else round(item.best_match.fit * 100)


def _outcome(item: InboxItem) -> str:
    return item.best_match.outcome if item.best_match else "unknown"


def _sections() -> list[tuple[str, str]]:
    return [(code, entry.name) for code, entry in industries().items() if len(code) == 1]


def _by_region(items: list[InboxItem], value: str) -> list[InboxItem]:
    return [item for item in items if item.demand.region_code.startswith(value)]


def _by_industry(items: list[InboxItem], value: str) -> list[InboxItem]:
    return [item for item in items if item.demand.industry_code.startswith(value)]


def _by_amount(items: list[InboxItem], value: str) -> list[InboxItem]:
    if value not in dict(AMOUNTS):
        return items
    low, _, high = value.partition("-")
    top = Decimal(high) * WAN if high else None
    return [
        item
        for item in items
        if item.demand.amount_cny >= Decimal(low) * WAN and (top is None or item.demand.amount_cny < top)
    ]


def _by_state(items: list[InboxItem], value: str) -> list[InboxItem]:
    tests = {
        "new": lambda item: item.take is None,
        "to_quote": lambda item: item.take is not None and item.quote is None,
        "quoted": lambda item: item.quote is not None,
    }
    test = tests.get(value)
    return [item for item in items if test(item)] if test else items
