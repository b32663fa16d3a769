"""Records of calls, durable before the answer leaves: whoever waits at the same moment shares one commit."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection

from rongqiao.bases.enterprises.interfaces.statements import statement_cursor

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Sequence
    from decimal import Decimal

MOST_PER_COMMIT = 256
#: One statement is one journey and one commit. What was read of an enterprise stands in its own list, too. Records travel as one
#: document: twenty arrays took the driver four times as long.
_WRITE = """
WITH called AS (
  SELECT * FROM json_to_recordset(%s::json) AS c (at timestamptz, key_id uuid, consumer_id uuid, interface_id text, provider text,
    uscc text, purpose text, basis text, code text, records int, holder_id uuid, authorisation_id uuid, consent_id uuid,
    price_cny numeric, via text, address inet, milliseconds int, reader_id int, what text, data_classes jsonb)),
metered AS (
  INSERT INTO interfaces_datacall (at, key_id, consumer_id, interface_id, provider, subject_uscc, purpose, basis, code,
    records, holder_id, authorisation_id, consent_id, price_cny, via, address, milliseconds)
  SELECT at, key_id, consumer_id, interface_id, provider, uscc, purpose, basis, code, records, holder_id,
    authorisation_id, consent_id, price_cny, via, address, milliseconds FROM called)
INSERT INTO enterprises_readrecord (at, subject_uscc, reader_organisation_id, reader_id, what, purpose, basis, consent_id,
  data_classes)
SELECT at, uscc, consumer_id, reader_id, what, purpose, basis, consent_id, data_classes FROM called
WHERE code = 'ok' AND uscc <> '' AND basis <> 'sandbox'
"""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call as it is metered; an answered one is also a read record of the enterprise."""

    at: dt.datetime
    key_id: uuid.UUID
    consumer_id: uuid.UUID
    reader_id: int
    interface_id: str
    title: str
    provider: str
    uscc: str
    purpose: str
    basis: str
    consent_id: uuid.UUID | None
    code: str
    records: int
    data_classes: tuple[str, ...]
    holder_id: uuid.UUID | None
    authorisation_id: uuid.UUID | None
    price_cny: Decimal
    via: str
    address: str | None
    milliseconds: int


def write(records: Sequence[CallRecord]) -> None:
    """Insert the records in the present connection: all of them, or none."""
    document = json.dumps([_row(each) for each in records])
    with statement_cursor() as cursor:
        cursor.execute(_WRITE, [document], prepare=True)


def _row(record: CallRecord) -> dict[str, Any]:
    def text(value: object) -> str | None:
        return None if value is None else str(value)

    return {
        "at": record.at.isoformat(),
        "key_id": str(record.key_id),
        "consumer_id": str(record.consumer_id),
        "interface_id": record.interface_id,
        "provider": record.provider,
        "uscc": record.uscc,
        "purpose": record.purpose,
        "basis": record.basis,
        "code": record.code,
        "records": record.records,
        "holder_id": text(record.holder_id),
        "authorisation_id": text(record.authorisation_id),
        "consent_id": text(record.consent_id),
        # As text, so that an amount stays exact.
        "price_cny": str(record.price_cny),
        "via": record.via,
        "address": record.address,
        "milliseconds": record.milliseconds,
        "reader_id": record.reader_id,
        "what": _what(record),
        "data_classes": record.data_classes,
    }


def _what(record: CallRecord) -> str:
    by_vendor = "（软件服务商代办）" if record.holder_id else ""
    return f"接口：{record.title}"[: 60 - len(by_vendor)] + by_vendor


@dataclass(slots=True)
class _Waiting:
    record: CallRecord
    is_written: bool = False
    error: Exception | None = None


class _Queue:
    """Records that wait. Whoever comes to write takes along all that wait, and the others find theirs written."""

    def __init__(self) -> None:
        self.waiting: list[_Waiting] = []
        self.adding = threading.Lock()
        self.writing = threading.Lock()

    def keep(self, record: CallRecord) -> None:
        mine = _Waiting(record)
        with self.adding:
            self.waiting.append(mine)
        with self.writing:
            if not mine.is_written:
                self._write_all()
        if mine.error is not None:
            raise mine.error

    def _write_all(self) -> None:
        with self.adding:
            batch, self.waiting = self.waiting[:MOST_PER_COMMIT], self.waiting[MOST_PER_COMMIT:]
        error = None
        try:
            write([each.record for each in batch])
        except Exception as caught:  # noqa: BLE001 - whatever it is, each who waits must hear of it
            error = caught
        for each in batch:
            each.is_written, each.error = True, error


_queue = _Queue()


def keep(record: CallRecord) -> None:
    """Make one record durable; within a transaction it becomes so with it.

    Raises
    ------
    Exception
        If it could not be written: then nothing may be answered either.
    """
    if connection.in_atomic_block:
        write([record])
    else:
        _queue.keep(record)
