"""Tells who was given a report that a fact in it was corrected, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from django.db import transaction
from django.db.models.functions import Now

from rongqiao.accounts.models import Consent
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import Scope
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.figures import format_figure, tidy
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.bases.enterprises.portraits import mask
from rongqiao.contracts.standards import load_contract
from rongqiao.platforms.credit.content import rating_content
from rongqiao.platforms.credit.models import Report, ReportNotice

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Mapping

    from django.db.models import QuerySet

#: Indicator → value and status, with the correction known.
Recomputed = dict[str, tuple[float | None, str]]
SYSTEM = Scope(kind="system")
WITHDRAWN = "已不再列示"


class Corrected(Protocol):
    """What telling needs to know of an objection that was upheld."""

    pk: Any
    subject_uscc: str
    contract_id: str
    record_id: str
    batch_id: str
    line: int
    valid: str
    answer: str


def _reports(uscc: str) -> QuerySet[Report]:
    found: QuerySet[Report] = Report.objects.for_scope(SYSTEM).filter(subject_uscc=uscc)
    return found.select_related("recipient", "consent")


def reported_months(uscc: str) -> list[int]:
    """List months for which reports on the enterprise were issued to others; for the job."""
    return sorted(
        set(
            _reports(uscc)
            .filter(recipient__kind="institution")
            .values_list("as_of", flat=True)
            .order_by("as_of")
        )
    )


def notify_recipients(
    *, objection: Corrected, recomputed: Mapping[int, Recomputed], now: dt.datetime
) -> list[ReportNotice]:
    """Tell every institution that holds a report which used the fact; safe to repeat. Runs under the system's scope.

    Parameters
    ----------
    objection : Corrected
        The objection that was upheld.
    recomputed : Mapping
        Month of a report → its figures with the correction known.
    """
    told = []
    for report in _reports(objection.subject_uscc).filter(recipient__kind="institution"):
        changes = _changes(report, objection, recomputed.get(report.as_of, {}))
        if not changes:
            continue
        notice, is_new = ReportNotice.objects.for_scope(SYSTEM).get_or_create(
            report=report,
            objection_id=objection.pk,
            defaults={
                "recipient": report.recipient,
                "subject_uscc": report.subject_uscc,
                "table": load_contract(objection.contract_id).title,
                "valid": objection.valid,
                "changes": changes,
                "answer": objection.answer,
                "told_at": now,
            },
        )
        if is_new:
            record_audit(
                scope=SYSTEM,
                action="report.corrected",
                object_type="report",
                object_id=report.pk,
                detail={"objection": str(objection.pk), "changes": len(changes)},
            )
            told.append(notice)
    return told


def _changes(report: Report, objection: Corrected, values: Recomputed) -> list[dict[str, Any]]:
    may_read = _may_read(report)
    changes = []
    for section in report.content["sections"]:
        for figure in section["figures"]:
            if figure["id"] not in values or figure["status"] == "not_authorised":
                continue
            value, status = values[figure["id"]]
            known = tidy(value) if status in ("ok", "stale") else None
            if known != figure["value"]:
                changes.append(_change(figure, format_figure(figure["id"], known), may_read))
        changes += [
            _change(
                {"id": event["source"], "title": event["title"], "text": event["on"]},
                _event_now(report, objection),
                may_read,
            )
            for event in section["events"]
            if _is_of(event, objection)
        ]
    return changes + _rating_change(report, may_read)


def _change(figure: Mapping[str, Any], after: str, may_read: bool) -> dict[str, Any]:
    return {
        "id": figure["id"],
        "title": figure["title"],
        "before": figure["text"],
        "after": after if may_read else None,
    }


def _is_of(event: Mapping[str, Any], objection: Corrected) -> bool:
    place = (event.get("batch_id"), event.get("line"))
    return event.get("record_id") == objection.record_id or place == (objection.batch_id, objection.line)


def _portrait(report: Report) -> Portrait | None:
    found: Portrait | None = Portrait.objects.for_scope(SYSTEM).filter(pk=report.subject_uscc).first()
    return found


def _event_now(report: Report, objection: Corrected) -> str:
    """Describe the event as it reads now."""
    portrait = _portrait(report)
    events = portrait.events if portrait else []
    found = next((event for event in events if event.get("record_id") == objection.record_id), None)
    return f"{found['on']} {found['title']}" if found else WITHDRAWN


def _rating_change(report: Report, may_read: bool) -> list[dict[str, Any]]:
    """Compare the rating, where the report is of the month that the portrait shows."""
    portrait, before = _portrait(report), report.content["rating"]
    if portrait is None or portrait.as_of != report.as_of or before["status"] == "not_authorised":
        return []
    classes = [each["id"] for each in report.content["data_classes"]]
    after = rating_content(mask(portrait, data_classes=classes, basis="consent"))
    if (after["grade"], after["score"]) == (before["grade"], before["score"]):
        return []
    return [_change({"id": "rating", "title": "综合评价", "text": before["text"]}, after["text"], may_read)]


def _may_read(report: Report) -> bool:
    """Whether the consent that the report rests on still lives: a correction gives no new sight of the data."""
    live = Consent.objects.for_scope(SYSTEM).filter(
        pk=report.consent_id, revoked_at=None, valid_from__lte=Now(), valid_until__gt=Now()
    )
    return bool(live.exists())


def list_notices(scope: Scope) -> QuerySet[ReportNotice]:
    """List notices to the institution, or about the enterprise; newest first."""
    found: QuerySet[ReportNotice] = ReportNotice.objects.for_scope(scope).select_related(
        "report", "recipient"
    )
    return found


@transaction.atomic
def acknowledge_notice(*, scope: Scope, notice_id: int, now: dt.datetime) -> ReportNotice | None:
    """Note that the institution has read a notice; null when there is none of its own."""
    require(scope, Role.BANK_OFFICER, Role.BANK_RISK)
    notice: ReportNotice | None = (
        ReportNotice.objects.for_scope(scope).select_for_update(of=("self",)).filter(pk=notice_id).first()
    )
    if notice is not None and notice.seen_at is None:
        notice.seen_at = now
        notice.save(update_fields=["seen_at"])
        record_audit(scope=scope, action="correction.read", object_type="report", object_id=notice.report_id)
    return notice


def list_told(scope: Scope, objection_id: uuid.UUID) -> list[ReportNotice]:
    """List to whom a correction was told."""
    return list(list_notices(scope).filter(objection_id=objection_id))
