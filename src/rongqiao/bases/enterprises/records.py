"""Delivered records of one enterprise: those that hold now, and every version of one of them."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.catalog import code_list
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection
from rongqiao.lake.record_ids import key_columns, record_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rongqiao.contracts.model import Contract, Item
    from rongqiao.lake.tables import Lake

#: Items of this level never leave the base.
PERSONAL = "L4"
MONTH_DIGITS = 6
AMOUNT = re.compile(r"-?\d+(\.\d+)?")


def current_records(
    lake: Lake,
    contract: Contract,
    uscc: str,
    *,
    as_of: int,
    known_at: dt.date,
    with_expired: bool = False,
) -> list[dict[str, Any]]:
    """Rows of one table that hold for one enterprise as of two times, newest first; each with its ``record_id``.

    Parameters
    ----------
    with_expired : bool
        Whether records whose clock ran out are among them: they stay on file, but serve nobody.
    """
    times = (as_of, known_at)
    return records_at(lake, contract, uscc, [times], with_expired=with_expired).get(times, [])


def records_at(
    lake: Lake,
    contract: Contract,
    uscc: str,
    times: Iterable[tuple[int, dt.date]],
    *,
    with_expired: bool = False,
) -> dict[tuple[int, dt.date], list[dict[str, Any]]]:
    """As :func:`current_records`, at several pairs of times and with one look at the table; nothing where it is absent."""
    table = f"published/{contract.id}"
    if not lake.exists(table):
        return {}
    connection = ibis_connection(lake, [table])
    rows = connection.create_table(
        "records_of_one", _narrowed(connection.table(table), contract, uscc), temp=True
    )
    return {
        (as_of, known_at): _held(rows, contract, uscc, as_of, known_at, with_expired)
        for as_of, known_at in times
    }


def _held(
    rows: Any, contract: Contract, uscc: str, as_of: int, known_at: dt.date, with_expired: bool
) -> list[dict[str, Any]]:
    rows = asof.current(rows, contract, as_of=as_of, known_at=known_at, with_expired=with_expired)
    found: list[dict[str, Any]] = rows.filter(rows.enterprise_id == uscc).to_pyarrow().to_pylist()
    order = [contract.valid_on, "known_at"] if contract.valid_on else ["known_at"]
    found.sort(key=lambda row: tuple(str(row[name]) for name in order), reverse=True)
    return [{**row, "record_id": record_id(contract, row)} for row in found]


def record_versions(
    lake: Lake, contract: Contract, uscc: str, wanted: str, *, known_at: dt.date
) -> list[dict[str, Any]]:
    """Every delivered version of one record, the newest first; corrections never replace what they correct."""
    table = f"published/{contract.id}"
    if not lake.exists(table):
        return []
    rows = ibis_connection(lake, [table]).table(table)
    rows = _narrowed(rows, contract, uscc)
    found = asof.standing(rows, known_at=known_at).to_pyarrow().to_pylist()
    versions = [row for row in found if record_id(contract, row) == wanted]
    versions.sort(key=asof.rank, reverse=True)
    return [{**row, "record_id": wanted} for row in versions]


def read_record(
    lake: Lake, contract: Contract, uscc: str, wanted: str, *, known_at: dt.date
) -> dict[str, Any]:
    """Return the newest version of one record of an enterprise.

    Raises
    ------
    InvalidValueError
        If the enterprise has no such record.
    """
    versions = record_versions(lake, contract, uscc, wanted, known_at=known_at)
    if not versions or versions[0]["enterprise_id"] != uscc:
        raise InvalidValueError(
            "记录", wanted, f"{contract.title}中没有本企业的这条记录，请从“我的数据”重新进入。"
        )
    return versions[0]


def _narrowed(rows: Any, contract: Contract, uscc: str) -> Any:
    """Keep what can concern the enterprise, so that the engine reads little.

    Where the enterprise is no part of the key, a later delivery may have given the record to another one: then every
    version of the keys that were ever its own is kept.
    """
    keys = key_columns(contract)
    own = rows.filter(rows.enterprise_id == uscc)
    if "enterprise_id" in keys:
        return own
    return rows.semi_join(own.select(*keys).distinct(), list(keys))


def month_of(day: dt.date) -> int:
    """Month ``YYYYMM`` of a day: facts of the running month show as soon as they are known."""
    return day.year * 100 + day.month


def text_of(value: object) -> str:
    """Write a value as a delivery states it; nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def readable_text(item: Item, text: str) -> str:
    """Show a code by its title, a month with its dash and yuan with separators, anything else as it was delivered."""
    if item.type == "month" and len(text) == MONTH_DIGITS:
        return f"{text[:4]}-{text[4:]}"
    if item.unit == "元" and AMOUNT.fullmatch(text):
        return f"{Decimal(text):,}"
    if not item.code_list or not text:
        return text
    try:
        return code_list(item.code_list).title(text)
    except InvalidValueError:
        return text
