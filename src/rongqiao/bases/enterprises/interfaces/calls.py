"""One call of a data interface: who asks, whether they may, what is answered, and the record of it.

Nothing about rights is cached: every call asks the database once, so a revocation holds from the next call on, on every worker.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces import limits
from rongqiao.bases.enterprises.interfaces.answers import Answer, Question, answer_from_store
from rongqiao.bases.enterprises.interfaces.breakers import Breaker
from rongqiao.bases.enterprises.interfaces.errors import CallError
from rongqiao.bases.enterprises.interfaces.records import CallRecord, keep
from rongqiao.bases.enterprises.interfaces.rights import (
    Rights,
    check_signature,
    read_authorization,
    rights_of,
)
from rongqiao.bases.enterprises.interfaces.sandbox import NAME, sample_rows
from rongqiao.contracts.interfaces import DUTY, Interface, find_interface
from rongqiao.contracts.numbers import threshold_table
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.region import is_within

if TYPE_CHECKING:
    import datetime as dt
    import uuid

logger = logging.getLogger(__name__)
_breakers: dict[str, Breaker] = {}


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller sent.

    Parameters
    ----------
    as_of : int
        Month ``YYYYMM``.
    known_at : date
        Day as of whose knowledge is answered; before the day of the call only for a statutory duty and in the sandbox.
    method, path, body : str, str, bytes
        As signed; ``path`` with its query.
    address : str
        Where the call came from; empty where unknown, which is not limited.
    via : str
        ``api`` or ``mcp``.
    basis : str
        Ground that the caller itself claims; empty claims none. It must be the one found.
    budget : (str, int) or None
        Name of an agent's budget, and the calls it has a day.
    """

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
    basis: str = ""
    budget: tuple[str, int] | None = None


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
            answer, headers, error = _perform(call)
    else:
        answer, headers, error = _perform(call)
    if answer is None:
        raise error or CallError("not_authorised", "")
    return answer, headers


def _perform(call: Call) -> tuple[Answer | None, dict[str, str], CallError | None]:
    started = time.perf_counter()
    try:
        limits.refuse_spent(call.address, call.now)
        interface, key_id, rights = _identify(call)
    except CallError as error:
        return None, {}, error
    answer: Answer | None = None
    refusal: CallError | None = None
    try:
        _check_grant(call, rights)
        limits.count(
            rights, key_id=key_id, interface_id=interface.id, address=call.address, budget=call.budget, now=call.now
        )  # fmt: skip
        _check_rights(call, interface, rights)
        answer = _answer(call, interface, rights)
    except CallError as error:
        error.headers = rights.headers | error.headers
        refusal = error
    answered = time.perf_counter()
    code = refusal.code if refusal else "ok"
    keep(_record(call, interface, key_id, rights, answer, code, answered - started))
    spent = (
        f"answer;dur={(answered - started) * 1000:.1f}, log;dur={(time.perf_counter() - answered) * 1000:.1f}"
    )
    told = refusal.headers if refusal else rights.headers
    told["Server-Timing"] = spent
    return answer, rights.headers, refusal


def _identify(call: Call) -> tuple[Interface, uuid.UUID, Rights]:
    try:
        interface = find_interface(call.interface_id)
        if interface is None:
            raise CallError("interface_unknown", f"没有接口“{call.interface_id}”，见 /data/openapi.json。")
        key_id, sent = read_authorization(call.authorization)
        rights = rights_of(interface, key_id=key_id, uscc=call.uscc, purpose=call.purpose, now=call.now)
        check_signature(
            rights, key_id=key_id, sent=sent, method=call.method, path=call.path, body=call.body, now=call.now
        )
    except CallError as error:
        error.headers = limits.count_unsigned(call.address, call.now) | error.headers
        raise
    return interface, key_id, rights


def _check_grant(call: Call, rights: Rights) -> None:
    refusal = None
    if not rights.is_delegated:
        refusal = CallError("delegation_ended", "委托机构没有委托、已收回委托，或委托不含这个接口。")
    elif rights.purposes is None:
        refusal = CallError("not_authorised", "贵机构没有有效的接口授权，请先申请；联调可用沙箱密钥。")
    elif call.purpose not in rights.purposes:
        refusal = CallError("purpose_not_granted", f"授权的用途：{'、'.join(rights.purposes)}。")
    if refusal:
        rights.headers = limits.count_unsigned(call.address, call.now)
        raise refusal


