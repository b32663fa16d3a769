"""Deliveries of every contract that no module draws on purpose: values from the contract's own types, units and code lists.

What the contract's rules ask of a row is built in afterwards (:mod:`rongqiao.synth.fitting`), so that clean rows are clean.
"""

from __future__ import annotations

import datetime as dt
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rongqiao.contracts.catalog import code_list
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.period import add_months, last_day
from rongqiao.synth.block import Block, Delivery
from rongqiao.synth.codes import keyed_hash
from rongqiao.synth.fitting import fit
from rongqiao.synth.geography import counties
from rongqiao.synth.names import make_people
from rongqiao.synth.styles import STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rongqiao.contracts.standards import Contract, Item

Rows = npt.NDArray[np.int64]
#: Months of a monthly table, and years of a yearly one, that are delivered.
MONTHS, YEARS, EVENT_MONTHS = 6, 2, 36
#: Day of the following month on which departments deliver.
DELIVERY_DAY = 14
#: Written by hand elsewhere, or by the market itself.
EXCLUDED_DEPARTMENTS = ("platform", "bank")
#: Share of optional values that a department does not have.
BLANK_SHARE = 0.12
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Incidence:
    """How many enterprises a table knows: their share, rows of each in tables of single events, months in monthly ones."""

    coverage: float
    rows: float = 1.0
    months: int = MONTHS


#: By category of data; the order of magnitude of what such registers hold in a province.
INCIDENCE = {
    "registration": Incidence(0.08), "equity": Incidence(0.08, 1.3), "personnel": Incidence(0.20, 2.0), "change": Incidence(0.05),
    "annual_report": Incidence(0.12), "tax": Incidence(0.10), "invoice": Incidence(0.06), "social_insurance": Incidence(0.06),
    "housing_fund": Incidence(0.08), "utilities": Incidence(0.06), "property": Incidence(0.05, 1.4), "ip_science": Incidence(0.025, 1.5),
    "licence_honour": Incidence(0.06, 1.2), "regulation": Incidence(0.02), "judicial": Incidence(0.012, 1.3), "financing": Incidence(0.03, 1.2),
}  # fmt: skip
#: Categories whose rows befall the unsound more often.
ADVERSE = ("regulation", "judicial")


def general_contracts() -> list[Contract]:
    """List the contracts that are drawn here: those of departments, without a style of their own."""
    return [
        contract
        for contract in load_contracts().values()
        if contract.id not in STYLES
        and contract.department not in EXCLUDED_DEPARTMENTS
        and contract.identifier == "uscc"
    ]


def draw_deliveries(
    block: Block, contract: Contract, incidence: Incidence | None = None, *, is_fitted: bool = True
) -> Iterator[Delivery]:
    """Draw the rows of one contract: what was known a month ago, and what came with the newest month.

    Parameters
    ----------
    block : Block
        Whose rows.
    contract : Contract
        Of which table.
    incidence : Incidence or None
        How many enterprises it knows; that of its category when ``None``.
    is_fitted : bool
        Whether the contract's rules have their say.
    """
    # One generator per contract: a new contract does not change what the others look like.
    random = block.random(zlib.crc32(contract.id.encode()))
    rows, valid = _draw_rows(block, contract, random, incidence or INCIDENCE[contract.category])
    if not len(rows):
        return
    last = _delivery_day(block.as_of)
    before = _delivery_day(add_months(block.as_of, -1))
    # What became known with the month before came with its delivery; the newest month comes with the newest.
    is_new = np.ones(len(rows), dtype=bool) if valid is None else _month_of(valid, contract) >= block.as_of
    columns = {item.id: _values(block, contract, item, rows, random) for item in contract.items}
    if valid is not None and contract.valid_on:
        columns[contract.valid_on] = valid
    table = pa.table({item.id: _to_arrow(columns[item.id], item) for item in contract.items})
    for day, chosen in ((before, ~is_new), (last, is_new)):
        rows_of_day = table.filter(pa.array(chosen))
        fitted = fit(rows_of_day, contract, day) if is_fitted else rows_of_day
        if fitted.num_rows:
            yield Delivery(contract.id, day, fitted)


