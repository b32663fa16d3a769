"""What the owning department does with an objection: take it, ask, reject, record both versions, or correct."""

from __future__ import annotations

import io
import json
import uuid
from typing import TYPE_CHECKING

from django.db import transaction

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import record_in_ledger, require
from rongqiao.bases.enterprises.intake import services as intake
from rongqiao.bases.enterprises.objections.models import Objection
from rongqiao.bases.enterprises.objections.selectors import may_answer
from rongqiao.bases.enterprises.objections.services import lock_objection, move
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from rongqiao.kernel.texts import whole_text
from rongqiao.rules.working_days import ZONE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from rongqiao.accounts.scope import Scope
    from rongqiao.bases.enterprises.intake.models import Upload
    from rongqiao.contracts.model import Contract


@transaction.atomic
def forward_objection(*, scope: Scope, objection_id: uuid.UUID, note: str, now: dt.datetime) -> Objection:
    """Forward an objection to a department that has nobody on the platform; ``note`` says how it was sent."""
    require(scope, Role.OPERATOR)
    if not note.strip():
        raise InvalidValueError("转送方式", note, "请写明以何种方式、转送给谁，例如公文编号或联系人。")
    return move(scope, lock_objection(scope, objection_id), "forward", note, now, forwarded_at=now)


@transaction.atomic
def ask_evidence(*, scope: Scope, objection_id: uuid.UUID, question: str, now: dt.datetime) -> Objection:
    """Ask who objects for what would prove it; the clocks go on."""
    objection = _lock_for_answer(scope, objection_id)
    _require_text(question, "要补充什么")
    return move(scope, objection, "ask_evidence", question, now)


@transaction.atomic
def reject_objection(*, scope: Scope, objection_id: uuid.UUID, answer: str, now: dt.datetime) -> Objection:
    """Uphold the fact, with the reasons in writing; the enterprise may put a statement beside it."""
    return _decide(scope, objection_id, "reject", answer, now)


@transaction.atomic
def leave_open(*, scope: Scope, objection_id: uuid.UUID, answer: str, now: dt.datetime) -> Objection:
    """Record both versions: what was found does not settle it."""
    return _decide(scope, objection_id, "leave_open", answer, now)


@transaction.atomic
def correct_fact(
    *, scope: Scope, objection_id: uuid.UUID, answer: str, cells: Mapping[str, str], now: dt.datetime
) -> Objection:
    """Accept the objection: the corrected record goes in as a delivery of its own, through all six steps.

    Parameters
    ----------
    answer : str
        The written answer.
    cells : Mapping
        Item → text as it should have been; items that are not named stay as they were.

    Raises
    ------
    InvalidValueError
        If nothing changes, an item does not exist, or the record would get another identity.
    """
    objection = _lock_for_answer(scope, objection_id)
    contract = load_contract(objection.contract_id)
    record = _mend(contract, objection, cells)
    today = now.astimezone(ZONE).date()
    content = _spell(record, uuid.uuid4())
    upload = intake.open_upload(
        scope=scope,
        contract_id=contract.id,
        file_name=f"异议更正{now.astimezone(ZONE):%Y%m%d-%H%M%S}.jsonl",
        size_bytes=len(content),
        data_on=today,
        today=today,
        is_regular=False,
        origin="correction",
    )
    intake.receive_portion(scope=scope, upload_id=upload.pk, offset=0, stream=io.BytesIO(content), now=now)
    return _decide(scope, objection_id, "correct", answer, now, correction_id=upload.pk)


@transaction.atomic
def retry_correction(*, scope: Scope, upload_id: uuid.UUID, now: dt.datetime) -> Upload:
    """Have a correction that failed taken up again as it is: the answer that was given with it counts again, from now on.

    Raises
    ------
    InvalidValueError
        If its objection was ended or answered otherwise meanwhile, or the file is gone.
    """
    found = Objection.objects.for_scope(scope).filter(correction_id=upload_id).first()
    if found is None:
        raise InvalidValueError("再试一次", str(upload_id), "这份更正已由另一份答复取代，请在异议中查看。")
    objection = _lock_for_answer(scope, found.pk)
    if objection.correction_id != upload_id or not objection.is_open:
        raise InvalidValueError("再试一次", str(upload_id), "该异议已另行答复或办结，这份更正不再入库。")
    if objection.status != "correcting":
        person_id, organisation_id = scope.person
        move(
            scope,
            objection,
            "resume",
            objection.answer,
            now,
            checked_at=now,
            answered_at=now,
            answered_by_id=person_id,
            answered_by_organisation_id=organisation_id,
        )
    return intake.retry_upload(scope=scope, upload_id=upload_id, now=now)


def _mend(contract: Contract, objection: Objection, cells: Mapping[str, str]) -> dict[str, str | None]:
    record: dict[str, str | None] = dict(objection.record)
    # A row that was recognised by its name has no code of its own; the correction names the enterprise outright.
    record["uscc"] = record.get("uscc") or objection.subject_uscc
    mended = dict(record)
    for item, value in cells.items():
        intake.check_cell(contract, item, value)
        mended[item] = value.strip() or None
    if mended == record:
        raise InvalidValueError("更正", contract.title, "还没有改动任何一项。")
    moved = [name for name in contract.key if mended.get(name) != record.get(name)]
    if moved:
        titles = "、".join(contract.item(name).title for name in moved)
        raise InvalidValueError(
            "更正", titles, "这几项标识一条记录，不能更改；请改其他项，或在答复中说明如何另行处理。"
        )
    return mended


def _spell(record: Mapping[str, str | None], name: uuid.UUID) -> bytes:
    """Write the file so that no other has the very same bytes; blanks after the line change no content.

    A batch is named by the digest of its bytes: a record that is set right a second time would else count as delivered before.
    """
    blanks = f"{name.int:b}".replace("0", " ").replace("1", "\t")
    return f"{json.dumps(record, ensure_ascii=False)}{blanks}\n".encode()


def _decide(
    scope: Scope, objection_id: uuid.UUID, event: str, answer: str, now: dt.datetime, **changes: object
) -> Objection:
    objection = _lock_for_answer(scope, objection_id)
    _require_text(answer, "书面答复")
    person_id, organisation_id = scope.person
    if event != "correct":
        changes["ended_at"] = now
    moved = move(
        scope,
        objection,
        event,
        answer,
        now,
        checked_at=now,
        answered_at=now,
        answer=whole_text("书面答复", answer, 2000),
        answered_by_id=person_id,
        answered_by_organisation_id=organisation_id,
        **changes,
    )
    record_in_ledger(
        kind="correction",
        subject=f"objection:{objection.pk}",
        payload={"id": str(objection.pk), "event": event, "answer": moved.answer, "at": now.isoformat()},
    )
    return moved


def _lock_for_answer(scope: Scope, objection_id: uuid.UUID) -> Objection:
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    objection = lock_objection(scope, objection_id)
    if not may_answer(scope, objection):
        raise NotAllowedError(
            "异议答复",
            str(objection_id),
            "由数据的归口部门答复；提出异议的单位不能自答，归口部门有人员且未超期时平台不代答。",
        )
    return objection


def _require_text(text: str, thing: str) -> None:
    if not text.strip():
        raise InvalidValueError(thing, text, "请用文字写明，企业会原样看到。")
