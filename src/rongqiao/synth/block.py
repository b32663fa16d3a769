"""One block of the province: the enterprises, their paths, and what changed about them inside the window."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rongqiao.kernel.period import add_months, last_day
from rongqiao.synth.geography import counties
from rongqiao.synth.names import make_people, make_streets
from rongqiao.synth.paths import Panel, Paths, build_paths
from rongqiao.synth.population import Days, Flags, Population, build_population

if TYPE_CHECKING:
    import pyarrow as pa

    from rongqiao.synth.codes import Texts

# Day of the following month on which each department's monthly data arrive.
DELIVERY_DAYS = {
    "market_regulation.registry": 5,
    "market_regulation.change": 5,
    "market_regulation.penalty": 8,
    "market_regulation.listing": 8,
    "taxation.tax_filing": 18,
    "taxation.invoice_summary": 16,
    "human_resources.social_insurance": 20,
    "utilities.utility_usage": 17,
    "court.judicial_case": 12,
    "intellectual_property.ip_right": 10,
    "science.title": 15,
}
CHANGE_KINDS = ("name", "legal_rep", "address", "capital")
_CHANGE_RATES = {"name": 0.02, "legal_rep": 0.05, "address": 0.05, "capital": 0.04}


@dataclass(frozen=True, slots=True)
class Delivery:
    """Rows that a department sends on one day for one contract, still typed and clean.

    Attributes
    ----------
    contract_id : str
        Such as ``taxation.tax_filing``.
    delivered_on : date
        Day of arrival, which becomes ``known_at``.
    rows : pyarrow.Table
        Columns named by item ids.
    tag : str
        Suffix of the file name; empty for the ordinary delivery.
    """

    contract_id: str
    delivered_on: dt.date
    rows: pa.Table
    tag: str = ""


@dataclass(slots=True)
class Block:
    """Everything true about some thousands of enterprises.

    Attributes
    ----------
    people, paths : Population, Paths
        Identities and monthly paths.
    seed, as_of, window : int
        Seed of the province; last complete month; months delivered monthly.
    change_column : dict
        Kind of change → column in which it happened, -1 if never.
    value_before : dict
        Kind of change → value before it.
    """

    people: Population
    paths: Paths
    seed: int
    as_of: int
    window: int
    change_column: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    value_before: dict[str, Texts] = field(default_factory=dict)

    @property
    def first_column(self) -> int:
        """Column of the first month delivered monthly."""
        return len(self.paths.months) - self.window

    def random(self, purpose: int) -> np.random.Generator:
        """Give a generator for one purpose, independent of what else was drawn."""
        return np.random.default_rng([self.seed, int(self.people.serial[0]), purpose])

    def recent(self, values: Panel | Flags) -> npt.NDArray[np.float64]:
        """Cut out the window's columns of a panel, as floats."""
        return values[:, self.first_column :].astype(np.float64)

    def names_at(self, column: int) -> Texts:
        """Give the registered names as they stood in a month."""
        return self.value_at("name", column)

    def value_at(self, kind: str, column: int) -> Texts:
        """Value of a changing property as it stood in a month."""
        current = {
            "name": self.people.name,
            "legal_rep": self.people.legal_rep_name,
            "address": self.people.address,
            "capital": self.people.capital_cny.astype(object),
        }[kind]
        return np.where(self.change_column[kind] > column, self.value_before[kind], current)


def delivered_on(contract_id: str, period: int) -> dt.date:
    """Day on which the data of a month arrive."""
    following = add_months(period, 1)
    return dt.date(following // 100, following % 100, DELIVERY_DAYS[contract_id])


def group_periods(months: list[int], backfill: int) -> list[list[int]]:
    """Periods that come together: the first ``backfill`` months in one file, then month by month."""
    groups = [months[:backfill]] if backfill else []
    return groups + [[month] for month in months[backfill:]]


def month_ends(months: list[int]) -> Days:
    """Last day of each month."""
    return np.array([last_day(month) for month in months], dtype="datetime64[D]")


def _draw_changes(block: Block) -> None:
    """At most one change of each kind per enterprise inside the window, some months after its birth."""
    random = block.random(3)
    people, paths = block.people, block.paths
    rows, columns = len(people), len(paths.months)
    for kind in CHANGE_KINDS:
        column = random.integers(block.first_column + 1, columns, rows)
        happens = (
            (random.random(rows) < _CHANGE_RATES[kind])
            & (column > paths.birth + 3)
            & (column < paths.closing)
        )
        block.change_column[kind] = np.where(happens, column, -1).astype(np.int64)
    streets = make_streets(random, rows)
    towns = [counties()[place].prefecture + counties()[place].name for place in people.county.tolist()]
    block.value_before = {
        "name": np.array(
            [
                _former_name(name, counties()[place].place)
                for name, place in zip(people.name.tolist(), people.county.tolist(), strict=True)
            ],
            dtype=object,
        ),
        "legal_rep": make_people(random, rows),
        "address": np.array(
            [town + street for town, street in zip(towns, streets, strict=True)], dtype=object
        ),
        "capital": np.maximum(np.round(people.capital_cny * random.uniform(0.2, 0.8, rows), -4), 1e4).astype(
            object
        ),
    }


def _former_name(name: str, place: str) -> str:
    """Name before a renaming: the two characters of the trade name stand the other way round."""
    start = next((len(head) for head in (f"{place}市", place, "湖南") if name.startswith(head)), 0)
    return name[:start] + name[start + 1] + name[start] + name[start + 2 :]


def build_block(first_serial: int, rows: int, *, seed: int, as_of: int, window: int) -> Block:
    """Draw a block: identities, paths, changes.

    Parameters
    ----------
    first_serial, rows : int
        Which enterprises.
    seed : int
        Seed of the province.
    as_of : int
        Last complete month.
    window : int
        Months delivered monthly.
    """
    people = build_population(first_serial, rows, seed=seed, as_of=as_of)
    block = Block(people, build_paths(people, seed=seed, as_of=as_of, window=window), seed, as_of, window)
    _draw_changes(block)
    return block
