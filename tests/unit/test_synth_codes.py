"""Codes and names of synthetic enterprises."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from rongqiao.contracts.catalog import industries, regions
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.identifiers import LOOKALIKES, is_uscc
from rongqiao.synth.codes import make_registration_numbers, make_usccs, stable_id
from rongqiao.synth.dirt import WEIGHTS, DirtRates, plant
from rongqiao.synth.geography import _FLAVOURS, _WEIGHTS, counties
from rongqiao.synth.industries import INDUSTRIES, SEASONS
from rongqiao.synth.population import build_population
from rongqiao.synth.styles import STYLES, header_of


def test_codes_are_valid_and_unique_over_a_wide_range_of_serials() -> None:
    serials = np.concatenate([np.arange(2_000), np.arange(6_100_000, 6_102_000)])
    count = len(serials)
    codes = make_usccs(serials, np.full(count, 1), np.full(count, 430102), np.arange(count) % 2 == 0)
    assert len(set(codes)) == count
    assert all(is_uscc(code) for code in codes)
    assert not any(letter in code for code in codes for letter in LOOKALIKES)


def test_code_carries_class_and_county() -> None:
    code = make_usccs(np.array([5]), np.array([3]), np.array([431381]), np.array([False]))[0]
    assert code[:8] == "93431381"


def test_registration_number_has_fifteen_digits_of_the_county() -> None:
    number = make_registration_numbers(np.array([7]), np.array([430281]))[0]
    assert len(number) == 15
    assert number.isdigit()
    assert number.startswith("430281")


def test_stable_id_depends_on_seed_kind_and_number() -> None:
    ids = {
        stable_id(1, "loan", 1),
        stable_id(2, "loan", 1),
        stable_id(1, "quote", 1),
        stable_id(1, "loan", 2),
    }
    assert len(ids) == 4
    assert stable_id(1, "loan", 1) in ids


def test_every_industry_is_a_class_of_the_catalogue() -> None:
    known = industries()
    unknown = [
        profile.code
        for profile in INDUSTRIES.values()
        if profile.code[1:] not in known and profile.code not in known
    ]
    assert unknown == []
    assert all(profile.season in SEASONS for profile in INDUSTRIES.values())


def test_seasons_have_twelve_months_around_one() -> None:
    for pattern in SEASONS.values():
        assert len(pattern) == 12
        assert sum(pattern) / 12 == pytest.approx(1, abs=0.06)


def test_geography_knows_the_counties_of_the_catalogue() -> None:
    known = {code for code in regions() if len(code) == 6}
    assert {county.code for county in counties()} == known
    assert len(known) == 122
    assert set(_WEIGHTS) <= known
    assert {code for code in _FLAVOURS if len(code) == 6} <= known
    assert {key for words in _FLAVOURS.values() for key in words.split()} <= set(INDUSTRIES)


def test_liling_is_known_for_ceramics_and_changsha_is_heavy() -> None:
    people = build_population(0, 20_000, seed=43, as_of=202610)
    share = np.char.startswith(people.county_code.astype(str), "4301").mean()
    assert 0.25 < share < 0.5
    ceramics = np.isin(people.industry_code, ["C3073", "C3074"])
    liling = people.county_code == "430281"
    assert ceramics[liling].mean() > 20 * ceramics[~liling].mean()


def test_sizes_follow_a_heavy_tail() -> None:
    sales = np.sort(build_population(0, 20_000, seed=43, as_of=202610).sales_cny)[::-1]
    assert sales[:200].sum() > 0.25 * sales.sum()
    assert np.median(sales) < 5e6


def test_namesakes_live_in_different_counties() -> None:
    people = build_population(0, 4_000, seed=43, as_of=202610)
    names, counts = np.unique(people.name.astype(str), return_counts=True)
    same = np.flatnonzero(people.name == names[counts > 1][0])
    assert len(set(people.county_code[same])) > 1
    assert set(people.legal_form[same]) == {"个体工商户"}
    assert len(set(people.uscc[same])) == len(same)


def test_blocks_follow_one_another_without_sharing_codes() -> None:
    first, second = (build_population(start, 500, seed=43, as_of=202610) for start in (0, 500))
    assert not set(first.uscc) & set(second.uscc)


@pytest.mark.parametrize("contract_id", sorted(STYLES))
def test_house_style_uses_headers_that_the_contract_accepts(contract_id: str) -> None:
    contract = load_contract(contract_id)
    for item in contract.items:
        accepted = {item.title, *item.headers, *dict(item.scaled_headers)}
        assert header_of(item, STYLES[contract_id]) in accepted
    assert set(STYLES[contract_id].headers) <= {item.id for item in contract.items}
    headers = [header_of(item, STYLES[contract_id]) for item in contract.items]
    assert len(set(headers)) == len(headers)


def _texts(rows: int) -> dict[str, list[str | None]]:
    values = {
        "uscc": "91430102MA4L000U05", "name": "长沙市湘源（湖南）有限公司", "period": "202610", "taxable_sales_cny": "123456.00",
        "vat_payable_cny": "23456.00", "vat_paid_cny": "23456.00", "cit_paid_cny": "12345.67", "due_on": "2026-11-15",
        "filed_on": "2026-11-11", "arrears_cny": "0.00",
    }  # fmt: skip
    return {key: [value] * rows for key, value in values.items()}


def test_each_kind_of_dirt_changes_what_it_touches() -> None:
    contract = load_contract("taxation.tax_filing")
    planted = plant(contract, _texts(3_000), DirtRates(), np.random.default_rng(1), kinds=tuple(WEIGHTS))
    kinds = {dirt.kind for dirt in planted}
    assert kinds == set(WEIGHTS) - {"wrong_code"}
    assert all(dirt.dirty_value != dirt.true_value for dirt in planted if dirt.column)
    for dirt in planted:
        if dirt.kind in ("wrong_check_digit", "missing_uscc"):
            assert not is_uscc(str(dirt.dirty_value))
    assert all(earlier.row < later.row for earlier, later in pairwise(planted))
