"""Counts over the whole province from columns that this process keeps mapped."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from rongqiao.bases.enterprises.catalogue.selectors import held_back
from rongqiao.bases.resources.eligibility import blur_rule
from rongqiao.indicators.fact_columns import KEY, publish_fact_columns
from rongqiao.lake.columns import FactColumns, open_current
from rongqiao.rules.criteria import Group, Leaf, facts_used
from rongqiao.rules.criteria_arrays import Column, count_cells, decide
from rongqiao.rules.disclosure import blur

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from rongqiao.lake.tables import Lake
    from rongqiao.rules.criteria import Criteria

#: Rows judged at a time: their arrays stay in the processor's cache.
SPAN = 1 << 17
WORKERS = 2
DIMENSIONS = ("county_code", "industry_section", "size_class")
PREFECTURE, COUNTY = 4, 6
#: Kinds of enterprise that a sample shows.
PROFILES = 8


@dataclass(frozen=True)
class Province:
    """One build, with the group of every enterprise by county, section and size."""

    columns: FactColumns
    groups: NDArray[Any]
    labels: tuple[tuple[str, ...], ...]

    @property
    def build(self) -> str:
        """Month and day of what is counted: asking again of another build of the same day is no new question."""
        return f"{self.columns.described['as_of']}-{self.columns.described['known_at']}"

    @property
    def as_of(self) -> int:
        """Month of the indicators."""
        return int(self.columns.described["as_of"])


_lock = threading.Lock()
#: Arrays are judged without Python's lock, so that spans share the machine's cores.
_workers = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="screening")
_kept: dict[FactColumns, Province] = {}


def publish_columns(*, lake: Lake, as_of: int, known_at: dt.date) -> int:
    """Renew what screening counts from; see ``indicators.fact_columns``. The secret derives from the installation's own."""
    secret = hashlib.sha256(f"screening.cell_keys|{settings.SECRET_KEY}".encode()).digest()
    return publish_fact_columns(lake=lake, as_of=as_of, known_at=known_at, secret=secret)


def province() -> Province:
    """Build that is current, opened once per process.

    Raises
    ------
    ContractError
        If none was ever published.
    """
    columns = open_current()
    with _lock:
        if columns not in _kept:
            _kept.clear()
            _kept[columns] = _grouped(columns)
        return _kept[columns]


def _grouped(columns: FactColumns) -> Province:
    labels = tuple(columns.words(name) or ("",) for name in DIMENSIONS)
    groups = np.zeros(columns.size, np.int32)
    for name, words in zip(DIMENSIONS, labels, strict=True):
        groups *= len(words)
        if name in columns:
            groups += columns.values(name)
    return Province(columns, groups, labels)


def limited(criteria: Group, region: str) -> Group:
    """Add the region that the caller answers for; empty adds nothing."""
    if not region:
        return criteria
    leaf = Leaf("county_code", "within_region", (region,), "", "")
    return Group("all", (*criteria.members, leaf))


def _columns(found: Province, criteria: Criteria) -> dict[str, Column]:
    kept, stopped = found.columns, held_back()
    return {
        name: Column(kept.values(name), kept.words(name))
        for name in facts_used(criteria)
        # What was held back since the columns were written is not known to a condition either.
        if name in kept and name not in stopped
    }


def count_groups(found: Province, criteria: Criteria) -> tuple[NDArray[Any], int]:
    """Count every group in one pass. Not for anybody's eyes.

    Returns
    -------
    ndarray, int
        Per group those met and the sum of their keys (``rules.criteria_arrays.count_cells``); and of how many in all a
        condition is not known and none unmet.
    """
    columns, size = _columns(found, criteria), found.columns.size
    groups = int(np.prod([len(words) for words in found.labels]))
    keys = found.columns.values(KEY)

    def count(start: int) -> tuple[NDArray[Any], int]:
        stop = min(start + SPAN, size)
        part = {name: column.part(start, stop) for name, column in columns.items()}
        outcomes = decide(criteria, part, stop - start)
        cells = count_cells(outcomes, found.groups[start:stop], keys[start:stop], groups)
        return cells, int(np.count_nonzero(outcomes == 0))

    cells, unknown = np.zeros((2, groups), np.int64), 0
    for part, missing in _workers.map(count, range(0, size, SPAN)):
        cells += part
        unknown += missing
    return cells, unknown


def find_met(found: Province, criteria: Criteria, usccs: Sequence[str]) -> list[str]:
    """Those of the enterprises that meet the conditions; unknown is not met."""
    rows = found.columns.find_rows(usccs)
    columns = {
        name: Column(column.values[rows], column.words) for name, column in _columns(found, criteria).items()
    }
    return found.columns.ids(rows[decide(criteria, columns, len(rows)) == 1])


