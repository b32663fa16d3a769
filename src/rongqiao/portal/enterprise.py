"""The enterprise workspace: what to do next, what government knows of us, who read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.selectors import get_certification, get_organisation, list_consents
from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.objections.selectors import list_open
from rongqiao.bases.enterprises.resolution.selectors import dissents_of
from rongqiao.contracts.catalog import consent_data_classes, consent_purposes
from rongqiao.platforms.financing import selectors as market
from rongqiao.portal.access import ENTERPRISE, for_roles, request_scope
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.next_step import find_next_step
from rongqiao.portal.portraits import portrait_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

SHOWN = 5
SUGGESTED = 3


@require_safe
@for_roles(*ENTERPRISE)
def show_workspace(request: HttpRequest) -> HttpResponse:
    """Next step first; then the rating, demands, loans and the latest readings of our data."""
    scope, now = request_scope(request), timezone.now()
    demands = list(market.list_demands(scope)[:SHOWN])
    loans = market.loan_rows(scope, list(market.list_loans(scope)), on=timezone.localdate(now))
    certification = get_certification(scope)
    portrait = base.get_own_portrait(scope)
    step = find_next_step(
        is_certified=certification.is_certified,
        message=certification.message,
        demands=demands,
        quotes=market.list_quotes(scope).filter(status="submitted", valid_until__gt=now),
        applications=market.list_applications(scope)[:SHOWN],
        overdue=[row.loan for row in loans if row.state.overdue_days > 0],
        objection=list_open(scope).filter(status="evidence").first(),
    )
    consents = list_consents(scope).filter(revoked_at=None, valid_until__gt=now)
    return render(
        request,
        "portal/enterprise/workspace.html",
        {
            "step": step,
            "demands": demands,
            "loans": [row for row in loans if row.state.outstanding_cny > 0][:SHOWN],
            "outstanding": sum(row.state.outstanding_cny for row in loans),
            "portrait": portrait,
            "suggested": market.eligible_products(scope)[:SUGGESTED],
            "consents_count": consents.count(),
            "reads": list(base.list_reads(scope)[:SHOWN]),
            "purposes": _titles(consent_purposes().values()),
        },
    )


@require_safe
@for_roles(*ENTERPRISE)
def show_profile(request: HttpRequest) -> HttpResponse:
    """Show our portrait as government knows it; what is missing shows as missing."""
    scope = request_scope(request)
    organisation, portrait = get_organisation(scope), base.get_own_portrait(scope)
    # The register is public, so its entry shows before the enterprise is certified, when the scope has no code yet.
    entry = base.get_enterprise(organisation.uscc or "") if organisation else None
    context: dict[str, Any] = {"entry": entry, "certification": get_certification(scope)}
    if portrait is not None:
        context |= portrait_context(portrait) | {"traces": "own"}
        context["dissents"] = dissents_of(scope, scope.uscc)
    return render(request, "portal/enterprise/profile.html", context)


@require_safe
@for_roles(*ENTERPRISE)
def preview_profile(request: HttpRequest) -> HttpResponse:
    """Show our portrait as a bank would see it to which the ticked classes are released; none are ticked at first."""
    scope = request_scope(request)
    guarded = {code: each for code, each in consent_data_classes().items() if not each.is_public}
    released = [code for code in request.GET.getlist("class") if code in guarded]
    portrait = base.get_own_portrait(scope, released=released)
    context: dict[str, Any] = {
        "certification": get_certification(scope),
        "choices": [(code, each.title, code in released) for code, each in guarded.items()],
        "is_released": bool(released),
    }
    if portrait is not None:
        context |= portrait_context(portrait) | {"entry": portrait.enterprise, "traces": ""}
    return render(request, "portal/enterprise/profile_preview.html", context)


@require_safe
@for_roles(*ENTERPRISE)
def list_reads(request: HttpRequest) -> HttpResponse:
    """Every reading of our data by others: who, when, what, for what, on what ground."""
    purposes, classes = _titles(consent_purposes().values()), _titles(consent_data_classes().values())
    listing = Listing(
        request,
        base.list_reads(request_scope(request)),
        name="reads",
        columns=[
            Column("reader_organisation.name", "谁", sort="reader_organisation__name"),
            Column("at", "何时", "time", sort="at"),
            Column("what", "看了什么"),
            Column("data_classes", "数据类别", value=lambda row: _join(row.data_classes, classes)),
            Column("purpose", "用途", value=lambda row: purposes.get(row.purpose, row.purpose)),
            Column("basis", "依据", value=lambda row: BASES.get(row.basis, row.basis)),
        ],
        filters=[
            Filter("purpose", "用途", list(purposes.items()), lambda rows, code: rows.filter(purpose=code))
        ],
        default_sort="-at",
        empty_title="还没有人读过您的数据",
        empty_text="银行或政府部门每读一次，这里都会多一条记录，任何人不能删除。",
    )
    return listing.respond("portal/enterprise/reads.html")


BASES = {"consent": "企业授权", "statutory_duty": "依法履职", "public": "依法公开", "own": "本企业"}


def _titles(entries: Any) -> dict[str, str]:
    return {entry.id: entry.title for entry in entries}


def _join(codes: Sequence[str], titles: dict[str, str]) -> str:
    return "、".join(titles.get(code, code) for code in codes) or "—"
