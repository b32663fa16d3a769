"""The register that the generator draws obeys the law of names, and its enterprises have namesakes all the same."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.synth.geography import counties
from rongqiao.synth.names import SUFFIXES
from rongqiao.synth.population import PROFILES, build_population
from rongqiao.synth.trade_names import CELL, find_offices, make_trade_names, related_industries

BLOCK, BLOCKS = 50_000, 6
HOUSEHOLD = "个体工商户"
ENDINGS = sorted({ending for endings in SUFFIXES.values() for ending in endings}, key=len, reverse=True)
PLACES = sorted({unit.place for unit in counties()}, key=len, reverse=True)
WORDS = [sorted(profile.words, key=len, reverse=True) for profile in PROFILES]

#: Place, trade name, word of industry.
Parts = tuple[str, str, str]


def take_apart(name: str, industry: int) -> Parts:
    """Take a name apart as the generator puts it together; a city is the same with and without 市."""
    stem = name.removesuffix(next(ending for ending in ENDINGS if name.endswith(ending)))
    word = next(word for word in WORDS[industry] if stem.endswith(word))
    stem = stem.removesuffix(word)
    if "湖南" in stem:
        return "湖南", stem.replace("（湖南）", "").removeprefix("湖南"), word
    place = next(place for place in PLACES if stem.startswith(place))
    return place, stem.removeprefix(place).removeprefix("市"), word


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Parts, int, str, str]]:
    """Parts of the name, industry, legal form and county of 300,000 enterprises; county is empty for those that a ring moved."""
    rows = []
    for block in range(BLOCKS):
        people = build_population(block * BLOCK, BLOCK, seed=7, as_of=202610)
        county_code = np.where(people.ring < 0, people.county_code, "")
        columns = (people.name, people.industry, people.legal_form, county_code)
        for name, industry, form, county in zip(*(column.tolist() for column in columns), strict=True):
            rows.append((take_apart(name, industry), industry, form, county))
    return rows


def test_no_office_registers_a_trade_name_twice_in_one_industry(drawn):
    related = related_industries()
    bearers = defaultdict(list)
    spelt = defaultdict(set)
    for (place, trade, word), industry, form, county in drawn:
        bearers[place, trade, related[industry]].append((form, county))
        spelt[place + trade + word].add((place, trade, word))
    shared = [rows for rows in bearers.values() if len(rows) > 1]
    # Households register with their district: two of a city may bear one name, never two of a district.
    assert shared
    assert all(form == HOUSEHOLD for rows in shared for form, _ in rows)
    stayed = [[county for _, county in rows if county] for rows in shared]
    assert all(len(set(stay)) == len(stay) for stay in stayed)
    # Nor do two read alike that are put together otherwise.
    assert all(len(ways) == 1 for ways in spelt.values())


def test_trade_names_are_borne_in_many_places_and_industries(drawn):
    bearers = Counter(trade for (_, trade, _), *_ in drawn)
    known = Counter((trade, word) for (_, trade, word), *_ in drawn)
    # Two enterprises at random share a trade name more often than published companies of Beijing do (2.8 in a million).
    shared = sum(count * (count - 1) for count in bearers.values()) / len(drawn) ** 2
    assert shared > 1e-5
    assert bearers.most_common(1)[0][1] > 50
    # Already at this size many names mean somebody else, too, when their place is left out.
    assert sum(known[trade, word] > 1 for (_, trade, word), *_ in drawn) > len(drawn) / 15
    lengths = Counter(len(trade) for (_, trade, _), *_ in drawn)
    assert set(lengths) == {2, 3, 4}
    assert min(lengths.values()) > len(drawn) / 10


@given(
    st.lists(st.integers(1, 3_000), min_size=1, max_size=8),
    st.integers(0, 700),
    st.integers(1, 3),
    st.integers(0, 2**32),
)
def test_blocks_of_any_size_never_meet(sizes, first_cell, offices, seed):
    random = np.random.default_rng(seed)
    first = first_cell * CELL + CELL - 1_000
    given_out: set[tuple[int, str]] = set()
    for size in sizes:
        serials = np.arange(first, first + size, dtype=np.int64)
        where = random.integers(0, offices, size)
        names = make_trade_names(serials, where, random.integers(0, 2, size))
        given_out |= set(zip(where.tolist(), names, strict=True))
        first += size
    assert len(given_out) == sum(sizes)


def test_offices_take_related_industries_and_spellings_of_a_place_for_one():
    keys = [profile.code for profile in PROFILES]
    wholesale, food_wholesale = keys.index("F5165"), keys.index("F5127")
    units = [unit.code for unit in counties()]
    county = np.array([units.index("430102"), units.index("430103"), units.index("430202")])
    industry = np.array([wholesale, food_wholesale, wholesale])
    offices = find_offices(county, industry, np.zeros(3, dtype=bool)).tolist()
    assert offices[0] == offices[1] != offices[2]
    assert len(set(find_offices(county, industry, np.ones(3, dtype=bool)).tolist())) == 1


def test_more_enterprises_than_names_are_refused():
    with pytest.raises(InvalidValueError, match="至多"):
        make_trade_names(np.array([10**9]), np.array([0]), np.array([0]))
