"""A clean delivery of one contract as the text of a file, in which a fault is then planted."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import openpyxl
import pyarrow as pa

from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.period import last_day
from rongqiao.synth.block import Block, build_block
from rongqiao.synth.general import draw_deliveries, general_contracts
from rongqiao.synth.province import SOURCES
from rongqiao.synth.styles import HouseStyle, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from rongqiao.contracts.model import Contract, Item

#: The province that deliveries are drawn from: seed, last month, months, enterprises.
SEED, AS_OF, WINDOW, ENTERPRISES = 20261101, 202610, 14, 1_200
#: Rows of a delivery; more would prove no more.
ROWS = 240
LEAST_ROWS = 40


@dataclass(frozen=True, slots=True)
class Draft:
    """A delivery as rows of text.

    Parameters
    ----------
    contract : Contract
    delivered_on : datetime.date
    headers : tuple of str
        In the order of the contract's items.
    rows : tuple of tuple of str
        A blank is the empty string.
    """

    contract: Contract
    delivered_on: dt.date
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)

    def at(self, item: Item) -> int:
        """Position of an item's column."""
        return self.contract.columns.index(item.id)

    def column(self, item: Item) -> list[str]:
        """All cells of an item."""
        at = self.at(item)
        return [row[at] for row in self.rows]

    def with_rows(self, rows: list[list[str]] | list[tuple[str, ...]]) -> Draft:
        """Return the same delivery with other rows."""
        return replace(self, rows=tuple(tuple(row) for row in rows))

    def changed(self, item: Item, change: Callable[[str], str], rows: set[int] | None = None) -> Draft:
        """Change an item's cells, in some rows or in all."""
        at = self.at(item)
        return self.with_rows(
            [
                (*row[:at], change(row[at]), *row[at + 1 :]) if rows is None or number in rows else row
                for number, row in enumerate(self.rows)
            ]
        )

    def as_csv(self, encoding: str = "utf-8-sig") -> bytes:
        """Write it as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerows([self.headers, *self.rows])
        return text.getvalue().encode(encoding)

    def as_workbook(self, mark: Callable[[openpyxl.worksheet.worksheet.Worksheet], None]) -> bytes:
        """Write it as a workbook, and let something be done to its sheet."""
        book = openpyxl.Workbook()
        sheet = book.active
        for row in (self.headers, *self.rows):
            sheet.append([cell or None for cell in row])
        mark(sheet)
        stored = io.BytesIO()
        book.save(stored)
        return stored.getvalue()


@lru_cache(maxsize=2)
def _block(first_serial: int) -> Block:
    return build_block(first_serial, ENTERPRISES, seed=SEED, as_of=AS_OF, window=WINDOW)


def known_enterprises() -> list[tuple[str, str]]:
    """Code and present name of every enterprise that deliveries may speak of."""
    people = [_block(first).people for first in (0, ENTERPRISES)]
    return [pair for some in people for pair in zip(some.uscc.tolist(), some.name.tolist(), strict=True)]


def drawable() -> tuple[str, ...]:
    """Ids of the contracts that clean deliveries can be drawn of."""
    drawn = {contract.id for contract in general_contracts()}
    return tuple(sorted(drawn | set(_sources(0))))


@lru_cache(maxsize=2)
def _sources(first_serial: int) -> dict[str, tuple[dt.date, pa.Table]]:
    """Last regular delivery with enough rows, or the largest, of each table that the province draws by hand."""
    found: dict[str, tuple[dt.date, pa.Table]] = {}
    for source in SOURCES:
        for delivery in source(_block(first_serial)):
            held = found.get(delivery.contract_id)
            enough = min(LEAST_ROWS, held[1].num_rows if held else 0)
            if not delivery.tag and delivery.rows.num_rows >= enough:
                found[delivery.contract_id] = (delivery.delivered_on, delivery.rows)
    return found


def draw(contract_id: str, *, before: bool = False) -> Draft:
    """Draw a clean delivery, or the one before it: of other enterprises, so that chance has its part in comparing them."""
    contract = load_contracts()[contract_id]
    first = ENTERPRISES if before else 0
    if contract_id in (drawn := _sources(first)):
        day, drawn_rows = drawn[contract_id]
    else:
        # Both deliveries as one, the newest rows first, on the day after the last month: in time even where events are few.
        deliveries = list(draw_deliveries(_block(first), contract))
        drawn_rows = _once(contract, pa.concat_tables([one.rows for one in reversed(deliveries)]))
        day = last_day(AS_OF) + dt.timedelta(days=1)
    return _written(contract, day, drawn_rows.slice(0, ROWS))


def _once(contract: Contract, rows: pa.Table) -> pa.Table:
    """Leave out rows whose key an earlier one has."""
    seen: set[tuple[object, ...]] = set()
    first = []
    for number, key in enumerate(rows.select(list(contract.key)).to_pylist()):
        if (values := tuple(key.values())) not in seen:
            seen.add(values)
            first.append(number)
    return rows.take(pa.array(first, pa.int64()))


def draw_history(contract_id: str, *, enterprises: int, window: int) -> list[Draft]:
    """Draw all regular deliveries of a table that the province draws by hand, of few enterprises over many months."""
    contract = load_contracts()[contract_id]
    block = build_block(0, enterprises, seed=SEED, as_of=AS_OF, window=window)
    return [
        _written(contract, delivery.delivered_on, delivery.rows)
        for source in SOURCES
        for delivery in source(block)
        if delivery.contract_id == contract_id and not delivery.tag and delivery.rows.num_rows
    ]


def _written(contract: Contract, day: dt.date, rows: pa.Table) -> Draft:
    texts = render(rows, contract, HouseStyle())
    columns = [[value or "" for value in texts[item.id].to_pylist()] for item in contract.items]
    headers = tuple(item.title for item in contract.items)
    return Draft(contract, day, headers, tuple(zip(*columns, strict=True)))
