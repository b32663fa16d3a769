"""What a caller may do, asked of the database once per call, and whether the caller is who it says."""

from __future__ import annotations

import hmac
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, connection

from rongqiao.bases.enterprises.interfaces.errors import CallError
from rongqiao.bases.enterprises.interfaces.secret import secret_of, sm3_hex
from rongqiao.bases.enterprises.interfaces.statements import statement_cursor

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from rongqiao.contracts.interfaces import Interface

SIGNATURE_SECONDS = 300
SCHEME = "RQ-HMAC-SM3"

_RIGHTS = """
SELECT k.consumer_id, k.created_by_id, k.is_sandbox, k.salt, k.holder_id, o.kind, o.region_code,
       k.delegation_id IS NULL OR EXISTS (SELECT FROM interfaces_delegation d WHERE d.id = k.delegation_id
         AND d.revoked_at IS NULL AND d.valid_until > %(now)s AND %(interface)s = ANY (d.interfaces)),
       a.id, a.purposes, a.fields, a.throttle_per_minute, a.quota_per_day, a.price_cny,
       c.id, c.data_classes, e.name, e.county_code, m.ends_at, m.code, m.reason,
       EXISTS (SELECT FROM objections_mark x WHERE x.subject_uscc = %(uscc)s)
FROM interfaces_interfacekey k JOIN accounts_organisation o ON o.id = k.consumer_id
LEFT JOIN interfaces_authorisation a ON a.consumer_id = k.consumer_id AND a.interface_id = %(interface)s
  AND a.ended_at IS NULL AND a.granted_at <= %(now)s AND a.valid_until > %(now)s
LEFT JOIN LATERAL (SELECT id, data_classes FROM accounts_consent WHERE recipient_id = k.consumer_id
  AND subject_uscc = %(uscc)s AND purpose = %(purpose)s AND revoked_at IS NULL AND valid_from <= %(now)s
  AND valid_until > %(now)s ORDER BY valid_from DESC, created_at DESC LIMIT 1) c ON true
LEFT JOIN enterprises_enterprise e ON e.uscc = %(uscc)s
LEFT JOIN LATERAL (SELECT ends_at, code, reason FROM interfaces_maintenance WHERE provider = %(provider)s
  AND starts_at <= %(now)s AND ends_at > %(now)s ORDER BY ends_at DESC LIMIT 1) m ON true
WHERE k.id = %(key)s AND k.revoked_at IS NULL
"""


@dataclass(slots=True)
class Rights:
    """What the database says of the key, its organisation, its grant and the enterprise's consent."""

    consumer_id: uuid.UUID
    reader_id: int
    is_sandbox: bool
    salt: str
    holder_id: uuid.UUID | None
    kind: str
    region: str
    is_delegated: bool
    authorisation_id: uuid.UUID | None
    purposes: Sequence[str] | None
    fields: Mapping[str, Sequence[str]]
    throttle: int
    quota: int
    price_cny: Decimal
    consent_id: uuid.UUID | None
    consented: list[str] | None
    name: str | None
    county: str | None
    maintenance_until: dt.datetime | None
    maintenance_code: str | None
    maintenance_reason: str | None
    is_marked: bool
    basis: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def rights_of(
    interface: Interface, *, key_id: uuid.UUID, uscc: str, purpose: str, now: dt.datetime
) -> Rights:
    """Ask what the key may read of the enterprise now; a sandbox key may ask everything of every interface.

    Raises
    ------
    CallError
        If there is no such key, or it was revoked.
    """
    values: dict[str, Any] = {
        "interface": interface.id, "provider": interface.provider, "key": key_id, "uscc": uscc, "purpose": purpose,
        "now": now,
    }  # fmt: skip
    row = _row(values)
    if row is None:
        raise CallError("key_unknown", "密钥不存在或已停用，请在“数据接口”中重新生成。")
    rights = Rights(*row)
    if rights.is_sandbox:
        # Samples belong to nobody, so that a system can be built before anything is granted.
        rights.purposes = interface.purposes
        rights.fields = {each.contract_id: each.fields for each in interface.datasets}
        rights.throttle, rights.quota = interface.throttle_per_minute, interface.quota_per_day
        rights.authorisation_id = rights.consent_id = None
    elif isinstance(rights.fields, str):
        rights.fields = json.loads(rights.fields)
    return rights


def _row(values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    for is_again in (False, True):
        try:
            with statement_cursor() as cursor:
                return cursor.execute(_RIGHTS, values, prepare=True).fetchone()
        except OperationalError:
            if is_again or connection.in_atomic_block:
                raise
            # The database was away since the last call; nothing was written yet, so the question is put once more.
            connection.close()
    return None


def read_authorization(text: str) -> tuple[uuid.UUID, Mapping[str, str]]:
    """Take the header apart: ``RQ-HMAC-SM3 key=…, ts=…, nonce=…, sig=…``.

    Raises
    ------
    CallError
        If it has not this form.
    """
    scheme, _, rest = text.partition(" ")
    sent = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    try:
        if scheme != SCHEME or not {"key", "ts", "nonce", "sig"} <= set(sent):
            raise ValueError
        if not (sent["ts"].isascii() and sent["ts"].isdecimal()):
            raise ValueError
        return uuid.UUID(sent["key"]), sent
    except ValueError:
        raise CallError("signature_missing", f"请在 Authorization 中以 {SCHEME} 签名。") from None


def string_to_sign(method: str, path: str, ts: str, nonce: str, body: bytes) -> str:
    """Text that a caller signs: method, path with query, second, nonce, SM3 of the body; one per line."""
    return "\n".join((method, path, ts, nonce, sm3_hex(body)))


def check_signature(
    rights: Rights,
    *,
    key_id: uuid.UUID,
    sent: Mapping[str, str],
    method: str,
    path: str,
    body: bytes,
    now: dt.datetime,
) -> None:
    """Refuse a signature that is stale or not the key's.

    Raises
    ------
    CallError
        Naming which.
    """
    if abs(now.timestamp() - int(sent["ts"][:15])) > SIGNATURE_SECONDS:
        raise CallError("signature_stale", f"签名时间与平台相差超过 {SIGNATURE_SECONDS} 秒，请校准时钟。")
    text = string_to_sign(method, path, sent["ts"], sent["nonce"], body)
    secret = secret_of(key_id, rights.salt)
    expected = hmac.new(secret.encode(), text.encode(), "sm3").hexdigest()
    if not hmac.compare_digest(expected.encode(), sent["sig"].encode()):
        raise CallError("signature_wrong", "签名与请求不符：请核对方法、路径与查询串、时间、随机数和密钥。")
