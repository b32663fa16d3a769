"""Screening lists of banks and government bodies: build by conditions, count while editing, save, compare, hand over."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises.catalogue.selectors import held_back
from rongqiao.contracts.catalog import threshold
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.platforms.financing.screening import selectors, services
from rongqiao.platforms.financing.screening.facts import UNKNOWN_FACT, find_facts, get_fact
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.forms import whole_number
from rongqiao.portal.handover_listing import describe_handovers
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.screening_words import (
    bars,
    differences,
    figures_chart_source,
    profiles,
    reader_mark,
    section_title,
)
from rongqiao.portal.wording import choices
from rongqiao.rules.transitions import states

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    View = Callable[..., HttpResponse]

ROOMS = {"bank": BANK, "government": (Role.GOVERNMENT_OFFICIAL,)}
FILTERS = [
    Filter("q", "名单名称", apply=lambda rows, text: rows.filter(title__icontains=text[:60])),
    Filter(
        "state",
        "状态",
        choices(states("screening_list"), "screening"),
        lambda rows, state: rows.filter(state=state),
    ),
]
DEFAULT_DAYS = "30"


def in_rooms(view: View) -> View:
    """Open a page to the people of the workspace that its address names."""
    doors = {room: for_roles(*roles)(view) for room, roles in ROOMS.items()}

    @functools.wraps(view)
    def enter(request: HttpRequest, *args: Any, room: str, **kwargs: Any) -> HttpResponse:
        return doors[room](request, *args, room=room, **kwargs)

    return enter


def address(room: str, name: str = "", *args: object) -> str:
    """Address of a page of lists in the reader's workspace."""
    return reverse(f"portal:{room}_screening{name}", args=args)


@require_safe
@in_rooms
def list_screenings(request: HttpRequest, room: str) -> HttpResponse:
    """Show the lists of the reader's organisation."""
    scope, now = request_scope(request), timezone.now()
    listing = Listing(
        request,
        selectors.with_state(selectors.list_screenings(scope), now),
        name="screenings",
        row_url=lambda row: address(room, "", row.pk),
        columns=[
            Column("title", "名单", sort="title"),
            Column(
                "state",
                "状态",
                "status",
                sort="state",
                value=lambda row: f"screening.{row.state}",
            ),
            Column("conditions", "条件（个）", "number", value=lambda row: len(row.conditions)),
            Column("total", "符合（约，户）", "count", value=total, null_text=total_null),
            Column("created_by.full_name", "建立人", value=lambda row: str(row.created_by.full_name)),
            Column("created_at", "建立", "date", sort="created_at"),
            Column("expires_on", "有效期至", "date", sort="expires_on"),
        ],
        filters=FILTERS,
        default_sort="-created_at",
        empty_title="还没有筛选名单",
        empty_text="按条件圈出要找的企业，先看有多少户、在哪里；企业同意后才看得到名称。",
        empty_url=address(room, "_new"),
        empty_label=_("新建名单"),
    )
    context = {"room": room, "new_url": address(room, "_new"), "budgets": selectors.budgets_left(scope, now)}
    return listing.respond("portal/screening/lists.html", context)


def total(row: Any) -> int | None:
    """Told count of a list; null where it is hidden or was never made."""
    return (row.figures or {}).get("total")


def total_null(row: Any) -> str:
    """Tell a count that is hidden from one that was never made."""
    return f"少于 {row.figures['hidden']}" if row.figures else "未统计"


@require_http_methods(["GET", "HEAD", "POST"])
@in_rooms
def new_screening(request: HttpRequest, room: str) -> HttpResponse:
    """Begin a list: its name and how long it stands."""
    scope, now = request_scope(request), timezone.now()
    title, days = request.POST.get("title", ""), request.POST.get("days", DEFAULT_DAYS)
    error = None
    if request.method == "POST":
        try:
            screening = services.open_list(
                scope=scope, title=title, valid_days=whole_number(days, 0), now=now
            )
        except RongqiaoError as refused:
            error = refused
        else:
            return redirect(address(room, "", screening.pk))
    most = int(threshold("screening_list_days_max", timezone.localdate(now)))
    context = {
        "room": room,
        "error": error,
        "title": title,
        "days": days,
        "most": most,
        "lists_url": address(room, "s"),
    }
    return render(request, "portal/screening/new.html", context, status=422 if error else 200)


@require_safe
@in_rooms
def show_screening(request: HttpRequest, list_id: uuid.UUID, room: str) -> HttpResponse:
    """Show the builder, or the part of it that a search or a choice changes."""
    return answer_builder(request, list_id, room)


