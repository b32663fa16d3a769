"""The town's tables straight into a lake, as the six steps would have left them: for trying all indicators at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rongqiao.contracts.standards import load_contract
from rongqiao.indicators import load_indicators
from rongqiao.synth.town import REGISTRY, draw_town

if TYPE_CHECKING:
    from rongqiao.lake.tables import Lake

ENTERPRISES = "published/enterprises"
_KINDS = {
    "string": pa.string(), "integer": pa.int64(), "decimal": pa.decimal128(18, 2), "date": pa.date32(), "month": pa.int32(),
    "boolean": pa.bool_(),
}  # fmt: skip


def publish_town(lake: Lake, *, as_of: int, is_fitted: bool = False) -> None:
    """Draw every table that an indicator reads, and publish it.

    Parameters
    ----------
    lake : Lake
        Empty.
    as_of : int
        Last complete month of the town.
    is_fitted : bool
        Whether its rows satisfy the rules of their contracts.
    """
    wanted = {name for item in load_indicators().values() for name in item.sources}
    for number, (contract_id, known_at, drawn) in enumerate(
        draw_town(wanted, as_of=as_of, is_fitted=is_fitted)
    ):
        contract = load_contract(contract_id)
        columns = {"enterprise_id": drawn.column("enterprise_id")}
        for item in contract.items:
            kind = pa.float64() if item.physical_type == "DOUBLE" else _KINDS[item.type]
            columns[item.id] = drawn.column(item.id).cast(kind, safe=False)
        batch = f"{contract_id}@{number}"
        columns["known_at"] = pa.repeat(pa.scalar(known_at), drawn.num_rows)
        columns["batch_id"] = pa.repeat(pa.scalar(batch), drawn.num_rows)
        columns["line"] = pa.array(range(2, drawn.num_rows + 2), pa.int32())
        rows = pa.table(columns)
        lake.append(f"published/{contract_id}", rows, transaction=batch)
        if contract_id == REGISTRY:
            lake.append(ENTERPRISES, rows, transaction=f"enterprises@{number}")
