"""Writes of the market: apply, review, grant, keys, revocation, maintenance."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils import timezone

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.interfaces.errors import codes_of_maintenance
from rongqiao.bases.enterprises.interfaces.models import Authorisation, InterfaceKey, Maintenance, Submission
from rongqiao.bases.enterprises.interfaces.secret import digest_of, secret_of
from rongqiao.bases.enterprises.interfaces.selectors import CONSUMERS, live_authorisations
from rongqiao.bases.enterprises.interfaces.telling import tell
from rongqiao.contracts.interfaces import DUTY, Interface, load_interface
from rongqiao.contracts.numbers import threshold
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.kernel.texts import whole_text
from rongqiao.rules.transitions import advance, can_advance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rongqiao.accounts.scope import Scope

VERDICTS = {"validated": "validate", "changes_requested": "request_changes", "refused": "refuse"}
LONGEST_DAYS = 730


@transaction.atomic
def apply_for_interface(
    *,
    scope: Scope,
    interface_id: str,
    purposes: Sequence[str],
    justification: str,
    valid_days: int,
    fields: Mapping[str, Sequence[str]] | None = None,
) -> Submission:
    """Ask for an interface, or for an amendment of what was granted; the grant in force stays so until the new one.

    Raises
    ------
    InvalidValueError
        If a purpose, item or period is not offered by the interface.
    IllegalTransitionError
        If an earlier application of this organisation still waits for review.
    """
    require(scope, *CONSUMERS)
    user_id, consumer_id = scope.person
    interface = load_interface(interface_id)
    terms = _terms(scope, interface, purposes, justification, valid_days, fields)
    earlier = Submission.objects.for_scope(scope).filter(interface_id=interface_id, consumer_id=consumer_id)
    previous = earlier.order_by("-created_at").first()
    if previous is not None and previous.status == "submitted":
        raise IllegalTransitionError("接口申请", interface_id, "前一次申请尚在审核，请等待结果。")
    submission = Submission(
        interface_id=interface_id,
        provider=interface.provider,
        consumer_id=consumer_id,
        previous=previous,
        terms=terms,
        created_by_id=user_id,
    )
    submission.save(force_insert=True)
    _audit(scope, "interface.applied", submission.pk, {"interface": interface_id})
    return submission


def _terms(
    scope: Scope,
    interface: Interface,
    purposes: Sequence[str],
    justification: str,
    valid_days: int,
    fields: Mapping[str, Sequence[str]] | None,
) -> dict[str, Any]:
    allowed = [each for each in interface.purposes if (each == DUTY) == (scope.kind == "government")]
    if not purposes or (wrong := [each for each in purposes if each not in allowed]):
        raise InvalidValueError(
            "用途", list(purposes) if not purposes else wrong, f"可选：{'、'.join(allowed)}。"
        )
    if not 1 <= valid_days <= LONGEST_DAYS:
        raise InvalidValueError("期限", valid_days, f"请填 1 至 {LONGEST_DAYS} 天。")
    if len(justification.strip()) < 10:
        raise InvalidValueError("申请理由", justification, "请写明业务场景，至少十个字。")
    offered = {each.contract_id: list(each.fields) for each in interface.datasets}
    asked = {key: list(value) for key, value in (fields or offered).items()}
    for table, items in asked.items():
        if unknown := set(items) - set(offered.get(table, ())):
            raise InvalidValueError(
                "字段", sorted(unknown), f"{table} 可选：{'、'.join(offered.get(table, ()))}。"
            )
    return {
        "purposes": sorted(set(purposes)),
        "justification": justification.strip(),
        "valid_days": valid_days,
        "fields": asked,
        "version": interface.version,
    }


@transaction.atomic
def review_submission(
    *, scope: Scope, submission_id: uuid.UUID, verdict: str, note: str, now: dt.datetime
) -> Submission:
    """Grant, return or refuse an application. What is granted is frozen; an earlier grant ends with it.

    Raises
    ------
    NotAllowedError
        If the caller is neither the provider department nor the operator.
    IllegalTransitionError
        If it was reviewed already.
    """
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    user_id, organisation_id = scope.person
    submission: Submission | None = (
        Submission.objects.for_scope(scope).select_for_update().filter(pk=submission_id).first()
    )
    if submission is None:
        raise NotFoundError("接口申请", str(submission_id), "没有这份申请，或不归本部门审核。")
    if verdict not in VERDICTS or (verdict != "validated" and not note.strip()):
        raise InvalidValueError("审核结论", verdict, "请选择结论；退回或不予通过须写明理由。")
    if not can_advance("interface_submission", submission.status, VERDICTS[verdict]):
        raise IllegalTransitionError("接口申请", submission.status, "已审核；修改须由申请机构重新提交。")
    submission.status = advance("interface_submission", submission.status, VERDICTS[verdict])
    submission.note, submission.reviewed_at = note.strip(), now
    submission.reviewed_by_id, submission.reviewed_by_organisation_id = user_id, organisation_id
    submission.save(
        update_fields=["status", "note", "reviewed_at", "reviewed_by", "reviewed_by_organisation"]
    )
    _audit(scope, f"interface.{verdict}", submission.pk, {"interface": submission.interface_id})
    about = {"interface": submission.interface_id, "submission": str(submission.pk), "verdict": verdict}
    tell([submission.consumer_id], "submission.reviewed", about, now=now)
    if verdict == "validated":
        _grant(scope, submission, now)
    return submission


def _grant(scope: Scope, submission: Submission, now: dt.datetime) -> None:
    interface = load_interface(submission.interface_id)
    live = Authorisation.objects.for_scope(scope).filter(
        interface_id=submission.interface_id, consumer_id=submission.consumer_id, ended_at=None
    )
    live.update(ended_at=now, end_reason="由新的授权接替")
    Authorisation(
        submission=submission,
        interface_id=submission.interface_id,
        provider=submission.provider,
        consumer_id=submission.consumer_id,
        purposes=submission.terms["purposes"],
        fields=submission.terms["fields"],
        throttle_per_minute=interface.throttle_per_minute,
        quota_per_day=interface.quota_per_day,
        price_cny=interface.price_cny,
        version=interface.version,
        granted_at=now,
        valid_until=now + dt.timedelta(days=submission.terms["valid_days"]),
    ).save(force_insert=True)


@transaction.atomic
def revoke_authorisation(
    *, scope: Scope, authorisation_id: uuid.UUID, reason: str, now: dt.datetime
) -> Authorisation:
    """End a grant; the next call is refused, on every worker, because each call asks the database."""
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    found = Authorisation.objects.for_scope(scope).select_for_update().filter(pk=authorisation_id).first()
    if found is None:
        raise NotFoundError("接口授权", str(authorisation_id), "没有这项授权，或不归本部门管理。")
    if not reason.strip():
        raise InvalidValueError("终止原因", reason, "请写明原因，使用机构会看到。")
    if found.ended_at is None:
        found.ended_at, found.end_reason = now, whole_text("终止原因", reason, 200)
        found.save(update_fields=["ended_at", "end_reason"])
        _audit(scope, "interface.revoked", found.pk, {"interface": found.interface_id})
        about = {"interface": found.interface_id, "authorisation": str(found.pk), "reason": found.end_reason}
        tell([found.consumer_id], "authorisation.ended", about, now=now)
    authorisation: Authorisation = found
    return authorisation


@transaction.atomic
def create_key(*, scope: Scope, title: str, is_sandbox: bool = False) -> tuple[InterfaceKey, str]:
    """Make a key; its secret is returned once. What is kept is the secret's HMAC-SM3."""
    require(scope, *CONSUMERS)
    _, consumer_id = scope.person
    return new_key(scope, title=title, consumer_id=consumer_id, is_sandbox=is_sandbox)


