"""Operator's page of one indicator's use: stop it, let it be used in spite of its figures, or start it again, with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises.catalogue import selectors, services
from rongqiao.indicators.suspension import LIFECYCLE
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.forms import PlainForm
from rongqiao.rules.transitions import events_from

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

CHOICES = {
    "halt": "停用：所有读取方即时停止使用",
    "release": "核准继续使用：虽未达标，仍可使用，达标后恢复自动判定",
    "resume": "恢复使用：此后按覆盖率与漂移自动判定",
}
DONE = {"halt": "已停用。", "release": "已核准继续使用。", "resume": "已恢复使用。"}


class UseForm(PlainForm):
    """What is decided, and why."""

    event = forms.ChoiceField(label="决定", widget=forms.RadioSelect)
    reason = forms.CharField(
        label="理由",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="写明依据，例如部门来函、口径核对结果。与决定人、时间一并长期保留，理由会向指标的读取方显示。",
    )

    def __init__(self, *args: Any, state: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        possible = [(event, CHOICES[event]) for event in events_from(LIFECYCLE, state) if event in CHOICES]
        self.fields["event"].choices = possible  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@for_roles(Role.OPERATOR)
def decide_use(request: HttpRequest, indicator_id: str) -> HttpResponse:
    """Show how an indicator stands, and decide on its use."""
    scope, entry = request_scope(request), selectors.get_entry(indicator_id)
    if entry is None:
        raise Http404(indicator_id)
    form = UseForm(request.POST or None, state=entry.state)
    if request.method == "POST" and form.is_valid():
        event = form.cleaned_data["event"]
        try:
            services.decide_indicator(
                scope=scope,
                indicator_id=indicator_id,
                event=event,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
                today=timezone.localdate(),
            )
        except InvalidValueError as error:
            form.add_error(None, error.remedy)
        else:
            messages.success(request, f"{DONE[event]}画像、匹配和筛选即时生效；评分自下一次计算起生效。")
            return redirect("portal:indicator", indicator_id)
    context = {
        "entry": entry,
        "status": entry.status,
        "form": form,
        "decisions": selectors.list_decisions(scope, indicator_id),
    }
    return render(request, "portal/operator/indicator.html", context, status=422 if form.errors else 200)
