"""Who lives in the synthetic province: identities, places, trades, sizes and planted rings."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from rongqiao.kernel.period import last_day
from rongqiao.synth.codes import Ints, Texts, keyed_hash, make_registration_numbers, make_usccs
from rongqiao.synth.geography import counties
from rongqiao.synth.industries import INDUSTRIES, IndustryProfile
from rongqiao.synth.names import make_people, make_streets, make_suffixes
from rongqiao.synth.trade_names import draw_choices, find_offices, make_trade_names

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

PROFILES: tuple[IndustryProfile, ...] = tuple(INDUSTRIES.values())
_FORMS = np.array(
    ["有限责任公司", "股份有限公司", "个人独资企业", "合伙企业", "个体工商户", "农民专业合作社"], dtype=object
)
_HOUSEHOLD = "个体工商户"
_TOWN_SHARES = np.array([0.80, 0.025, 0.05, 0.015, 0.11, 0.0])
_FARM_SHARES = np.array([0.38, 0.005, 0.05, 0.005, 0.06, 0.50])
_SIZE_EXPONENT = 1.06
LARGEST_SALES_CNY = 3.0e9
#: Companies below these draws bear the province's name before, or behind, their trade name.
_PROVINCE_FIRST, _PROVINCE_IN_BRACKETS = 0.14, 0.19
#: Of so many households one may bear the name of another in a different district of its city.
NAMESAKE_EVERY = 4
RING_EVERY = 500


@dataclass(slots=True)
class Population:
    """One block of enterprises, column by column; every array has one entry per enterprise.

    Attributes
    ----------
    serial : array of int
        Number in the province, from 0.
    uscc, name, registration_no, legal_form, address, legal_rep_name, legal_rep_id_hmac, phone_hmac : array of str
        True identity, before any clerk touched it.
    county, industry : array of int
        Positions in :func:`~rongqiao.synth.geography.counties` and :data:`PROFILES`.
    capital_cny, paid_in_cny, sales_cny : array of float
        Registered and paid-in capital; scale of present yearly sales, in yuan.
    established_on : array of date
        Day of registration.
    ring : array of int
        Number of the planted ring, -1 for none.
    ring_kinds : dict
        Ring number → ``shell`` or ``guarantee``.
    technology : array of float
        Propensity to invent, 0..1.
    """

    serial: Ints
    uscc: Texts
    name: Texts
    registration_no: Texts
    legal_form: Texts
    county: Ints
    industry: Ints
    address: Texts
    capital_cny: Floats
    paid_in_cny: Floats
    sales_cny: Floats
    established_on: Days
    legal_rep_name: Texts
    legal_rep_id_hmac: Texts
    phone_hmac: Texts
    technology: Floats
    ring: Ints
    ring_kinds: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.serial)

    def profile_column(self, name: str) -> npt.NDArray[np.float64]:
        """One number of each enterprise's industry profile."""
        return np.array([getattr(profile, name) for profile in PROFILES], dtype=np.float64)[self.industry]

    @property
    def industry_code(self) -> Texts:
        """Letter and four digits."""
        return np.array([profile.code for profile in PROFILES], dtype=object)[self.industry]

    @property
    def county_code(self) -> Texts:
        """Six digits."""
        return np.array([county.code for county in counties()], dtype=object)[self.county]

    @property
    def is_company(self) -> Flags:
        """Whether a company in the narrow sense (files annual reports with figures, pays social insurance)."""
        flags: Flags = np.isin(self.legal_form, _FORMS[:2])
        return flags


@cache
def _industry_thresholds() -> Floats:
    weights = np.array([[county.industry_weights[key] for key in INDUSTRIES] for county in counties()])
    cumulated: Floats = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    return cumulated


def _draw_places(random: np.random.Generator, rows: int) -> tuple[Ints, Ints]:
    """County by weight, then industry by the county's flavour."""
    weights = np.array([county.weight for county in counties()])
    county = random.choice(len(weights), size=rows, p=weights / weights.sum())
    draws = random.random((rows, 1))
    industry = (draws > _industry_thresholds()[county]).sum(axis=1)
    return county.astype(np.int64), np.minimum(industry, len(PROFILES) - 1).astype(np.int64)


def _draw_birthdays(random: np.random.Generator, rows: int, as_of: int) -> Days:
    """Ages are exponential around eight years, thirty at most; none is younger than a month."""
    age_days = np.clip(random.exponential(8.0 * 365, rows), 32, 30 * 365).astype(np.int64)
    days: Days = np.datetime64(last_day(as_of)) - age_days.astype("timedelta64[D]")
    return days


def _draw_forms(random: np.random.Generator, industry: Ints, sales: Floats) -> Texts:
    is_farm = np.array([profile.section == "A" for profile in PROFILES])[industry]
    shares = np.where(is_farm[:, None], np.cumsum(_FARM_SHARES), np.cumsum(_TOWN_SHARES))
    picked = np.minimum((random.random((len(industry), 1)) > shares).sum(axis=1), len(_FORMS) - 1)
    picked = np.where((sales > 1.2e8) & (random.random(len(sales)) < 0.35), 1, picked)
    picked = np.where((sales > 2e7) & ~is_farm & (picked > 1), 0, picked)
    forms: Texts = _FORMS[picked]
    return forms


