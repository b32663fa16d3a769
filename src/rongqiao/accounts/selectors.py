"""Reads of this room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from rongqiao.accounts.consent_text import load_consent_text
from rongqiao.accounts.models import AuditRecord, Consent, LedgerEntry, Organisation, User

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope


@dataclass(frozen=True, slots=True)
class Certification:
    """Whether the caller's organisation is who it says; ``message`` tells what to do when not."""

    is_certified: bool
    message: str


def list_consents(scope: Scope) -> QuerySet[Consent]:
    """Consents the caller gave or received, newest first."""
    consents: QuerySet[Consent] = (
        Consent.objects.for_scope(scope).select_related("recipient").order_by("-valid_from", "id")
    )
    return consents


def live_consent(
    scope: Scope,
    *,
    subject_uscc: str,
    recipient_id: uuid.UUID | None,
    now: dt.datetime,
    purpose: str | None = None,
) -> Consent | None:
    """Newest consent that holds at the instant, for the purpose or for any; null when there is none."""
    if recipient_id is None:
        return None
    live = Q(revoked_at=None, valid_from__lte=now, valid_until__gt=now)
    if purpose is not None:
        live &= Q(purpose=purpose)
    consents = Consent.objects.for_scope(scope).filter(
        live, subject_uscc=subject_uscc, recipient_id=recipient_id
    )
    found: Consent | None = consents.order_by("-valid_from", "-created_at").first()
    return found


def list_audit(scope: Scope) -> QuerySet[AuditRecord]:
    """Audit lines of the caller's organisation, newest first; the operator sees all."""
    records: QuerySet[AuditRecord] = AuditRecord.objects.for_scope(scope).select_related(
        "user", "organisation"
    )
    return records


def consent_text(version: str) -> str:
    """Text of one version, in Markdown; see `rongqiao.accounts.consent_text` for errors."""
    return load_consent_text(version).body


def get_certification(scope: Scope) -> Certification:
    """Tell whether the caller's enterprise has been certified, and what to do when not."""
    organisation = get_organisation(scope)
    if organisation is None or organisation.certified_at is None:
        return Certification(
            False, "企业身份待核验：登记库中的企业或法定代表人与注册信息不符，请向平台运营方提交营业执照。"
        )
    return Certification(True, "企业身份已核验。")


def get_organisation(scope: Scope) -> Organisation | None:
    """Return the caller's own organisation; null for anonymous callers and jobs."""
    return Organisation.objects.filter(pk=scope.organisation_id).first() if scope.organisation_id else None


def list_people(scope: Scope) -> QuerySet[User]:
    """People of the caller's organisation, by name."""
    return User.objects.filter(organisation_id=scope.person[1]).order_by("username")


def ledger_entry(kind: str, subject: str) -> LedgerEntry | None:
    """Newest outbox entry about a subject; its ``leaf_index`` is null until it stands in the log."""
    return LedgerEntry.objects.filter(kind=kind, subject=subject).order_by("-id").first()
