"""Writes of this room: registration, consent, audit lines and the ledger's outbox."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.module_loading import import_string

from rongqiao.accounts.consent_text import load_consent_text
from rongqiao.accounts.models import AuditRecord, Consent, LedgerEntry, Organisation, User
from rongqiao.accounts.roles import ROLE_TITLES, ROLES_OF_KIND, Role
from rongqiao.accounts.scope import Scope, scope_of, system_scope
from rongqiao.contracts.catalog import consent_data_classes, consent_purposes, fold
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.kernel.identifiers import check_uscc
from rongqiao.ledger.entries import Draft, digest_payload

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_CONSENT_DAYS = 730
LIVING_STATUSES = {"", "存续"}


class RegisterEntry(Protocol):
    """What registration needs to know of an enterprise in the public register."""

    name: str
    county_code: str
    status: str
    legal_rep_name: str


def require(scope: Scope, *roles: Role) -> None:
    """Refuse callers who hold none of the roles.

    Raises
    ------
    NotAllowedError
        Naming the caller's role and the roles that may do this.
    """
    if scope.role not in roles:
        titles = "、".join(ROLE_TITLES[role] for role in roles)
        raise NotAllowedError("操作权限", scope.role or scope.kind, f"此操作限于：{titles}。")


def record_audit(
    *,
    scope: Scope,
    action: str,
    object_type: str,
    object_id: object,
    detail: Mapping[str, Any] | None = None,
) -> AuditRecord:
    """Write who did what, in the transaction of the deed.

    Parameters
    ----------
    scope : Scope
        The caller; a job leaves person and organisation null.
    action : str
        Dotted, past tense, such as ``demand.published``.
    object_type, object_id : str, object
        What it was done to.
    detail : Mapping, optional
        JSON values; never credit data.
    """
    record = AuditRecord(
        user_id=scope.user_id,
        organisation_id=scope.organisation_id,
        action=action,
        object_type=object_type,
        object_id=str(object_id),
        detail=dict(detail or {}),
    )
    record.save(force_insert=True)
    return record


def record_in_ledger(*, kind: str, subject: str, payload: Mapping[str, object]) -> LedgerEntry:
    """Put a fact's digest into the ledger's outbox; the same fact is put in once.

    Parameters
    ----------
    kind : str
        One of ``rongqiao.ledger.entries.Kind``.
    subject : str
        Such as ``consent:<id>``, at most 80 characters; never a person's name or number.
    payload : Mapping
        The evidence; only its SM3 over canonical JSON is kept.

    Raises
    ------
    InvalidValueError
        If the ledger would refuse the entry.
    """
    digest = digest_payload(payload)
    Draft(kind, subject, digest).check()
    entry, _ = LedgerEntry.objects.get_or_create(kind=kind, subject=subject, digest=digest)
    return entry


def find_register_entry(uscc: str) -> RegisterEntry | None:
    """Look an enterprise up in the public register that ``settings.BUSINESS_REGISTER`` names; null when absent."""
    # Accounts stand below the enterprise base, so the composition root says where the register is.
    lookup = cast("Callable[[str], RegisterEntry | None]", import_string(settings.BUSINESS_REGISTER))
    return lookup(uscc)


@transaction.atomic
def open_account(
    *,
    organisation: Organisation,
    role: Role,
    username: str,
    password: str,
    full_name: str = "",
    phone: str = "",
) -> User:
    """Create a person who may sign in for the organisation.

    Raises
    ------
    InvalidValueError
        If the role does not exist in this kind of organisation, the name is taken or the password is too weak.
    """
    if role not in ROLES_OF_KIND[organisation.kind]:
        titles = "、".join(sorted(ROLE_TITLES[each] for each in ROLES_OF_KIND[organisation.kind]))
        raise InvalidValueError("角色", role, f"{organisation.get_kind_display()}可用的角色：{titles}。")
    if User.objects.filter(username__iexact=username).exists():
        raise InvalidValueError("用户名", username, "已被使用，请换一个。")
    user = User(organisation=organisation, role=role, username=username, full_name=full_name, phone=phone)
    try:
        validate_password(password, user)
        user.set_password(password)
        user.full_clean(exclude=["organisation"])
    except ValidationError as error:
        raise InvalidValueError("注册信息", username, " ".join(error.messages)) from None
    user.save()
    return user


@transaction.atomic
def register_enterprise(
    *,
    uscc: str,
    enterprise_name: str,
    full_name: str,
    phone: str,
    username: str,
    password: str,
    now: dt.datetime,
) -> User:
    """Register an enterprise and its first person, the owner.

    The organisation is certified at once when the register knows code and name as living and the person bears the
    name of the legal representative on record; else ``certified_at`` stays null until the operator has checked the
    papers, and nothing but public data can be seen or released (`accounts.selectors.get_certification` says why).

    Raises
    ------
    InvalidValueError
        If the code is malformed or registered already, the name differs from the register's, or the account cannot
        be opened; nothing is left behind.

    Notes
    -----
    Names are public, so this match only stands in for an electronic business licence (电子营业执照) or a signed
    statement; a deployment connects one of these before it serves real data.
    """
    code = check_uscc(uscc)
    name = enterprise_name.strip()
    with system_scope():
        if Organisation.objects.filter(uscc=code).exists():
            raise InvalidValueError(
                "统一社会信用代码", code, "该企业已注册，请联系本企业负责人或平台运营方。"
            )
        entry = find_register_entry(code)
        if entry is not None and fold(entry.name) != fold(name):
            raise InvalidValueError("企业名称", name, "与登记名称不一致，请按营业执照填写全称。")
        organisation = Organisation.objects.create(
            kind="enterprise",
            name=entry.name if entry else name,
            uscc=code,
            region_code=entry.county_code if entry else "",
            certified_at=now if entry and _is_certain(entry, full_name) else None,
        )
        user = open_account(
            organisation=organisation,
            role=Role.ENTERPRISE_OWNER,
            username=username,
            password=password,
            full_name=full_name,
            phone=phone,
        )
        record_audit(
            scope=scope_of(user),
            action="enterprise.registered",
            object_type="organisation",
            object_id=organisation.pk,
            detail={"uscc": code, "is_certified": organisation.certified_at is not None},
        )
    return user


def _is_certain(entry: RegisterEntry, full_name: str) -> bool:
    """Whether the enterprise lives and the person is its legal representative, where the register names one."""
    is_named = not entry.legal_rep_name or fold(entry.legal_rep_name) == fold(full_name)
    return entry.status in LIVING_STATUSES and is_named


@transaction.atomic
def give_consent(
    *,
    scope: Scope,
    recipient_id: uuid.UUID,
    purpose: str,
    data_classes: Sequence[str],
    valid_days: int,
    text_version: str,
    now: dt.datetime,
) -> Consent:
    """Let one institution read listed classes of the caller's data for one purpose and period.

    Raises
    ------
    NotAllowedError
        If the caller is not the owner of a certified enterprise.
    InvalidValueError
        If purpose, a data class, the period, the text's version or the recipient does not exist.
    """
    require(scope, Role.ENTERPRISE_OWNER)
    _require_certified(scope)
    classes = _check_terms(purpose, data_classes, valid_days)
    text = load_consent_text(text_version)
    if not Organisation.objects.filter(pk=recipient_id, kind="institution").exists():
        raise InvalidValueError("被授权机构", str(recipient_id), "请从机构列表中选择。")
    consent = Consent(
        subject_uscc=scope.uscc,
        recipient_id=recipient_id,
        purpose=purpose,
        data_classes=classes,
        valid_from=now,
        valid_until=now + dt.timedelta(days=valid_days),
        given_by_id=scope.user_id,
        text_version=text.version,
        text_digest=text.digest,
    )
    consent.save(force_insert=True)
    record_audit(
        scope=scope,
        action="consent.given",
        object_type="consent",
        object_id=consent.pk,
        detail={"recipient": str(recipient_id), "purpose": purpose, "data_classes": classes},
    )
    record_in_ledger(kind="consent_given", subject=f"consent:{consent.pk}", payload=consent_evidence(consent))
    return consent


def consent_evidence(consent: Consent) -> dict[str, object]:
    """Return what the ledger's digest of a consent is taken over."""
    return {
        "id": str(consent.pk),
        "subject": consent.subject_uscc,
        "recipient": str(consent.recipient_id),
        "purpose": consent.purpose,
        "data_classes": list(consent.data_classes),
        "valid_from": consent.valid_from.astimezone(dt.UTC).isoformat(),
        "valid_until": consent.valid_until.astimezone(dt.UTC).isoformat(),
        "given_by": consent.given_by_id,
        "text_digest": consent.text_digest,
    }


