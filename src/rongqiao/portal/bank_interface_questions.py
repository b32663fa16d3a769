"""Bank workspace: accesses that have to be explained to the provider department."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from rongqiao.accounts.services import find_register_entry
from rongqiao.bases.enterprises.interfaces import questions, selectors
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.bank_interface_forms import AnswerForm, put_refusal
from rongqiao.portal.interface_listings import SUBJECT, SUBJECT_CODE, reason_titles
from rongqiao.portal.interface_words import (
    basis_title,
    interface_choices,
    interface_title,
    provider_title,
    purpose_title,
)
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.rules.transitions import can_advance

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

STATUSES = [
    ("overdue", "逾期未说明"),
    ("asked", "待说明"),
    ("answered", "待判定"),
    ("accepted", "说明成立"),
    ("rejected", "说明不成立"),
]


@require_safe
@for_roles(*BANK)
def list_questions(request: HttpRequest) -> HttpResponse:
    """Questions to the bank, the one whose time runs out first on top."""
    listing = Listing(
        request,
        selectors.list_questions(request_scope(request)),
        name="questions",
        row_url=lambda row: reverse("portal:bank_interface_question", args=[row.pk]),
        columns=[
            SUBJECT,
            Column(
                "interface", "接口", sort="interface_id", value=lambda row: interface_title(row.interface_id)
            ),
            Column("at", "查询时间", "time", value=lambda row: row.call.at),
            Column("reasons", "抽查缘由", value=reason_titles),
            Column("status", "状态", "status", sort="status", option="question"),
            Column(
                "due_at",
                "答复期限",
                "clock",
                sort="due_at",
                value=lambda row: row.due_at if row.status in ("asked", "overdue") else None,
            ),
        ],
        filters=[
            Filter("status", "状态", STATUSES, lambda rows, value: rows.filter(status=value)),
            Filter(
                "interface", "接口", interface_choices(), lambda rows, value: rows.filter(interface_id=value)
            ),
        ],
        default_sort="due_at",
        further=[SUBJECT_CODE],
        empty_title="没有需要说明的访问",
        empty_text="每晚按风险并随机抽取前一日的查询，抽中的会列在这里，请在期限内说明缘由。",
    )
    return listing.respond("portal/bank/interface_questions.html")


@require_http_methods(["GET", "POST"])
@for_roles(*BANK)
def show_question(request: HttpRequest, question_id: uuid.UUID) -> HttpResponse:
    """One access: what was looked up, why it was drawn, and the bank's explanation."""
    scope, now = request_scope(request), timezone.now()
    question = selectors.get_question(scope, question_id)
    if question is None:
        raise Http404(str(question_id))
    form = AnswerForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            questions.answer_question(scope=scope, question_id=question.pk, now=now, **form.cleaned_data)
        except RongqiaoError as error:
            put_refusal(form, error, AnswerForm.FIELDS)
        else:
            messages.success(request, "说明已提交，等待提供部门判定。")
            return redirect("portal:bank_interface_question", question_id=question.pk)
    context = {
        "question": question,
        "call": question.call,
        "enterprise": find_register_entry(question.subject_uscc),
        "title": interface_title(question.interface_id),
        "provider": provider_title(question.provider),
        "purpose": purpose_title(question.call.purpose),
        "basis": basis_title(question.call.basis),
        "reasons": reason_titles(question),
        "form": form,
        "can_answer": can_advance("access_question", question.status, "answer"),
        "now": now,
    }
    return render(
        request,
        "portal/bank/interface_question.html",
        context,
        status=422 if request.method == "POST" else 200,
    )
