"""Codes are read by the day of their record, with what was known then."""

from __future__ import annotations

import datetime as dt

import pytest

from rongqiao.contracts.catalog import code_list, industries
from rongqiao.contracts.documents import document
from rongqiao.contracts.editions import industry_edition, industry_on, region_on
from rongqiao.kernel.errors import InvalidValueError

BEFORE, AFTER = dt.date(2018, 6, 18), dt.date(2018, 6, 19)


def test_a_renamed_county_has_its_old_name_until_the_day_before():
    county = region_on("430221", BEFORE)
    assert (county.name, county.valid_to, county.now) == ("株洲县", BEFORE, ("430212",))
    district = region_on("430212", AFTER)
    assert (district.name, district.valid_from, district.now) == ("渌口区", AFTER, ("430212",))


def test_a_county_code_outside_its_days_is_refused_with_the_one_that_was_in_force():
    with pytest.raises(InvalidValueError, match="改用 430212渌口区"):
        region_on("430221", AFTER)
    with pytest.raises(InvalidValueError, match="当时为 430221株洲县"):
        region_on("430212", BEFORE)


def test_a_county_that_was_never_renamed_is_the_same_at_all_times():
    assert region_on("430102", dt.date(1999, 1, 1)) == region_on("430102", dt.date(2026, 1, 1))
    with pytest.raises(InvalidValueError, match="没有此代码"):
        region_on("430199", AFTER)


def test_the_same_digits_mean_different_trades_in_two_editions():
    old, new = industry_on("C3650", dt.date(2017, 9, 30)), industry_on("C3650", dt.date(2017, 10, 1))
    assert old is not None
    assert new is not None
    assert (old.edition, old.name, old.now) == ("2011", "汽车车身、挂车制造", ("3660",))
    assert (new.edition, new.name, new.now) == ("2017", "电车制造", ("3650",))


def test_a_class_that_was_divided_has_all_its_successors():
    software = industry_on("6510", dt.date(2015, 5, 1))
    assert software is not None
    assert [industries()[code].name for code in software.now] == [
        "基础软件开发",
        "支撑软件开发",
        "应用软件开发",
        "其他软件开发",
    ]


def test_what_became_of_a_class_may_be_unknown_and_is_never_taken_as_unchanged():
    assert industry_on("0111", dt.date(2015, 5, 1)) is None
    with pytest.raises(InvalidValueError, match="没有此代码"):
        industry_on("6510", dt.date(2020, 5, 1))
    with pytest.raises(InvalidValueError, match="最早"):
        industry_edition(dt.date(2009, 1, 1))


def test_every_successor_is_a_class_of_the_present_edition():
    for row in document("industry_editions")["became"]:
        assert {industries()[code].level for code in row["to"]} == {"class"}, row


def test_the_end_of_a_code_counts_from_the_day_it_was_announced():
    (maternity,) = (each for each in code_list("insurance_kinds").entries if each.code == "maternity")
    day = dt.date(2020, 6, 1)
    assert not maternity.is_valid_on(day)
    assert maternity.is_valid_on(day, known_at=dt.date(2019, 3, 24))
    assert not maternity.is_valid_on(day, known_at=dt.date(2019, 3, 25))
    assert maternity.is_valid_on(dt.date(2019, 12, 31))
