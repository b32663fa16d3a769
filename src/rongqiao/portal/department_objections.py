"""Objections to answer: the department's inbox by clock, and the operator's, who acts where a department does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from rongqiao.bases.enterprises.objections import answering, selectors
from rongqiao.contracts.catalog import code_list
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.platforms.credit.notices import list_told
from rongqiao.portal.access import request_scope
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.objections import columns, detail_context, filters
from rongqiao.rules.transitions import can_advance

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

CELL = "cell-"
DEEDS = {
    "correct": "属实，更正这条记录（在下方改好后入库，更正会告知所有查阅过报告的机构）",
    "reject": "核查无误，维持原内容",
    "leave_open": "无法确定，双方说法并存",
    "ask_evidence": "请提出人补充材料（时限照常计算）",
}
DONE = {
    "correct": "已答复：属实。更正记录已送入治理流程，入库后异议自动办结并通知查阅过的机构。",
    "reject": "已书面答复：核查无误。企业可附本人声明。",
    "leave_open": "已书面答复：无法确定，双方说法一并记载。",
    "ask_evidence": "已请提出人补充材料。",
}


class AnswerForm(PlainForm):
    """What the department decides, and its words."""

    deed = forms.ChoiceField(label="核查结论", widget=forms.RadioSelect)
    text = forms.CharField(
        label="书面答复",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="企业原样看到。写明核查了什么、依据什么；请补充材料的，写明要什么。",
    )

    def __init__(self, *args: Any, status: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(deed, title) for deed, title in DEEDS.items() if can_advance("objection", status, deed)]
        self.fields["deed"].choices = choices  # type: ignore[attr-defined]


class ForwardForm(PlainForm):
    """How an objection was sent to a department without people here."""

    text = forms.CharField(
        label="转送方式",
        max_length=500,
        help_text="写明以何种方式、转送给谁，例如公文编号或联系人。",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


@require_safe
def list_objections(request: HttpRequest, workspace: str) -> HttpResponse:
    """Objections to answer, the clock that runs out first on top."""
    scope, now = request_scope(request), timezone.now()
    narrow = filters(now)
    if workspace == "operator":
        narrow.insert(
            0,
            Filter("ours", "由平台办理", [("yes", "部门未入驻或已超期")], lambda rows, _: _ours(scope, rows)),
        )
    listing = Listing(
        request,
        selectors.list_objections(scope),
        name="objections",
        row_url=lambda row: reverse(f"portal:{workspace}_objection", args=[row.pk]),
        columns=[
            Column("subject_name", "企业", value=lambda row: row.subject_name or row.subject_uscc),
            *([Column("department", "归口部门", "code", option="departments", sort="department")] if workspace == "operator" else []),
            *columns(),
        ],
        filters=narrow,
        default_sort="next_due_at",
        empty_title="没有异议",
        empty_text="企业对本部门归口的数据提出异议后，会按时限先后列在这里。",
    )  # fmt: skip
    open_ones: Any = selectors.list_open(scope)
    context = {
        "workspace": workspace,
        "first": open_ones.exclude(next_due_at=None).order_by("next_due_at", "pk").first(),
        "waiting": open_ones.count(),
        "overdue": open_ones.filter(next_due_at__lte=now).count(),
        "ours": selectors.list_for_operator(scope).count() if workspace == "operator" else None,
    }
    return listing.respond("portal/objections/inbox.html", context)


def _ours(scope: Any, rows: Any) -> Any:
    return rows.filter(pk__in=selectors.list_for_operator(scope).order_by().values("pk"))


@require_safe
def show_objection(request: HttpRequest, objection_id: uuid.UUID, workspace: str) -> HttpResponse:
    """One objection with what can be done about it."""
    return _page(request, objection_id, workspace)


@require_POST
def answer(request: HttpRequest, objection_id: uuid.UUID, workspace: str) -> HttpResponse:
    """Correct, uphold, record both versions, or ask for evidence."""
    scope = request_scope(request)
    objection = selectors.get_objection(scope, objection_id)
    if objection is None:
        raise Http404(str(objection_id))
    form = AnswerForm(request.POST, status=objection.status)
    if not form.is_valid():
        return _page(request, objection_id, workspace, form=form)
    deed = form.cleaned_data["deed"]
    try:
        _act(scope, objection, deed, form.cleaned_data["text"], _cells(request))
    except InvalidValueError as error:
        form.add_error("text" if error.thing in ("书面答复", "要补充什么") else None, error.remedy)
        return _page(request, objection_id, workspace, form=form)
    messages.success(request, DONE[deed])
    return redirect(f"portal:{workspace}_objection", objection_id=objection_id)


def _act(scope: Any, objection: Any, deed: str, text: str, cells: dict[str, str]) -> None:
    given: dict[str, Any] = {"scope": scope, "objection_id": objection.pk, "now": timezone.now()}
    if deed == "correct":
        answering.correct_fact(answer=text, cells=_changed(objection, cells), **given)
    elif deed == "reject":
        answering.reject_objection(answer=text, **given)
    elif deed == "leave_open":
        answering.leave_open(answer=text, **given)
    else:
        answering.ask_evidence(question=text, **given)


def _cells(request: HttpRequest) -> dict[str, str]:
    return {
        name.removeprefix(CELL): value
        for name, value in request.POST.items()
        if name.startswith(CELL) and isinstance(value, str)
    }


def _changed(objection: Any, cells: dict[str, str]) -> dict[str, str]:
    """Keep the cells whose text differs from the record."""
    return {name: text for name, text in cells.items() if text.strip() != (objection.record.get(name) or "")}


@require_POST
def forward(request: HttpRequest, objection_id: uuid.UUID, workspace: str) -> HttpResponse:
    """Forward to a department without people here."""
    form = ForwardForm(request.POST)
    if not form.is_valid():
        return _page(request, objection_id, workspace, sending=form)
    answering.forward_objection(
        scope=request_scope(request),
        objection_id=objection_id,
        note=form.cleaned_data["text"],
        now=timezone.now(),
    )
    messages.success(request, "已登记转送；部门回复后在此代为答复。")
    return redirect(f"portal:{workspace}_objection", objection_id=objection_id)


def _page(
    request: HttpRequest,
    objection_id: uuid.UUID,
    workspace: str,
    form: AnswerForm | None = None,
    sending: ForwardForm | None = None,
) -> HttpResponse:
    scope = request_scope(request)
    objection = selectors.get_objection(scope, objection_id)
    if objection is None:
        raise Http404(str(objection_id))
    context = detail_context(scope, objection)
    can_answer = selectors.may_answer(scope, objection)
    answering_form = form or AnswerForm(status=objection.status)
    context |= {
        "workspace": workspace,
        "is_answerable": can_answer and bool(answering_form.fields["deed"].choices),  # type: ignore[attr-defined]
        "is_forwardable": workspace == "operator" and objection.status == "raised",
        "is_own": objection.raised_by_organisation_id == scope.organisation_id,
        "form": answering_form,
        "sending": sending or ForwardForm(),
        "cells": [_cell(request, line) for line in context["lines"] if not line.is_sealed],
        "told": list_told(scope, objection.pk) if workspace == "operator" else [],
    }
    return render(request, "portal/objections/detail.html", context, status=422 if form or sending else 200)


def _cell(request: HttpRequest, line: Any) -> dict[str, Any]:
    name = f"{CELL}{line.item.id}"
    return {
        "name": name,
        "item": line.item,
        "value": request.POST.get(name, line.raw),
        "received": line.raw,
        "is_wrong": line.is_disputed,
        "is_key": line.is_key,
        "choices": [title for _, title in code_list(line.item.code_list).choices()] if line.item.code_list else [],
    }  # fmt: skip
