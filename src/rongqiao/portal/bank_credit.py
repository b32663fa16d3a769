"""Bank workspace: an enterprise's portrait under consent, credit reports, and the way from a figure to its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from rongqiao.accounts import selectors as accounts
from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.figure_traces import read_figure_trace
from rongqiao.bases.enterprises.resolution.selectors import dissents_of
from rongqiao.bases.enterprises.services import read_portrait
from rongqiao.contracts.catalog import consent_data_classes, consent_purposes
from rongqiao.platforms.credit import selectors as credit
from rongqiao.platforms.credit import services as credit_services
from rongqiao.platforms.credit.notices import list_notices
from rongqiao.platforms.credit.pdf import render_pdf
from rongqiao.platforms.financing import selectors as market
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.portraits import portrait_context
from rongqiao.portal.tracing import trace_context

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest

DEFAULT_PURPOSE = "pre_loan"


@require_safe
@for_roles(*BANK)
def show_enterprise(request: HttpRequest, uscc: str) -> HttpResponse:
    """Portrait of an enterprise under its consent; opening it is a reading that the enterprise sees."""
    scope, now = request_scope(request), timezone.now()
    entry = base.get_enterprise(uscc)
    if entry is None:
        raise Http404(uscc)
    live = accounts.list_consents(scope).filter(
        subject_uscc=uscc, revoked_at=None, valid_from__lte=now, valid_until__gt=now
    )
    purposes = [consent.purpose for consent in live]
    asked = request.GET.get("purpose", "")
    purpose = asked if asked in purposes else next(iter(purposes), DEFAULT_PURPOSE)
    # Without a consent this raises, and the page says what is missing.
    portrait = read_portrait(scope=scope, uscc=uscc, purpose=purpose, now=now)
    return render(
        request,
        "portal/bank/enterprise.html",
        portrait_context(portrait)
        | {
            "entry": entry,
            "dissents": dissents_of(scope, uscc),
            "purpose": purpose,
            "traces": "bank",
            "purposes": [(code, consent_purposes()[code].title) for code in dict.fromkeys(purposes)],
            "classes": [consent_data_classes()[code].title for code in portrait.data_classes],
            "withheld": [
                each.title
                for code, each in consent_data_classes().items()
                if code not in portrait.data_classes
            ],
            "demands": list(market.list_demands(scope).filter(uscc=uscc)),
            "reports": list(credit.list_reports(scope).filter(subject_uscc=uscc)[:5]),
        },
    )


@require_POST
@for_roles(*BANK)
def issue(request: HttpRequest, uscc: str) -> HttpResponse:
    """Issue a credit report under the consent."""
    purpose = request.POST.get("purpose", DEFAULT_PURPOSE)
    report = credit_services.issue_report(
        scope=request_scope(request), uscc=uscc, purpose=purpose, now=timezone.now()
    )
    return redirect("portal:bank_report", report_id=report.pk)


@require_safe
@for_roles(*BANK)
def list_reports(request: HttpRequest) -> HttpResponse:
    """List reports issued to this institution."""
    listing = Listing(
        request,
        credit.list_reports(request_scope(request)),
        name="reports",
        row_url=lambda report: reverse("portal:bank_report", args=[report.pk]),
        columns=[
            Column("subject_name", "企业", sort="subject_name"),
            Column("subject_uscc", "统一社会信用代码"),
            Column("purpose", "用途", value=lambda report: purpose_title(report.purpose)),
            Column("as_of", "数据月份", value=lambda report: month_text(report.as_of)),
            Column("issued_at", "出具时间", "time", sort="issued_at"),
        ],
        filters=[
            Filter("q", "企业名称", apply=lambda rows, text: rows.filter(subject_name__icontains=text[:60]))
        ],
        default_sort="-issued_at",
        empty_title="还没有出具过信用报告",
        empty_text="在企业画像页点“出具信用报告”，内容与摘要会固定存证。",
        empty_url=reverse("portal:bank_demands"),
        empty_label=_("去看融资需求"),
    )
    return listing.respond("portal/bank/reports.html")


@require_safe
@for_roles(*BANK)
def show_report(request: HttpRequest, report_id: uuid.UUID) -> HttpResponse:
    """Report as it was issued; each figure leads to its source."""
    report = credit.get_report(request_scope(request), report_id)
    if report is None:
        raise Http404(str(report_id))
    return render(
        request,
        "portal/bank/report.html",
        {
            "report": report,
            "content": report.content,
            "purpose": purpose_title(report.purpose),
            "entry": credit.report_ledger_entry(report),
            "is_intact": credit.is_report_intact(report),
            "notices": list(list_notices(request_scope(request)).filter(report=report)),
        },
    )


@require_safe
@for_roles(*BANK)
def print_report(request: HttpRequest, report_id: uuid.UUID) -> HttpResponse:
    """Report as PDF, the same bytes each time."""
    report = credit.get_report(request_scope(request), report_id)
    if report is None:
        raise Http404(str(report_id))
    answer = HttpResponse(render_pdf(report), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="report-{report.pk}.pdf"'
    return answer


@require_safe
@for_roles(*BANK)
def trace(request: HttpRequest, report_id: uuid.UUID, indicator_id: str) -> HttpResponse:
    """Follow a figure to its items, source rows, batches, file digests and places in the ledger."""
    scope = request_scope(request)
    report = credit.get_report(scope, report_id)
    if report is None:
        raise Http404(str(report_id))
    found = credit_services.read_trace(scope=scope, report_id=report_id, indicator_id=indicator_id)
    context = {"report": report, "figure": credit.find_figure(report, indicator_id), **trace_context(found)}
    return render(request, "portal/bank/trace.html", context)


@require_safe
@for_roles(*BANK)
def trace_figure(request: HttpRequest, uscc: str, indicator_id: str) -> HttpResponse:
    """Follow a figure of a portrait under the consent it is read with; a reading that the enterprise sees."""
    purpose = request.GET.get("purpose", DEFAULT_PURPOSE)
    found = read_figure_trace(
        scope=request_scope(request),
        uscc=uscc,
        purpose=purpose,
        indicator_id=indicator_id,
        now=timezone.now(),
    )
    context = {
        "entry": found.portrait.enterprise,
        "purpose": purpose,
        "figure": found.figure,
        **trace_context(found.trace),
    }
    return render(request, "portal/bank/figure_trace.html", context)


def purpose_title(code: str) -> str:
    """Title of a consent purpose; the code itself where the catalogue does not know it."""
    known = consent_purposes()
    return known[code].title if code in known else code


def month_text(month: int) -> str:
    """``202610`` as ``2026-10``."""
    return f"{month // 100}-{month % 100:02d}"
