"""The synthetic province as a whole: block by block, so that memory does not grow with the number of enterprises."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import shutil
import zlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.period import check_month, last_day
from rongqiao.synth import events, monthly, registers
from rongqiao.synth.assembly import Assembly, Part
from rongqiao.synth.block import Block, Delivery, build_block
from rongqiao.synth.dirt import DirtRates
from rongqiao.synth.general import draw_deliveries, general_contracts
from rongqiao.synth.market.history import play_history, records
from rongqiao.synth.market.institutions import make_institutions
from rongqiao.synth.market.policies import make_policies
from rongqiao.synth.market.products import make_products
from rongqiao.synth.writer import DeliveryWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Enterprises of a block. Of a whole province blocks are larger: each costs the same hundreds of files and queries whatever it holds.
CHUNK_ROWS, LARGE_CHUNK_ROWS = 20_000, 50_000
EXTRA_MONTHS = 2
DEFAULT_SEED = 43
#: From here on files are a whole province's: compressed, no spreadsheets.
LARGE = 200_000
#: Enterprises whose market is played; a province's market would be larger than a demonstration can use.
MARKET_ENTERPRISES = 100_000

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


def _prepare(out: Path) -> None:
    """Make the three folders; never mix two provinces."""
    for name in ("deliveries", "truth", "market"):
        folder = out / name
        if folder.exists() and any(folder.iterdir()):
            raise InvalidValueError(
                "输出目录", str(folder), "Give an empty folder, or remove the old province first."
            )
        folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """What every block of a province is drawn from.

    Attributes
    ----------
    out : Path
        The province's folder; blocks write below ``out/.parts`` until they are joined.
    enterprises, seed, as_of, months, chunk_rows : int
        As :func:`write_province` takes them.
    rates : DirtRates
        How much dirt to plant.
    market_enterprises : int
        Enterprises, from the first, whose market is played.
    """

    out: Path
    enterprises: int
    seed: int
    as_of: int
    months: int
    chunk_rows: int
    rates: DirtRates
    market_enterprises: int = MARKET_ENTERPRISES

    @property
    def parts(self) -> int:
        """Number of blocks."""
        return -(-self.enterprises // self.chunk_rows)

    def rows_of(self, part: int) -> int:
        """Enterprises of one block."""
        return min(self.chunk_rows, self.enterprises - part * self.chunk_rows)


def write_province(
    out: Path,
    *,
    enterprises: int = 20_000,
    seed: int = DEFAULT_SEED,
    as_of: int = 202610,
    months: int = 24,
    chunk_rows: int | None = None,
    workers: int = 1,
    rates: DirtRates | None = None,
    market_enterprises: int = MARKET_ENTERPRISES,
    on_progress: Callable[[int, int], None] | None = None,
) -> Province:
    """Write deliveries, truth and market of a synthetic province.

    Parameters
    ----------
    out : Path
        Folder that receives ``deliveries/``, ``truth/`` and ``market/``.
    enterprises : int
        Number of enterprises, from 1. From :data:`LARGE` on there are no spreadsheets and files come compressed.
    seed : int
        Same seed and sizes, same bytes.
    as_of : int
        Last complete month; nothing later is delivered than the 20th of the month that follows.
    months : int
        Months of market history; monthly series are two months longer.
    chunk_rows : int or None
        Enterprises in memory at a time and worker. It is part of what decides the content. ``None`` for :data:`CHUNK_ROWS`, or
        :data:`LARGE_CHUNK_ROWS` where files are a whole province's.
    workers : int
        Processes that draw blocks; it does not change the content.
    rates : DirtRates, optional
        How much dirt to plant.
    market_enterprises : int
        Enterprises, from the first, whose market is played: demands, quotes, loans. 0 for deliveries alone.
    on_progress : callable, optional
        Called with enterprises done and enterprises in all.

    Raises
    ------
    InvalidValueError
        If the folder already holds a province, or the numbers make no sense.
    """
    check_month(as_of)
    if chunk_rows is None:
        chunk_rows = LARGE_CHUNK_ROWS if enterprises >= LARGE else CHUNK_ROWS
    if enterprises < 1 or not 12 <= months <= 60 or chunk_rows < 1 or workers < 1:
        raise InvalidValueError(
            "合成规模",
            (enterprises, months, chunk_rows, workers),
            "Give 1 or more enterprises, 12 to 60 months and at least one worker.",
        )
    _prepare(out)
    plan = Plan(out, enterprises, seed, as_of, months, chunk_rows, rates or DirtRates(), market_enterprises)
    assembly = Assembly(out)
    assembly.add_market(
        {"institutions": make_institutions(), "products": make_products(), "policies": make_policies()}
    )
    for number, part in enumerate(_draw_parts(plan, workers)):
        assembly.add(part)
        if on_progress:
            on_progress(number * chunk_rows + plan.rows_of(number), enterprises)
    assembly.close()
    shutil.rmtree(out / ".parts", ignore_errors=True)
    return Province(
        enterprises, len(assembly.rows), sum(assembly.rows.values()), assembly.dirty, assembly.market
    )


def _draw_parts(plan: Plan, workers: int) -> Iterator[Part]:
    """Draw all blocks in order; several at a time, but never many more than are being drawn."""
    if workers == 1 or plan.parts == 1:
        for number in range(plan.parts):
            yield draw_part(plan, number)
        return
    # Spawned, not forked: Arrow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting: deque[concurrent.futures.Future[Part]] = deque()
        for number in range(plan.parts):
            waiting.append(pool.submit(draw_part, plan, number))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def draw_part(plan: Plan, number: int) -> Part:
    """Draw one block and write its rows below ``out/.parts``."""
    first = number * plan.chunk_rows
    block = build_block(
        first, plan.rows_of(number), seed=plan.seed, as_of=plan.as_of, window=plan.months + EXTRA_MONTHS
    )
    # The market first: debt changes how its borrowers fare, and departments must see the same fate.
    market = (
        dict(records(play_history(block, make_products(), plan.months)))
        if first < plan.market_enterprises
        else {}
    )
    folder = plan.out / ".parts" / str(number)
    writer = DeliveryWriter(folder, plan.rates, is_large=plan.enterprises >= LARGE)
    for position, source in enumerate(SOURCES):
        writer.write_all(source(block), block.random(100 + position), number)
    for contract in general_contracts():
        writer.write_all(
            draw_deliveries(block, contract), block.random(zlib.crc32(contract.id.encode()) + 1), number
        )
    dirt, corrections = writer.truth()
    truth = {
        "dirt": dirt,
        "corrections": corrections,
        "enterprises": truth_table(block),
        "rings": _ring_table(block),
    }
    return Part(folder, writer.rows, writer.heads, truth, market)
