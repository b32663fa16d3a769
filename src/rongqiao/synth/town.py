"""A dense town: every table knows almost everybody, over three years; no rule makes one item follow from another.

Less likely than the province, and better for telling indicators apart: in the province hardly anybody stands in a given register, so
what is computed from it is nearly always zero; and where a rule ties two items together, what is computed from them is tied too.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.period import last_day
from rongqiao.synth.block import build_block
from rongqiao.synth.general import Incidence, draw_deliveries
from rongqiao.synth.province import DEFAULT_SEED
from rongqiao.synth.registers import registry_deliveries

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterator

    import numpy.typing as npt

    from rongqiao.contracts.standards import Contract
    from rongqiao.synth.block import Block

ENTERPRISES = 300
DENSE = Incidence(coverage=0.9, rows=12.0, months=30)
#: Of tables that name the other side of each deal.
DENSEST = Incidence(coverage=0.9, rows=60.0, months=30)
#: Share of numbers that are zero; as drawn they hardly ever are.
ZEROS = 0.15
#: Share of spells that have not ended, and how long the others last.
UNENDED, LONGEST_DAYS = 0.2, 900
#: Partners of an enterprise, who come again and again: column → how many.
FEW = {"counterparty_no": 25, "loan_no": 3, "institution_code": 2}
REGISTRY = "market_regulation.registry"


def draw_town(
    contract_ids: Collection[str], *, as_of: int, seed: int = DEFAULT_SEED, is_fitted: bool = False
) -> Iterator[tuple[str, dt.date, pa.Table]]:
    """Draw the tables named: contract id, day of delivery, and rows with column ``enterprise_id`` beside the items.

    Parameters
    ----------
    contract_ids : collection of str
        Tables wanted.
    as_of : int
        Last complete month.
    seed : int
        The same seed draws the same town.
    is_fitted : bool
        Whether the contracts' rules have their say after all; tables that hardly a row satisfies by chance are thin then.
    """
    block = build_block(0, ENTERPRISES, seed=seed, as_of=as_of, window=DENSE.months)
    for contract_id in sorted(contract_ids):
        contract = load_contract(contract_id)
        if contract_id == REGISTRY:
            drawn = registry_deliveries(block)
        else:
            drawn = draw_deliveries(
                block,
                contract,
                DENSEST if "counterparty_no" in contract.columns else DENSE,
                is_fitted=is_fitted,
            )
        for each in drawn:
            random = block.random(zlib.crc32(f"{contract_id}@{each.delivered_on}".encode()))
            rows = _owned(block, each.rows, random)
            if contract_id != REGISTRY and not is_fitted:
                rows = _loosened(contract, rows, random)
            yield contract_id, each.delivered_on, rows


def _owned(block: Block, rows: pa.Table, random: np.random.Generator) -> pa.Table:
    """Add whose row it is; tables that name nobody by credit code are dealt out by chance."""
    if "uscc" in rows.column_names:
        return rows.append_column("enterprise_id", rows.column("uscc"))
    owners = block.people.uscc[random.integers(0, len(block.people), rows.num_rows)]
    return rows.append_column("enterprise_id", pa.array(owners.tolist(), pa.string()))


def _loosened(contract: Contract, rows: pa.Table, random: np.random.Generator) -> pa.Table:
    """Let numbers be zero, spells end any time after they began, and partners come again."""
    begins = _begins(contract, rows)
    for position, name in enumerate(rows.column_names):
        if name in FEW:
            numbers = random.integers(0, FEW[name], rows.num_rows).tolist()
            owners = rows.column("enterprise_id").to_pylist()
            values = pa.array([f"{owner}-{number}" for owner, number in zip(owners, numbers, strict=True)])
        elif name not in contract.columns or name in (*contract.key, contract.valid_on):
            continue
        elif contract.item(name).type in ("integer", "decimal"):
            drawn = rows.column(name)
            is_zero = pc.and_(pa.array(random.random(rows.num_rows) < ZEROS), pc.is_valid(drawn))
            values = pc.if_else(is_zero, pa.scalar(0, drawn.type), drawn)
        elif contract.item(name).type == "date" and begins is not None:
            ends = begins + random.integers(0, LONGEST_DAYS, rows.num_rows).astype("timedelta64[D]")
            values = pa.array(ends, pa.date32(), mask=random.random(rows.num_rows) < UNENDED)
        else:
            continue
        rows = rows.set_column(position, name, values)
    return rows


def _begins(contract: Contract, rows: pa.Table) -> npt.NDArray[np.datetime64] | None:
    """Day on which each row became true; of a month or year its last."""
    if contract.valid_on is None:
        return None
    values = rows.column(contract.valid_on).to_pylist()
    if contract.valid_kind == "month":
        values = [last_day(value) for value in values]
    elif contract.valid_kind == "year":
        values = [last_day(value * 100 + 12) for value in values]
    return np.array(values, dtype="datetime64[D]")