def _compose_names(
    random: np.random.Generator, serial: Ints, county: Ints, industry: Ints, forms: Texts, sales: Floats
) -> Texts:
    """Place + trade name + word of the trade + ending; larger firms often carry the province's name."""
    choices = draw_choices(random, len(serial))
    endings = make_suffixes(random, forms)
    styles = random.random(len(serial)) - (sales > 3e7) * 0.25
    words = random.random(len(serial))
    is_provincial = (styles < _PROVINCE_IN_BRACKETS) & np.isin(forms, _FORMS[:2])
    trades = make_trade_names(serial, find_offices(county, industry, is_provincial), choices)
    places = [unit.place for unit in counties()]
    cities = [unit.is_city for unit in counties()]
    names = []
    columns = (
        county.tolist(),
        industry.tolist(),
        trades,
        endings,
        styles.tolist(),
        words.tolist(),
        is_provincial.tolist(),
    )
    for where, what, trade, ending, style, draw, bears_province in zip(*columns, strict=True):
        options = PROFILES[what].words
        word = options[int(draw * len(options))]
        if bears_province:
            head = f"湖南{trade}" if style < _PROVINCE_FIRST else f"{trade}（湖南）"
        else:
            head = f"{places[where]}{'市' if cities[where] and style < 0.4 else ''}{trade}"
        names.append(f"{head}{word}{ending}")
    return np.array(names, dtype=object)


def _plant_namesakes(names: Texts, serial: Ints, county: Ints, industry: Ints, forms: Texts) -> None:
    """Let some households bear the exact name of one in another district of their city, where another bureau registers them.

    All others are namesakes but for place or industry, as `trade_names` has it: their whole names are borne once.
    """
    places = [unit.place for unit in counties()]
    latest: dict[tuple[str, int], int] = {}
    for row in np.flatnonzero(forms == _HOUSEHOLD).tolist():
        kind = (places[county[row]], int(industry[row]))
        other = latest.pop(kind, row)
        if serial[row] % NAMESAKE_EVERY == NAMESAKE_EVERY - 1 and county[other] != county[row]:
            names[row] = names[other]
        else:
            latest[kind] = row


def _plant_rings(random: np.random.Generator, people: Population, first_serial: int) -> None:
    """Plant groups that share telephone, address or legal representative: shells and mutual guarantors."""
    rows = len(people)
    for number in range(max(1, rows // RING_EVERY)):
        members = random.choice(rows, size=min(rows, int(random.integers(4, 10))), replace=False)
        ring = first_serial // RING_EVERY + number
        kind = "shell" if number % 3 else "guarantee"
        people.ring_kinds[ring] = kind
        head = members[0]
        people.ring[members] = ring
        people.phone_hmac[members[: len(members) // 2 + 1]] = people.phone_hmac[head]
        if kind == "shell":
            people.address[members] = people.address[head]
            people.county[members] = people.county[head]
            people.sales_cny[members] = np.clip(people.sales_cny[members], 4e6, 6e7)
        else:
            people.legal_rep_name[members[:2]] = people.legal_rep_name[head]
            people.legal_rep_id_hmac[members[:2]] = people.legal_rep_id_hmac[head]


def build_population(first_serial: int, rows: int, *, seed: int, as_of: int) -> Population:
    """Draw one block of the province.

    Parameters
    ----------
    first_serial : int
        Number of the block's first enterprise; with the seed it decides everything in the block.
    rows : int
        Enterprises in the block.
    seed : int
        Seed of the province.
    as_of : int
        Last complete month, ``YYYYMM``.
    """
    random = np.random.default_rng([seed, first_serial, 1])
    serial = np.arange(first_serial, first_serial + rows, dtype=np.int64)
    county, industry = _draw_places(random, rows)
    scale = np.array([profile.sales_cny for profile in PROFILES])[industry]
    sales = np.minimum(scale * (1 - random.random(rows)) ** (-1 / _SIZE_EXPONENT), LARGEST_SALES_CNY)
    forms = _draw_forms(random, industry, sales)
    is_small_form = np.isin(forms, _FORMS[[2, 3, 4]])
    sales = np.where(is_small_form, np.minimum(sales * 0.4, 8e6), sales)
    born = _draw_birthdays(random, rows, as_of)
    names = _compose_names(random, serial, county, industry, forms, sales)
    _plant_namesakes(names, serial, county, industry, forms)
    codes = np.array([int(unit.code) for unit in counties()], dtype=np.int64)[county]
    first_sign = np.where(forms == "个体工商户", 2, np.where(forms == "农民专业合作社", 3, 1)).astype(
        np.int64
    )
    capital = np.maximum(np.round(sales * random.lognormal(-0.7, 0.8, rows) / 1e5) * 1e5, 3e4)
    streets = make_streets(random, rows)
    address = [
        counties()[place].prefecture + counties()[place].name + street
        for place, street in zip(county.tolist(), streets, strict=True)
    ]
    base_technology = np.array([profile.technology for profile in PROFILES])[industry]
    technology = np.where(random.random(rows) < base_technology, random.beta(2, 2, rows), 0.0)
    people = Population(
        serial=serial,
        uscc=make_usccs(serial, first_sign, codes, born >= np.datetime64(dt.date(2015, 10, 1))),
        name=names,
        registration_no=make_registration_numbers(serial, codes),
        legal_form=forms,
        county=county,
        industry=industry,
        address=np.array(address, dtype=object),
        capital_cny=capital,
        paid_in_cny=np.round(capital * np.minimum(1.0, random.beta(1.2, 1.0, rows)), -3),
        sales_cny=sales,
        established_on=born,
        legal_rep_name=make_people(random, rows),
        legal_rep_id_hmac=keyed_hash(seed, "person", serial.tolist()),
        phone_hmac=keyed_hash(seed, "phone", serial.tolist()),
        technology=technology,
        ring=np.full(rows, -1, dtype=np.int64),
    )
    _plant_rings(random, people, first_serial)
    return people
