"""Loans of an enterprise: what is owed, when, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from rongqiao.platforms.financing import selectors as market
from rongqiao.portal.access import ENTERPRISE, for_roles, request_scope
from rongqiao.portal.listing import Column, Listing

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

EVENT_TITLES = {
    "drawdown": "放款",
    "repayment": "还款",
    "overdue": "银行报告逾期",
    "cure": "恢复正常",
    "default": "银行报告违约",
}


@require_safe
@for_roles(*ENTERPRISE)
def list_loans(request: HttpRequest) -> HttpResponse:
    """All our loans."""
    listing = Listing(
        request,
        market.list_loans(request_scope(request)),
        name="loans",
        row_url=lambda loan: reverse("portal:enterprise_loan", args=[loan.pk]),
        columns=[
            Column("contract_no", "合同号", sort="contract_no"),
            Column("institution.short_name", "银行", sort="institution__short_name"),
            Column("product.name", "产品"),
            Column("principal_cny", "本金", "money", sort="principal_cny"),
            Column("rate_ratio", "年利率", "rate", sort="rate_ratio"),
            Column("start_on", "起息", "date", sort="start_on"),
            Column("maturity_on", "到期", "date", sort="maturity_on"),
            Column("status", "状态", "status", option="loan"),
        ],
        default_sort="-start_on",
        empty_title="还没有通过本平台的贷款",
        empty_text="接受报价、签约放款之后，还款计划会显示在这里。",
        empty_url=reverse("portal:enterprise_demands"),
        empty_label=_("看我的需求"),
    )
    return listing.respond("portal/enterprise/loans.html")


@require_safe
@for_roles(*ENTERPRISE)
def show_loan(request: HttpRequest, loan_id: uuid.UUID) -> HttpResponse:
    """One loan: balance, next instalment, schedule, and everything that happened."""
    page = market.get_loan(request_scope(request), loan_id, on=timezone.localdate())
    if page is None:
        raise Http404(str(loan_id))
    context: dict[str, Any] = {
        "page": page,
        "loan": page.loan,
        "state": page.state,
        "today": timezone.localdate(),
        "events": [(EVENT_TITLES.get(event.kind, event.kind), event) for event in page.events],
    }
    return render(request, "portal/enterprise/loan.html", context)