def new_key(scope: Scope, *, title: str, consumer_id: uuid.UUID, **values: Any) -> tuple[InterfaceKey, str]:
    """Store a key of the consumer, perhaps held by its vendor, and return it with its secret; for services of this room."""
    if not title.strip():
        raise InvalidValueError("密钥名称", title, "请写明由哪个系统使用。")
    user_id, _ = scope.person
    key_id, salt = uuid.uuid4(), secrets.token_hex(32)
    secret = secret_of(key_id, salt)
    key = InterfaceKey(
        id=key_id,
        consumer_id=consumer_id,
        title=whole_text("密钥名称", title, 60),
        salt=salt,
        digest=digest_of(secret),
        created_by_id=user_id,
        **values,
    )
    key.save(force_insert=True)
    _audit(scope, "interface_key.created", key.pk, {"is_sandbox": key.is_sandbox})
    return key, secret


@transaction.atomic
def revoke_key(*, scope: Scope, key_id: uuid.UUID, now: dt.datetime) -> InterfaceKey:
    """Stop a key; its next call is refused. A consumer stops its vendors' keys, too; a vendor its own."""
    require(scope, *CONSUMERS, Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK, Role.OPERATOR)
    found = InterfaceKey.objects.for_scope(scope).select_for_update().filter(pk=key_id).first()
    if found is None:
        raise NotFoundError("接口密钥", str(key_id), "没有这个密钥，或不属于本机构。")
    if found.revoked_at is None:
        found.revoked_at = now
        found.save(update_fields=["revoked_at"])
        _audit(scope, "interface_key.revoked", found.pk, {})
    key: InterfaceKey = found
    return key


