"""Bank workspace: the loan book, and what happens to a loan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from rongqiao.contracts.catalog import code_list
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.platforms.financing import selectors as market
from rongqiao.platforms.financing import services
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.bank_forms import DrawdownForm, EventForm, RepaymentForm
from rongqiao.portal.listing import Column, Filter, Listing, prefecture_choices
from rongqiao.portal.wording import choices

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django import forms
    from django.http import HttpRequest, HttpResponse

    from rongqiao.platforms.financing.selectors import LoanRow

STATUSES = choices(("contracted", "drawn", "overdue", "defaulted", "repaid"), "loan")
EVENT_WORDS = {
    "drawdown": "放款",
    "repayment": "还款",
    "overdue": "转为逾期",
    "cure": "恢复正常",
    "default": "认定违约",
}


@require_safe
@for_roles(*BANK)
def list_loans(request: HttpRequest) -> HttpResponse:
    """Loan book: every loan with its balance, overdue days, class and next instalment, replayed to today."""
    scope, today = request_scope(request), timezone.localdate()
    rows = market.loan_rows(scope, list(market.list_loans(scope)), on=today)
    owed = [row for row in rows if row.state.outstanding_cny > 0]
    listing = Listing(
        request,
        rows,
        name="loans",
        row_url=lambda row: reverse("portal:bank_loan", args=[row.loan.pk]),
        columns=[
            Column("contract", "合同编号", sort="contract", value=lambda row: row.loan.contract_no),
            Column("name", "企业", sort="name", value=lambda row: row.loan.enterprise_name),
            Column(
                "principal", "合同金额", "money", sort="principal", value=lambda row: row.loan.principal_cny
            ),
            Column("rate", "年利率", "rate", sort="rate", value=lambda row: row.loan.rate_ratio),
            Column("balance", "余额", "money", sort="balance", value=lambda row: row.state.outstanding_cny),
            Column("overdue", "逾期天数", "number", sort="overdue", value=lambda row: row.state.overdue_days),
            Column("class", "五级分类", "status", value=_class),
            Column("next", "下次还款", "date", sort="next", value=_next_due),
            Column("status", "状态", "status", value=_status),
        ],
        filters=[
            Filter("status", "状态", STATUSES, _by_status),
            Filter("class", "五级分类", code_list("five_class").choices(), _by_class),
            Filter("region", "所在地", prefecture_choices(), _by_region),
            Filter("q", "企业或合同编号", apply=_by_text),
        ],
        default_sort="-overdue",
        empty_title="还没有贷款",
        empty_text="签订合同后，贷款会登记在这里。",
    )
    context = {
        "today": today,
        "count": len(rows),
        "balance": sum((row.state.outstanding_cny for row in rows), 0),
        "overdue_count": sum(row.state.overdue_days > 0 for row in owed),
        "overdue_balance": sum((row.state.outstanding_cny for row in owed if row.state.overdue_days > 0), 0),
        "bad_count": sum(row.state.five_class in ("substandard", "doubtful", "loss") for row in owed),
    }
    return listing.respond("portal/bank/loans.html", context)


@require_safe
@for_roles(*BANK)
def show_loan(request: HttpRequest, loan_id: uuid.UUID) -> HttpResponse:
    """One loan: state, schedule, events, and what can be recorded."""
    return _page(request, loan_id)


@require_POST
@for_roles(*BANK)
def draw(request: HttpRequest, loan_id: uuid.UUID) -> HttpResponse:
    """Record that the loan was paid out."""
    return _record(
        request,
        loan_id,
        "drawing",
        DrawdownForm(request.POST),
        services.record_drawdown,
        _as_day,
        "放款已登记。",
    )


@require_POST
@for_roles(*BANK)
def repay(request: HttpRequest, loan_id: uuid.UUID) -> HttpResponse:
    """Record a repayment."""
    form = RepaymentForm(request.POST)
    return _record(
        request, loan_id, "repaying", form, services.record_repayment, _as_repayment, "还款已登记。"
    )


@require_POST
@for_roles(*BANK)
def report(request: HttpRequest, loan_id: uuid.UUID) -> HttpResponse:
    """Record that the loan fell overdue, defaulted or was cured."""
    form = EventForm(request.POST)
    return _record(request, loan_id, "reporting", form, services.report_loan, _as_event, "状态已登记。")


def _as_day(data: dict[str, Any]) -> dict[str, Any]:
    return {"on": data["on"]}


def _as_repayment(data: dict[str, Any]) -> dict[str, Any]:
    return {"on": data["on"], "principal_cny": data["principal"], "interest_cny": data["interest"]}


def _as_event(data: dict[str, Any]) -> dict[str, Any]:
    return {"kind": data["kind"], "on": data["on"]}


def _record(
    request: HttpRequest,
    loan_id: uuid.UUID,
    name: str,
    form: forms.Form,
    service: Callable[..., Any],
    arguments: Callable[[dict[str, Any]], dict[str, Any]],
    done: str,
) -> HttpResponse:
    """Call the service with a valid form; what it refuses stands in the form."""
    if form.is_valid():
        try:
            service(
                scope=request_scope(request),
                loan_id=loan_id,
                now=timezone.now(),
                **arguments(form.cleaned_data),
            )
        except RongqiaoError as error:
            if market.get_loan(request_scope(request), loan_id, timezone.localdate()) is None:
                raise
            form.add_error(None, f"{error.thing}：{error.remedy}")
        else:
            messages.success(request, done)
            return redirect("portal:bank_loan", loan_id=loan_id)
    return _page(request, loan_id, **{name: form})


def _page(request: HttpRequest, loan_id: uuid.UUID, **forms_given: forms.Form) -> HttpResponse:
    today = timezone.localdate()
    page = market.get_loan(request_scope(request), loan_id, today)
    if page is None:
        raise Http404(str(loan_id))
    due = page.state.next_due
    context = {
        "page": page,
        "loan": page.loan,
        "state": page.state,
        "today": today,
        "events": [(EVENT_WORDS.get(event.kind, event.kind), event) for event in page.events],
        "drawing": DrawdownForm(initial={"on": page.loan.start_on}),
        "repaying": RepaymentForm(
            initial={
                "on": today,
                "principal": due.principal_cny if due else None,
                "interest": due.interest_cny if due else None,
            }
        ),
        "reporting": EventForm(initial={"on": today}),
        "is_awaiting_drawdown": page.loan.status == "contracted",
        "is_running": page.loan.status in ("drawn", "overdue", "defaulted"),
    } | forms_given
    return render(request, "portal/bank/loan.html", context, status=422 if forms_given else 200)


def _status(row: LoanRow) -> str:
    # "drawn" reads "paying normally": not while an instalment stands unpaid.
    return "overdue" if row.loan.status == "drawn" and row.state.overdue_days > 0 else _word(row.loan.status)


def _word(status: str) -> str:
    return "loan.contracted" if status == "contracted" else status


def _class(row: LoanRow) -> str | None:
    return row.state.five_class


def _next_due(row: LoanRow) -> Any:
    return row.state.next_due.due_on if row.state.next_due else None


def _by_status(rows: list[LoanRow], value: str) -> list[LoanRow]:
    return [row for row in rows if _status(row).removeprefix("loan.") == value]


def _by_class(rows: list[LoanRow], value: str) -> list[LoanRow]:
    return [row for row in rows if row.state.five_class == value]


def _by_region(rows: list[LoanRow], value: str) -> list[LoanRow]:
    return [row for row in rows if row.loan.region_code.startswith(value)]


def _by_text(rows: list[LoanRow], value: str) -> list[LoanRow]:
    return [row for row in rows if value in row.loan.enterprise_name or value in row.loan.contract_no]
