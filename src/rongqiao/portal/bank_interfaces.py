"""Bank workspace: data interfaces to apply for, applications with what the reviewer said, and what was granted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from rongqiao.bases.enterprises.interfaces import selectors, services
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.portal import interface_sheet as sheet
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.bank_interface_forms import ApplicationForm, initial_terms, put_refusal
from rongqiao.portal.interface_listings import (
    GRANT_STATES,
    SUBMISSION_STATES,
    by_grant_state,
    grant_state,
)
from rongqiao.portal.interface_words import (
    interface_choices,
    interface_title,
    provider_title,
    purpose_titles,
)
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.public_interfaces import find_offers, ground_of, offer_filters

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

STANDINGS = [
    ("granted", "已授权"),
    ("submitted", "审核中"),
    ("returned", "退回修改"),
    ("refused", "不予通过"),
    ("none", "未申请"),
]


@require_safe
@for_roles(*BANK)
def list_offers(request: HttpRequest) -> HttpResponse:
    """Catalogue with the bank's own standing, and what of its dealings has to be seen to."""
    scope = request_scope(request)
    listing = Listing(
        request,
        find_offers(request, standing=request.GET.get("standing", "")),
        name="offers",
        row_url=lambda row: reverse("portal:interface", args=[row.interface.id]),
        columns=[
            Column("title", "接口", sort="title", value=lambda row: row.interface.title),
            Column("question", "回答什么问题", value=lambda row: row.interface.question),
            Column("provider", "提供部门", sort="provider", value=lambda row: row.interface.provider_title),
            Column("ground", "依据", value=lambda row: ground_of(row.interface)),
            Column("standing", "本机构", "status", sort="standing", option="standing"),
            Column(
                "until",
                "授权至",
                "date",
                sort="until",
                value=lambda row: row.authorisation and timezone.localdate(row.authorisation.valid_until),
            ),
        ],
        filters=[*offer_filters(), Filter("standing", "本机构", STANDINGS)],
        empty_title="还没有数据接口",
        empty_text="提供部门登记接口后会显示在这里。",
    )
    return listing.respond("portal/bank/interfaces.html", _open_matters(scope))


def _open_matters(scope: Any) -> dict[str, Any]:
    """Count what waits for the bank: accesses to explain and keys to look at."""
    waiting = selectors.list_questions(scope).filter(status__in=("asked", "overdue"))
    statuses = list(waiting.values_list("status", flat=True))
    flagged = selectors.list_keys(scope).exclude(flagged_at=None).filter(revoked_at=None)
    return {"asked": len(statuses), "overdue": statuses.count("overdue"), "flagged": flagged.count()}