@transaction.atomic
def announce_maintenance(
    *,
    scope: Scope,
    provider: str,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    reason: str,
    now: dt.datetime,
    code: str = "maintenance",
) -> Maintenance:
    """Announce that a provider's interfaces will not answer for a while.

    Parameters
    ----------
    code : str
        What callers are told: the general code or one of the department's own (``codes_of_maintenance``).

    Raises
    ------
    NotAllowedError
        If it is another department's.
    InvalidValueError
        If it ends before it begins, is over already, lasts longer or lies further ahead than the catalogue lets a window, meets one that
        is announced already, or the code is not the provider's.
    """
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    _require_provider(scope, provider, "只能公告本部门的维护。")
    _check_window(provider, starts_at, ends_at, now)
    if code not in codes_of_maintenance(provider):
        raise InvalidValueError("错误码", code, f"可选：{'、'.join(codes_of_maintenance(provider))}。")
    window = Maintenance.objects.create(
        provider=provider,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=whole_text("原因", reason, 200),
        code=code,
    )
    _audit(scope, "interface.maintenance_announced", window.pk, {"provider": provider})
    _tell_maintenance(scope, window, now, is_over=False)
    return window


def _check_window(provider: str, starts_at: dt.datetime, ends_at: dt.datetime, now: dt.datetime) -> None:
    """Refuse a window that cannot be meant, naming what is wrong with it."""
    today = timezone.localdate(now)
    if ends_at <= starts_at:
        raise InvalidValueError("结束时间", ends_at, "须晚于开始时间。")
    if ends_at <= now:
        raise InvalidValueError("结束时间", ends_at, "须晚于现在，已经过去的维护不必公告。")
    days = int(threshold("interface_maintenance_lead_days_max", today))
    if starts_at > now + dt.timedelta(days=days):
        latest = timezone.localdate(now) + dt.timedelta(days=days)
        raise InvalidValueError(
            "开始时间", starts_at, f"最早提前 {days} 天公告，即不晚于 {latest} 开始；请核对年份。"
        )
    hours = int(threshold("interface_maintenance_hours_max", today))
    if ends_at - starts_at > dt.timedelta(hours=hours):
        raise InvalidValueError(
            "结束时间", ends_at, f"一次维护最长 {hours} 小时，请核对年月日；更长的请分次公告。"
        )
    # One after the other, or two people would announce the same window unseen by each other.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"maintenance {provider}"])
    met = Maintenance.objects.filter(provider=provider, starts_at__lt=ends_at, ends_at__gt=starts_at).first()
    if met is not None:
        told = f"{timezone.localtime(met.starts_at):%Y-%m-%d %H:%M} 至 {timezone.localtime(met.ends_at):%Y-%m-%d %H:%M}"
        raise InvalidValueError(
            "开始时间", starts_at, f"与已公告的维护重叠：{told}（{met.reason}）；请改时间，或先结束那一次。"
        )


@transaction.atomic
def end_maintenance(*, scope: Scope, window_id: int, now: dt.datetime) -> None:
    """End a window at once, so that the next call is answered; one that has not begun is taken back. Consumers are told.

    A window that is over already stays as it is.

    Raises
    ------
    NotAllowedError
        If there is none, or it is another department's.
    """
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    window = Maintenance.objects.select_for_update().filter(pk=window_id).first()
    if window is None:
        raise NotFoundError("维护公告", str(window_id), "没有这项公告，或已被撤回。")
    _require_provider(scope, window.provider, "只能结束本部门的维护。")
    if window.ends_at <= now:
        return
    announced = {"starts_at": window.starts_at.isoformat(), "ends_at": window.ends_at.isoformat()}
    if window.starts_at < now:
        window.ends_at = now
        window.save(update_fields=["ends_at"])
    else:
        window.delete()
    _audit(scope, "interface.maintenance_ended", window_id, announced | {"provider": window.provider})
    _tell_maintenance(scope, window, now, is_over=True)


def _require_provider(scope: Scope, provider: str, remedy: str) -> None:
    if scope.kind == "department" and scope.department != provider:
        raise NotAllowedError("提供部门", provider, remedy)


def _tell_maintenance(scope: Scope, window: Maintenance, now: dt.datetime, *, is_over: bool) -> None:
    about = {
        "provider": window.provider,
        "starts_at": window.starts_at.isoformat(),
        "ends_at": window.ends_at.isoformat(),
        "reason": window.reason,
        "state": "ended" if is_over else "announced",
    }
    live = live_authorisations(scope, now=now).filter(provider=window.provider)
    tell(set(live.values_list("consumer_id", flat=True)), "maintenance.announced", about, now=now)


def _audit(scope: Scope, action: str, object_id: object, detail: Mapping[str, Any]) -> None:
    record_audit(scope=scope, action=action, object_type="interface", object_id=object_id, detail=detail)
