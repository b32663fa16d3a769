"""A government body hands a list to banks, and takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from rongqiao.accounts.roles import Role
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.platforms.financing.screening import handovers, selectors
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.forms import whole_number
from rongqiao.portal.screening import address, answer_builder

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse


@require_POST
@for_roles(Role.GOVERNMENT_OFFICIAL)
def hand_over(request: HttpRequest, list_id: uuid.UUID, room: str) -> HttpResponse:
    """Hand the list to the banks that are ticked; a refusal says in place why."""
    scope, days = request_scope(request), request.POST.get("days", "")
    if selectors.get_screening(scope, list_id) is None:
        raise Http404(str(list_id))
    try:
        given = handovers.hand_to_banks(
            scope=scope,
            list_id=list_id,
            bank_ids=request.POST.getlist("bank"),
            valid_days=whole_number(days, -1),
            now=timezone.now(),
        )
    except RongqiaoError as error:
        return answer_builder(request, list_id, room, error)
    messages.success(request, f"已交付 {len(given)} 家银行：即刻看得到统计数，企业同意的由银行取得名称。")
    return redirect(f"{address(room, '', list_id)}#handovers")


@require_POST
@for_roles(Role.GOVERNMENT_OFFICIAL)
def withdraw(request: HttpRequest, handover_id: uuid.UUID) -> HttpResponse:
    """Take a list back from one bank."""
    handover = handovers.withdraw_handover(
        scope=request_scope(request), handover_id=handover_id, now=timezone.now()
    )
    messages.success(request, f"已收回：{handover.recipient.name}不再看得到这份名单。")
    return redirect(f"{address('government', '', handover.screening_id)}#handovers")
