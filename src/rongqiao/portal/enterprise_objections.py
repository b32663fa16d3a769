"""An enterprise looks through its records of a table, disputes what is wrong, and follows the answer on its clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rongqiao.bases.enterprises.objections import disputable, selectors, services
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.registry import load_indicators
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal.access import ENTERPRISE, for_roles, request_scope
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.listing import Column, Listing
from rongqiao.portal.objections import columns, detail_context, filters
from rongqiao.portal.templatetags.figures import moment

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

WHOLE = ""
FIELDS = {"理由": "ground", "说明": "reason", "项目": "item"}


class ObjectionForm(PlainForm):
    """What is disputed, what it should say, why, and what proves it."""

    item = forms.ChoiceField(label="哪一项有误", required=False)
    claimed = forms.CharField(
        label="您认为应当是", required=False, max_length=500, help_text="不清楚可以不填，由部门核查。"
    )
    ground = forms.ChoiceField(label="理由", choices=selectors.GROUNDS, widget=forms.RadioSelect)
    reason = forms.CharField(
        label="说明与依据",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="写明哪里不对、依据什么：文书文号、缴款凭证号、办理日期。部门凭这些核查，请勿填写身份证号等个人信息。",
    )

    def __init__(self, *args: Any, record: disputable.OwnRecord, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        items = [
            (cell.item.id, f"{cell.item.title}（现为：{cell.text or '空'}）")
            for cell in record.cells
            if not cell.is_sealed
        ]
        self.fields["item"].choices = [(WHOLE, "整条记录"), *items]  # type: ignore[attr-defined]


class TextForm(PlainForm):
    """Words to add to an objection."""

    text = forms.CharField(label="补充材料", max_length=1000, widget=forms.Textarea(attrs={"rows": 4}))


class StatementForm(PlainForm):
    """The enterprise's own words beside a fact."""

    text = forms.CharField(
        label="本人声明",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="最多 300 字，今后凡显示这条数据的地方都会一并显示。",
    )


@require_safe
@for_roles(*ENTERPRISE)
def list_records(request: HttpRequest, contract_id: str) -> HttpResponse:
    """Our records of one table, newest first, with their marks and until when they show."""
    contract = load_contracts().get(contract_id)
    if contract is None:
        raise Http404(contract_id)
    asked = request.GET.get("indicator", "")
    indicator = load_indicators().get(asked)
    listing = Listing(
        request,
        disputable.own_records(request_scope(request), contract_id, today=timezone.localdate()),
        name="records",
        row_url=lambda row: _record_url(row, asked if indicator else ""),
        columns=[
            Column("valid", "所属时间", value=lambda row: moment(row.valid) if row.valid else "未注明日期"),
            Column("summary", "内容"),
            Column("until", "展示至", value=shown_until),
            Column("is_marked", "标注", value=lambda row: _marks(row) or "—"),
            Column("known_at", "报送入库", "date"),
        ],
        empty_title="没有本企业的记录",
        empty_text="来源部门在这张表里没有报送过本企业的数据。",
        empty_url=reverse("portal:enterprise_profile"),
        empty_label=_("回到我的画像"),
    )
    return listing.respond("portal/enterprise/records.html", {"contract": contract, "indicator": indicator})


def _record_url(row: disputable.OwnRecord, indicator: str) -> str:
    url = reverse("portal:enterprise_record", args=[row.contract.id, row.record_id])
    return f"{url}?indicator={indicator}" if indicator else url


def _marks(row: disputable.OwnRecord) -> str:
    found = [*row.marks, *(mark for cell in row.cells for mark in cell.marks)]
    return "、".join(dict.fromkeys(mark.state_title for mark in found))


def shown_until(row: disputable.OwnRecord) -> str:
    """Say until when a record shows to others."""
    if row.until is None:
        return "期限尚未起算" if row.has_clock else "未设期限"
    return f"{row.until:%Y-%m-%d} 已到期，不再展示" if row.is_over else f"{row.until:%Y-%m-%d}"


@require_safe
@for_roles(*ENTERPRISE)
def show_record(request: HttpRequest, contract_id: str, record_id: str) -> HttpResponse:
    """One record, item by item, each with its mark and the way to dispute it."""
    record = _own_record(request, contract_id, record_id)
    behind: tuple[str, ...] = ()
    indicator = load_indicators().get(request.GET.get("indicator", ""))
    if indicator:
        behind = disputable.tables_behind(indicator.id).get(contract_id, ())
    context = {
        "record": record,
        "until": shown_until(record),
        "indicator": indicator,
        # What the figure reads comes first.
        "cells": sorted(record.cells, key=lambda cell: cell.item.id not in behind),
        "behind": behind,
    }
    return render(request, "portal/enterprise/record.html", context)