def answer_builder(
    request: HttpRequest, list_id: uuid.UUID, room: str, refusal: RongqiaoError | None = None
) -> HttpResponse:
    """Answer with a list's page, or with its builder alone where HTMX asks for it; a refusal stands in place."""
    scope, now = request_scope(request), timezone.now()
    screening = selectors.get_screening(scope, list_id)
    if screening is None:
        raise Http404(str(list_id))
    query, chosen = request.GET.get("q", "").strip(), request.GET.get("fact", "")
    if refusal is not None and refusal.thing != UNKNOWN_FACT:
        # What was being filled in stays open, as it was filled in.
        chosen = request.POST.get("fact", chosen)
    context: dict[str, Any] = {
        "room": room,
        "screening": screening,
        "state": selectors.state_of(screening, now),
        "can_edit": selectors.state_of(screening, now) in ("draft", "saved"),
        "conditions": [each["text"] for each in screening.conditions],
        "stopped": _stopped(screening.conditions),
        "query": query,
        "found": find_facts(query) if not chosen else [],
        "chosen": get_fact(chosen) if chosen else None,
        "filled": {"op": request.POST.get("op", ""), "values": request.POST.getlist("value")}
        if refusal
        else {},
        "figures": screening.figures,
        "bars": bars(screening.figures),
        "profiles": profiles(screening.figures),
        "source": figures_chart_source(screening.figures),
        "budgets": selectors.budgets_left(scope, now),
        "refusal": refusal,
        "urls": addresses(room, screening.pk),
    }
    status = 422 if refusal else 200
    htmx = getattr(request, "htmx", None)
    if htmx and htmx.target == "builder" and not htmx.history_restore_request:
        # HTMX swaps only what succeeded: a refusal in its place is an answer, not a failure.
        return render(request, "portal/screening/builder.html", context)
    versions = selectors.list_versions(scope, list_id)
    context["versions"] = differences(versions)
    context["has_others"] = selectors.list_screenings(scope).exclude(pk=list_id).exists()
    listing = None
    if room == "government":
        listing, more = describe_handovers(request, scope, screening, now, context["urls"]["show"])
        context |= more
    elif screening.handed_over_at:
        named, context["performance"] = selectors.list_named(scope, screening, now)
        context["mark"] = reader_mark(request)
        listing = named_listing(request, named, context["urls"]["show"])
    if listing is None:
        return render(request, "portal/screening/screening.html", context, status=status)
    answer = listing.respond("portal/screening/screening.html", context)
    answer.status_code = status
    return answer


def _stopped(conditions: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Conditions on an indicator that was held back after they were added, each with why."""
    reasons = held_back()
    return [(each["text"], reasons[each["fact"]]) for each in conditions if each["fact"] in reasons]


def named_listing(request: HttpRequest, rows: list[Any], path: str) -> Listing:
    """List those named; its file is the list's own export, which carries a mark."""
    return Listing(
        request,
        rows,
        name="named",
        path=path,
        columns=[
            Column("name", "企业", sort="name"),
            Column("uscc", "统一社会信用代码", sort="uscc"),
            Column("county_code", "所在地", "region", sort="county_code"),
            Column(
                "industry", "行业门类", sort="industry", value=lambda row: section_title(row.industry_code)
            ),
            Column("step", "进展", "status", sort="step", value=lambda row: f"screening_step.{row.step}"),
            Column("named_at", "告知时间", "time", sort="named_at"),
        ],
        filters=[
            Filter("q", "企业名称", apply=lambda rows, text: [row for row in rows if text in row.name]),
            Filter(
                "step",
                "进展",
                choices(selectors.STEPS, "screening_step"),
                lambda rows, step: [row for row in rows if row.step == step],
            ),
        ],
        can_export=False,
        empty_title="现在没有可显示的企业",
        empty_text="企业撤回了同意，或名单已到期；统计数仍可查看。",
    )


def addresses(room: str, pk: object) -> dict[str, str]:
    """Addresses of one list, by what is done there."""
    names = {"": "show", "_add": "add", "_save": "save", "_others": "others", "_compare": "compare"}
    if room == "bank":
        names |= {"_hand_over": "hand_over", "_export": "export"}
    else:
        names["_hand_over"] = "give"
    return {title: address(room, name, pk) for name, title in names.items()} | {"lists": address(room, "s")}


@require_POST
@in_rooms
def add_condition(request: HttpRequest, list_id: uuid.UUID, room: str) -> HttpResponse:
    """Add a condition; the counts follow."""
    return _change(
        request,
        list_id,
        room,
        lambda **common: services.add_condition(
            fact=request.POST.get("fact", ""),
            op=request.POST.get("op", ""),
            values=request.POST.getlist("value"),
            **common,
        ),
    )


@require_POST
@in_rooms
def remove_condition(request: HttpRequest, list_id: uuid.UUID, place: int, room: str) -> HttpResponse:
    """Take a condition out; the counts follow."""
    return _change(request, list_id, room, lambda **common: services.remove_condition(place=place, **common))


@require_POST
@in_rooms
def save_version(request: HttpRequest, list_id: uuid.UUID, room: str) -> HttpResponse:
    """Keep the conditions as the next version."""
    return _change(request, list_id, room, services.save_version, "已保存。")


@require_POST
@for_roles(*BANK)
def hand_over(request: HttpRequest, list_id: uuid.UUID, room: str) -> HttpResponse:
    """Ask for the names of those who agreed."""
    return _change(
        request, list_id, room, services.hand_over, "已交付：同意被发现的企业列在下面，其余企业只有统计数。"
    )


def _change(
    request: HttpRequest, list_id: uuid.UUID, room: str, deed: Callable[..., Any], done: str = ""
) -> HttpResponse:
    """Do it, and show the list again; a refusal says in place why, and leaves the list as it was."""
    if selectors.get_screening(request_scope(request), list_id) is None:
        raise Http404(str(list_id))
    try:
        deed(scope=request_scope(request), list_id=list_id, now=timezone.now())
    except RongqiaoError as error:
        return answer_builder(request, list_id, room, error)
    is_swap = bool(getattr(request, "htmx", None))
    if is_swap and not done:
        return answer_builder(request, list_id, room)
    if done:
        messages.success(request, done)
    url = address(room, "", list_id)
    # What was saved or handed over shows outside the builder, too.
    return HttpResponseClientRedirect(url) if is_swap else redirect(url)
