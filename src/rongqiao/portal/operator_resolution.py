"""Operator pages: rows that may mean one enterprise or another, how rows came to their enterprises, and taking that back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises.resolution import selectors, services
from rongqiao.contracts.catalog import regions
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.operator_governance import contract_title

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

DECISIONS = [("ask", "已请部门核实"), ("reject", "均不是"), ("all", "全部")]
IDENTITY_DECISIONS = [
    ("match", "认定为该企业"),
    ("reject", "均不是"),
    ("ask", "请部门核实"),
    ("undo", "撤销认定"),
]
METHODS = [
    ("uscc_repaired", "代码更正"),
    ("registration_no", "注册号"),
    ("name_exact", "名称一致"),
    ("name_fuzzy", "名称差一字"),
    ("linked", "概率模型"),
    ("withdrawn", "撤销"),
    ("unresolved", "未认定"),
]
#: What a row can say of who is meant, in the order it is read.
EVIDENCE = [
    ("name", "名称"),
    ("uscc", "统一社会信用代码"),
    ("county_code", "区县"),
    ("address", "地址"),
    ("legal_rep_name", "法定代表人"),
]
DONE = {
    "match": "已认定，这一行正按该企业重新经过六步治理。",
    "reject": "已记录：候选企业均不是。该行留在隔离区，由部门补报代码。",
    "ask": "已请部门核实，对方工作台可见。",
}


class DecideForm(PlainForm):
    """Who is meant, and why."""

    choice = forms.ChoiceField(label="认定意见", widget=forms.RadioSelect)
    reason = forms.CharField(
        label="理由",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="写明核对了什么，例如营业执照、部门来函。与认定人、时间一并长期保留。",
    )

    def __init__(self, *args: Any, candidates: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        same = [(f"match:{each['enterprise_id']}", f"就是 {each['name']}（{each['enterprise_id']}）") for each in candidates]  # fmt: skip
        rest = [("reject:", "候选企业均不是"), ("ask:", "请部门核实后补报代码")]
        self.fields["choice"].choices = same + rest  # type: ignore[attr-defined]


class UndoForm(PlainForm):
    """Why an assignment is taken back."""

    reason = forms.CharField(
        label="撤销原因",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="自今日起该行不再计入这家企业，指标与画像随之更新；先前出具的报告不变。",
    )


@require_safe
@for_roles(Role.OPERATOR)
def list_waiting(request: HttpRequest) -> HttpResponse:
    """Rows that wait for a person, the likeliest first."""
    rows = selectors.list_waiting_rows(request_scope(request))
    if not request.GET.get("decision"):
        rows = rows.filter(decision=None)
    listing = Listing(
        request,
        rows,
        name="identities",
        row_url=lambda row: reverse("portal:operator_identity", args=[row.pk]),
        columns=[
            Column("told", "报送名称", value=lambda row: row.told.get("name") or row.told.get("uscc") or "未写名称"),
            Column("contract_id", "数据表", sort="contract_id", value=lambda row: contract_title(row.contract_id)),
            Column("candidate", "最相似的企业", value=lambda row: row.candidates[0]["name"] if row.candidates else "—"),
            Column("count", "候选", "number", value=lambda row: len(row.candidates)),
            Column("probability", "概率", sort="probability", value=lambda row: f"{row.probability:.1%}"),
            Column("decision", "状态", "status", option="identity", value=lambda row: row.decision or "waiting"),
            Column("known_at", "报送日期", "date", sort="known_at"),
        ],
        filters=[
            Filter("decision", "状态", DECISIONS, lambda found, v: found if v == "all" else found.filter(decision=v), unset="待认定"),
            Filter("q", "报送名称", apply=lambda found, v: found.filter(told__name__icontains=v[:60])),
        ],
        default_sort="-probability",
        empty_title="没有待认定的记录",
        empty_text="名称相似但不能确认是哪家企业的报送行，会连同候选企业与依据列在这里；能确认的已自动认定，见“认定记录”。",
    )  # fmt: skip
    return listing.respond("portal/operator/identities.html")


@require_http_methods(["GET", "POST"])
@for_roles(Role.OPERATOR)
def decide_waiting(request: HttpRequest, row_id: int) -> HttpResponse:
    """One row beside its candidates, by what each side says; a person decides."""
    scope = request_scope(request)
    row = selectors.get_waiting_row(scope, row_id)
    if row is None:
        raise Http404(str(row_id))
    form = DecideForm(request.POST or None, candidates=row.candidates)
    if request.method == "POST" and form.is_valid():
        decision, _, enterprise_id = form.cleaned_data["choice"].partition(":")
        try:
            services.decide_row(
                scope=scope,
                row_id=row_id,
                decision=decision,
                enterprise_id=enterprise_id,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
        except InvalidValueError as error:
            form.add_error(None, error.remedy)
        else:
            messages.success(request, DONE[decision])
            return redirect("portal:operator_identities")
    _, decisions = selectors.history_of_row(scope, row.batch_id, row.line)
    context = {
        "row": row,
        "table": contract_title(row.contract_id),
        "told": [(title, _show(key, row.told.get(key))) for key, title in EVIDENCE],
        "candidates": [_lay_out(row.told, each) for each in row.candidates],
        "decisions": decisions,
        "form": form,
    }
    return render(request, "portal/operator/identity.html", context, status=422 if form.errors else 200)


def _show(key: str, value: Any) -> str:
    if not value:
        return ""
    if key != "county_code":
        return str(value)
    region = regions().get(str(value))
    return region.name if region else str(value)


def _lay_out(told: dict[str, Any], candidate: dict[str, Any]) -> dict[str, Any]:
    """Put what a candidate's register entry says beside what the row says; silence of the row compares nothing."""
    facts = candidate["facts"]
    cells = [
        {
            "title": title,
            "value": _show(key, facts.get(key)),
            "verdict": _compare(told.get(key), facts.get(key)),
        }
        for key, title in EVIDENCE
    ]
    return {**candidate, "share": f"{candidate['probability']:.1%}", "cells": cells}