def _check_terms(purpose: str, data_classes: Iterable[str], valid_days: int) -> list[str]:
    """Return the data classes in the catalogue's order, each once."""
    purposes, known = consent_purposes(), consent_data_classes()
    if purpose not in purposes:
        raise InvalidValueError("授权用途", purpose, f"可用：{'、'.join(purposes)}。")
    wanted = set(data_classes)
    if unknown := wanted - set(known):
        raise InvalidValueError("数据类别", sorted(unknown), f"可用：{'、'.join(known)}。")
    if not wanted:
        raise InvalidValueError("数据类别", [], "请至少勾选一类数据。")
    if not 1 <= valid_days <= MAX_CONSENT_DAYS:
        raise InvalidValueError("授权期限（天）", valid_days, f"请填写1至{MAX_CONSENT_DAYS}。")
    return [each for each in known if each in wanted]


def _require_certified(scope: Scope) -> None:
    if not Organisation.objects.filter(pk=scope.person[1], certified_at__isnull=False).exists():
        raise NotAllowedError(
            "企业认证", scope.uscc, "企业身份尚未核验，不能授权；请联系平台运营方核验营业执照。"
        )


@transaction.atomic
def revoke_consent(*, scope: Scope, consent_id: uuid.UUID, now: dt.datetime) -> Consent:
    """Withdraw a consent, at once and for good; a consent withdrawn before stays as it was.

    Raises
    ------
    NotAllowedError
        If it is not the caller's own consent, or the caller is not of the enterprise.
    """
    require(scope, Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK)
    consent = Consent.objects.for_scope(scope).select_for_update(of=("self",)).filter(pk=consent_id).first()
    if consent is None:
        raise NotFoundError("授权", str(consent_id), "没有这一授权，或不属于本企业。")
    if consent.revoked_at is not None:
        return cast("Consent", consent)
    consent.revoked_at = now
    consent.save(update_fields=["revoked_at"])
    record_audit(scope=scope, action="consent.revoked", object_type="consent", object_id=consent.pk)
    record_in_ledger(
        kind="consent_revoked",
        subject=f"consent:{consent.pk}",
        payload={"id": str(consent.pk), "revoked_at": now.astimezone(dt.UTC).isoformat()},
    )
    return cast("Consent", consent)
