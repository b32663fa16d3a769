"""Records of calls, durable before the answer leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.interfaces.statements import statement_cursor

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from decimal import Decimal

#: One statement is one journey and one commit. What was read of an enterprise stands in its own list, too. A record travels as
#: one document, which takes the driver less than twenty values.
_WRITE = """
WITH called AS (
  SELECT * FROM json_to_record(%s::json) AS c (at timestamptz, key_id uuid, consumer_id uuid, interface_id text, provider text,
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


def keep(record: CallRecord) -> None:
    """Make one record durable; within a transaction it becomes so with it.

    Whoever commits at the same moment shares one flush of the disk: PostgreSQL takes along all that is in its log by then. Gathered
    here first, a record would wait for another's whole commit before its own begins, and fail with that one (ADR 0040).

    Raises
    ------
    Exception
        If it could not be written: then nothing may be answered either.
    """
    with statement_cursor() as cursor:
        cursor.execute(_WRITE, [json.dumps(_row(record))], prepare=True)


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
