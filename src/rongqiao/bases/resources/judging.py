"""Every product's conditions against every enterprise in one pass over the published columns of facts; what came of it is kept."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from rongqiao.lake.verdicts import VerdictFiles
from rongqiao.rules.criteria import Criteria, Group, Leaf, facts_used, parse_criteria
from rongqiao.rules.criteria_arrays import Column, decide_all
from rongqiao.rules.outcome_codes import IN_A_BYTE, OutcomeCounts, pack, read_code, to_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from rongqiao.bases.resources.models import Product
    from rongqiao.kernel.decision import Outcome
    from rongqiao.lake.columns import FactColumns

#: Rows judged at a time, so that their arrays stay in the processor's cache; and rows that one worker takes at once.
SPAN = 1 << 16
STRETCH = 1 << 19
WORKERS = 2
PLACE = "county_code"


def requirements(product: Product) -> Criteria:
    """State what an enterprise has to meet whatever it asks for: to be where the product is sold, and the product's conditions.

    Raises
    ------
    InvalidValueError
        If the conditions are malformed.
    """
    own = parse_criteria(product.criteria, path=f"{product.code}.criteria")
    return limit_to_regions(own, product.region_codes)


def limit_to_regions(criteria: Criteria, region_codes: Sequence[str]) -> Criteria:
    """Add where the product is sold; nowhere in particular adds nothing."""
    if not region_codes:
        return criteria
    return Group("all", (Leaf(PLACE, "within_region", tuple(region_codes), "", ""), criteria))


def requirements_digest(product: Product) -> str:
    """Name what :func:`requirements` asks: the same conditions in the same places have the same name."""
    asked = json.dumps([sorted(product.region_codes), product.criteria], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:32]


def judge_province(
    columns: FactColumns,
    asked: Mapping[str, Criteria],
    *,
    withheld: Collection[str] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.int64]:
    """Judge every enterprise by all criteria and keep each verdict beside the columns.

    Parameters
    ----------
    columns : FactColumns
        One build.
    asked : Mapping
        Name of the verdict → criteria.
    withheld : Collection of str
        Facts that are held back from use: known of nobody.
    on_progress : callable or None
        Told enterprises judged and enterprises in all, from this thread.

    Returns
    -------
    ndarray
        Counts by criteria, county (as ``columns.words(PLACE)``) and outcome (unmet, unknown, met).

    Raises
    ------
    InvalidValueError
        If criteria compare text with number; nothing is kept then.
    """
    names, criteria = list(asked), list(asked.values())
    counties = columns.words(PLACE) or ("",)
    counts = OutcomeCounts(len(criteria), len(counties))
    if not columns.size or not criteria:
        return counts.totals()
    facts = read_facts(columns, criteria, withheld)
    places = columns.values(PLACE) if PLACE in columns else np.zeros(columns.size, np.uint8)
    with (
        VerdictFiles(columns).writing(names, -(-columns.size // IN_A_BYTE)) as kept,
        ThreadPoolExecutor(WORKERS) as workers,
    ):

        def judge(start: int) -> OutcomeCounts:
            part = OutcomeCounts(len(criteria), len(counties))
            for first in range(start, min(start + STRETCH, columns.size), SPAN):
                last = min(first + SPAN, start + STRETCH, columns.size)
                span = {name: fact.part(first, last) for name, fact in facts.items()}
                part.add(_codes(criteria, span, kept, first, last), places[first:last])
            return part

        for start, part in zip(
            range(0, columns.size, STRETCH), workers.map(judge, range(0, columns.size, STRETCH)), strict=True
        ):
            counts.merge(part)
            if on_progress is not None:
                on_progress(min(start + STRETCH, columns.size), columns.size)
    return counts.totals()


def read_facts(
    columns: FactColumns, criteria: Sequence[Criteria], withheld: Collection[str] = ()
) -> dict[str, Column]:
    """Columns that the criteria name, less those held back; what no column holds is known of nobody."""
    named = frozenset[str]().union(*(facts_used(each) for each in criteria)).difference(withheld)
    return {name: Column(columns.values(name), columns.words(name)) for name in named if name in columns}


def _codes(
    criteria: Sequence[Criteria],
    span: Mapping[str, Column],
    kept: Sequence[NDArray[Any]],
    first: int,
    last: int,
) -> Iterator[NDArray[np.uint8]]:
    """Codes of a span for each criteria in order, each written to its file on the way."""
    place = slice(first // IN_A_BYTE, -(-last // IN_A_BYTE))
    for outcomes, file in zip(decide_all(criteria, span, last - first), kept, strict=True):
        codes = to_codes(outcomes)
        file[place] = pack(codes)
        yield codes


def read_verdicts(columns: FactColumns, uscc: str, names: Sequence[str]) -> dict[str, Outcome]:
    """Kept verdicts on one enterprise; without those that were never reached, empty for an enterprise that is not there."""
    row = columns.find_row(uscc)
    if row is None:
        return {}
    files = VerdictFiles(columns)
    found = ((name, files.values(name)) for name in set(names))
    return {name: read_code(packed, row) for name, packed in found if packed is not None}
