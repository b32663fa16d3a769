"""An enterprise's agreement to be found by banks' lists: given and taken back by it alone, at once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, cast

from django.db import transaction

from rongqiao.accounts.consent_text import current_text_version, load_consent_text
from rongqiao.accounts.roles import Role
from rongqiao.accounts.selectors import get_certification
from rongqiao.accounts.services import record_audit, record_in_ledger, require
from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from rongqiao.platforms.financing.clocks import local_day
from rongqiao.platforms.financing.screening.models import FindableConsent, ScreeningMember

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope

VALID_DAYS = 365
ABOUT = "finding"


@transaction.atomic
def agree_to_be_found(
    *, scope: Scope, data_classes: Sequence[str], now: dt.datetime, by_government: bool = False
) -> FindableConsent:
    """Agree that banks whose list the enterprise meets are told its name; an earlier agreement ends.

    Parameters
    ----------
    by_government : bool
        Whether lists that government bodies hand to banks are agreed to as well.

    Raises
    ------
    NotAllowedError
        If the caller is not the owner of a certified enterprise.
    InvalidValueError
        If a class does not exist.
    """
    require(scope, Role.ENTERPRISE_OWNER)
    certification = get_certification(scope)
    if not certification.is_certified:
        raise NotAllowedError("企业认证", scope.uscc, certification.message)
    known = consent_data_classes()
    if unknown := set(data_classes) - {key for key, each in known.items() if not each.is_public}:
        raise InvalidValueError("数据类别", sorted(unknown), "请从列出的类别中勾选。")
    _revoke_live(scope, now)
    text = load_consent_text(current_text_version(local_day(now), about=ABOUT))
    agreed = FindableConsent(
        uscc=scope.uscc,
        data_classes=[key for key in known if key in set(data_classes)],
        by_government=by_government,
        text_version=text.version,
        text_digest=text.digest,
        given_by_id=scope.person[0],
        given_at=now,
        valid_until=now + dt.timedelta(days=VALID_DAYS),
    )
    agreed.save(force_insert=True)
    _record(scope, "finding.agreed", agreed)
    record_in_ledger(
        kind="consent_given",
        subject=f"finding:{agreed.pk}",
        payload={
            "id": str(agreed.pk),
            "subject": agreed.uscc,
            "data_classes": list(agreed.data_classes),
            "by_government": agreed.by_government,
            "given_at": now.astimezone(dt.UTC).isoformat(),
            "given_by": agreed.given_by_id,
            "text_digest": agreed.text_digest,
        },
    )
    return agreed


@transaction.atomic
def refuse_to_be_found(*, scope: Scope, now: dt.datetime) -> bool:
    """Take the agreement back, at once: no bank sees the name from now on. Returns whether there was one."""
    require(scope, Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK)
    return _revoke_live(scope, now)


def _revoke_live(scope: Scope, now: dt.datetime) -> bool:
    found = FindableConsent.objects.for_scope(scope).select_for_update(of=("self",)).filter(revoked_at=None)
    agreed: FindableConsent | None = found.first()
    if agreed is None:
        return False
    agreed.revoked_at = now
    agreed.save(update_fields=["revoked_at"])
    _record(scope, "finding.revoked", agreed)
    record_in_ledger(
        kind="consent_revoked",
        subject=f"finding:{agreed.pk}",
        payload={"id": str(agreed.pk), "revoked_at": now.astimezone(dt.UTC).isoformat()},
    )
    return True


def _record(scope: Scope, action: str, agreed: FindableConsent) -> None:
    detail = {
        "data_classes": list(agreed.data_classes),
        "by_government": agreed.by_government,
        "text_version": agreed.text_version,
    }
    record_audit(scope=scope, action=action, object_type="finding", object_id=agreed.pk, detail=detail)


def own_agreement(scope: Scope, now: dt.datetime) -> FindableConsent | None:
    """Return the caller's live agreement; null where there is none."""
    live = FindableConsent.objects.for_scope(scope).filter(revoked_at=None, valid_until__gt=now)
    return cast("FindableConsent | None", live.first())


def lists_naming_me(scope: Scope) -> QuerySet[ScreeningMember]:
    """Banks' lists that named the caller's enterprise, newest first."""
    rows = ScreeningMember.objects.for_scope(scope).select_related("organisation")
    found: QuerySet[ScreeningMember] = rows.order_by("-named_at")
    return found