def _check_rights(call: Call, interface: Interface, rights: Rights) -> None:
    if rights.maintenance_until is not None:
        until = timezone.localtime(rights.maintenance_until)
        seconds = max(1, int((rights.maintenance_until - call.now).total_seconds()))
        code = rights.maintenance_code or "maintenance"
        detail = f"预计北京时间 {until:%Y-%m-%d %H:%M} 恢复。{rights.maintenance_reason or ''}"
        raise CallError(code, detail, **{"Retry-After": str(seconds)})
    if rights.is_sandbox:
        rights.basis = "sandbox"
        return
    if rights.name is None:
        raise CallError("enterprise_unknown", f"登记库中没有 {call.uscc}，请核对统一社会信用代码。")
    if call.purpose == DUTY and rights.kind == "government":
        if not is_within(rights.county or "", rights.region):
            raise CallError("region_outside", "该企业不在本部门所辖区域。")
        rights.basis = "statutory_duty"


def _released(call: Call, interface: Interface, rights: Rights) -> set[str]:
    """Find the classes of data that may be answered, and settle on what ground; nothing is called consent that needed none."""
    open_to_all = {each.data_class for each in interface.datasets if each.is_public}
    if rights.basis in ("statutory_duty", "sandbox"):
        released = open_to_all | set(interface.data_classes)
    else:
        agreed = {
            each.data_class
            for each in interface.datasets
            if not each.is_public
            and each.data_class in (rights.consented or ())
            and rights.fields.get(each.contract_id)
        }
        released = open_to_all | set(rights.consented or ())
        if not released & set(interface.data_classes):
            raise CallError(
                "consent_missing", f"企业没有为此用途授权贵机构：{'、'.join(interface.data_classes)}。"
            )
        rights.basis = "consent" if rights.consent_id and agreed else "public"
    # A sandbox has no ground that could be declared wrongly: nothing of anybody is read.
    if call.basis and rights.basis not in (call.basis, "sandbox"):
        raise CallError("basis_wrong", f"声明的依据是 {call.basis}，实际应为 {rights.basis}。")
    return released


def _check_past(call: Call, rights: Rights, today: dt.date) -> None:
    """Keep what was corrected, repaired or expired since an earlier day from those who only may read what stands now."""
    if call.known_at < today and rights.basis not in ("statutory_duty", "sandbox"):
        raise CallError(
            "past_closed",
            f"known_at {call.known_at} 早于今日；更正、修复和期满的记录不再提供，请去掉 known_at，或填 {today}。",
        )


def _answer(call: Call, interface: Interface, rights: Rights) -> Answer:
    today = timezone.localdate(call.now)
    released = _released(call, interface, rights)
    _check_past(call, rights, today)
    question = Question(
        uscc=call.uscc,
        name=NAME if rights.is_sandbox else rights.name or "",
        purpose=call.purpose,
        released=released,
        granted=rights.fields,
        as_of=call.as_of,
        known_at=call.known_at,
        page=call.page,
        is_marked=rights.is_marked and not rights.is_sandbox,
        today=today,
    )
    if rights.is_sandbox:
        return answer_from_store(interface, question, rows=sample_rows)
    return _guarded(interface, question)


def breaker_of(provider: str, day: dt.date) -> Breaker:
    """Breaker of a provider in this process, made by the catalogue's numbers."""
    if provider not in _breakers:
        numbers = threshold_table("interface_breaker", day)
        _breakers[provider] = Breaker(
            int(numbers["failures"]), float(numbers["pause_seconds"]), float(numbers["slow_seconds"])
        )
    return _breakers[provider]


def forget_breakers() -> None:
    """Close all breakers of this process."""
    _breakers.clear()


def _guarded(interface: Interface, question: Question) -> Answer:
    """Read through the provider's breaker; whatever breaks below is the provider's failure, named without its cause."""
    breaker = breaker_of(interface.provider, question.today)
    started = time.monotonic()
    wait = breaker.admit(started)
    if wait:
        raise CallError(
            "unavailable", "该部门数据连续读取失败，暂停片刻后重试。", **{"Retry-After": str(int(wait) + 1)}
        )
    is_answered = False
    try:
        answer = answer_from_store(interface, question)
        is_answered = True
    except ContractError:
        # The store is missing, which is no provider's failure.
        is_answered = True
        raise
    except Exception as error:
        logger.exception("Records of %s could not be read.", interface.id)
        raise CallError(
            "failed", "该部门的数据暂时读不出，已记录；请稍后重试。", **{"Retry-After": "5"}
        ) from error
    finally:
        ended = time.monotonic()
        breaker.record(is_answered=is_answered, seconds=ended - started, now=ended)
    return answer


def _record(
    call: Call,
    interface: Interface,
    key_id: uuid.UUID,
    rights: Rights,
    answer: Answer | None,
    code: str,
    seconds: float,
) -> CallRecord:
    return CallRecord(
        at=call.now,
        key_id=key_id,
        consumer_id=rights.consumer_id,
        reader_id=rights.reader_id,
        interface_id=interface.id,
        title=interface.title,
        provider=interface.provider,
        uscc=call.uscc if rights.name is not None and not rights.is_sandbox else "",
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
        milliseconds=round(seconds * 1000),
    )
