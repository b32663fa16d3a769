"""How indicators spread over existing enterprises: how many have a value, and which, in all, by prefecture and by industry section.

Counts are of everybody, taken in one pass per portion of columns at the finest cells and added up. Values are of a sample, the same
enterprises in every month, drawn by their codes; a province smaller than the sample is taken whole.
"""

# ruff: noqa: S608  (names come from declarations of this repository and are quoted; values are bound)
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rongqiao.contracts.catalog import industry_section
from rongqiao.indicators.applicability import SUBJECTS, subjects_of
from rongqiao.indicators.computation import ENTERPRISES, TARGET
from rongqiao.indicators.registry import load_indicators
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection, literal, quote, stage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from rongqiao.indicators.applicability import Subjects
    from rongqiao.lake.tables import Lake

Floats = npt.NDArray[np.float64]
#: Only these count: of one that is closed nobody tells anything any more.
COUNTED_STATUS = "存续"
#: Enterprises whose values are looked at; a share of several per cent shows in far fewer.
SAMPLE = 100_000
#: Columns taken at a time.
PORTION = 64
PREFECTURE = 4


@dataclass(frozen=True, slots=True)
class Spread:
    """One indicator over existing enterprises.

    Parameters
    ----------
    cells : mapping
        (prefecture, section) → enterprises, those the indicator applies to, those of them with a value, stale ones included. An
        empty code stands where the register has none.
    values : array of float
        Of the sample; NaN where there is none.
    """

    cells: dict[tuple[str, str], tuple[int, int, int]]
    values: Floats


@dataclass(frozen=True, slots=True)
class Picture:
    """All indicators of one month; ``groups`` are (dimension, code) → places of its members among the sampled enterprises."""

    groups: dict[tuple[str, str], npt.NDArray[np.intp]]
    spreads: dict[str, Spread] = field(default_factory=dict)


class Month:
    """One computed month, opened once.

    Parameters
    ----------
    lake : Lake
        Holds ``published/enterprises`` and ``analytics/indicators`` of the month.
    as_of : int
        Month ``YYYYMM``.
    known_at : date
        What arrived or was computed later is left out.
    """

    def __init__(self, lake: Lake, *, as_of: int, known_at: dt.date) -> None:
        self._opened: Any = ibis_connection(lake, [ENTERPRISES, TARGET])
        self._connection = self._opened.con
        table = self._opened.table(TARGET)
        known = [name for name in ("known_at", "amendment") if name in table.columns]
        month = table.filter(table.as_of == as_of).select("enterprise_id", *known)
        self._newest = self._opened.compile(asof.latest(month, ["enterprise_id"], known_at=known_at))
        self._rows = self._opened.compile(table.filter(table.as_of == as_of))
        # Which row of an enterprise is the last is found once, on narrow rows; the wide ones are only passed by.
        self._same = " AND ".join(
            f"r.{name} IS NOT DISTINCT FROM m.{name}" for name in ("enterprise_id", *known)
        )
        self._columns = ", ".join(f"n.{name}" for name in ("enterprise_id", *known))
        self.names = [name for name in load_indicators() if name in table.columns]
        self._stage_members(known_at)

    def _stage_members(self, known_at: dt.date) -> None:
        """Keep existing enterprises with place, industry, whether they are sampled, and of which groups they are subjects."""
        register = asof.latest(self._opened.table(ENTERPRISES), ["enterprise_id"], known_at=known_at)
        codes = self._connection.execute(
            f"SELECT DISTINCT industry_code FROM {quote(ENTERPRISES)}"
        ).fetchall()
        known = [(code, section) for (code,) in codes if (section := _section(code))]
        schema = pa.schema({"industry_code": pa.string(), "section": pa.string()})
        columns = list(zip(*known, strict=True)) or [(), ()]
        stage(self._connection, "industry", pa.table(dict(zip(schema.names, columns, strict=True)), schema))
        self._connection.execute(
            f"""CREATE TEMP TABLE members AS SELECT {self._columns}, coalesce(left(e.county_code, {PREFECTURE}), '') AS region,
            coalesce(i.section, '') AS section FROM ({self._newest}) n
            JOIN ({self._opened.compile(register)}) e USING (enterprise_id) LEFT JOIN industry i USING (industry_code)
            WHERE e.status = {literal(COUNTED_STATUS)}"""
        )
        subjects = ", ".join(f"({self._any_known(each)}) AS {quote(each.id)}" for each in SUBJECTS)
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE members AS SELECT m.*, {subjects} FROM members m JOIN ({self._rows}) r ON {self._same}"
        )
        (size,) = self._connection.execute("SELECT count(*) FROM members").fetchone()
        self.sampled = f"hash(enterprise_id) % {max(size // SAMPLE, 1)} = 0"

    def _any_known(self, subjects: Subjects) -> str:
        members = [f"r.{quote(name)}" for name in self.names if subjects_of(name) == subjects]
        return " OR ".join(f"{value} IS NOT NULL" for value in members) or "false"

    def values(self, names: Sequence[str]) -> Iterator[tuple[str, Floats]]:
        """Values of the sample, indicator by indicator, in the order of the enterprises' ids."""
        for start in range(0, len(names), PORTION):
            some = names[start : start + PORTION]
            listed = ", ".join(f"r.{quote(name)}" for name in some)
            found = self._connection.execute(
                f"""SELECT {listed} FROM (SELECT * FROM members WHERE {self.sampled}) m
                JOIN ({self._rows}) r ON {self._same} ORDER BY m.enterprise_id"""
            ).to_arrow_table()
            for name in some:
                yield name, np.asarray(found.column(name).to_numpy(), dtype=np.float64)

    def picture(self) -> Picture:
        """Count and sample every indicator."""
        found = self._connection.execute(
            f"SELECT region, section FROM members WHERE {self.sampled} ORDER BY enterprise_id"
        ).to_arrow_table()
        groups: dict[tuple[str, str], npt.NDArray[np.intp]] = {}
        for dimension in ("region", "section"):
            codes = np.asarray(found.column(dimension).to_pylist(), dtype=np.str_)
            groups |= {(dimension, str(code)): np.flatnonzero(codes == code) for code in np.unique(codes)}
        picture = Picture(groups)
        counts = self._counts()
        for name, values in self.values(self.names):
            picture.spreads[name] = Spread(counts[name], values)
        return picture

    def _counts(self) -> dict[str, dict[tuple[str, str], tuple[int, int, int]]]:
        counted: dict[str, dict[tuple[str, str], tuple[int, int, int]]] = {}
        for start in range(0, len(self.names), PORTION):
            some = self.names[start : start + PORTION]
            # Who has a value is ok or stale, who has none is not: to count values reads no status.
            aggregates = ", ".join(
                f"{_applicable(name)} AS a{number}, count(r.{quote(name)}) AS c{number}"
                for number, name in enumerate(some)
            )
            rows = self._connection.execute(
                f"""SELECT region, section, count(*) AS n, {aggregates} FROM members m JOIN ({self._rows}) r ON {self._same}
                GROUP BY ALL ORDER BY region, section"""
            ).fetchall()
            for number, name in enumerate(some):
                place = 3 + 2 * number
                counted[name] = {(row[0], row[1]): (row[2], row[place], row[place + 1]) for row in rows}
        return counted


