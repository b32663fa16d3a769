"""Bank workspace: applications, their decision and contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from rongqiao.accounts.roles import Role
from rongqiao.contracts.catalog import code_list
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.platforms.financing import selectors as market
from rongqiao.platforms.financing import services
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.bank_forms import ContractForm, DecisionForm
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.wording import choices

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

STATUSES = choices(("submitted", "approved", "contracted", "refused"))


@require_safe
@for_roles(*BANK)
def list_applications(request: HttpRequest) -> HttpResponse:
    """Applications, those to be decided first."""
    listing = Listing(
        request,
        market.list_applications(request_scope(request)),
        name="applications",
        row_url=lambda row: reverse("portal:bank_application", args=[row.pk]),
        columns=[
            Column("quote.demand.enterprise_name", "企业", sort="quote__demand__enterprise_name"),
            Column("quote.amount_cny", "金额", "money", sort="quote__amount_cny"),
            Column("quote.term_months", "期限", "months"),
            Column("quote.all_in_ratio", "综合年化成本", "rate", sort="quote__all_in_ratio"),
            Column("quote.product.name", "产品"),
            Column("submitted_at", "提交时间", "time", sort="submitted_at"),
            Column("status", "状态", "status"),
            Column(
                "decision_due_at",
                "答复时限",
                "clock",
                sort="decision_due_at",
                value=lambda row: row.decision_due_at if row.status == "submitted" else None,
            ),
        ],
        filters=[
            Filter("status", "状态", STATUSES, lambda rows, value: rows.filter(status=value)),
            Filter(
                "q",
                "企业名称",
                apply=lambda rows, text: rows.filter(quote__demand__enterprise_name__icontains=text[:60]),
            ),
        ],
        empty_title="还没有贷款申请",
        empty_text="企业接受本行报价后，申请会自动出现在这里。",
        empty_url=reverse("portal:bank_demands"),
        empty_label=_("去看融资需求"),
    )
    return listing.respond("portal/bank/applications.html")


@require_safe
@for_roles(*BANK)
def show_application(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    """One application with what can be done next."""
    return _page(request, application_id)


@require_POST
@for_roles(Role.BANK_RISK)
def decide(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    """Approve or refuse."""
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, application_id, decision=form)
    data = form.cleaned_data
    approve = data["verdict"] == "approve"
    try:
        services.decide_application(
            scope=request_scope(request),
            application_id=application_id,
            approve=approve,
            refusal_reason="" if approve else data["reason"],
            refusal_note="" if approve else data["note"],
            now=timezone.now(),
        )
    except InvalidValueError as error:
        form.add_error("note" if data["reason"] else "reason", error.remedy)
        return _page(request, application_id, decision=form)
    messages.success(request, "已批准，请签订合同。" if approve else "已答复不批准，原因已告知企业。")
    return redirect("portal:bank_application", application_id=application_id)


@require_POST
@for_roles(*BANK)
def contract(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    """Put an approved application under contract."""
    form = ContractForm(request.POST)
    if not form.is_valid():
        return _page(request, application_id, signing=form)
    try:
        loan = services.sign_contract(
            scope=request_scope(request),
            application_id=application_id,
            now=timezone.now(),
            **form.cleaned_data,
        )
    except InvalidValueError as error:
        form.add_error("contract_no", error.remedy)
        return _page(request, application_id, signing=form)
    messages.success(request, "合同已登记，还款计划已生成。")
    return redirect("portal:bank_loan", loan_id=loan.pk)


def _page(
    request: HttpRequest,
    application_id: uuid.UUID,
    decision: DecisionForm | None = None,
    signing: ContractForm | None = None,
) -> HttpResponse:
    scope = request_scope(request)
    application = market.get_application(scope, application_id)
    if application is None:
        raise Http404(str(application_id))
    loan = market.list_loans(scope).filter(application_id=application_id).first()
    is_author = application.prepared_by_id is not None and application.prepared_by_id == scope.user_id
    context: dict[str, Any] = {
        "application": application,
        "quote": application.quote,
        "demand": application.quote.demand,
        "loan": loan,
        "comparison": next(
            (
                row
                for row in market.compare_quotes(scope, application.quote.demand_id, timezone.now())
                if row.quote.pk == application.quote_id
            ),
            None,
        ),
        "can_decide": application.status == "submitted" and scope.role == Role.BANK_RISK and not is_author,
        "is_author": is_author,
        "decision": decision or DecisionForm(),
        "signing": signing or ContractForm(initial={"start_on": timezone.localdate()}),
        "refusal": code_list("refusal_reasons").title(application.refusal_reason)
        if application.refusal_reason
        else "",
        "now": timezone.now(),
    }
    return render(
        request, "portal/bank/application.html", context, status=422 if decision or signing else 200
    )
