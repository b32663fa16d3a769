"""What the data interfaces are served from follows the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.contracts.interfaces import load_interfaces
from rongqiao.contracts.standards import load_contract
from rongqiao.lake.serving import ServingStore

if TYPE_CHECKING:
    from rongqiao.lake.tables import Lake


def build_serving(lake: Lake) -> dict[str, int]:
    """Take in what the lake has new of every table that an interface answers from; may be stopped and run again.

    Returns
    -------
    dict
        Lake files taken in, by table.
    """
    tables = sorted({each.contract_id for found in load_interfaces().values() for each in found.datasets})
    with ServingStore(is_writer=True) as store:
        return {table: store.build(lake, load_contract(table)) for table in tables}
