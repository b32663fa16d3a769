"""Vendors: a consumer lets a software vendor call some of its interfaces, with the vendor's own key, and takes that back."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import transaction

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.interfaces.models import Delegation, InterfaceKey
from rongqiao.bases.enterprises.interfaces.selectors import CONSUMERS, VENDORS, live_authorisations
from rongqiao.bases.enterprises.interfaces.services import new_key
from rongqiao.kernel.errors import InvalidValueError, NotFoundError
from rongqiao.kernel.texts import whole_text

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from rongqiao.accounts.scope import Scope

LONGEST_DAYS = 365


@transaction.atomic
def delegate_to_vendor(
    *,
    scope: Scope,
    vendor_uscc: str,
    interfaces: Sequence[str],
    reason: str,
    valid_days: int,
    now: dt.datetime,
) -> Delegation:
    """Let a certified enterprise, a software vendor, call granted interfaces for the consumer. Nothing more is granted.

    Raises
    ------
    InvalidValueError
        If there is no such vendor here, an interface is not granted, or reason or period are wrong.
    """
    require(scope, *CONSUMERS)
    user_id, consumer_id = scope.person
    vendor = Organisation.objects.filter(
        kind="enterprise", uscc=vendor_uscc.strip(), certified_at__isnull=False
    ).first()
    if vendor is None:
        raise InvalidValueError("软件服务商", vendor_uscc, "没有这家已认证的企业；请对方先在平台注册并认证。")
    granted = set(live_authorisations(scope, now=now).values_list("interface_id", flat=True))
    wanted = list(dict.fromkeys(interfaces))
    if not wanted or not set(wanted) <= granted:
        raise InvalidValueError(
            "接口", wanted, f"只能委托已获授权的接口：{'、'.join(sorted(granted)) or '（无）'}。"
        )
    if len(reason.strip()) < 4:
        raise InvalidValueError("委托事由", reason, "请写明由哪个系统、为何代为调用。")
    if not 1 <= valid_days <= LONGEST_DAYS:
        raise InvalidValueError("期限", valid_days, f"请填 1 至 {LONGEST_DAYS} 天。")
    delegation = Delegation(
        consumer_id=consumer_id,
        vendor=vendor,
        interfaces=wanted,
        reason=whole_text("委托事由", reason, 200),
        created_by_id=user_id,
        valid_until=now + dt.timedelta(days=valid_days),
    )
    delegation.save(force_insert=True)
    detail = {"vendor": str(vendor.pk), "interfaces": wanted}
    record_audit(
        scope=scope,
        action="interface.delegated",
        object_type="delegation",
        object_id=delegation.pk,
        detail=detail,
    )
    return delegation


@transaction.atomic
def revoke_delegation(*, scope: Scope, delegation_id: uuid.UUID, now: dt.datetime) -> Delegation:
    """Take a delegation back; the vendor's next call is refused, on every worker."""
    require(scope, *CONSUMERS, Role.OPERATOR)
    found = Delegation.objects.for_scope(scope).select_for_update().filter(pk=delegation_id).first()
    if found is None:
        raise NotFoundError("代调用委托", str(delegation_id), "没有这项委托，或不属于本机构。")
    if found.revoked_at is None:
        found.revoked_at = now
        found.save(update_fields=["revoked_at"])
        record_audit(
            scope=scope, action="interface.delegation_revoked", object_type="delegation", object_id=found.pk
        )
    delegation: Delegation = found
    return delegation


@transaction.atomic
def create_vendor_key(
    *, scope: Scope, delegation_id: uuid.UUID, title: str, now: dt.datetime
) -> tuple[InterfaceKey, str]:
    """Make the vendor's key for one delegation; its secret is returned once.

    Raises
    ------
    NotAllowedError
        If the delegation is not the caller's, was taken back or has ended.
    """
    require(scope, *VENDORS)
    found = Delegation.objects.for_scope(scope).filter(
        pk=delegation_id, vendor_id=scope.organisation_id, revoked_at=None, valid_until__gt=now
    )
    delegation = found.first()
    if delegation is None:
        raise NotFoundError("代调用委托", str(delegation_id), "没有这项委托，或已收回、已到期。")
    return new_key(
        scope, title=title, consumer_id=delegation.consumer_id, holder_id=delegation.vendor_id,
        delegation_id=delegation.pk,
    )  # fmt: skip