def _own_record(request: HttpRequest, contract_id: str, record_id: str) -> disputable.OwnRecord:
    if contract_id not in load_contracts():
        raise Http404(contract_id)
    try:
        return disputable.own_record(
            request_scope(request), contract_id, record_id, today=timezone.localdate()
        )
    except InvalidValueError as error:
        raise Http404(record_id) from error


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(*ENTERPRISE)
def new_objection(request: HttpRequest, contract_id: str, record_id: str) -> HttpResponse:
    """Dispute a record or an item of it; the mark stands from the next page on."""
    record = _own_record(request, contract_id, record_id)
    form = ObjectionForm(request.POST or None, record=record, initial={"item": request.GET.get("item", "")})
    if request.method == "POST" and form.is_valid():
        objection = _raise(request, record, form)
        if objection is not None:
            messages.success(request, "异议已提出，这条数据已标注“存在异议，正在核查”。")
            return redirect("portal:enterprise_objection", objection_id=objection.pk)
    context = {"form": form, "record": record}
    return render(
        request, "portal/enterprise/objection_new.html", context, status=422 if form.is_bound else 200
    )


def _raise(request: HttpRequest, record: disputable.OwnRecord, form: ObjectionForm) -> Any:
    scope, data = request_scope(request), form.cleaned_data
    try:
        return services.raise_objection(
            scope=scope,
            uscc=scope.uscc or "",
            contract_id=record.contract.id,
            record_id=record.record_id,
            item_id=data["item"],
            claimed_value=data["claimed"],
            ground=data["ground"],
            reason=data["reason"],
            now=timezone.now(),
        )
    except InvalidValueError as error:
        form.add_error(FIELDS.get(error.thing), error.remedy)
        return None


@require_safe
@for_roles(*ENTERPRISE)
def list_objections(request: HttpRequest) -> HttpResponse:
    """Our objections, the clock that runs out first on top."""
    listing = Listing(
        request,
        selectors.list_objections(request_scope(request)),
        name="objections",
        row_url=lambda row: reverse("portal:enterprise_objection", args=[row.pk]),
        columns=columns(),
        filters=filters(timezone.now()),
        default_sort="next_due_at",
        empty_title="还没有提出过异议",
        empty_text="在“我的画像”里，每个指标和事项旁都有“提出异议”。提出后立即标注，部门限期书面答复。",
        empty_url=reverse("portal:enterprise_profile"),
        empty_label=_("核对我的画像"),
    )
    return listing.respond("portal/enterprise/objections.html")


@require_safe
@for_roles(*ENTERPRISE)
def show_objection(request: HttpRequest, objection_id: uuid.UUID) -> HttpResponse:
    """One objection: its clocks, the answer, and what we can do now."""
    return _page(request, objection_id)


def _page(
    request: HttpRequest,
    objection_id: uuid.UUID,
    supply: TextForm | None = None,
    statement: StatementForm | None = None,
) -> HttpResponse:
    scope = request_scope(request)
    objection = selectors.get_objection(scope, objection_id)
    if objection is None:
        raise Http404(str(objection_id))
    is_ours = objection.raised_by_organisation_id == scope.organisation_id
    context = detail_context(scope, objection) | {
        "can_supply": is_ours and objection.status == "evidence",
        "can_withdraw": is_ours and objection.status in ("raised", "forwarded", "evidence"),
        "can_state": objection.status in ("rejected", "undecided"),
        "supply": supply or TextForm(),
        "statement": statement or StatementForm(initial={"text": objection.statement}),
    }
    status = 422 if supply or statement else 200
    return render(request, "portal/enterprise/objection.html", context, status=status)


@require_POST
@for_roles(*ENTERPRISE)
def supply(request: HttpRequest, objection_id: uuid.UUID) -> HttpResponse:
    """Give the department what it asked for."""
    form = TextForm(request.POST)
    if not form.is_valid():
        return _page(request, objection_id, supply=form)
    services.supply_evidence(
        scope=request_scope(request),
        objection_id=objection_id,
        text=form.cleaned_data["text"],
        now=timezone.now(),
    )
    messages.success(request, "材料已送达部门，时限照常计算。")
    return redirect("portal:enterprise_objection", objection_id=objection_id)


@require_POST
@for_roles(*ENTERPRISE)
def withdraw(request: HttpRequest, objection_id: uuid.UUID) -> HttpResponse:
    """Take an objection back."""
    services.withdraw_objection(scope=request_scope(request), objection_id=objection_id, now=timezone.now())
    messages.success(request, "异议已撤回，标注同时取消。")
    return redirect("portal:enterprise_objection", objection_id=objection_id)


@require_POST
@for_roles(*ENTERPRISE)
def state(request: HttpRequest, objection_id: uuid.UUID) -> HttpResponse:
    """Put our own words beside a fact that stands."""
    form = StatementForm(request.POST)
    if not form.is_valid():
        return _page(request, objection_id, statement=form)
    services.add_statement(
        scope=request_scope(request),
        objection_id=objection_id,
        text=form.cleaned_data["text"],
        now=timezone.now(),
    )
    messages.success(request, "声明已附在这条数据旁。")
    return redirect("portal:enterprise_objection", objection_id=objection_id)
