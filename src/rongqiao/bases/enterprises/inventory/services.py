"""Writes of the inventory: finish a draft contract, have it approved, let the table in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.intake.services import stored_path
from rongqiao.bases.enterprises.inventory.models import SourceTable
from rongqiao.bases.enterprises.inventory.selectors import open_questions
from rongqiao.contracts import drafts
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.rules.transitions import advance

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from rongqiao.accounts.scope import Scope
    from rongqiao.bases.enterprises.intake.models import Upload

#: Job of the composition root that puts approved contracts in force and brings their tables in.
BRING_JOB = "governance.bring_sources"


def _lock(scope: Scope, table_id: int) -> SourceTable:
    rows = SourceTable.objects.for_scope(scope).select_for_update(of=("self",)).select_related("upload")
    table: SourceTable | None = rows.filter(pk=table_id).first()
    if table is None:
        raise NotFoundError("新数据源", table_id, "没有这张表，或不属于本部门。")
    return table


@transaction.atomic
def revise_table(*, scope: Scope, table_id: int, answers: Mapping[str, Any]) -> SourceTable:
    """Work the clerk's answers into the draft and keep it, finished or not.

    Parameters
    ----------
    answers : Mapping
        As `rongqiao.contracts.drafts.revise` takes them.

    Raises
    ------
    InvalidValueError
        If an answer names an item, type or field that does not exist.
    IllegalTransitionError
        If the table is no draft any more.
    """
    require(scope, Role.DEPARTMENT_CLERK)
    table = _lock_draft(scope, table_id)
    _keep_draft(table, drafts.revise(table.document, answers))
    _audit(scope, "source.revised", table)
    return table


def _lock_draft(scope: Scope, table_id: int) -> SourceTable:
    table = _lock(scope, table_id)
    if table.status != "drafted":
        raise IllegalTransitionError("新数据源", table.get_status_display(), "已提交或已有结论，不能再改。")
    return table


def _keep_draft(table: SourceTable, document: dict[str, Any]) -> None:
    table.document, table.title = document, str(document["name"])[:120]
    table.save(update_fields=["document", "title"])


@transaction.atomic
def redraw_table(*, scope: Scope, table_id: int) -> SourceTable:
    """Throw the clerk's answers away and begin again with the draft that was drawn up from the profile."""
    require(scope, Role.DEPARTMENT_CLERK)
    table = _lock_draft(scope, table_id)
    _keep_draft(table, table.guessed)
    _audit(scope, "source.redrawn", table)
    return table


@transaction.atomic
def submit_table(*, scope: Scope, table_id: int, now: dt.datetime) -> SourceTable:
    """Hand a finished draft to the operator.

    Raises
    ------
    InvalidValueError
        If anything is left to answer, or another table has taken the name; the remedy says what.
    """
    require(scope, Role.DEPARTMENT_CLERK)
    table = _lock(scope, table_id)
    if left := open_questions(table):
        told = "；".join(problem.message.rstrip("。") for problem in left[:5])
        raise InvalidValueError("数据标准草稿", table.title, f"还有 {len(left)} 项待补：{told}。")
    table.status = advance("source_table", table.status, "submit")
    table.contract_id = table.document["id"]
    table.submitted_by_id, table.submitted_at = scope.person[0], now
    try:
        with transaction.atomic():
            table.save(update_fields=["status", "contract_id", "submitted_by", "submitted_at"])
    except IntegrityError:
        raise InvalidValueError(
            "数据标准", table.contract_id, "另一张新表已用这个英文名提交，请改英文表名。"
        ) from None
    _audit(scope, "source.submitted", table)
    return table


@transaction.atomic
def leave_out(*, scope: Scope, table_id: int, is_left_out: bool) -> SourceTable:
    """Leave a table of a file out, or take it up again."""
    require(scope, Role.DEPARTMENT_CLERK)
    table = _lock(scope, table_id)
    table.status = advance("source_table", table.status, "leave_out" if is_left_out else "take_up")
    table.save(update_fields=["status"])
    _audit(scope, "source.left_out" if is_left_out else "source.taken_up", table)
    return table


