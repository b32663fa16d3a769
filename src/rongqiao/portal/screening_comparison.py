"""Two screening lists side by side: which to compare with, what they share by counts, and where their conditions differ."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from rongqiao.kernel.errors import RongqiaoError
from rongqiao.platforms.financing.screening import selectors, services
from rongqiao.portal.access import request_scope
from rongqiao.portal.listing import Column, Listing
from rongqiao.portal.screening import (
    FILTERS,
    address,
    addresses,
    answer_builder,
    in_rooms,
    total,
    total_null,
)

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rongqiao.accounts.scope import Scope


@require_safe
@in_rooms
def list_others(request: HttpRequest, list_id: uuid.UUID, room: str) -> HttpResponse:
    """Choose the list to compare with, among all of the reader's organisation."""
    scope, now = request_scope(request), timezone.now()
    first = selectors.get_screening(scope, list_id)
    if first is None:
        raise Http404(str(list_id))
    urls = addresses(room, list_id)
    listing = Listing(
        request,
        selectors.with_state(selectors.list_screenings(scope).exclude(pk=list_id), now),
        name="others",
        row_template="portal/screening/other_card.html",
        row_url=lambda row: address(room, "", row.pk),
        columns=[
            Column("title", "名单", sort="title"),
            Column("state", "状态", "status", value=lambda row: f"screening.{row.state}"),
            Column("total", "符合（约，户）", "count", value=total, null_text=total_null),
            Column("created_at", "建立时间", "date", sort="created_at"),
            Column("expires_on", "有效期至", "date", sort="expires_on"),
        ],
        filters=FILTERS,
        default_sort="-created_at",
        can_export=False,
        empty_title="没有另一份名单",
        empty_text="再建一份名单，就可以与这一份比较。",
        empty_url=address(room, "_new"),
        empty_label=_("新建名单"),
        context={"compare_url": urls["compare"]},
    )
    return listing.respond("portal/screening/others.html", {"room": room, "first": first, "urls": urls})


@require_POST
@in_rooms
def compare(request: HttpRequest, list_id: uuid.UUID, room: str) -> HttpResponse:
    """Show what two lists share, by counts, and where their conditions differ."""
    scope = request_scope(request)
    first = selectors.get_screening(scope, list_id)
    if first is None:
        raise Http404(str(list_id))
    other = request.POST.get("other", "")
    second = _chosen(scope, other)
    if second is None:
        return answer_builder(request, list_id, room, services.no_such_list(other))
    try:
        told = selectors.compare_lists(scope, first, second, timezone.now())
    except RongqiaoError as error:
        return answer_builder(request, list_id, room, error)
    context = {
        "room": room,
        "first": first,
        "second": second,
        "told": told,
        "only": selectors.differing_conditions(first, second),
        "hidden": (first.figures or {}).get("hidden", 20),
        "urls": addresses(room, first.pk),
    }
    return render(request, "portal/screening/compare.html", context)


def _chosen(scope: Scope, text: str) -> Any:
    try:
        return selectors.get_screening(scope, uuid.UUID(text))
    except ValueError:
        return None
