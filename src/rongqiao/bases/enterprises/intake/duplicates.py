"""Rows set aside because another row of the file has the same key: the department may confirm that, and nothing is left to do.

The row stays in quarantine as it was delivered and was never published; closing says only that nobody waits for a repair. Whoever closed the
wrong one takes it up again: every closing and reopening stays, with who, when and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.intake.models import DuplicateRow, RepairedRow
from rongqiao.bases.enterprises.intake.selectors import quarantined_rows
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import InvalidValueError, NotFoundError
from rongqiao.kernel.texts import whole_text
from rongqiao.rules.transitions import INITIAL, advance

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.accounts.scope import Scope
    from rongqiao.bases.enterprises.models import QuarantinedRow

LIFECYCLE = "quarantined_row"
REASON_LENGTH = 200


def held_rows(scope: Scope, batch_id: str) -> dict[int, QuarantinedRow]:
    """Rows of a batch that wait, by line; until the transaction ends nobody else repairs, closes or reopens one of its rows."""
    _hold(batch_id)
    return {row.line: row for row in quarantined_rows(scope, batch_id)}


@transaction.atomic
def close_duplicate(*, scope: Scope, batch_id: str, line: int, reason: str, now: dt.datetime) -> DuplicateRow:
    """Confirm that a row repeats another one of its file, so that it waits for no repair.

    Raises
    ------
    NotFoundError
        If no such row of the department was set aside.
    InvalidValueError
        If it was set aside for something else than its key, or no reason is given.
    IllegalTransitionError
        If it was repaired or closed meanwhile.
    """
    require(scope, Role.DEPARTMENT_CLERK)
    _hold(batch_id)
    rows = list(quarantined_rows(scope, batch_id, state="").filter(line=line))
    if not rows:
        raise NotFoundError("退回的行", f"{batch_id}:{line}", "没有这一行，或不属于本部门。")
    advance(LIFECYCLE, row_state(scope, batch_id, line), "close")
    contract, words = load_contract(rows[0].contract_id), _reason(reason)
    if not {row.rule_id for row in rows} & set(contract.key_rules):
        raise InvalidValueError(
            "行号", line, "这一行不是因主键重复退回的，请更正后重新检查，不能按重复关闭。"
        )
    user_id, _ = scope.person
    closed = DuplicateRow(
        department=contract.department,
        contract_id=contract.id,
        file_name=rows[0].file_name,
        batch_id=batch_id,
        line=line,
        reason=words,
        closed_by_id=user_id,
        closed_at=now,
    )
    closed.save(force_insert=True)
    _audit(scope, "row.closed_as_duplicate", closed, words)
    return closed


@transaction.atomic
def reopen_duplicate(*, scope: Scope, closing_id: int, reason: str, now: dt.datetime) -> DuplicateRow:
    """Take a row up again that was closed as a duplicate: it waits for repair as before.

    Raises
    ------
    NotFoundError
        If there is no such closing of the department.
    InvalidValueError
        If no reason is given.
    IllegalTransitionError
        If it was reopened already.
    """
    require(scope, Role.DEPARTMENT_CLERK)
    found = DuplicateRow.objects.for_scope(scope).select_for_update().filter(pk=closing_id).first()
    if found is None:
        raise NotFoundError("确认重复的行", closing_id, "没有这条记录，或不属于本部门。")
    closed: DuplicateRow = found
    advance(LIFECYCLE, INITIAL[LIFECYCLE] if closed.reopened_at else "closed", "reopen")
    words = _reason(reason)
    user_id, _ = scope.person
    closed.reopened_at, closed.reopened_by_id, closed.reopen_reason = now, user_id, words
    closed.save(update_fields=["reopened_at", "reopened_by", "reopen_reason"])
    _audit(scope, "row.reopened", closed, words)
    return closed


def row_state(scope: Scope, batch_id: str, line: int) -> str:
    """Tell where a row that was set aside stands in its lifecycle."""
    own = {"batch_id": batch_id, "line": line}
    if RepairedRow.objects.for_scope(scope).filter(**own).exists():
        return advance(LIFECYCLE, INITIAL[LIFECYCLE], "repair")
    if DuplicateRow.objects.for_scope(scope).filter(reopened_at=None, **own).exists():
        return advance(LIFECYCLE, INITIAL[LIFECYCLE], "close")
    return INITIAL[LIFECYCLE]


def _hold(batch_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"quarantine {batch_id}"])


def _reason(text: str) -> str:
    words = whole_text("理由", text, REASON_LENGTH)
    if not words:
        raise InvalidValueError("理由", text, "请写明理由，例如与第几行重复、以哪一行为准。")
    return words


def _audit(scope: Scope, action: str, closed: DuplicateRow, reason: str) -> None:
    record_audit(
        scope=scope,
        action=action,
        object_type="quarantined_row",
        object_id=f"{closed.batch_id}:{closed.line}",
        detail={"contract": closed.contract_id, "file": closed.file_name, "reason": reason},
    )