def _delivery_day(month: int) -> dt.date:
    following = add_months(month, 1)
    return dt.date(following // 100, following % 100, DELIVERY_DAY)


def _month_of(valid: npt.NDArray[np.generic], contract: Contract) -> Rows:
    """Month of each row; a year is over, and so is known, before the newest month."""
    if contract.valid_kind == "month":
        return valid.astype(np.int64)
    if contract.valid_kind == "year":
        return valid.astype(np.int64) * 100 + 12
    months = valid.astype("datetime64[M]").astype(np.int64)
    result: Rows = (months // 12 + 1970) * 100 + months % 12 + 1
    return result


def _draw_rows(
    block: Block, contract: Contract, random: np.random.Generator, incidence: Incidence
) -> tuple[Rows, npt.NDArray[np.generic] | None]:
    """Which enterprises stand in the table, how often, and when each row is true; null for tables without a time."""
    people, paths = block.people, block.paths
    chance = np.full(len(people), incidence.coverage)
    if contract.category in ADVERSE:
        chance = np.minimum(chance * np.exp(-0.8 * paths.health[:, -1].astype(np.float64)), 0.5)
    covered = np.flatnonzero((random.random(len(people)) < chance) & paths.is_alive[:, -1])
    if contract.valid_kind in ("month", "year") and contract.valid_on:
        months = [add_months(block.as_of, -back) for back in reversed(range(incidence.months))]
        years = [block.as_of // 100 - back for back in range(YEARS, 0, -1)]
        times = np.array(months if contract.valid_kind == "month" else years)
        return np.repeat(covered, len(times)), np.tile(times, len(covered))
    rows = np.repeat(covered, np.maximum(random.poisson(incidence.rows, len(covered)), 1))
    if not contract.valid_on:
        return covered, None
    end = np.datetime64(last_day(block.as_of))
    age = np.maximum((end - people.established_on[rows]) / _DAY, 1)
    back = random.random(len(rows)) * np.minimum(age, EVENT_MONTHS * 30)
    return rows, (end - back.astype("timedelta64[D]")).astype("datetime64[D]")


def _values(
    block: Block, contract: Contract, item: Item, rows: Rows, random: np.random.Generator
) -> npt.NDArray[np.generic]:
    """Draw one item for all rows, before the rules have their say; blanks where it may be unknown."""
    values = _draw_values(block, contract, item, rows, random)
    if not item.is_required and item.id not in ("uscc", "name"):
        blank = random.random(len(rows)) < BLANK_SHARE
        known = values.astype(object).tolist()
        values = np.array([None if gone else value for gone, value in zip(blank, known, strict=True)], object)
    return values


def _draw_values(
    block: Block, contract: Contract, item: Item, rows: Rows, random: np.random.Generator
) -> npt.NDArray[np.generic]:
    people, count = block.people, len(rows)
    if item.id in ("uscc", "name"):
        return (people.uscc if item.id == "uscc" else people.name)[rows]
    if item.code_list:
        codes = code_list(item.code_list).codes
        weights = 1.0 / np.arange(1, len(codes) + 1)
        return random.choice(np.array(codes, dtype=object), count, p=weights / weights.sum())
    if item.type == "boolean":
        return random.random(count) < 0.2
    if item.type == "date":
        back = random.integers(0, 700, count).astype("timedelta64[D]")
        ahead = random.integers(60, 1_400, count).astype("timedelta64[D]")
        end = np.datetime64(last_day(block.as_of))
        is_ahead = item.id.startswith(
            ("expires", "valid_to", "valid_until", "due", "maturity", "end_", "planned")
        )
        return (end + ahead if is_ahead else end - back).astype("datetime64[D]")
    if item.type == "month":
        return np.array([add_months(block.as_of, -int(back)) for back in random.integers(0, 12, count)])
    if item.type in ("integer", "decimal"):
        return _draw_numbers(block, item, rows, random)
    return _draw_texts(block, contract, item, rows, random)


def _draw_numbers(
    block: Block, item: Item, rows: Rows, random: np.random.Generator
) -> npt.NDArray[np.generic]:
    """Amounts in step with sales, ratios within one, counts by the unit."""
    count = len(rows)
    if item.unit == "年":
        return (block.as_of // 100 - random.integers(0, 3, count)).astype(np.int64)
    if item.type == "integer":
        return random.poisson({"人": 12, "天": 30, "月": 12}.get(item.unit, 3), count).astype(np.int64)
    if item.physical_type == "DOUBLE":
        return np.round(random.beta(2, 3, count), 4)
    scale = block.people.sales_cny[rows] * 0.02 if item.unit == "元" else 100.0
    return np.round(scale * random.lognormal(0, 0.8, count), 2)


def _draw_texts(
    block: Block, contract: Contract, item: Item, rows: Rows, random: np.random.Generator
) -> npt.NDArray[np.generic]:
    """Numbers and names that look their part; other words are numbered after the item's title."""
    people, count, name = block.people, len(rows), item.id
    places = people.county[rows]
    if name.endswith("county_code"):
        return people.county_code[rows]
    if name.endswith("industry_code"):
        return people.industry_code[rows]
    if name.endswith("uscc"):
        return people.uscc[random.integers(0, len(people), count)]
    if name.endswith("hmac"):
        return keyed_hash(block.seed, name, rows.tolist())
    if name.endswith("address"):
        return people.address[rows]
    if name.endswith(("authority", "issuer", "office", "bureau", "registrar", "agency")):
        title = contract.department_title
        return np.array([f"{counties()[place].name}{title}" for place in places.tolist()], dtype=object)
    if any(
        word in name
        for word in (
            "person",
            "people",
            "manager",
            "director",
            "contact",
            "inventor",
            "holder_name",
            "leader",
        )
    ):
        return make_people(random, count)
    if name.endswith("name"):
        return people.name[random.integers(0, len(people), count)]
    serial = people.serial[rows] * 10 + np.arange(count) % 10
    if name.endswith(("no", "code", "id", "number")) or name in contract.key:
        mark = zlib.crc32(f"{contract.id}.{name}".encode()) % 9000 + 1000
        return np.array([f"{mark}{block.as_of // 100}{one:08d}" for one in serial.tolist()], dtype=object)
    return np.array([f"{item.title}{one}" for one in random.integers(1, 30, count).tolist()], dtype=object)


def _to_arrow(values: npt.NDArray[np.generic], item: Item) -> pa.Array:
    types = {
        "string": pa.string(), "boolean": pa.bool_(), "date": pa.date32(), "integer": pa.int64(),
        "month": pa.int32(), "decimal": pa.float64(),
    }  # fmt: skip
    if item.type == "date" and values.dtype == object:
        return pa.array(
            [None if value is None else np.datetime64(value, "D").item() for value in values], pa.date32()
        )
    return pa.array(values.tolist() if item.type in ("integer", "month") else values, types[item.type])