def _compare(told: Any, known: Any) -> str:
    if not told or not known:
        return "silent"
    if told == known:
        return "same"
    return "part" if told in known or known in told else "other"


@require_safe
@for_roles(Role.OPERATOR)
def list_assignments(request: HttpRequest) -> HttpResponse:
    """How rows came to their enterprises where their code alone did not say it; by enterprise, method and name."""
    listing = Listing(
        request,
        selectors.list_merges(request_scope(request)).exclude(method="withdrawn"),
        name="assignments",
        row_url=lambda row: reverse("portal:operator_assignment", args=[row.batch_id, row.line]),
        columns=[
            Column("raw_name", "报送名称", value=lambda row: row.raw_name or row.raw_uscc or "未写名称"),
            Column("raw_uscc", "报送代码"),
            Column("enterprise", "认定企业", sort="enterprise_id", value=_assigned),
            Column("method", "方法", sort="method", value=lambda row: dict(METHODS).get(row.method, row.method)),
            Column("score", "把握", sort="score", value=lambda row: f"{row.score:.1%}" if row.score is not None else None),
            Column("contract_id", "数据表", sort="contract_id", value=lambda row: contract_title(row.contract_id)),
            Column("state", "状态", "status", option="identity", value=lambda row: "undone" if row.is_undone else "standing"),
            Column("known_at", "日期", "date", sort="known_at"),
        ],
        filters=[
            Filter("method", "方法", METHODS[:5], lambda rows, v: rows.filter(method=v)),
            Filter("enterprise", "认定企业代码", apply=lambda rows, v: rows.filter(enterprise_id=v.strip().upper()[:18])),
            Filter("q", "报送名称", apply=lambda rows, v: rows.filter(raw_name__icontains=v[:60])),
        ],
        default_sort="-known_at",
        empty_title="没有认定记录",
        empty_text="代码有误、由注册号、名称或概率模型认定的行会列在这里；代码正确的行不需要认定。",
        further=[Column("enterprise_id", "认定企业代码")],
    )  # fmt: skip
    return listing.respond("portal/operator/assignments.html")


