"""One call of a data interface: who asks, whether they may, what is answered, and the record of it.

Nothing about rights is cached: every call asks the database once, so a revocation holds from the next call on, on every worker.
"""

from __future__ import annotations

import datetime as dt
import hmac
import json
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces.answers import Answer, answer_from_store, sample_rows
from rongqiao.bases.enterprises.interfaces.records import CallRecord, keep
from rongqiao.bases.enterprises.interfaces.services import secret_of, sm3_hex
from rongqiao.contracts.documents import document
from rongqiao.contracts.interfaces import DUTY, Interface, load_interfaces
from rongqiao.kernel.region import is_within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
_COUNT = """
INSERT INTO interfaces_callcount (caller, interface_id, "window", calls)
VALUES (%(key)s, %(interface)s, %(minute)s, 1), (%(key)s, %(interface)s, %(day)s, 1)
ON CONFLICT (caller, interface_id, "window") DO UPDATE SET calls = interfaces_callcount.calls + 1
RETURNING calls
"""


class CallError(Exception):
    """A call that is not answered; ``code`` stands in ``catalog/interface_codes.yaml``."""

    def __init__(self, code: str, detail: str, **headers: str) -> None:
        super().__init__(code)
        self.code, self.detail, self.headers = code, detail, headers

    @property
    def status(self) -> int:
        """HTTP status."""
        return int(document("interface_codes")[self.code]["status"])

    def body(self, source: str) -> dict[str, str]:
        """Body of the answer: code, title, detail and whose error it is."""
        entry = document("interface_codes")[self.code]
        level = entry["level"]
        return {
            "code": f"{level}.{self.code}",
            "title": entry["title"],
            "detail": self.detail,
            "source": source if level != "platform" else "platform",
        }


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller sent. ``path`` is path and query as signed; ``as_of`` is a month ``YYYYMM``."""

    interface_id: str
    uscc: str
    purpose: str
    as_of: int
    known_at: dt.date
    page: int
    method: str
    path: str
    body: bytes
    authorization: str
    now: dt.datetime
    address: str = ""
    via: str = "api"


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


def perform(call: Call) -> tuple[Answer, dict[str, str]]:
    """Answer one call and keep its record; returns the answer and the headers of the limits.

    Raises
    ------
    CallError
        If it may not be answered; refusals of a known key are recorded, too.
    """
    if connection.in_atomic_block:
        # The record of a refusal must outlive it: the error is raised when the scope's transaction has ended well.
        with system_scope():
            outcome = _perform(call)
    else:
        outcome = _perform(call)
    answer, headers, error = outcome
    if answer is None:
        raise error or CallError("not_authorised", "")
    return answer, headers


def _perform(call: Call) -> tuple[Answer | None, dict[str, str], CallError | None]:
    try:
        interface, key_id, sent = _asked(call)
        rights = _rights(call, interface, key_id)
        _check_signature(call, key_id, rights, sent)
    except CallError as error:
        return None, {}, error
    answer: Answer | None = None
    refusal: CallError | None = None
    try:
        _count(call, key_id, rights)
        _check_rights(call, interface, rights)
        answer = _answer(call, interface, rights)
    except CallError as error:
        error.headers = rights.headers | error.headers
        refusal = error
    code = refusal.code if refusal else "ok"
    keep(_record(call, interface, key_id, rights, answer, code))
    return answer, rights.headers, refusal


def _asked(call: Call) -> tuple[Interface, uuid.UUID, Mapping[str, str]]:
    interface = load_interfaces().get(call.interface_id)
    if interface is None:
        raise CallError("interface_unknown", f"没有接口“{call.interface_id}”，见 /data/openapi.json。")
    return interface, *read_authorization(call.authorization)


def _answer(call: Call, interface: Interface, rights: Rights) -> Answer:
    released = {each.data_class for each in interface.datasets if each.is_public}
    if rights.basis == "statutory_duty" or rights.is_sandbox:
        released |= set(interface.data_classes)
    else:
        released |= set(rights.consented or ())
    if not released & set(interface.data_classes):
        raise CallError(
            "consent_missing", f"企业没有为此用途授权贵机构：{'、'.join(interface.data_classes)}。"
        )
    rows = sample_rows if rights.is_sandbox else None
    return answer_from_store(
        interface,
        uscc=call.uscc,
        name=rights.name or "示例企业",
        purpose=call.purpose,
        released=released,
        granted=rights.fields,
        as_of=call.as_of,
        known_at=call.known_at,
        page=call.page,
        rows=rows,
    )


def _rights(call: Call, interface: Interface, key_id: uuid.UUID) -> Rights:
    values: dict[str, Any] = {
        "interface": interface.id, "provider": interface.provider, "key": key_id, "uscc": call.uscc,
        "purpose": call.purpose, "now": call.now,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_RIGHTS, values)
        row = cursor.fetchone()
    if row is None:
        raise CallError("key_unknown", "密钥不存在或已停用，请在“数据接口”中重新生成。")
    rights = Rights(*row)
    if isinstance(rights.fields, str):
        rights.fields = json.loads(rights.fields)
    return rights


def _check_rights(call: Call, interface: Interface, rights: Rights) -> None:
    if rights.maintenance_until is not None:
        until = rights.maintenance_until.astimezone(dt.UTC).isoformat()
        seconds = max(1, int((rights.maintenance_until - call.now).total_seconds()))
        raise CallError("maintenance", f"预计 {until} 恢复。", **{"Retry-After": str(seconds)})
    if rights.name is None and not rights.is_sandbox:
        raise CallError("enterprise_unknown", f"登记库中没有 {call.uscc}，请核对统一社会信用代码。")
    if call.purpose == DUTY and rights.kind == "government":
        if not is_within(rights.county or "", rights.region):
            raise CallError("region_outside", "该企业不在本部门所辖区域。")
        rights.basis = "statutory_duty"
    elif interface.is_public:
        rights.basis = "public"
    else:
        rights.basis = "consent"
    if rights.is_sandbox:
        rights.basis = "sandbox"


def _count(call: Call, key_id: uuid.UUID, rights: Rights) -> None:
    """Refuse what was not granted, count the call, and refuse it above the limits."""
    if rights.purposes is None:
        raise CallError("not_authorised", "贵机构没有有效的接口授权，请先申请；沙箱同样需要授权。")
    if call.purpose not in rights.purposes:
        raise CallError("purpose_not_granted", f"授权的用途：{'、'.join(rights.purposes)}。")
    values: dict[str, Any] = {
        "key": str(key_id),
        "interface": call.interface_id,
        "minute": call.now.strftime("%Y%m%d%H%M"),
        "day": call.now.strftime("%Y%m%d"),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        (minute,), (day,) = cursor.fetchall()
    reset = 60 - call.now.second
    rights.headers = {
        "RateLimit-Limit": str(rights.throttle),
        "RateLimit-Remaining": str(max(0, rights.throttle - minute)),
        "RateLimit-Reset": str(reset),
    }
    if minute > rights.throttle:
        raise CallError("throttled", f"每分钟 {rights.throttle} 次。", **{"Retry-After": str(reset)})
    if day > rights.quota:
        midnight = 86_400 - (call.now.hour * 3600 + call.now.minute * 60 + call.now.second)
        raise CallError("quota_spent", f"每日 {rights.quota} 次。", **{"Retry-After": str(midnight)})


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
        if scheme != SCHEME or not {"key", "ts", "nonce", "sig"} <= set(sent) or not sent["ts"].isdecimal():
            raise ValueError
        return uuid.UUID(sent["key"]), sent
    except ValueError:
        raise CallError("signature_missing", f"请在 Authorization 中以 {SCHEME} 签名。") from None


def string_to_sign(method: str, path: str, ts: str, nonce: str, body: bytes) -> str:
    """Text that a caller signs: method, path with query, second, nonce, SM3 of the body; one per line."""
    return "\n".join((method, path, ts, nonce, sm3_hex(body)))


def _check_signature(call: Call, key_id: uuid.UUID, rights: Rights, sent: Mapping[str, str]) -> None:
    if abs(call.now.timestamp() - int(sent["ts"][:15])) > SIGNATURE_SECONDS:
        raise CallError("signature_stale", f"签名时间与平台相差超过 {SIGNATURE_SECONDS} 秒，请校准时钟。")
    text = string_to_sign(call.method, call.path, sent["ts"], sent["nonce"], call.body)
    secret = secret_of(key_id, rights.salt)
    expected = hmac.new(secret.encode(), text.encode(), "sm3").hexdigest()
    if not hmac.compare_digest(expected.encode(), sent["sig"].encode()):
        raise CallError("signature_wrong", "签名与请求不符：请核对方法、路径与查询串、时间、随机数和密钥。")


def _record(
    call: Call, interface: Interface, key_id: uuid.UUID, rights: Rights, answer: Answer | None, code: str
) -> CallRecord:
    return CallRecord(
        at=call.now,
        key_id=key_id,
        consumer_id=rights.consumer_id,
        reader_id=rights.reader_id,
        interface_id=interface.id,
        title=interface.title,
        provider=interface.provider,
        uscc=call.uscc if rights.name is not None else "",
        purpose=call.purpose,
        basis=rights.basis,
        consent_id=rights.consent_id if rights.basis == "consent" else None,
        code=code,
        records=answer.records if answer else 0,
        data_classes=answer.data_classes if answer else (),
        holder_id=rights.holder_id,
        authorisation_id=rights.authorisation_id,
        price_cny=rights.price_cny if code == "ok" and not rights.is_sandbox else Decimal(0),
        via=call.via,
        address=call.address or None,
        milliseconds=max(0, round((dt.datetime.now(dt.UTC) - call.now).total_seconds() * 1000)),
    )
