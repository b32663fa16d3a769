"""A bank edits a product's conditions: one by one, tried on the province and the past year, then published by a second person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from rongqiao.accounts.roles import Role
from rongqiao.bases.resources import changes
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.platforms.financing import criteria_trials as trials
from rongqiao.platforms.financing.screening.facts import find_facts, get_fact
from rongqiao.platforms.financing.screening.selectors import budgets_left
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.bank_products import ABOUT, PREFECTURE, by_prefecture, why_none
from rongqiao.portal.criteria_words import describe_criteria
from rongqiao.portal.listing import Column, Filter, Listing, place_name, prefecture_choices

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

SIDES = ("region_code", "before", "after", "gained", "lost")
DEEDS = ("add", "try", "submit", "return", "publish", "discard")


@require_safe
@for_roles(*BANK)
def show_change(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    """Show the draft with what its trial told, or the part of it that a search or a choice changes."""
    return _editor(request, change_id)


def _editor(request: HttpRequest, change_id: uuid.UUID, refusal: RongqiaoError | None = None) -> HttpResponse:
    scope = request_scope(request)
    change = changes.get_change(scope, change_id)
    if change is None:
        raise Http404(str(change_id))
    query, chosen = request.GET.get("q", "").strip(), request.GET.get("fact", "")
    conditions, dropped = trials.draft_conditions(change)
    context: dict[str, Any] = {
        "change": change,
        "product": change.product,
        "is_open": change.status in changes.OPEN,
        "can_edit": change.status == "draft",
        "can_decide": change.status == "submitted" and scope.role == Role.BANK_RISK,
        "is_own": change.drafted_by_id == scope.user_id,
        "before": describe_criteria(change.before),
        "conditions": conditions,
        "dropped": dropped,
        "figures": change.figures,
        "is_changed": bool(dropped) or any(each.is_new for each in conditions),
        "query": query,
        "found": find_facts(query) if not chosen else [],
        "chosen": get_fact(chosen) if chosen else None,
        "budget": budgets_left(scope, timezone.now())["count"],
        "refusal": refusal,
        "note": request.POST.get("note", change.note),
        "urls": {"show": reverse("portal:bank_change", args=[change_id])}
        | {deed: reverse(f"portal:bank_change_{deed}", args=[change_id]) for deed in DEEDS},
    }
    listing = _counties(request, change, context["urls"]["show"])
    htmx = getattr(request, "htmx", None)
    if htmx and htmx.target == "builder" and not htmx.history_restore_request:
        # HTMX swaps only what succeeded: a refusal in its place is an answer, not a failure.
        return render(request, "portal/bank/change_editor.html", context | {"listing": listing})
    answer = listing.respond("portal/bank/change.html", context)
    answer.status_code = 422 if refusal else 200
    return answer


def _counties(request: HttpRequest, change: Any, path: str) -> Listing:
    """List what the trial told by county; a draft that was not tried has no line."""
    figures: dict[str, Any] = change.figures or {}
    lines = [dict(zip(SIDES, line, strict=True)) for line in figures.get("counties", [])]
    hidden = f"少于 {figures.get('least', '')}"
    meaning = f"产品在这里销售，只是各县市区的增减都{hidden} 户（含零），不显示；不等于没有变化。"
    none_fit = why_none(request, change.product, "这个市州的县市区都不显示", meaning)
    titles = {"before": "现行", "after": "新条件", "gained": "新增", "lost": "失去"}
    return Listing(
        request,
        [
            line
            | {
                "name": place_name(line["region_code"]),
                "prefecture": place_name(line["region_code"][:PREFECTURE]),
            }
            for line in lines
        ],
        name="counties",
        path=path,
        columns=[
            Column("name", "县市区", sort="name"),
            Column("prefecture", "市州", sort="prefecture"),
            *(
                Column(key, f"{title}{ABOUT}", "count", sort=key, null_text=hidden)
                for key, title in titles.items()
            ),
        ],
        filters=[Filter("prefecture", "市州", prefecture_choices(), by_prefecture)],
        default_sort="-lost",
        empty_title="没有可以显示的县市区",
        empty_text=f"各县市区的增减都{hidden} 户，不显示。",
        none_fit_title=none_fit[0],
        none_fit_text=none_fit[1],
        further=[Column("region_code", "区划代码")],
    )


def _do(
    request: HttpRequest,
    change_id: uuid.UUID,
    deed: Callable[..., Any],
    *,
    done: str = "",
    **arguments: Any,
) -> HttpResponse:
    """Do it, and show the draft again; a refusal says in place why, and leaves the draft as it was."""
    scope = request_scope(request)
    if changes.get_change(scope, change_id) is None:
        raise Http404(str(change_id))
    try:
        deed(scope=scope, change_id=change_id, **arguments)
    except RongqiaoError as error:
        return _editor(request, change_id, error)
    is_swap = bool(getattr(request, "htmx", None))
    if is_swap and not done:
        return _editor(request, change_id)
    if done:
        messages.success(request, done)
    url = reverse("portal:bank_change", args=[change_id])
    return HttpResponseClientRedirect(url) if is_swap else redirect(url)


@require_POST
@for_roles(*BANK)
def add_condition(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    """Add a condition."""
    asked = {"fact": request.POST.get("fact", ""), "op": request.POST.get("op", "")}
    values = request.POST.getlist("value")
    return _do(request, change_id, trials.add_condition, **asked, values=values, now=timezone.now())


@require_POST
@for_roles(*BANK)
def remove_condition(request: HttpRequest, change_id: uuid.UUID, place: int) -> HttpResponse:
    """Take a condition out."""
    return _do(request, change_id, trials.remove_condition, place=place)


@require_POST
@for_roles(*BANK)
def move_bound(request: HttpRequest, change_id: uuid.UUID, place: int) -> HttpResponse:
    """Give a condition another bound."""
    return _do(request, change_id, trials.move_bound, place=place, value=request.POST.get("value", ""))


@require_POST
@for_roles(*BANK)
def try_change(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    """Try the draft on the province and on the past year's matches."""
    return _do(request, change_id, trials.try_change, now=timezone.now())


@require_POST
@for_roles(*BANK)
def submit(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    """Hand the draft to a second person."""
    done = "已提交，等另一位风险经理复核发布；在此之前仍按现行条件受理。"
    return _do(request, change_id, changes.submit_change, done=done, note=request.POST.get("note", ""))


@require_POST
@for_roles(Role.BANK_RISK)
def send_back(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    """Send a submitted change back."""
    return _do(request, change_id, changes.return_change, done="已退回修改。")


@require_POST
@for_roles(Role.BANK_RISK)
def publish(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    """Put the change in force."""
    done = "新条件已生效，正在为全省企业重新核对；已发布的需求和报价不受影响。"
    return _do(request, change_id, changes.publish_change, done=done, now=timezone.now())


@require_POST
@for_roles(*BANK)
def discard(request: HttpRequest, change_id: uuid.UUID) -> HttpResponse:
    """Give the change up."""
    return _do(request, change_id, changes.discard_change, done="已放弃这次改动，现行条件不变。")