def _assigned(row: Any) -> str | None:
    """Name the enterprise of a row with its code; null for none."""
    return f"{row.enterprise_name or '登记中无此代码'} {row.enterprise_id}" if row.enterprise_id else None


@require_safe
@for_roles(Role.OPERATOR)
def list_decisions(request: HttpRequest) -> HttpResponse:
    """List what people decided about rows: who, when and why."""
    listing = Listing(
        request,
        selectors.list_decisions(request_scope(request)),
        name="decisions",
        row_url=_place_of,
        columns=[
            Column("told", "报送名称", value=lambda row: row.told.get("name") or row.told.get("uscc") or "未写名称"),
            Column("decision", "决定", value=lambda row: row.get_decision_display(), sort="decision"),
            Column("enterprise_id", "企业", sort="enterprise_id"),
            Column("contract_id", "数据表", sort="contract_id", value=lambda row: contract_title(row.contract_id)),
            Column("reason", "理由"),
            Column("state", "办理", value=lambda row: row.get_state_display()),
            Column("decided_by_name", "决定人"),
            Column("decided_at", "时间", "time", sort="decided_at"),
        ],
        filters=[
            Filter("decision", "决定", IDENTITY_DECISIONS, lambda rows, v: rows.filter(decision=v)),
            Filter("enterprise", "企业代码", apply=lambda rows, v: rows.filter(enterprise_id=v.strip().upper()[:18])),
        ],
        default_sort="-decided_at",
        empty_title="还没有人工决定",
        empty_text="在“企业认定”中作出的认定、退回、核实与撤销，会连同决定人、时间和理由列在这里。",
    )  # fmt: skip
    return listing.respond("portal/operator/identity_log.html")


def _place_of(row: Any) -> str:
    """Where the history of the decided row is told: of a matched row, that of the file by which it was sent again."""
    if row.decision == "match" and row.delivery and row.delivery.batch_id:
        return reverse("portal:operator_assignment", args=[row.delivery.batch_id, selectors.MATCHED_LINE])
    return reverse("portal:operator_assignment", args=[row.batch_id, row.line])


@require_http_methods(["GET", "POST"])
@for_roles(Role.OPERATOR)
def show_assignment(request: HttpRequest, batch_id: str, line: int) -> HttpResponse:
    """Everything decided about one row's enterprise, by governance and by people; the assignment that stands can be taken back."""
    scope = request_scope(request)
    merges, decisions = selectors.history_of_row(scope, batch_id, line)
    found = selectors.find_assignment(scope, batch_id, line)
    if not merges and not decisions and found is None:
        raise Http404(f"{batch_id}:{line}")
    form = UndoForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.ask_undo(
                scope=scope,
                batch_id=batch_id,
                line=line,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
        except InvalidValueError as error:
            form.add_error(None, error.remedy)
        else:
            messages.success(request, "已提交撤销，稍后刷新本页查看结果。")
            return redirect("portal:operator_assignment", batch_id, line)
    context = {
        "batch_id": batch_id,
        "line": line,
        "table": contract_title(batch_id.partition("@")[0]),
        "standing": found[0] if found else None,
        "standing_name": next(
            (each.enterprise_name for each in reversed(merges) if each.enterprise_name), ""
        ),
        "told": found[1] if found else {},
        "merges": [(each, dict(METHODS).get(each.method, each.method)) for each in merges],
        "decisions": decisions,
        "is_pending": any(each.decision == "undo" and each.state == "asked" for each in decisions),
        "withdrawn_on": next((each.known_at for each in merges if each.method == "withdrawn"), None),
        "form": form if found else None,
    }
    return render(request, "portal/operator/assignment.html", context, status=422 if form.errors else 200)
