"""Tables of contracts without a row: for reading expressions without running them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

if TYPE_CHECKING:
    from rongqiao.contracts.model import Contract

_TYPES = {
    "string": "string",
    "integer": "int64",
    "decimal": "float64",
    "date": "date",
    "month": "int32",
    "boolean": "boolean",
}


def empty_table(contract: Contract) -> Any:
    """Rows of a contract as indicators see them, without a row."""
    shape = {item.id: _TYPES[item.type] for item in contract.items}
    shape |= {"enterprise_id": "int64", "known_at": "date", "batch_id": "string", "line": "int32"}
    return ibis.table(ibis.schema(shape), name=contract.id)
