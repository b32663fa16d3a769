"""The synthetic province as a whole: block by block, so that memory does not grow with the number of enterprises."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.period import check_month, last_day
from rongqiao.synth import events, monthly, registers
from rongqiao.synth.block import Block, Delivery, build_block
from rongqiao.synth.dirt import DirtRates
from rongqiao.synth.market.history import play_history, records
from rongqiao.synth.market.institutions import make_institutions
from rongqiao.synth.market.policies import make_policies
from rongqiao.synth.market.products import make_products
from rongqiao.synth.writer import CORRECTION_SCHEMA, DIRT_SCHEMA, DeliveryWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHUNK_ROWS = 20_000
EXTRA_MONTHS = 2
DEFAULT_SEED = 43

SOURCES: tuple[Callable[[Block], Iterator[Delivery]], ...] = (
    registers.registry_deliveries,
    registers.change_deliveries,
    registers.annual_deliveries,
    registers.grade_deliveries,
    monthly.tax_deliveries,
    monthly.invoice_deliveries,
    monthly.insurance_deliveries,
    monthly.utility_deliveries,
    events.court_deliveries,
    events.penalty_deliveries,
    events.listing_deliveries,
    events.right_deliveries,
    events.title_deliveries,
)


@dataclass(frozen=True, slots=True)
class Province:
    """What was written.

    Attributes
    ----------
    enterprises, delivery_files, delivery_rows, dirty_rows : int
        Counts of the deliveries.
    market : dict
        Market file → lines.
    """

    enterprises: int
    delivery_files: int
    delivery_rows: int
    dirty_rows: int
    market: dict[str, int]


def truth_table(block: Block) -> pa.Table:
    """Tell the true identity and fate of each enterprise of a block; the platform never reads it."""
    people, paths = block.people, block.paths
    last = len(paths.months)
    months = np.array([*(np.datetime64(last_day(month)) for month in paths.months), np.datetime64("NaT")])

    def day_of(columns: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
        return pa.array(months[np.minimum(columns, last)].astype("datetime64[D]"), pa.date32())

    return pa.table(
        {
            "uscc": pa.array(people.uscc, pa.string()),
            "name": pa.array(people.name, pa.string()),
            "county_code": pa.array(people.county_code, pa.string()),
            "industry_code": pa.array(people.industry_code, pa.string()),
            "legal_form": pa.array(people.legal_form, pa.string()),
            "established_on": pa.array(people.established_on, pa.date32()),
            "closed_on": day_of(paths.closing),
            "default_on": day_of(paths.distress),
            "sales_cny": pa.array(people.sales_cny),
            "technology": pa.array(people.technology),
            "ring": pa.array(people.ring),
            "health": pa.FixedSizeListArray.from_arrays(
                pa.array(paths.health[:, block.first_column :].reshape(-1)), block.window
            ),
        }
    )


def _ring_table(block: Block) -> pa.Table:
    rows = np.flatnonzero(block.people.ring >= 0)
    rings = block.people.ring[rows]
    return pa.table(
        {
            "ring": pa.array(rings),
            "kind": pa.array([block.people.ring_kinds[ring] for ring in rings.tolist()], pa.string()),
            "uscc": pa.array(block.people.uscc[rows], pa.string()),
        }
    )


class _TruthFiles:
    """Parquet files that grow block by block."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: dict[str, pq.ParquetWriter] = {}

    def append(self, name: str, table: pa.Table) -> None:
        if name not in self._open:
            self._open[name] = pq.ParquetWriter(self.root / f"{name}.parquet", table.schema)
        self._open[name].write_table(table)

    def close(self) -> None:
        for writer in self._open.values():
            writer.close()


class _MarketFiles:
    """JSON lines that grow block by block."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: dict[str, int] = {}

    def append(self, name: str, rows: list[dict[str, Any]]) -> None:
        with (self.root / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        self.lines[name] = self.lines.get(name, 0) + len(rows)


def _prepare(out: Path) -> None:
    """Make the three folders; never mix two provinces."""
    for name in ("deliveries", "truth", "market"):
        folder = out / name
        if folder.exists() and any(folder.iterdir()):
            raise InvalidValueError(
                "输出目录", str(folder), "Give an empty folder, or remove the old province first."
            )
        folder.mkdir(parents=True, exist_ok=True)


def write_province(
    out: Path,
    *,
    enterprises: int = 20_000,
    seed: int = DEFAULT_SEED,
    as_of: int = 202610,
    months: int = 24,
    chunk_rows: int = CHUNK_ROWS,
    rates: DirtRates | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Province:
    """Write deliveries, truth and market of a synthetic province.

    Parameters
    ----------
    out : Path
        Folder that receives ``deliveries/``, ``truth/`` and ``market/``.
    enterprises : int
        Number of enterprises, from 1.
    seed : int
        Same seed and sizes, same bytes.
    as_of : int
        Last complete month; nothing later is delivered than the 20th of the month that follows.
    months : int
        Months of market history; monthly series are two months longer.
    chunk_rows : int
        Enterprises in memory at a time. It is part of what decides the content.
    rates : DirtRates, optional
        How much dirt to plant.
    on_progress : callable, optional
        Called with enterprises done and enterprises in all.

    Raises
    ------
    InvalidValueError
        If the folder already holds a province, or the numbers make no sense.
    """
    check_month(as_of)
    if enterprises < 1 or not 12 <= months <= 60 or chunk_rows < 1:
        raise InvalidValueError(
            "合成规模", (enterprises, months, chunk_rows), "Give 1 or more enterprises and 12 to 60 months."
        )
    _prepare(out)
    writer = DeliveryWriter(out / "deliveries", rates or DirtRates())
    truth = _TruthFiles(out / "truth")
    market = _MarketFiles(out / "market")
    products = make_products()
    for name, lines in (
        ("institutions", make_institutions()),
        ("products", products),
        ("policies", make_policies()),
    ):
        market.append(name, lines)
    dirty = 0
    for part, first in enumerate(range(0, enterprises, chunk_rows)):
        rows = min(chunk_rows, enterprises - first)
        block = build_block(first, rows, seed=seed, as_of=as_of, window=months + EXTRA_MONTHS)
        # The market first: debt changes how its borrowers fare, and departments must see the same fate.
        history = play_history(block, products, months)
        for name, lines in records(history):
            market.append(name, lines)
        for position, source in enumerate(SOURCES):
            writer.write_all(source(block), block.random(100 + position), part)
        planted, corrections = writer.take_truth()
        dirty += planted.num_rows
        truth.append("dirt", planted.cast(DIRT_SCHEMA))
        truth.append("corrections", corrections.cast(CORRECTION_SCHEMA))
        truth.append("enterprises", truth_table(block))
        truth.append("rings", _ring_table(block))
        if on_progress:
            on_progress(first + rows, enterprises)
    truth.close()
    return Province(enterprises, writer.files, writer.rows, dirty, market.lines)
