"""Demands of an enterprise: post in a minute, see why products fit, compare quotes, accept one."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from rongqiao.accounts.consent_text import current_text_version
from rongqiao.accounts.roles import Role
from rongqiao.accounts.selectors import consent_text, get_certification
from rongqiao.bases.enterprises import selectors as base
from rongqiao.contracts.catalog import code_list
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.money import WAN
from rongqiao.platforms.financing import selectors as market
from rongqiao.platforms.financing import services
from rongqiao.portal.access import ENTERPRISE, for_roles, request_scope
from rongqiao.portal.demand_form import ConsentForm, DemandForm, proposed_values, storable
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.progress import DEMAND_STEPS, demand_step
from rongqiao.portal.wording import choices
from rongqiao.rules.transitions import states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

# Where an error of the service belongs on the form.
FIELDS = {"融资金额": "amount", "期限（月）": "term", "期望年利率": "rate"}


@require_safe
@for_roles(*ENTERPRISE)
def list_demands(request: HttpRequest) -> HttpResponse:
    """All our demands."""
    statuses = choices(states("demand"))
    listing = Listing(
        request,
        market.list_demands(request_scope(request)),
        name="demands",
        row_url=_demand_url,
        columns=[
            Column("amount_cny", "金额", "money", sort="amount_cny"),
            Column("term_months", "期限", "months", sort="term_months"),
            Column("purpose", "用途", "code", option="loan_purposes"),
            Column("status", "状态", "status"),
            Column("takes_count", "抢单银行", "number", sort="takes_count"),
            Column("quotes_count", "报价", "number", sort="quotes_count"),
            Column("published_at", "发布时间", "time", sort="published_at"),
        ],
        filters=[Filter("status", "状态", statuses, lambda rows, code: rows.filter(status=code))],
        default_sort="-published_at",
        empty_title="还没有发布过融资需求",
        empty_text="金额、期限、用途已按经营数据填好，核对后一分钟发布。",
        empty_url=reverse("portal:enterprise_demand_new"),
        empty_label=_("发布第一笔需求"),
    )
    return listing.respond("portal/enterprise/demands.html")


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(*ENTERPRISE)
def new_demand(request: HttpRequest) -> HttpResponse:
    """Post a demand: prefilled, with the consent itemised below; the clerk can save a draft for the owner."""
    scope, now = request_scope(request), timezone.now()
    draft_id = _draft_id(request)
    prefill = base.prefill_demand(scope)
    initial, reasons = _initial(request, draft_id, prefill)
    is_publishing = "publish" in request.POST
    form = DemandForm(request.POST or None, initial=initial)
    consent = ConsentForm(request.POST if is_publishing else None)
    version = current_text_version(timezone.localdate(now))
    if request.method == "POST" and form.is_valid() and (not is_publishing or consent.is_valid()):
        try:
            if is_publishing:
                demand = services.publish_demand(
                    scope=scope,
                    **form.wanted(),
                    data_classes=consent.cleaned_data["data_classes"],
                    consent_days=consent.cleaned_data["consent_days"],
                    text_version=version,
                    prefilled=storable(prefill),
                    demand_id=draft_id,
                    now=now,
                )
                messages.success(request, "需求已发布，并推送给条件相符的银行。")
            else:
                demand = services.draft_demand(
                    scope=scope, **form.wanted(), prefilled=storable(prefill), now=now
                )
                messages.success(request, "草稿已保存，银行看不到；由企业负责人发布。")
        except InvalidValueError as error:
            form.add_error(FIELDS.get(error.thing), f"{error.thing}：{error.remedy}")
        else:
            return redirect("portal:enterprise_demand", demand_id=demand.pk)
    return render(
        request,
        "portal/enterprise/demand_new.html",
        {
            "form": form,
            "consent": consent,
            "reasons": reasons,
            "consent_text": consent_text(version),
            "text_version": version,
            "is_owner": scope.role == Role.ENTERPRISE_OWNER,
            "certification": get_certification(scope),
            "draft_id": draft_id,
        },
        status=422 if request.method == "POST" else 200,
    )


@require_safe
@for_roles(*ENTERPRISE)
def show_demand(request: HttpRequest, demand_id: uuid.UUID) -> HttpResponse:
    """One demand: how far it is, quotes side by side, products with reasons and what would settle them."""
    scope, now = request_scope(request), timezone.now()
    demand = _demand(request, demand_id)
    matches = market.demand_matches(scope, demand_id)
    applications = [each for each in market.list_applications(scope) if each.quote.demand_id == demand.pk]
    return render(
        request,
        "portal/enterprise/demand.html",
        {
            "demand": demand,
            "steps": DEMAND_STEPS,
            "step": demand_step(demand.status, applications),
            "quotes": market.compare_quotes(scope, demand_id, now),
            "applications": applications,
            "groups": _by_outcome(matches),
            "institutions": len({match.institution_id for match in matches if match.outcome != "unmet"}),
            "can_withdraw": "withdraw" in market.demand_events(demand),
            "is_owner": scope.role == Role.ENTERPRISE_OWNER,
            "refusals": code_list("refusal_reasons"),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(*ENTERPRISE)
def withdraw_demand(request: HttpRequest, demand_id: uuid.UUID) -> HttpResponse:
    """Ask once more, then take the demand back."""
    demand = _demand(request, demand_id)
    if request.method == "POST":
        services.withdraw_demand(scope=request_scope(request), demand_id=demand_id, now=timezone.now())
        messages.success(request, "需求已撤回，未接受的报价已关闭。")
        return redirect("portal:enterprise_demand", demand_id=demand_id)
    return render(request, "portal/enterprise/demand_withdraw.html", {"demand": demand})


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.ENTERPRISE_OWNER)
def accept_quote(request: HttpRequest, quote_id: uuid.UUID) -> HttpResponse:
    """Show once more what the quote costs, then accept it; all others close."""
    scope, now = request_scope(request), timezone.now()
    quote = market.get_quote(scope, quote_id)
    if quote is None:
        raise Http404(str(quote_id))
    if request.method == "POST":
        services.accept_quote(scope=scope, quote_id=quote_id, now=now)
        messages.success(request, f"已接受 {quote.institution.short_name} 的报价，进入审批。其他报价已关闭。")
        return redirect("portal:enterprise_demand", demand_id=quote.demand_id)
    compared = market.compare_quotes(scope, quote.demand_id, now)
    chosen = next((each for each in compared if each.quote.pk == quote.pk), None)
    cheapest = next((each for each in compared if each.is_cheapest), None)
    context = {"quote": quote, "chosen": chosen, "cheapest": cheapest}
    return render(request, "portal/enterprise/quote_accept.html", context)


def _demand(request: HttpRequest, demand_id: uuid.UUID) -> Any:
    demand = market.get_demand(request_scope(request), demand_id)
    if demand is None:
        raise Http404(str(demand_id))
    return demand


def _demand_url(demand: Any) -> str:
    if demand.status == "draft":
        return f"{reverse('portal:enterprise_demand_new')}?draft={demand.pk}"
    return reverse("portal:enterprise_demand", args=[demand.pk])


def _draft_id(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.GET.get("draft", ""))
    except ValueError:
        return None


def _initial(
    request: HttpRequest, draft_id: uuid.UUID | None, prefill: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values of the draft being continued, else what data proposes."""
    if draft_id is None:
        return proposed_values(prefill, request.GET)
    draft = _demand(request, draft_id)
    return {
        "amount": draft.amount_cny / WAN,
        "term": draft.term_months,
        "purpose": draft.purpose,
        "guarantee": draft.guarantee_kind,
        "rate": draft.desired_rate_ratio * 100 if draft.desired_rate_ratio else None,
        "note": draft.note,
    }, {}


def _by_outcome(matches: Sequence[Any]) -> list[dict[str, Any]]:
    """Products grouped by verdict; the unmet last, folded away."""
    titles = {"met": "条件相符", "unknown": "差一点信息就能确定", "unmet": "暂不符合"}
    groups = [
        {
            "outcome": outcome,
            "title": title,
            "matches": [match for match in matches if match.outcome == outcome],
        }
        for outcome, title in titles.items()
    ]
    return [group for group in groups if group["matches"]]
