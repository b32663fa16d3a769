"""Data interfaces in use: who called what and was refused, accesses to judge, maintenance to announce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rongqiao.bases.enterprises.interfaces import questions, selectors, services
from rongqiao.bases.enterprises.interfaces.errors import codes_of_maintenance
from rongqiao.contracts.numbers import threshold
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal.access import request_scope
from rongqiao.portal.department_interfaces import interface_columns, place_of, provider_filters
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.interface_listings import (
    BY_USCC,
    CALL_FACTS,
    PERIOD,
    SUBJECT,
    SUBJECT_CODE,
    USAGE_COUNTS,
    first_day,
    reason_titles,
    start_of,
    usage_totals,
)
from rongqiao.portal.interface_words import (
    basis_title,
    code_choices,
    code_title,
    interface_title,
    provider_choices,
    provider_title,
    purpose_title,
)
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.rules.transitions import can_advance

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

OUTCOMES = [("refused", "未应答（全部）"), *code_choices()]
QUESTION_STATES = [
    ("answered", "待判定"),
    ("overdue", "逾期未说明"),
    ("asked", "待说明"),
    ("accepted", "说明成立"),
    ("rejected", "说明不成立"),
]
MOMENT = "%Y-%m-%dT%H:%M"


class JudgeForm(PlainForm):
    """Whether an explanation holds, and why."""

    verdict = forms.ChoiceField(
        label="判定", choices=[("accept", "说明成立"), ("reject", "说明不成立")], widget=forms.RadioSelect
    )
    judgement = forms.CharField(
        label="判定意见",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="不成立的必填。是否终止授权在授权页另行决定。",
    )


class MaintenanceForm(PlainForm):
    """A window in which a provider's interfaces do not answer."""

    provider = forms.ChoiceField(label="提供部门")
    starts_at = forms.DateTimeField(
        label="开始", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    ends_at = forms.DateTimeField(label="结束", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    code = forms.ChoiceField(label="告知调用方的状态")
    reason = forms.CharField(label="原因", max_length=200, help_text="公开显示，便于使用机构提前安排。")

    FIELDS = {"开始时间": "starts_at", "结束时间": "ends_at", "错误码": "code", "提供部门": "provider"}

    def __init__(self, *args: Any, provider: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [pair for pair in provider_choices() if provider in ("", pair[0])]
        codes = {code: title for each, _ in offered for code, title in codes_of_maintenance(each).items()}
        self.fields["provider"].choices = offered  # type: ignore[attr-defined]
        self.fields["code"].choices = list(codes.items())  # type: ignore[attr-defined]
        if provider:
            self.fields["provider"].initial = provider
        for name in ("starts_at", "ends_at"):
            self.fields[name].error_messages["invalid"] = "请按 2026-01-31 18:00 的样子填写时间。"


@require_safe
def show_usage(request: HttpRequest, workspace: str) -> HttpResponse:
    """Metering by day, consumer and interface, and why calls were refused."""
    scope, (days, first) = request_scope(request), first_day(request)
    rows = selectors.usage_by_day(scope, since=first, until=timezone.localdate())
    consumers = sorted({row.consumer for row in rows})
    narrow = [
        PERIOD,
        Filter(
            "consumer",
            "使用机构",
            [(each, each) for each in consumers],
            lambda rows, value: [row for row in rows if row.consumer == value],
        ),
    ]
    if workspace == "operator":
        narrow.append(
            Filter(
                "provider",
                "提供部门",
                provider_choices(),
                lambda rows, value: [row for row in rows if row.provider == value],
            )
        )
    listing = Listing(
        request,
        rows,
        name="usage",
        columns=[
            Column("day", "日期", "date", sort="day"),
            *interface_columns(workspace),
            Column("consumer", "使用机构", sort="consumer"),
            *USAGE_COUNTS,
        ],
        filters=narrow,
        default_sort="-day",
        page_size=30,
        empty_title="这段时间没有调用",
        empty_text="获授权的机构每次调用都计量在这里；沙箱调用不计。",
    )
    context = place_of(request, workspace) | usage_totals(scope, rows, days, first)
    return listing.respond("portal/provider/usage.html", context)


@require_safe
def list_calls(request: HttpRequest, workspace: str) -> HttpResponse:
    """Every call, refused ones too: by whom, about whom, for what, on what ground, with what outcome."""
    _, first = first_day(request)
    listing = Listing(
        request,
        selectors.with_names(selectors.list_calls(request_scope(request), since=start_of(first))),
        name="calls",
        columns=[
            Column("at", "时间", "time", sort="at"),
            *interface_columns(workspace),
            Column("consumer", "使用机构", value=caller),
            *CALL_FACTS,
            Column("milliseconds", "毫秒", "number", sort="milliseconds"),
        ],
        filters=[
            PERIOD,
            Filter("code", "结果", OUTCOMES, by_code),
            Filter("q", "使用机构", apply=lambda rows, text: rows.filter(consumer__name__icontains=text[:60])),
            BY_USCC,
            *provider_filters(workspace),
        ],
        default_sort="-at",
        further=[SUBJECT_CODE],
        empty_title="没有调用",
        empty_text="获授权的机构每次调用，无论是否应答，都记录在这里。",
    )  # fmt: skip
    return listing.respond("portal/provider/calls.html", place_of(request, workspace))


def caller(row: Any) -> str:
    """Name who called, and the vendor that did it for them."""
    return f"{row.consumer.name}（{row.holder.name}代办）" if row.holder else str(row.consumer.name)


def by_code(rows: Any, code: str) -> Any:
    """Keep calls of one outcome; ``refused`` for all that were not answered."""
    return rows.exclude(code="ok") if code == "refused" else rows.filter(code=code)


@require_safe
def list_questions(request: HttpRequest, workspace: str) -> HttpResponse:
    """List accesses that had to be explained; the clock that runs out first on top."""
    listing = Listing(
        request,
        selectors.list_questions(request_scope(request)),
        name="questions",
        row_url=lambda row: reverse(f"portal:{workspace}_interface_question", args=[row.pk]),
        columns=[
            *interface_columns(workspace),
            Column("consumer.name", "使用机构", sort="consumer__name"),
            SUBJECT,
            Column("reasons", "抽查缘由", value=reason_titles),
            Column("points", "风险分", "number", sort="points"),
            Column("status", "状态", "status", sort="status", option="question"),
            Column("due_at", "说明期限", "clock", sort="due_at", value=_running),
        ],
        filters=[
            Filter("status", "状态", QUESTION_STATES, lambda rows, value: rows.filter(status=value)),
            *provider_filters(workspace),
        ],
        default_sort="due_at",
        further=[SUBJECT_CODE],
        empty_title="没有抽查",
        empty_text="每晚按风险并随机抽取前一日的查询，请使用机构限期说明；说明后由提供部门判定。",
    )
    return listing.respond("portal/provider/questions.html", place_of(request, workspace))


def _running(row: Any) -> Any:
    return row.due_at if row.status in ("asked", "overdue") else None


@require_http_methods(["GET", "HEAD", "POST"])
def show_question(request: HttpRequest, question_id: uuid.UUID, workspace: str) -> HttpResponse:
    """One access, the consumer's explanation, and our judgement."""
    scope, now = request_scope(request), timezone.now()
    question = selectors.get_question(scope, question_id)
    if question is None:
        raise Http404(str(question_id))
    form = JudgeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            questions.judge_question(
                scope=scope,
                question_id=question_id,
                is_accepted=form.cleaned_data["verdict"] == "accept",
                judgement=form.cleaned_data["judgement"],
                now=now,
            )
        except InvalidValueError as error:
            form.add_error("judgement", error.remedy)
        else:
            messages.success(request, "判定已记录，使用机构可以看到。")
            return redirect(f"portal:{workspace}_interface_question", question_id=question_id)
    context = place_of(request, workspace) | {
        "question": question,
        "call": question.call,
        "title": interface_title(question.interface_id),
        "provider": provider_title(question.provider),
        "purpose": purpose_title(question.call.purpose),
        "basis": basis_title(question.call.basis),
        "reasons": reason_titles(question),
        "can_judge": can_advance("access_question", question.status, "accept"),
        "form": form,
        "now": now,
    }
    return render(request, "portal/provider/question.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def show_maintenance(request: HttpRequest, workspace: str) -> HttpResponse:
    """Windows that run or are to come, and the form that announces one."""
    scope, now = request_scope(request), timezone.now()
    own = scope.department if workspace == "department" else ""
    form = MaintenanceForm(request.POST if request.method == "POST" else None, provider=own)
    if request.method == "POST" and form.is_valid():
        try:
            services.announce_maintenance(scope=scope, now=now, **form.cleaned_data)
        except InvalidValueError as error:
            form.add_error(MaintenanceForm.FIELDS.get(error.thing), error.remedy)
        else:
            messages.success(request, "维护已公告，已通知使用机构。")
            return redirect(f"portal:{workspace}_interface_maintenance")
    listing = Listing(
        request,
        selectors.list_maintenance(now=now, provider=own),
        name="maintenance",
        row_template="portal/provider/maintenance_card.html",
        row_url=lambda row: reverse(f"portal:{workspace}_interface_maintenance_end", args=[row.pk]),
        context={"now": now},
        columns=[
            Column("provider", "提供部门", value=lambda row: provider_title(row.provider)),
            Column("starts_at", "开始", "time", sort="starts_at"),
            Column("ends_at", "结束", "time", sort="ends_at"),
            Column("code", "状态", value=lambda row: code_title(row.code)),
            Column("reason", "原因"),
            Column("now", "进行中", value=lambda row: "是" if row.starts_at <= now else "未开始"),
        ],
        empty_title="没有维护安排",
        empty_text="结账、数据迁移等期间接口不能应答的，请提前公告。",
    )
    context = place_of(request, workspace) | {
        "listing": listing,
        "form": form,
        "most_hours": threshold("interface_maintenance_hours_max", timezone.localdate(now)),
        "most_days": threshold("interface_maintenance_lead_days_max", timezone.localdate(now)),
    }
    return (
        render(request, "portal/provider/maintenance.html", context, status=422)
        if form.is_bound
        else listing.respond("portal/provider/maintenance.html", context)
    )


@require_POST
def end_maintenance(request: HttpRequest, window_id: int, workspace: str) -> HttpResponse:
    """End a window that runs, or take back one to come; the next call is answered."""
    services.end_maintenance(scope=request_scope(request), window_id=window_id, now=timezone.now())
    messages.success(request, "这项维护已结束，已通知使用机构。")
    return redirect(f"portal:{workspace}_interface_maintenance")
