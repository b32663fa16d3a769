"""Identity of a record across deliveries: the same record re-delivered or corrected keeps its id."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rongqiao.contracts.model import Contract

_SEPARATOR = "\x1f"


def key_columns(contract: Contract) -> tuple[str, ...]:
    """Columns of the published table that identify a record; for the code the resolved enterprise stands."""
    return tuple("enterprise_id" if name == "uscc" else name for name in contract.key)


def record_id(contract: Contract, row: Mapping[str, Any]) -> str:
    """Id of a published row: a digest of contract and key, 32 hexadecimal digits; no secret, only short.

    Parameters
    ----------
    contract : Contract
        Names the key.
    row : Mapping
        Holds ``enterprise_id`` and the key's columns, typed or as text.
    """
    parts = [contract.id, *(_text(row.get(name)) for name in key_columns(contract))]
    return hashlib.md5(_SEPARATOR.join(parts).encode(), usedforsecurity=False).hexdigest()


def record_id_sql(contract: Contract) -> str:
    """DuckDB expression over a published table that gives the same ids as :func:`record_id`."""
    parts = [
        literal(contract.id),
        *(f"coalesce({quote(name)}::VARCHAR, '')" for name in key_columns(contract)),
    ]
    return f"md5(concat_ws(chr(31), {', '.join(parts)}))"


def _text(value: object) -> str:
    """Write a value as the engine casts it to text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, dt.date) else str(value)
