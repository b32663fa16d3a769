"""Writes of the intake: receive a file in portions, hand it to governance, send repaired rows again."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.intake import portions
from rongqiao.bases.enterprises.intake.duplicates import held_rows
from rongqiao.bases.enterprises.intake.models import RepairedRow, Upload
from rongqiao.contracts.catalog import threshold
from rongqiao.contracts.delivery_files import SOURCE_SUFFIXES, name_delivery, suffix_of
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.kernel.home import var
from rongqiao.rules.transitions import advance
from rongqiao.rules.working_days import ZONE

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping
    from pathlib import Path

    from rongqiao.accounts.scope import Scope
    from rongqiao.bases.enterprises.intake.portions import Readable
    from rongqiao.contracts.model import Contract

#: Job of the composition root that governs what waits; this room cannot import governance.
JOB = "governance.govern_uploads"
#: Job that profiles files of new sources.
PROFILE_JOB = "governance.profile_sources"

#: A day of data before this one is a slip of the pen.
EARLIEST_DATA = dt.date(2000, 1, 1)
#: Longest text that a repaired cell is given.
CELL_LENGTH = 500


def folder() -> Path:
    """Folder that waiting deliveries stand in, one folder per contract."""
    return var() / "intake"


def stored_path(upload: Upload) -> Path:
    """Where a complete delivery stands until governance has kept its bytes."""
    return folder() / (upload.contract_id or ".sources") / upload.stored_name


def _receiving_path(upload: Upload) -> Path:
    return folder() / ".receiving" / str(upload.pk)


def _contract_of(scope: Scope, contract_id: str) -> Contract:
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    contract = load_contract(contract_id)
    if scope.kind == "department" and contract.department != scope.department:
        raise NotAllowedError("数据表", contract_id, "只能报送本部门的数据表。")
    return contract


@transaction.atomic
def open_upload(
    *,
    scope: Scope,
    contract_id: str,
    file_name: str,
    size_bytes: int,
    data_on: dt.date,
    today: dt.date,
    is_regular: bool,
    origin: str = "page",
    digest: str = "",
) -> Upload:
    """Begin a delivery; its bytes follow in portions.

    Parameters
    ----------
    file_name : str
        As the department calls it; only the suffix counts.
    size_bytes : int
        Size of the whole file, from 1.
    data_on : datetime.date
        The data's own day, such as the last of the month they are about; not in the future. It names the file, and nothing more: what is
        known when follows from the day on which the platform has the whole file.
    is_regular : bool
        Whether it is the whole delivery of its cycle; otherwise it completes or corrects one.
    digest : str
        SM3 of the whole file in hex, which what arrives must have; empty where the sender gives none.

    Raises
    ------
    NotAllowedError
        If the table belongs to another department.
    InvalidValueError
        If the file is of no known type, empty, too large, the digest is none, or the whole of that day's data was delivered already.
    """
    contract = _contract_of(scope, contract_id)
    _check_file(size_bytes, data_on, today)
    suffix = suffix_of(file_name)
    upload = Upload(
        department=contract.department,
        contract_id=contract_id,
        origin=origin,
        file_name=file_name[-200:],
        data_on=data_on,
        delivered_on=today,
        size_bytes=size_bytes,
        announced_digest=_read_digest(digest),
        created_by_id=scope.user_id,
    )
    tag = "" if is_regular else f"{'repair' if origin == 'repair' else 'part'}{upload.pk.hex[:8]}"
    upload.stored_name = name_delivery(data_on, suffix, tag)
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
    except IntegrityError:
        raise InvalidValueError(
            "数据日期",
            data_on.isoformat(),
            "这张表该数据日期已有一份整期报送；如需补充或更正，请选“补报或更正”。",
        ) from None
    _audit(scope, "delivery.opened", upload)
    return upload


def _read_digest(text: str) -> str:
    digest = text.strip().lower()
    if digest and not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InvalidValueError("文件摘要", text, "SM3 摘要应为 64 位十六进制数；可以不填。")
    return digest


def _check_file(size_bytes: int, data_on: dt.date, today: dt.date) -> None:
    limit = int(threshold("delivery_file_bytes_max", today))
    if not 0 < size_bytes <= limit:
        raise InvalidValueError(
            "文件大小", size_bytes, f"文件不能为空，且不超过 {limit // 2**30} GB，请拆分后上传。"
        )
    if data_on > today:
        raise InvalidValueError("数据日期", data_on.isoformat(), "数据日期不能晚于今天。")
    if data_on < EARLIEST_DATA:
        raise InvalidValueError(
            "数据日期", data_on.isoformat(), f"数据日期不应早于 {EARLIEST_DATA}，请核对年份。"
        )


@transaction.atomic
def open_source(*, scope: Scope, file_name: str, size_bytes: int, data_on: dt.date, today: dt.date) -> Upload:
    """Begin to send a file of a new source, which has no contract yet; it is profiled when its bytes are there.

    Parameters
    ----------
    data_on : datetime.date
        The data's own day; not in the future.

    Raises
    ------
    InvalidValueError
        If the file is of no known type, empty or too large, or the day lies ahead.
    """
    require(scope, Role.DEPARTMENT_CLERK)
    _check_file(size_bytes, data_on, today)
    upload = Upload(
        department=scope.department,
        origin="source",
        file_name=file_name[-200:],
        data_on=data_on,
        delivered_on=today,
        size_bytes=size_bytes,
        created_by_id=scope.user_id,
    )
    upload.stored_name = f"{upload.pk.hex}{suffix_of(file_name, SOURCE_SUFFIXES)}"
    upload.save(force_insert=True)
    _audit(scope, "source.opened", upload)
    return upload


def receive_portion(
    *, scope: Scope, upload_id: uuid.UUID, offset: int, stream: Readable, now: dt.datetime
) -> Upload:
    """Take bytes from where the last portion ended; what arrived before a break is kept.

    Raises
    ------
    InvalidValueError
        If the portion does not begin where the last one ended, goes beyond the announced size, or the whole is not what was announced.
    StorageError
        If the disk does not take it.
    """
    # Noted even where the portion is then refused: the sender asks from where to go on.
    with transaction.atomic():
        _take_stock(scope, upload_id)
    with transaction.atomic():
        upload = _lock(scope, upload_id)
        if upload.status != "receiving":
            raise IllegalTransitionError("报送", upload.status, "该文件已接收完毕，无需再传。")
        if offset != upload.received_bytes:
            raise InvalidValueError("续传位置", offset, f"请从第 {upload.received_bytes} 字节续传。")
        upload.received_bytes = portions.append(
            _receiving_path(upload), stream, known=offset, most=upload.size_bytes
        )
        upload.save(update_fields=["received_bytes"])
        if upload.received_bytes == upload.size_bytes:
            _complete(scope, upload, now)
    return upload


def _take_stock(scope: Scope, upload_id: uuid.UUID) -> None:
    """Go back to what is on disk, where a process or a machine died before all of it was there."""
    upload = _lock(scope, upload_id)
    if upload.status != "receiving":
        return
    there = portions.take_stock(
        _receiving_path(upload),
        stored_path(upload),
        known=upload.received_bytes,
        size=upload.size_bytes,
        begun_at=upload.created_at.timestamp(),
    )
    if there < upload.received_bytes:
        upload.received_bytes = there
        upload.save(update_fields=["received_bytes"])


def _lock(scope: Scope, upload_id: uuid.UUID) -> Upload:
    upload: Upload | None = Upload.objects.for_scope(scope).select_for_update().filter(pk=upload_id).first()
    if upload is None:
        raise NotFoundError("报送", str(upload_id), "没有这份报送，或不属于本部门。")
    return upload


def _complete(scope: Scope, upload: Upload, now: dt.datetime) -> None:
    """Name the file by its digest, note when it was received, and put it where governance looks."""
    upload.digest = portions.put_away(
        _receiving_path(upload), stored_path(upload), announced=upload.announced_digest
    )
    upload.status = advance("delivery", upload.status, "complete")
    upload.save(update_fields=["digest", "status"])
    _note_receipt(upload, now)
    _audit(scope, "delivery.received", upload, digest=upload.digest)
    _ask_for_work(upload)


def _note_receipt(upload: Upload, now: dt.datetime) -> None:
    """Note the instant of receipt, and the day in China that its facts are known from; no person may write either."""
    upload.received_at, upload.delivered_on = now, now.astimezone(ZONE).date()
    with system_scope() as system:
        own = Upload.objects.for_scope(system).filter(pk=upload.pk)
        own.update(received_at=upload.received_at, delivered_on=upload.delivered_on)


@transaction.atomic
def discard_upload(*, scope: Scope, upload_id: uuid.UUID, now: dt.datetime) -> Upload:
    """Give up a delivery that is still being received, and forget its bytes."""
    upload = _lock(scope, upload_id)
    upload.status = advance("delivery", upload.status, "discard")
    upload.ended_at = now
    upload.save(update_fields=["status", "ended_at"])
    _audit(scope, "delivery.discarded", upload)
    path = _receiving_path(upload)
    transaction.on_commit(lambda: path.unlink(missing_ok=True))
    return upload


@transaction.atomic
def retry_upload(*, scope: Scope, upload_id: uuid.UUID, now: dt.datetime) -> Upload:
    """Have a delivery that failed taken up again, as it is: handed in anew, its facts are known from this day on.

    Raises
    ------
    InvalidValueError
        If its file is gone, or another one was sent in its place.
    """
    upload = _lock(scope, upload_id)
    upload.status = advance("delivery", upload.status, "retry")
    upload.ended_at = None
    others = Upload.objects.for_scope(scope).filter(
        contract_id=upload.contract_id, stored_name=upload.stored_name, created_at__gt=upload.created_at
    )
    if others.exclude(status="discarded").exists() or not stored_path(upload).exists():
        raise InvalidValueError(
            "再试一次", upload.file_name, "这份文件已不在平台上，或已另报一份；请重新上传。"
        )
    upload.save(update_fields=["status", "ended_at"])
    # What stood in the way is told no more; a person may not rewrite it, so the platform takes it away.
    with system_scope() as system:
        Upload.objects.for_scope(system).filter(pk=upload.pk).update(problem="")
    _note_receipt(upload, now)
    _audit(scope, "delivery.retried", upload)
    _ask_for_work(upload)
    return upload


def _ask_for_work(upload: Upload) -> None:
    job = PROFILE_JOB if upload.origin == "source" else JOB
    enqueue(job, lock=job)


@transaction.atomic
def repair_rows(
    *, scope: Scope, batch_id: str, repairs: Mapping[int, Mapping[str, str]], now: dt.datetime
) -> Upload:
    """Send rows that were set aside again, with the cells that were mended; they pass all checks anew.

    Parameters
    ----------
    batch_id : str
        Batch whose rows were set aside.
    repairs : Mapping
        Line → item → text as it should have been; items that are not named stay as delivered.

    Raises
    ------
    InvalidValueError
        If nothing was changed, a line was not set aside or was repaired before, an item does not exist, or a text is none that a cell holds.
    """
    rows = held_rows(scope, batch_id)
    mended = [line for line, cells in repairs.items() if cells]
    if not mended:
        raise InvalidValueError("修复", batch_id, "还没有改动任何一行；请在标红的格里改正后再提交。")
    for line in mended:
        if line not in rows or not rows[line].row:
            raise InvalidValueError(
                "行号", line, "该行不在退回之列、已修复、已确认重复，或无法分列，请更正原文件后重新上传。"
            )
    contract = _contract_of(scope, rows[mended[0]].contract_id)
    lines = [
        json.dumps(_mend(contract, rows[line].row, repairs[line]), ensure_ascii=False) for line in mended
    ]
    content = ("\n".join(lines) + "\n").encode()
    today = now.astimezone(ZONE).date()
    upload = open_upload(
        scope=scope,
        contract_id=contract.id,
        file_name=f"在线修复{now.astimezone(ZONE):%Y%m%d-%H%M%S}.jsonl",
        size_bytes=len(content),
        data_on=today,
        today=today,
        is_regular=False,
        origin="repair",
    )
    upload.received_bytes = portions.append(
        _receiving_path(upload), io.BytesIO(content), known=0, most=len(content)
    )
    upload.save(update_fields=["received_bytes"])
    user_id, _ = scope.person
    RepairedRow.objects.for_scope(scope).bulk_create(
        RepairedRow(
            department=contract.department,
            batch_id=batch_id,
            line=line,
            upload=upload,
            cells=dict(repairs[line]),
            repaired_by_id=user_id,
        )
        for line in mended
    )
    _audit(scope, "rows.repaired", upload, batch=batch_id, rows=len(mended))
    _complete(scope, upload, now)
    return upload


def check_cell(contract: Contract, item_id: str, text: str) -> None:
    """Refuse what no cell of an item holds, instead of cutting it.

    Raises
    ------
    InvalidValueError
        If the item does not exist, or the text is too long or holds what cannot be seen.
    """
    title = contract.item(item_id).title
    if len(text) > CELL_LENGTH or "\x00" in text:
        rule = f"“{title}”请用一行字，最多 {CELL_LENGTH} 个，不含看不见的字符。"
        raise InvalidValueError(title, text[:40], rule)


def _mend(contract: Contract, row: Mapping[str, Any], cells: Mapping[str, str]) -> dict[str, Any]:
    for item, text in cells.items():
        check_cell(contract, item, text)
    return {**row, **{item: value.strip() or None for item, value in cells.items()}}


def _audit(scope: Scope, action: str, upload: Upload, **detail: object) -> None:
    record_audit(
        scope=scope,
        action=action,
        object_type="delivery",
        object_id=upload.pk,
        detail={"contract": upload.contract_id, "file": upload.stored_name, **detail},
    )
