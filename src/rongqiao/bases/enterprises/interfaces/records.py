"""Records of calls, durable before the answer leaves: whoever waits at the same moment shares one commit."""

from __future__ import annotations

import json
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Sequence
    from decimal import Decimal

MOST_PER_COMMIT = 256
_CALLS = """INSERT INTO interfaces_datacall (at, key_id, consumer_id, interface_id, provider, subject_uscc, purpose, basis,
  code, records, holder_id, authorisation_id, consent_id, price_cny, via, address, milliseconds)
  VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_READS = """INSERT INTO enterprises_readrecord (at, subject_uscc, reader_organisation_id, reader_id, what, purpose, basis,
  consent_id, data_classes) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)"""


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
    """Insert the records in the present connection, in one transaction."""
    calls = [
        (
            r.at, r.key_id, r.consumer_id, r.interface_id, r.provider, r.uscc, r.purpose, r.basis, r.code, r.records,
            r.holder_id, r.authorisation_id, r.consent_id, r.price_cny, r.via, r.address, r.milliseconds,
        )
        for r in records
    ]  # fmt: skip
    reads = [
        (r.at, r.uscc, r.consumer_id, r.reader_id, _what(r), r.purpose, r.basis, r.consent_id,
         json.dumps(r.data_classes))
        for r in records
        if r.code == "ok" and r.uscc and r.basis != "sandbox"
    ]  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_CALLS, calls)
        if reads:
            cursor.executemany(_READS, reads)


def _what(record: CallRecord) -> str:
    by_vendor = "（软件服务商代办）" if record.holder_id else ""
    return f"接口：{record.title}"[: 60 - len(by_vendor)] + by_vendor


class _Writer:
    """One thread with one connection; commits all that waits, then tells those who wait."""

    def __init__(self) -> None:
        self.waiting: queue.SimpleQueue[tuple[CallRecord, Future[None]]] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="call-records", daemon=True)
        self.thread.start()

    def keep(self, record: CallRecord) -> None:
        done: Future[None] = Future()
        self.waiting.put((record, done))
        done.result(timeout=30)

    def _run(self) -> None:
        while True:
            batch = [self.waiting.get()]
            while len(batch) < MOST_PER_COMMIT and not self.waiting.empty():
                batch.append(self.waiting.get())
            try:
                write([record for record, _ in batch])
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                connection.close()
                for _, done in batch:
                    done.set_exception(error)
            else:
                for _, done in batch:
                    done.set_result(None)


_state: dict[str, Any] = {}
_lock = threading.Lock()


def keep(record: CallRecord) -> None:
    """Make one record durable; within a transaction it becomes so with it.

    Raises
    ------
    Exception
        If it could not be written: then nothing may be answered either.
    """
    if connection.in_atomic_block:
        write([record])
        return
    with _lock:
        writer = _state.get("writer")
        if writer is None or not writer.thread.is_alive():
            writer = _state["writer"] = _Writer()
    writer.keep(record)
