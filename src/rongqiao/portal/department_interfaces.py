"""Data interfaces as their provider governs them: applications to review, grants to end. The operator's pages are the same, for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from rongqiao.bases.enterprises.interfaces import selectors, services
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal.access import request_scope
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.interface_listings import GRANT_STATES, SUBMISSION_STATES, by_grant_state, grant_state
from rongqiao.portal.interface_words import interface_title, provider_choices, provider_title, purpose_titles
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

VERDICTS = [
    ("validated", "通过，按申请内容授权"),
    ("changes_requested", "退回修改（须写明改什么）"),
    ("refused", "不予通过（须写明理由）"),
]
DONE = {
    "validated": "已通过，授权即刻生效，内容按申请冻结。",
    "changes_requested": "已退回，申请机构会看到审核意见。",
    "refused": "已答复不予通过，申请机构会看到理由。",
}


class ReviewForm(PlainForm):
    """A verdict with its words."""

    verdict = forms.ChoiceField(label="审核结论", choices=VERDICTS, widget=forms.RadioSelect)
    note = forms.CharField(
        label="审核意见",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="申请机构原样看到；退回或不予通过时必填。",
    )


class RevokeForm(PlainForm):
    """Why a grant ends."""

    reason = forms.CharField(
        label="终止原因", max_length=200, help_text="使用机构会看到；下一次调用起即被拒绝。"
    )


#: Pages of the menu: name after ``<workspace>_interface``, and title.
MENU = (
    ("s", _("接口申请")),
    ("_grants", _("接口授权")),
    ("_usage", _("调用计量")),
    ("_calls", _("调用明细")),
    ("_questions", _("访问抽查")),
    ("_maintenance", _("维护公告")),
)


def place_of(request: HttpRequest, workspace: str) -> dict[str, Any]:
    """Give what every page of this market needs: whose it is, and the menu with the page the reader is on."""
    pages = [*MENU, ("_keys", _("接口密钥"))] if workspace == "operator" else MENU
    urls = [(title, reverse(f"portal:{workspace}_interface{name}")) for name, title in pages]
    # Every address begins with the first page's.
    here = max((url for _, url in urls if request.path.startswith(url)), key=len, default="")
    return {
        "workspace": workspace,
        "base": f"portal:{workspace}",
        "is_operator": workspace == "operator",
        "menu": [(title, url, url == here) for title, url in urls],
    }


def interface_columns(workspace: str) -> list[Column]:
    """Columns that name the interface; the operator sees whose it is."""
    named = Column("interface", "接口", value=lambda row: interface_title(row.interface_id))
    owner = Column("provider", "提供部门", value=lambda row: provider_title(row.provider))
    return [named, owner] if workspace == "operator" else [named]


def provider_filters(workspace: str) -> list[Filter]:
    """Filter by department, for the operator alone."""
    if workspace != "operator":
        return []
    return [
        Filter("provider", "提供部门", provider_choices(), lambda rows, value: rows.filter(provider=value))
    ]


@require_safe
def list_submissions(request: HttpRequest, workspace: str) -> HttpResponse:
    """Applications, those that wait for review first."""
    scope = request_scope(request)
    waiting = selectors.to_review(scope)
    listing = Listing(
        request,
        selectors.reviewed(scope),
        name="submissions",
        row_url=lambda row: reverse(f"portal:{workspace}_interface_submission", args=[row.pk]),
        columns=[
            *interface_columns(workspace),
            Column("consumer.name", "申请机构", sort="consumer__name"),
            Column("kind", "类型", value=lambda row: "变更" if row.previous_id else "首次"),
            Column("purposes", "用途", value=lambda row: purpose_titles(row.terms["purposes"])),
            Column("days", "期限（天）", "number", value=lambda row: row.terms["valid_days"]),
            Column("status", "状态", "status", sort="status", option="submission"),
            Column("created_at", "提交时间", "time", sort="created_at"),
        ],
        filters=[
            Filter("status", "状态", SUBMISSION_STATES, lambda rows, value: rows.filter(status=value)),
            *provider_filters(workspace),
        ],
        default_sort="-created_at",
        empty_title="还没有接口申请",
        empty_text="银行或政府部门申请使用接口后，会列在这里等待审核。",
    )
    context = place_of(request, workspace) | {
        "waiting": [(row, interface_title(row.interface_id)) for row in waiting[:5]],
        "waiting_count": waiting.count(),
        "live_count": selectors.live_authorisations(scope, now=timezone.now()).count(),
        "judge_count": selectors.list_questions(scope, status="answered").count(),
        "overdue_count": selectors.list_questions(scope, status="overdue").count(),
    }
    return listing.respond("portal/provider/submissions.html", context)


@require_safe
def show_submission(request: HttpRequest, submission_id: uuid.UUID, workspace: str) -> HttpResponse:
    """One application: what changed against the one before and what did not, and the verdict."""
    return _submission_page(request, submission_id, workspace)


def _submission_page(
    request: HttpRequest, submission_id: uuid.UUID, workspace: str, form: ReviewForm | None = None
) -> HttpResponse:
    scope = request_scope(request)
    submission = selectors.get_submission(scope, submission_id)
    if submission is None:
        raise Http404(str(submission_id))
    changes = {change.field: change for change in selectors.submission_diff(submission)}
    terms = selectors.submission_terms(submission)
    known = {term.field for term in terms}
    context = place_of(request, workspace) | {
        "submission": submission,
        "title": interface_title(submission.interface_id),
        "provider": provider_title(submission.provider),
        # What was dropped altogether stands in the diff alone.
        "lines": [(changes.get(term.field), term) for term in terms]
        + [(change, change) for field, change in changes.items() if field not in known],
        "live": selectors.live_authorisations(scope, now=timezone.now())
        .filter(interface_id=submission.interface_id, consumer_id=submission.consumer_id)
        .first(),
        "form": form or ReviewForm(),
    }
    return render(request, "portal/provider/submission.html", context, status=422 if form else 200)


@require_POST
def review(request: HttpRequest, submission_id: uuid.UUID, workspace: str) -> HttpResponse:
    """Grant, return or refuse."""
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return _submission_page(request, submission_id, workspace, form)
    data = form.cleaned_data
    try:
        services.review_submission(
            scope=request_scope(request), submission_id=submission_id, now=timezone.now(), **data
        )
    except InvalidValueError as error:
        form.add_error("note", error.remedy)
        return _submission_page(request, submission_id, workspace, form)
    messages.success(request, DONE[data["verdict"]])
    return redirect(f"portal:{workspace}_interface_submission", submission_id=submission_id)


@require_safe
def list_grants(request: HttpRequest, workspace: str) -> HttpResponse:
    """Grants, past ones too."""
    now = timezone.now()
    listing = Listing(
        request,
        selectors.list_authorisations(request_scope(request)),
        name="grants",
        row_url=lambda row: reverse(f"portal:{workspace}_interface_grant", args=[row.pk]),
        columns=[
            *interface_columns(workspace),
            Column("consumer.name", "使用机构", sort="consumer__name"),
            Column("purposes", "用途", value=lambda row: purpose_titles(row.purposes)),
            Column("status", "状态", "status", value=lambda row: grant_state(row, now), option="grant"),
            Column("granted_at", "授予", "date", sort="granted_at"),
            Column("valid_until", "失效", "date", sort="valid_until"),
            Column("end_reason", "终止原因"),
        ],
        filters=[
            Filter("status", "状态", GRANT_STATES, by_grant_state(now)),
            *provider_filters(workspace),
            Filter("q", "使用机构", apply=lambda rows, text: rows.filter(consumer__name__icontains=text[:60])),
        ],
        default_sort="-granted_at",
        empty_title="还没有授权",
        empty_text="审核通过的申请会成为授权，列在这里。",
        empty_url=reverse(f"portal:{workspace}_interfaces"),
        empty_label=str(_("看申请")),
    )  # fmt: skip
    return listing.respond("portal/provider/grants.html", place_of(request, workspace))


@require_safe
def show_grant(request: HttpRequest, authorisation_id: uuid.UUID, workspace: str) -> HttpResponse:
    """One grant as it was frozen, with the button that ends it."""
    return _grant_page(request, authorisation_id, workspace)


def _grant_page(
    request: HttpRequest, authorisation_id: uuid.UUID, workspace: str, form: RevokeForm | None = None
) -> HttpResponse:
    scope = request_scope(request)
    grant = selectors.get_authorisation(scope, authorisation_id)
    if grant is None:
        raise Http404(str(authorisation_id))
    context = place_of(request, workspace) | {
        "grant": grant,
        "state": grant_state(grant, timezone.now()),
        "title": interface_title(grant.interface_id),
        "provider": provider_title(grant.provider),
        "purposes": purpose_titles(grant.purposes),
        "tables": selectors.granted_items(grant),
        "form": form or RevokeForm(),
    }
    return render(request, "portal/provider/grant.html", context, status=422 if form else 200)


@require_POST
def revoke(request: HttpRequest, authorisation_id: uuid.UUID, workspace: str) -> HttpResponse:
    """End a grant; the next call is refused."""
    form = RevokeForm(request.POST)
    if not form.is_valid():
        return _grant_page(request, authorisation_id, workspace, form)
    services.revoke_authorisation(
        scope=request_scope(request),
        authorisation_id=authorisation_id,
        reason=form.cleaned_data["reason"],
        now=timezone.now(),
    )
    messages.success(request, "授权已终止，即刻生效；使用机构已收到通知。")
    return redirect(f"portal:{workspace}_interface_grant", authorisation_id=authorisation_id)