def _applicable(name: str) -> str:
    """Count those that an indicator applies to; of a complete register that is everybody."""
    if load_indicators()[name].null_policy == "absent_is_zero":
        return "count(*)"
    subjects = subjects_of(name)
    among = f" AND m.{quote(subjects.id)}" if subjects else ""
    return f"count(*) FILTER (r.{quote(f'{name}__status')} <> 'not_applicable'{among})"


def _section(code: str | None) -> str | None:
    try:
        return industry_section(code) if code else None
    except InvalidValueError:
        return None


def add_up(spread: Spread, place: int | None) -> dict[str, tuple[int, int, int]]:
    """Add the cells up: by prefecture (0), by section (1), or over all (null, under an empty code)."""
    found: dict[str, tuple[int, int, int]] = {}
    for key, counts in spread.cells.items():
        code = "" if place is None else key[place]
        before = found.get(code, (0, 0, 0))
        found[code] = (before[0] + counts[0], before[1] + counts[1], before[2] + counts[2])
    return found


# -- pictures of values ----------------------------------------------------------------------------------------------

#: Values that differ less than this many ways are told one by one.
FEW = 12
BARS = 10
#: Share at either end that goes into open bins: extremes would name their owners.
TAIL = 0.05
#: Where the upper end is more than so many times the lower one, bins grow with the values.
SKEWED = 20


def draw_bins(values: Floats) -> list[tuple[float | None, float | None, int]]:
    """Lay values out for a picture: ``(from, below, count)``; equal ends tell one value, a null end is open.

    Edges are round numbers, so that none is the value of an enterprise. Nothing where there are no values.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    distinct, counts = np.unique(known, return_counts=True)
    if len(distinct) <= FEW:
        return [
            (float(value), float(value), int(count)) for value, count in zip(distinct, counts, strict=True)
        ]
    low, high = (float(end) for end in np.quantile(known, [TAIL, 1 - TAIL]))
    edges = _edges(low, high) if high > low else [low]
    places = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    ends = [None, *edges, None]
    return [(ends[at], ends[at + 1], int(count)) for at, count in enumerate(places)]


def _edges(low: float, high: float) -> list[float]:
    if low > 0 and high / low > SKEWED:
        powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        steps = (1,) if len(powers) > BARS // 2 else (1, 2, 5)
        edges = [float(f"{step}e{power}") for power in powers for step in steps]
        return [edge for edge in edges if low / 5 <= edge <= high * 5]
    rough = (high - low) / BARS
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * (1 - 1e-9))
    first, last = int(np.floor(low / step)), int(np.ceil(high / step))
    return [float(f"{at * step:.12g}") for at in range(first, last + 1)]
