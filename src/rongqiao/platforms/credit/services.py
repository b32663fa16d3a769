"""Writes of the credit platform: issuing a report, and reading the rows behind it, which leaves a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import record_audit, record_in_ledger, require
from rongqiao.bases.enterprises.models import ReadRecord
from rongqiao.bases.enterprises.services import read_portrait
from rongqiao.ledger.entries import digest_payload
from rongqiao.platforms.credit.content import TEMPLATE, build_content
from rongqiao.platforms.credit.models import Report
from rongqiao.platforms.credit.selectors import get_report, may_see_values, trace_indicator

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from rongqiao.accounts.scope import Scope
    from rongqiao.bases.enterprises.tracing import IndicatorTrace
    from rongqiao.lake.tables import Lake

WHAT_LENGTH = 60


@transaction.atomic
def issue_report(*, scope: Scope, uscc: str, purpose: str, now: dt.datetime) -> Report:
    """Issue a credit report: content frozen, digest put on record, reading shown to the enterprise.

    Parameters
    ----------
    scope : Scope
        An institution with the enterprise's live consent for the purpose, or the enterprise itself (free of charge).
    uscc : str
        The enterprise.
    purpose : str
        A purpose of the catalogue; the enterprise's own is ``self_query``.
    now : datetime.datetime
        Instant of issue.

    Raises
    ------
    NotAllowedError
        Naming the role, consent, purpose or data that is missing.
    """
    require(scope, Role.BANK_OFFICER, Role.BANK_RISK, Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK)
    if scope.kind == "enterprise":
        purpose = "self_query"
    view = read_portrait(scope=scope, uscc=uscc, purpose=purpose, now=now, what="信用报告")
    person_id, organisation_id = scope.person
    recipient = Organisation.objects.get(pk=organisation_id)
    content = build_content(view, recipient=recipient, purpose=purpose)
    report = Report(
        subject_uscc=uscc,
        subject_name=view.enterprise.name,
        recipient=recipient,
        issued_to_id=person_id,
        consent=view.consent,
        purpose=purpose,
        as_of=view.as_of,
        known_at=view.known_at,
        template=TEMPLATE,
        content=content,
        digest=digest_payload(content),
    )
    report.save(force_insert=True)
    record_audit(
        scope=scope,
        action="report.issued",
        object_type="report",
        object_id=report.pk,
        detail={"subject": uscc, "purpose": purpose, "digest": report.digest},
    )
    record_in_ledger(kind="report", subject=f"report:{report.pk}", payload=content)
    return report


@transaction.atomic
def read_trace(
    *, scope: Scope, report_id: uuid.UUID, indicator_id: str, lake: Lake | None = None
) -> IndicatorTrace:
    """Follow a figure to its rows, and leave a record where somebody else's items are shown.

    The rows say more than the figure in the report, so seeing them is a reading of its own.

    Raises
    ------
    NotAllowedError, InvalidValueError
        As :func:`rongqiao.platforms.credit.selectors.trace_indicator`.
    """
    trace = trace_indicator(scope, report_id, indicator_id, lake=lake)
    report = get_report(scope, report_id)
    if report is None or scope.kind == "enterprise" or not may_see_values(scope, report):
        return trace
    reader_id, organisation_id = scope.person
    ReadRecord(
        subject_uscc=report.subject_uscc,
        reader_organisation_id=organisation_id,
        reader_id=reader_id,
        what=f"指标明细：{trace.title}"[:WHAT_LENGTH],
        purpose=report.purpose,
        basis="consent",
        consent=report.consent,
        data_classes=list(report.consent.data_classes) if report.consent else [],
    ).save(force_insert=True)
    record_audit(
        scope=scope,
        action="trace.read",
        object_type="report",
        object_id=report.pk,
        detail={"subject": report.subject_uscc, "indicator": indicator_id},
    )
    return trace
