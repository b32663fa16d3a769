"""Keys with which a department's own systems deliver."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from django.db import transaction

from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import Scope, scope_of, system_scope
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.intake.models import DeliveryKey
from rongqiao.kernel.errors import NotAllowedError, NotFoundError

if TYPE_CHECKING:
    import datetime as dt
    import uuid

PREFIX = "rqd_"


@transaction.atomic
def create_key(*, scope: Scope, title: str) -> tuple[DeliveryKey, str]:
    """Make a key for the department; its text is returned once and kept nowhere."""
    require(scope, Role.DEPARTMENT_CLERK)
    text = PREFIX + secrets.token_urlsafe(32)
    user_id, _ = scope.person
    key = DeliveryKey(
        department=scope.department, title=title[:60], digest=_digest(text), created_by_id=user_id
    )
    key.save(force_insert=True)
    record_audit(scope=scope, action="delivery_key.created", object_type="delivery_key", object_id=key.pk)
    return key, text


@transaction.atomic
def revoke_key(*, scope: Scope, key_id: uuid.UUID, now: dt.datetime) -> DeliveryKey:
    """Stop a key; it is refused from its next call on."""
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    key: DeliveryKey | None = (
        DeliveryKey.objects.for_scope(scope).select_for_update().filter(pk=key_id).first()
    )
    if key is None:
        raise NotFoundError("报送密钥", str(key_id), "没有这个密钥，或不属于本部门。")
    if key.revoked_at is None:
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        record_audit(scope=scope, action="delivery_key.revoked", object_type="delivery_key", object_id=key.pk)
    return key


def scope_of_key(text: str, *, now: dt.datetime) -> Scope:
    """Scope in which a key delivers: that of the person who made it.

    Raises
    ------
    NotAllowedError
        If there is no such key, it was revoked, or its maker has left the department.
    """
    with system_scope() as system:
        found = DeliveryKey.objects.for_scope(system).select_related("created_by__organisation")
        key = found.filter(digest=_digest(text), revoked_at=None).first()
        if key is not None:
            DeliveryKey.objects.for_scope(system).filter(pk=key.pk).update(used_at=now)
    scope = scope_of(key.created_by) if key and key.created_by.is_active else None
    if scope is None or scope.kind != "department":
        raise NotAllowedError("报送密钥", "****", "密钥无效或已停用，请在“数据报送”中重新生成。")
    return scope


def _digest(text: str) -> str:
    return hashlib.new("sm3", text.encode()).hexdigest()
