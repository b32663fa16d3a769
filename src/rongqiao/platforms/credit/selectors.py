"""Reads of the credit platform: reports, and the way from a figure back to its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now

from rongqiao.accounts.models import Consent
from rongqiao.accounts.selectors import ledger_entry
from rongqiao.bases.enterprises.tracing import IndicatorTrace, trace_rows
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.lake.tables import Lake
from rongqiao.ledger.entries import digest_payload
from rongqiao.platforms.credit.models import Report

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet

    from rongqiao.accounts.models import LedgerEntry
    from rongqiao.accounts.scope import Scope


def list_reports(scope: Scope) -> QuerySet[Report]:
    """List reports on the enterprise, or issued to the institution; newest first, without their content."""
    reports: QuerySet[Report] = (
        Report.objects.for_scope(scope).select_related("recipient", "issued_to").defer("content")
    )
    return reports


def get_report(scope: Scope, report_id: uuid.UUID | str) -> Report | None:
    """Return one report; null when there is none, or it is not the caller's.

    Notes
    -----
    A report stays open to the institution it was issued to after the consent ended: it is part of the file of a
    decision made under that consent, which the bank must keep and the enterprise may dispute by. Ending the consent
    stops everything further: portraits, new reports, and the items behind the report's figures.
    """
    found: Report | None = (
        Report.objects.for_scope(scope).select_related("recipient", "consent").filter(pk=report_id).first()
    )
    return found


def is_report_intact(report: Report) -> bool:
    """Whether the stored content still has the digest it was issued with."""
    return digest_payload(report.content) == report.digest


def report_ledger_entry(report: Report) -> LedgerEntry | None:
    """Entry of the report in the ledger's outbox; its ``leaf_index`` is null until it stands in the log."""
    return ledger_entry("report", f"report:{report.pk}")


def find_figure(report: Report, indicator_id: str) -> dict[str, Any] | None:
    """Figure of the report by its indicator; null when the report has none."""
    for section in report.content["sections"]:
        for figure in section["figures"]:
            if figure["id"] == indicator_id:
                return dict(figure)
    return None


def trace_indicator(
    scope: Scope, report: Report | uuid.UUID | str, indicator_id: str, *, lake: Lake | None = None
) -> IndicatorTrace:
    """Lead from a figure of a report to the delivered rows, files, digests and log entries it rests on.

    The rows are those known when the report was drawn up. Their items are shown while the consent lasts; afterwards
    only where they stood.

    Raises
    ------
    NotAllowedError
        If the report is not the caller's, or the figure was not authorised in it.
    InvalidValueError
        If the report has no such figure.
    """
    found = get_report(scope, report.pk if isinstance(report, Report) else report)
    if found is None:
        raise NotFoundError("信用报告", str(report), "没有这份报告，或不属于本机构。")
    figure = find_figure(found, indicator_id)
    if figure is None:
        raise InvalidValueError("指标", indicator_id, "报告中没有这个指标。")
    if figure["status"] == "not_authorised":
        raise NotAllowedError("指标", figure["title"], "企业没有授权这一类数据，不能追溯。")
    return trace_rows(
        lake=lake or Lake(),
        uscc=found.subject_uscc,
        indicator_id=indicator_id,
        as_of=found.as_of,
        known_at=found.known_at,
        has_values=may_see_values(scope, found),
    )


def may_see_values(scope: Scope, report: Report) -> bool:
    """Whether the data may still be read: one's own, or under the very consent the report rests on."""
    if scope.kind == "enterprise":
        return True
    # By the clock of the database, as row security judges it.
    live = Consent.objects.for_scope(scope).filter(
        pk=report.consent_id, revoked_at=None, valid_until__gt=Now()
    )
    return bool(live.exists())