@require_http_methods(["GET", "POST"])
@for_roles(*BANK)
def apply(request: HttpRequest, interface_id: str) -> HttpResponse:
    """Ask for an interface, or for other terms of one that was granted."""
    scope, now = request_scope(request), timezone.now()
    offer = selectors.get_interface(scope, interface_id, now=now)
    if offer is None:
        raise Http404(interface_id)
    initial = initial_terms(offer.interface, offer.submission.terms) if offer.submission else None
    form = ApplicationForm(request.POST or None, interface=offer.interface, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            submission = services.apply_for_interface(scope=scope, interface_id=interface_id, **form.terms())
        except RongqiaoError as error:
            put_refusal(form, error, ApplicationForm.FIELDS)
        else:
            messages.success(request, f"已提交，由{offer.interface.provider_title}审核。")
            return redirect("portal:bank_interface_submission", submission_id=submission.pk)
    context = {
        "form": form,
        "offer": offer,
        "interface": offer.interface,
        "ground": ground_of(offer.interface),
        "classes": [
            table.data_class for table in sheet.tables_of(offer.interface) if not table.dataset.is_public
        ],
    }
    return render(
        request, "portal/bank/interface_apply.html", context, status=422 if request.method == "POST" else 200
    )


@require_safe
@for_roles(*BANK)
def list_submissions(request: HttpRequest) -> HttpResponse:
    """Applications of the bank, newest first; a changed application is a line of its own."""
    listing = Listing(
        request,
        selectors.my_submissions(request_scope(request)),
        name="submissions",
        row_url=lambda row: reverse("portal:bank_interface_submission", args=[row.pk]),
        columns=[
            Column(
                "interface", "接口", sort="interface_id", value=lambda row: interface_title(row.interface_id)
            ),
            Column("provider", "审核部门", sort="provider", value=lambda row: provider_title(row.provider)),
            Column("kind", "类型", value=lambda row: "变更" if row.previous_id else "首次"),
            Column("purposes", "用途", value=lambda row: purpose_titles(row.terms["purposes"])),
            Column("days", "期限（天）", "number", value=lambda row: row.terms["valid_days"]),
            Column("status", "状态", "status", sort="status", option="submission"),
            Column("created_at", "提交时间", "time", sort="created_at"),
            Column("reviewed_at", "审核时间", "time", sort="reviewed_at"),
        ],
        filters=[
            Filter("status", "状态", SUBMISSION_STATES, lambda rows, value: rows.filter(status=value)),
            Filter(
                "interface", "接口", interface_choices(), lambda rows, value: rows.filter(interface_id=value)
            ),
        ],
        default_sort="-created_at",
        empty_title="还没有申请过接口",
        empty_text="从目录中找到能回答业务问题的接口，写明用途后提交，由提供部门审核。",
        empty_url=reverse("portal:bank_interfaces"),
        empty_label=_("查看接口目录"),
    )
    return listing.respond("portal/bank/interface_submissions.html")


@require_safe
@for_roles(*BANK)
def show_submission(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    """One application: where it stands, what the reviewer said, what differs from the one before."""
    scope, now = request_scope(request), timezone.now()
    submission = selectors.get_submission(scope, submission_id)
    if submission is None:
        raise Http404(str(submission_id))
    siblings = selectors.my_submissions(scope).filter(interface_id=submission.interface_id)
    grants = selectors.list_authorisations(scope).filter(interface_id=submission.interface_id)
    live = next((each for each in grants if grant_state(each, now) == "live"), None)
    context = {
        "submission": submission,
        "title": interface_title(submission.interface_id),
        "provider": provider_title(submission.provider),
        "changes": selectors.submission_diff(submission),
        "siblings": list(siblings),
        "own_grant": next((each for each in grants if each.submission_id == submission.pk), None),
        "live": live,
    }
    return render(request, "portal/bank/interface_submission.html", context)


@require_safe
@for_roles(*BANK)
def list_authorisations(request: HttpRequest) -> HttpResponse:
    """Grants, past ones too."""
    now = timezone.now()
    listing = Listing(
        request,
        selectors.list_authorisations(request_scope(request)),
        name="grants",
        row_url=lambda row: reverse("portal:bank_interface_authorisation", args=[row.pk]),
        columns=[
            Column(
                "interface", "接口", sort="interface_id", value=lambda row: interface_title(row.interface_id)
            ),
            Column("provider", "提供部门", sort="provider", value=lambda row: provider_title(row.provider)),
            Column("purposes", "用途", value=lambda row: purpose_titles(row.purposes)),
            Column("granted_at", "授予时间", "time", sort="granted_at"),
            Column("valid_until", "失效时间", "time", sort="valid_until"),
            Column("status", "状态", "status", value=lambda row: grant_state(row, now), option="grant"),
            Column("end_reason", "终止原因"),
        ],
        filters=[
            Filter("status", "状态", GRANT_STATES, by_grant_state(now)),
            Filter(
                "interface", "接口", interface_choices(), lambda rows, value: rows.filter(interface_id=value)
            ),
        ],
        default_sort="-granted_at",
        empty_title="还没有接口授权",
        empty_text="申请通过后，授权内容会原样冻结在这里。",
        empty_url=reverse("portal:bank_interfaces"),
        empty_label=_("查看接口目录"),
    )
    return listing.respond("portal/bank/interface_authorisations.html")


@require_safe
@for_roles(*BANK)
def show_authorisation(request: HttpRequest, authorisation_id: uuid.UUID) -> HttpResponse:
    """One grant as it was frozen."""
    grant = selectors.get_authorisation(request_scope(request), authorisation_id)
    if grant is None:
        raise Http404(str(authorisation_id))
    context = {
        "grant": grant,
        "status": grant_state(grant, timezone.now()),
        "title": interface_title(grant.interface_id),
        "provider": provider_title(grant.provider),
        "purposes": purpose_titles(grant.purposes),
        "tables": selectors.granted_items(grant),
    }
    return render(request, "portal/bank/interface_authorisation.html", context)