def tell_figures(criteria: Group, *, region: str, question: str, day: dt.date) -> dict[str, Any]:
    """Count for people: every number through disclosure control.

    Returns
    -------
    dict
        ``total``, ``unknown`` (enterprises of which a condition is not known and none unmet), ``regions``, ``sections``,
        ``sizes`` (lists of ``[code, count]``, largest first, hidden last), ``profiles`` (a sample: the commonest kinds of enterprise
        as ``[region, section, size, count]``), ``hidden`` (how few are not told), ``as_of``. Null counts are hidden. Regions are counties where one prefecture is asked for, else prefectures.
    """
    found, rule = province(), blur_rule(day)
    asked = limited(criteria, region)
    counted, missing = count_groups(found, asked)
    shape = (2, *(len(words) for words in found.labels))
    cube = counted.reshape(shape)

    def tell(cell: Any, name: str) -> int | None:
        return blur(int(cell[0]), key=int(cell[1]), question=f"{question}|{name}", rule=rule)

    whole = cube.sum(axis=(1, 2, 3))
    unknown = blur(missing, key=int(whole[1]), question=f"{question}|unknown", rule=rule)
    sections, sizes = (cube.sum(axis=tuple(axis for axis in (1, 2, 3) if axis != kept)) for kept in (2, 3))
    length = COUNTY if is_local(asked) else PREFECTURE
    places = _by_region(found.labels[0], cube, length)
    regions = {code: cells.sum(axis=(1, 2)) for code, cells in places.items()}
    told = {
        "regions": {code: tell(cell, f"region {code}") for code, cell in regions.items()},
        "sections": {
            code: tell(cell, f"section {code}")
            for code, cell in zip(found.labels[1], sections.T, strict=True)
        },
        "sizes": {
            code: tell(cell, f"size {code}") for code, cell in zip(found.labels[2], sizes.T, strict=True)
        },
    }
    return {
        "total": tell(whole, "total"),
        "unknown": unknown,
        "hidden": rule.least,
        "as_of": found.as_of,
        "profiles": _profiles(found, places, tell),
        **{name: _in_order(cells) for name, cells in told.items()},
    }


def _by_region(codes: Sequence[str], cube: NDArray[Any], length: int) -> dict[str, NDArray[Any]]:
    """Add up counties by the leading characters of their codes."""
    found: dict[str, NDArray[Any]] = {}
    for at, code in enumerate(codes):
        found[code[:length]] = found.get(code[:length], 0) + cube[:, at]
    return found


def _profiles(
    found: Province, places: dict[str, NDArray[Any]], tell: Callable[[Any, str], int | None]
) -> list[list[Any]]:
    """Tell the commonest kinds by region, section and size. Nobody's own row is a sample here: features single an enterprise out."""
    cells = [
        ((region, section, size), kinds[:, row, column])
        for region, kinds in places.items()
        for row, section in enumerate(found.labels[1])
        for column, size in enumerate(found.labels[2])
        if region and section and size
    ]
    common = sorted(cells, key=lambda each: (-int(each[1][0]), each[0]))[:PROFILES]
    told = [[*kind, tell(cell, f"profile {' '.join(kind)}")] for kind, cell in common]
    return sorted((each for each in told if each[3] is not None), key=lambda each: (-each[3], each[:3]))


def is_local(criteria: Group) -> bool:
    """Whether the conditions keep to one prefecture, so that its counties are of interest."""
    bounds = [
        leaf.value for leaf in criteria.members if isinstance(leaf, Leaf) and leaf.op == "within_region"
    ]
    return any(
        len({code[:PREFECTURE] for code in codes if len(code) >= PREFECTURE}) == 1
        and all(len(code) >= PREFECTURE for code in codes)
        for codes in bounds
    )


def _in_order(cells: dict[str, int | None]) -> list[list[Any]]:
    """Largest first; which cells are hidden and which are empty looks the same."""
    told = [[code, count] for code, count in cells.items() if count is not None]
    return sorted(told, key=lambda each: (-each[1], each[0]))


def sum_keys(found: Province, usccs: Sequence[str]) -> int:
    """Sum of the secret keys of enterprises, each once; from it a told count of them draws its deviation."""
    keys = found.columns.values(KEY)[found.columns.find_rows(usccs)]
    return int(keys.astype(np.int64).sum())


def tell_number(usccs: Sequence[str], *, question: str, day: dt.date) -> int | None:
    """Tell how many enterprises these are, through disclosure control; null below the least figure, none included."""
    if not usccs:
        return None
    return blur(len(usccs), key=sum_keys(province(), usccs), question=question, rule=blur_rule(day))


def tell_overlap(
    first: tuple[Group, str], second: tuple[Group, str], *, region: str, question: str, day: dt.date
) -> dict[str, int | None]:
    """How many meet one list, the other, and both; every number through disclosure control.

    A list comes with its own question, so that it is told as on its page, and is not told anew. What is shared is
    told as no more than either: nobody would believe more.
    """
    found, rule = province(), blur_rule(day)
    told = {}
    for name, criteria, asked in (
        ("first", first[0], f"{first[1]}|total"),
        ("second", second[0], f"{second[1]}|total"),
        ("both", Group("all", (first[0], second[0])), f"{question}|both"),
    ):
        cells = count_groups(found, limited(Group("all", (criteria,)), region))[0].sum(axis=1)
        told[name] = blur(int(cells[0]), key=int(cells[1]), question=asked, rule=rule)
    told["both"] = _within(told["both"], told["first"], told["second"])
    return told


def _within(part: int | None, *wholes: int | None) -> int | None:
    """Keep a told part within the told wholes; hidden where one of them is."""
    known = [whole for whole in wholes if whole is not None]
    return None if part is None or len(known) < len(wholes) else min(part, *known)