@transaction.atomic
def deliver_table(*, scope: Scope, table_id: int, now: dt.datetime) -> SourceTable:
    """Let a table in under the contract that the same table came under before.

    Raises
    ------
    InvalidValueError
        If there is no such contract: a new one must be finished first.
    """
    require(scope, Role.DEPARTMENT_CLERK)
    table = _lock(scope, table_id)
    if not table.known_contract:
        raise InvalidValueError("已有标准", table.title, "这张表还没有数据标准，请先补全草稿并提交审批。")
    contract = load_contract(table.known_contract)
    if contract.department != scope.department:
        raise NotAllowedError("数据表", contract.id, "只能报送本部门的数据表。")
    table.status = advance("source_table", table.status, "deliver")
    table.contract_id = contract.id
    table.submitted_by_id, table.submitted_at = scope.person[0], now
    table.save(update_fields=["status", "contract_id", "submitted_by", "submitted_at"])
    _audit(scope, "source.continued", table)
    enqueue(BRING_JOB, lock=BRING_JOB)
    return table


@transaction.atomic
def decide_table(
    *, scope: Scope, table_id: int, is_approved: bool, reason: str, now: dt.datetime
) -> SourceTable:
    """Put a finished draft in force, or send it back to be mended.

    Raises
    ------
    InvalidValueError
        If it is sent back without a reason, or the draft no longer holds.
    NotAllowedError
        If the person drew it up.
    """
    require(scope, Role.OPERATOR)
    table = _lock(scope, table_id)
    person, _ = scope.person
    if table.submitted_by_id == person:
        raise NotAllowedError("审批", table.title, "不能审批自己提交的数据标准。")
    if not is_approved and not reason.strip():
        raise InvalidValueError("退回意见", reason, "请写明哪里需要修改，经办人才能照着改。")
    if is_approved and (left := open_questions(table)):
        raise InvalidValueError("数据标准草稿", table.title, f"不能启用：{left[0].message}")
    table.status = advance("source_table", table.status, "approve" if is_approved else "return")
    table.decided_by_id, table.decided_at, table.decision_reason = person, now, reason.strip()
    table.save(update_fields=["status", "decided_by", "decided_at", "decision_reason"])
    _audit(scope, "source.approved" if is_approved else "source.returned", table)
    if is_approved:
        enqueue(BRING_JOB, lock=BRING_JOB)
    return table


@transaction.atomic
def retry_table(*, scope: Scope, table_id: int) -> SourceTable:
    """Have a table that could not be brought in taken up again, under the contract that it was approved with.

    Raises
    ------
    InvalidValueError
        If its file is gone.
    """
    require(scope, Role.DEPARTMENT_CLERK)
    table = _lock(scope, table_id)
    table.status = advance("source_table", table.status, "retry")
    if not stored_path(table.upload).exists():
        raise InvalidValueError("再试一次", table.upload.file_name, "平台上已没有这份文件，请重新上传。")
    table.save(update_fields=["status"])
    _audit(scope, "source.retried", table)
    enqueue(BRING_JOB, lock=BRING_JOB)
    return table


# -- what the jobs tell ----------------------------------------------------------------------------------------------


def record_examining(*, upload: Upload, sheet: str, done: int, total: int) -> None:
    """Note which worksheet is being profiled."""
    if upload.status == "waiting":
        upload.status = advance("delivery", upload.status, "examine")
    upload.step, upload.steps_done, upload.steps_total = sheet[:40], done, total
    upload.save(update_fields=["status", "step", "steps_done", "steps_total"])


@transaction.atomic
def record_profiles(*, upload: Upload, tables: Sequence[SourceTable], now: dt.datetime) -> None:
    """Keep what profiling found of a file, all of its tables at once."""
    for position, table in enumerate(tables):
        table.upload, table.department, table.position = upload, upload.department, position
        table.save(force_insert=True)
    upload.status = advance("delivery", upload.status, "profile")
    upload.ended_at = now
    upload.save(update_fields=["status", "ended_at"])


def record_delivery(*, table: SourceTable, delivery: Upload) -> None:
    """Note that a table's rows went to governance."""
    table.status = advance("source_table", table.status, "deliver")
    table.delivery, table.problem = delivery, ""
    table.save(update_fields=["status", "delivery", "problem"])


def record_failure(*, table: SourceTable, problem: str) -> None:
    """Note why a table could not be brought in."""
    table.status = advance("source_table", table.status, "fail")
    table.problem = problem
    table.save(update_fields=["status", "problem"])


def forget_file(*, upload: Upload) -> None:
    """Drop the file once none of its tables is still to be let in: columns of persons were in it."""
    open_states = ["drafted", "submitted", "approved", "failed"]
    if not SourceTable.unscoped.filter(upload=upload, status__in=open_states).exists():
        stored_path(upload).unlink(missing_ok=True)


def _audit(scope: Scope, action: str, table: SourceTable) -> None:
    detail = {"contract": table.document["id"], "file": table.upload.file_name, "sheet": table.sheet}
    record_audit(scope=scope, action=action, object_type="source_table", object_id=table.pk, detail=detail)
