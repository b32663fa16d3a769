"""Writes: settle a conflict, say who is meant by a row, take an assignment back. Raw data are never touched by any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from rongqiao.accounts.models import User
from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import record_audit, record_in_ledger, require
from rongqiao.bases.enterprises.intake.services import JOB as GOVERN_JOB
from rongqiao.bases.enterprises.intake.services import repair_rows
from rongqiao.bases.enterprises.resolution import selectors
from rongqiao.bases.enterprises.resolution.models import IdentityDecision, Settlement
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.kernel.texts import whole_text
from rongqiao.rules.transitions import advance

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.accounts.scope import Scope
    from rongqiao.bases.enterprises.resolution.models import FactConflict, WaitingRow
    from rongqiao.bases.enterprises.resolution.selectors import Assignment

#: Job of the composition root that takes assignments back; this room cannot import governance.
UNDO_JOB = "governance.undo_assignments"


def record_comparison(*, scope: Scope, problem: str) -> None:
    """Note that departments could not be compared, or can be again; called by the job after every comparison, ``problem`` empty where it went well."""
    if problem:
        action = selectors.COMPARISON_FAILED
    elif selectors.comparison_trouble(scope) is not None:
        action = selectors.COMPARISON_RECOVERED
    else:
        return
    record_audit(
        scope=scope,
        action=action,
        object_type="comparison",
        object_id="province",
        detail={"problem": problem},
    )


def may_settle(scope: Scope, conflict: FactConflict) -> bool:
    """Whether the caller may say whose value stands: the operator, and the department that comes first in the order of authority."""
    if scope.role == Role.OPERATOR:
        return True
    first = conflict.sides[0]["contract"].partition(".")[0] if conflict.sides else ""
    return scope.role == Role.DEPARTMENT_CLERK and scope.department == first


@transaction.atomic
def settle_conflict(
    *,
    scope: Scope,
    conflict_id: str,
    version: str,
    decision: str,
    contract_id: str,
    reason: str,
    now: dt.datetime,
) -> Settlement:
    """Say whose value stands, or ask a department to correct its own.

    Parameters
    ----------
    version : str
        The values that the person saw; other values are another question.
    decision : str
        ``prevail``: the value of ``contract_id`` stands; ``ask``: its department is asked to correct.
    reason : str
        Kept for ever; required.

    Raises
    ------
    NotAllowedError
        If the conflict is of no concern to the caller, or another has to settle it.
    InvalidValueError
        If no reason is given, nothing contradicts any more, the values changed meanwhile, or the table is no side of it.
    """
    require(scope, Role.OPERATOR, Role.DEPARTMENT_CLERK)
    conflict = selectors.get_conflict(scope, conflict_id)
    if conflict is None:
        raise NotFoundError("数据冲突", conflict_id, "没有这项冲突，或与本单位无关。")
    if not may_settle(scope, conflict):
        raise NotAllowedError("数据冲突", conflict_id, "只有平台运营方，或该事实的首要权威部门可以处理。")
    if conflict.state != "open" or conflict.version != version:
        raise InvalidValueError("数据冲突", conflict.name, "各方所报已有变化，请按最新内容重新判断。")
    if contract_id not in {side["contract"] for side in conflict.sides}:
        raise InvalidValueError("数据表", contract_id, "请选择一方所报。")
    if decision not in dict(Settlement.DECISIONS):
        raise InvalidValueError("决定", decision, "请选择“以其为准”或“请其更正”。")
    user_id, _ = scope.person
    settlement = Settlement(
        conflict_id=conflict_id,
        version=version,
        departments=conflict.departments,
        decision=decision,
        contract_id=contract_id,
        values=conflict.sides,
        reason=_reason(reason),
        decided_by_id=user_id,
        decided_by_name=_name_of(user_id),
        decided_at=now,
    )
    settlement.save(force_insert=True)
    detail = {
        "conflict": conflict_id,
        "version": version,
        "contract": contract_id,
        "reason": settlement.reason,
    }
    record_audit(
        scope=scope,
        action="conflict.settled" if decision == "prevail" else "conflict.correction_asked",
        object_type="settlement",
        object_id=settlement.pk,
        detail=detail,
    )
    evidence = {**detail, "decision": decision, "values": conflict.sides, "at": now.isoformat()}
    record_in_ledger(kind="correction", subject=f"settlement:{settlement.pk}", payload=evidence)
    return settlement


def _reason(text: str) -> str:
    reason = whole_text("理由", text, 500)
    if not reason:
        raise InvalidValueError("理由", text, "请写明理由，记录会长期保留。")
    return reason


def _name_of(user_id: int) -> str:
    user = User.objects.get(pk=user_id)
    return (user.full_name or user.username)[:60]


# -- who is meant ----------------------------------------------------------------------------------------------------


@transaction.atomic
def decide_row(
    *,
    scope: Scope,
    row_id: int,
    decision: str,
    enterprise_id: str,
    reason: str,
    now: dt.datetime,
) -> IdentityDecision:
    """Say who is meant by a row: one of its candidates, none of them, or that its department be asked.

    A matched row goes through the six steps again under the enterprise's code, as a row that was repaired does; the rejected one and
    the one that is asked about stay in quarantine, where their department mends them.

    Raises
    ------
    NotAllowedError
        If the row waits no more.
    InvalidValueError
        If no reason is given, or the enterprise is no candidate.
    """
    require(scope, Role.OPERATOR)
    row = selectors.get_waiting_row(scope, row_id)
    if row is None:
        raise NotFoundError("待认定记录", row_id, "没有这条记录，或已经认定、已由部门修复。")
    if decision not in ("match", "reject", "ask"):
        raise InvalidValueError("决定", decision, "请选择一项决定。")
    if decision == "match" and enterprise_id not in {each["enterprise_id"] for each in row.candidates}:
        raise InvalidValueError("候选企业", enterprise_id, "请选择一家候选企业。")
    words = _reason(reason)
    delivery = None
    if decision == "match":
        code = load_contract(row.contract_id).identifier
        delivery = repair_rows(
            scope=scope, batch_id=row.batch_id, repairs={row.line: {code: enterprise_id}}, now=now
        )
    return _decide(
        scope,
        row,
        now,
        decision=decision,
        enterprise_id=enterprise_id if decision == "match" else "",
        told=row.told,
        reason=words,
        state="done",
        delivery=delivery,
    )


def _decide(
    scope: Scope, place: WaitingRow | Assignment, now: dt.datetime, **told: object
) -> IdentityDecision:
    user_id, _ = scope.person
    decision = IdentityDecision(
        department=place.department,
        contract_id=place.contract_id,
        batch_id=place.batch_id,
        line=place.line,
        decided_by_id=user_id,
        decided_by_name=_name_of(user_id),
        decided_at=now,
        **told,
    )
    decision.save(force_insert=True)
    detail = {
        "batch": decision.batch_id,
        "line": decision.line,
        "enterprise": decision.enterprise_id,
        "reason": decision.reason,
    }
    action = {"match": "matched", "reject": "rejected", "ask": "asked", "undo": "undo_asked"}[
        decision.decision
    ]
    record_audit(
        scope=scope, action=f"identity.{action}", object_type="identity", object_id=decision.pk, detail=detail
    )
    evidence = {**detail, "decision": decision.decision, "at": now.isoformat()}
    record_in_ledger(kind="correction", subject=f"identity:{decision.pk}", payload=evidence)
    return decision


@transaction.atomic
def ask_undo(*, scope: Scope, batch_id: str, line: int, reason: str, now: dt.datetime) -> IdentityDecision:
    """Have the assignment of one row taken back: from today on it counts for nobody, and what was issued before stays as it was.

    Raises
    ------
    InvalidValueError
        If no reason is given, no such assignment stands, or it is being taken back already.
    """
    require(scope, Role.OPERATOR)
    found = selectors.find_assignment(scope, batch_id, line)
    if found is None:
        raise InvalidValueError("认定记录", f"{batch_id}:{line}", "没有这条认定，或已撤销、正在撤销。")
    place, told = found
    words = _reason(reason)
    decision = _decide(
        scope,
        place,
        now,
        decision="undo",
        enterprise_id=place.enterprise_id,
        told=told,
        reason=words,
        state="asked",
    )
    enqueue(UNDO_JOB, lock=GOVERN_JOB)
    return decision


# -- what the job that takes back tells ------------------------------------------------------------------------------


def record_undo(*, scope: Scope, decision: IdentityDecision, problem: str = "") -> None:
    """Note that an assignment was taken back, or why it could not be."""
    state = advance("assignment_undo", decision.state, "fail" if problem else "take_back")
    rows = IdentityDecision.objects.for_scope(scope).filter(pk=decision.pk)
    rows.update(state=state, problem=problem)
