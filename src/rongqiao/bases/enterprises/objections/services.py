"""What the disputing side does: raise an objection, supply evidence, add a statement, withdraw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import record_audit, record_in_ledger, require
from rongqiao.bases.enterprises.models import Enterprise
from rongqiao.bases.enterprises.objections.clocks import deadlines
from rongqiao.bases.enterprises.objections.marks import put_mark
from rongqiao.bases.enterprises.objections.models import Objection, ObjectionStep
from rongqiao.bases.enterprises.objections.selectors import has_people
from rongqiao.bases.enterprises.records import PERSONAL, read_record, text_of
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.kernel.texts import whole_text
from rongqiao.lake.tables import Lake
from rongqiao.rules.transitions import advance
from rongqiao.rules.working_days import ZONE

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from rongqiao.accounts.scope import Scope
    from rongqiao.contracts.model import Contract

ENTERPRISE = (Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK)


@transaction.atomic
def raise_objection(
    *,
    scope: Scope,
    uscc: str,
    contract_id: str,
    record_id: str,
    item_id: str,
    claimed_value: str,
    ground: str,
    reason: str,
    now: dt.datetime,
    lake: Lake | None = None,
) -> Objection:
    """Dispute a fact: it is marked in the same transaction, and goes to the department that owns it.

    Parameters
    ----------
    scope : Scope
        The enterprise the fact is about, or a data department for a table of its own.
    uscc : str
        The enterprise.
    contract_id, record_id : str
        The record, by the id it keeps across deliveries.
    item_id : str
        The item in dispute; empty for the whole record.
    claimed_value : str
        What it should say; may be empty.
    ground, reason : str
        A code of `Objection.GROUNDS`, and the words of who objects.
    now : datetime.datetime
        The clocks run from here.

    Raises
    ------
    NotAllowedError
        If it is neither the caller's own fact nor its own table.
    InvalidValueError
        If there is no such record or item, no reason is given, or the same fact is in dispute already.

    Notes
    -----
    Source: 《征信业管理条例》第二十五条（收到异议即作标注，20日内书面答复）.
    """
    require(scope, *ENTERPRISE, Role.DEPARTMENT_CLERK)
    contract = load_contract(contract_id)
    _require_own(scope, contract, uscc)
    _check_words(contract, item_id, ground, reason)
    today = now.astimezone(ZONE).date()
    row = read_record(lake or Lake(), contract, uscc, record_id, known_at=today)
    person_id, organisation_id = scope.person
    due = deadlines(now)
    entry = Enterprise.objects.filter(pk=uscc).first()
    is_forwarded = has_people(contract.department)
    objection = Objection(
        subject_uscc=uscc,
        region_code=entry.county_code if entry else "",
        contract_id=contract.id,
        department=contract.department,
        record_id=record_id,
        batch_id=row["batch_id"],
        line=row["line"],
        record={name: text_of(row[name]) for name in contract.columns if row.get(name) is not None},
        valid=text_of(row.get(contract.valid_on)) if contract.valid_on else "",
        item_id=item_id,
        disputed_value=(text_of(row.get(item_id)) if item_id else "")[:500],
        claimed_value=whole_text("应为", claimed_value, 500),
        ground=ground,
        reason=whole_text("异议理由", reason, 1000),
        raised_by_id=person_id,
        raised_by_organisation_id=organisation_id,
        raised_at=now,
        forward_due_at=due.forward,
        check_due_at=due.check,
        answer_due_at=due.answer,
    )
    try:
        with transaction.atomic():
            objection.save(force_insert=True)
    except IntegrityError:
        raise InvalidValueError(
            "异议", contract.title, "这条内容的异议正在处理中，可在“我的异议”中补充材料。"
        ) from None
    note_step(scope, objection, "raise", reason, now)
    if is_forwarded:
        # The department's people see it from this instant: nothing is left to forward by hand.
        move(scope, objection, "forward", "平台自动转送", now, forwarded_at=now)
    put_mark(objection)
    evidence = {"id": str(objection.pk), "subject": uscc, "contract": contract.id, "record": record_id}
    record_in_ledger(
        kind="correction",
        subject=f"objection:{objection.pk}",
        payload=evidence | {"event": "raised", "at": now.isoformat(), "reason": objection.reason},
    )
    return objection


def _require_own(scope: Scope, contract: Contract, uscc: str) -> None:
    if scope.kind == "enterprise" and (not scope.uscc or scope.uscc != uscc):
        raise NotAllowedError("企业", uscc, "只能对本企业的数据提出异议；身份未核验的企业请先完成核验。")
    if scope.kind == "department" and scope.department != contract.department:
        raise NotAllowedError("数据表", contract.id, "只能对本部门归口的数据提出异议。")


def _check_words(contract: Contract, item_id: str, ground: str, reason: str) -> None:
    if item_id and contract.item(item_id).sensitivity == PERSONAL:
        raise InvalidValueError("项目", item_id, "该项以密文保存，请对整条记录提出异议。")
    if ground not in dict(Objection.GROUNDS):
        raise InvalidValueError("理由", ground, "请从列出的理由中选择。")
    if not reason.strip():
        raise InvalidValueError("说明", reason, "请写明哪里不对、依据什么，部门才能核查。")


@transaction.atomic
def supply_evidence(*, scope: Scope, objection_id: uuid.UUID, text: str, now: dt.datetime) -> Objection:
    """Give the department what it asked for."""
    objection = lock_objection(scope, objection_id)
    _require_raiser(scope, objection)
    if not text.strip():
        raise InvalidValueError("补充材料", text, "请写明文号、日期或凭证号等可以核查的内容。")
    return move(scope, objection, "supply", text, now)


@transaction.atomic
def withdraw_objection(*, scope: Scope, objection_id: uuid.UUID, now: dt.datetime) -> Objection:
    """Take an objection back; the mark goes at once, the course of it stays on record."""
    objection = lock_objection(scope, objection_id)
    _require_raiser(scope, objection)
    return move(scope, objection, "withdraw", "", now, ended_at=now)


@transaction.atomic
def add_statement(*, scope: Scope, objection_id: uuid.UUID, text: str, now: dt.datetime) -> Objection:
    """Put the enterprise's own words beside a fact that stands: undecided, or upheld by the department.

    Notes
    -----
    Source: 《征信业管理条例》第二十五条第三款（经核查仍不能确认的，对核查情况和异议内容予以记载）.
    """
    require(scope, *ENTERPRISE)
    objection = lock_objection(scope, objection_id)
    if objection.subject_uscc != scope.uscc or objection.status not in ("rejected", "undecided"):
        raise NotAllowedError(
            "企业声明", str(objection_id), "部门答复“核查无误”或“无法确定”之后才能附加声明。"
        )
    objection.statement = whole_text("企业声明", text, 300)
    objection.save(update_fields=["statement"])
    note_step(scope, objection, "state", objection.statement, now)
    put_mark(objection)
    return objection


def _require_raiser(scope: Scope, objection: Objection) -> None:
    if scope.organisation_id != objection.raised_by_organisation_id:
        raise NotAllowedError("异议", str(objection.pk), "只有提出异议的单位可以这样做。")


# -- shared with those who answer ------------------------------------------------------------------------------------


def lock_objection(scope: Scope, objection_id: uuid.UUID) -> Objection:
    """Hold one objection until the transaction ends.

    Raises
    ------
    NotAllowedError
        If there is none, or it is not the caller's.
    """
    found = Objection.objects.for_scope(scope).select_for_update(of=("self",)).filter(pk=objection_id)
    objection: Objection | None = found.select_related("raised_by_organisation").first()
    if objection is None:
        raise NotFoundError("异议", str(objection_id), "没有这件异议，或与本单位无关。")
    return objection


def move(
    scope: Scope, objection: Objection, event: str, text: str, now: dt.datetime, **changes: Any
) -> Objection:
    """Advance an objection by its table, note the step, and bring the mark in line."""
    objection.status = advance("objection", objection.status, event)
    for name, value in changes.items():
        setattr(objection, name, value)
    objection.save(update_fields=["status", *changes])
    note_step(scope, objection, event, text, now)
    put_mark(objection)
    return objection


def note_step(scope: Scope, objection: Objection, event: str, text: str, now: dt.datetime) -> None:
    """Keep what happened, by whom, and in which words."""
    ObjectionStep(
        objection=objection,
        subject_uscc=objection.subject_uscc,
        department=objection.department,
        at=now,
        event=event,
        status=objection.status,
        text=whole_text("说明", text, 2000),
        by_id=scope.user_id,
        by_organisation_id=scope.organisation_id,
    ).save(force_insert=True)
    record_audit(
        scope=scope,
        action=f"objection.{event}",
        object_type="objection",
        object_id=objection.pk,
        detail={
            "subject": objection.subject_uscc,
            "contract": objection.contract_id,
            "status": objection.status,
        },
    )
