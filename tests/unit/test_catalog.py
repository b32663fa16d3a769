"""Dated numbers, regions, industries and code lists answer for a day, and refuse what they do not know."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal

import pytest

from rongqiao.contracts.catalog import (
    Code,
    CodeList,
    code_list,
    code_lists,
    consent_data_classes,
    consent_purposes,
    current_region,
    functional_zones,
    industries,
    industry_section,
    lpr,
    lpr_quotes,
    regions,
    renamed_regions,
    size_class_limits,
    size_limits_of,
    threshold,
    threshold_table,
    thresholds,
)
from rongqiao.contracts.documents import document
from rongqiao.kernel.errors import ContractError, InvalidValueError

TODAY = dt.date(2026, 11, 23)


def test_the_province_has_14_prefectures_and_122_counties():
    found = regions()
    assert Counter(region.level for region in found.values()) == {
        "province": 1,
        "prefecture": 14,
        "county": 122,
    }
    assert found["430281"].name == "醴陵市"
    assert found["4331"].name == "湘西土家族苗族自治州"
    assert all(region.parent in found for region in found.values() if region.level != "province")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("430102", "芙蓉区"),
        ("430000", "湖南省"),
        ("430221", "渌口区"),
        ("430521", "邵东市"),
        ("430302", "雨湖区"),
        ("431271", "洪江市"),
    ],
)
def test_replaced_codes_lead_to_the_region_of_today(code, name):
    assert current_region(code).name == name


def test_every_replacement_and_zone_leads_to_a_county():
    counties = {code for code, region in regions().items() if region.level == "county"}
    assert {row.new for row in renamed_regions()} <= counties
    assert not {row.old for row in renamed_regions()} & counties
    assert {county for _, county in functional_zones().values()} <= counties
    assert len(functional_zones()) == 12


@pytest.mark.parametrize("code", ["440106", "439999", "43010"])
def test_foreign_region_is_refused(code):
    with pytest.raises(InvalidValueError, match=code):
        current_region(code)


def test_industries_are_complete():
    levels = Counter(industry.level for industry in industries().values())
    assert levels == {"section": 20, "division": 97, "group": 473, "class": 1381}


@pytest.mark.parametrize(
    ("code", "section"), [("C3071", "C"), ("3071", "C"), ("30", "C"), ("I", "I"), ("A0111", "A")]
)
def test_industry_section(code, section):
    assert industry_section(code) == section


@pytest.mark.parametrize("code", ["D3071", "C0000", "", "Z"])
def test_wrong_industry_is_refused(code):
    with pytest.raises(InvalidValueError, match="行业代码"):
        industry_section(code)


@pytest.mark.parametrize(
    ("tenor", "on", "rate"),
    [
        ("1Y", dt.date(2019, 8, 20), "0.0425"),
        ("1Y", dt.date(2024, 10, 20), "0.0335"),
        ("1Y", dt.date(2024, 10, 21), "0.0310"),
        ("5Y", dt.date(2024, 3, 1), "0.0395"),
        ("1Y", TODAY, "0.0300"),
        ("5Y", TODAY, "0.0350"),
    ],
)
def test_lpr_stands_until_the_next_quote(tenor, on, rate):
    assert lpr(tenor, on) == Decimal(rate)


def test_lpr_before_the_first_quote_is_refused():
    with pytest.raises(InvalidValueError, match=r"2019-08-19.*2019-08-20"):
        lpr("1Y", dt.date(2019, 8, 19))


def test_lpr_of_an_unknown_tenor_names_the_file():
    with pytest.raises(ContractError, match=r"lpr\.yaml.*3Y.*1Y, 5Y"):
        lpr("3Y", TODAY)


def test_lpr_history_is_ordered_and_positive():
    for tenor in code_list("lpr_tenors").codes:
        days = [quote.since for quote in lpr_quotes(tenor)]
        assert days == sorted(set(days))
        assert all(0 < lpr(tenor, day) < Decimal("0.1") for day in days)


def test_size_limits_are_in_yuan_and_dated():
    industry = {limits.sector: limits for limits in size_class_limits(TODAY)}["industry"]
    assert industry.medium == {"employees": Decimal(300), "revenue_cny": Decimal(20_000_000)}
    assert len(size_class_limits(TODAY)) == 16
    with pytest.raises(InvalidValueError, match="2011-06-18"):
        size_class_limits(dt.date(2011, 6, 17))


@pytest.mark.parametrize(
    ("industry", "sector"),
    [
        ("C3071", "industry"),
        ("F5113", "wholesale"),
        ("G5910", "transport"),
        ("G5930", "warehousing"),
        ("K7010", "real_estate"),
        ("K7020", "property_management"),
        ("K7030", "other"),
        ("M7320", "other"),
        ("G5311", None),
        ("J6621", None),
        ("P8310", None),
    ],
)
def test_size_sector_is_the_longest_listed_prefix(industry, sector):
    limits = size_limits_of(industry, TODAY)
    assert (limits.sector if limits else None) == sector


def test_size_limits_fall_from_large_to_small():
    for limits in size_class_limits(TODAY):
        for measure in limits.small:
            assert limits.large[measure] > limits.medium[measure] > limits.small[measure], limits.sector


def test_threshold_and_table():
    assert threshold("objection_resolve_days", TODAY) == 20
    assert threshold_table("overdue_days_floor", TODAY) == {
        "special_mention": 0,
        "substandard": 90,
        "doubtful": 270,
        "loss": 360,
    }
    grades = threshold_table("grade_cutoffs", TODAY)
    assert tuple(grades) == code_list("grades").codes
    assert list(grades.values()) == sorted(grades.values(), reverse=True)


def test_threshold_before_its_start_is_refused():
    with pytest.raises(InvalidValueError, match="2026-02-11"):
        threshold("value_loan_term_months_max", dt.date(2026, 2, 10))


def test_threshold_of_the_wrong_kind_or_name_is_refused():
    with pytest.raises(ContractError, match="threshold_table"):
        threshold("grade_cutoffs", TODAY)
    with pytest.raises(ContractError, match=r"call threshold\(\)"):
        threshold_table("max_takers", TODAY)
    with pytest.raises(ContractError, match=r"thresholds\.yaml.*weather"):
        threshold("weather", TODAY)


def test_every_dated_number_has_title_unit_source_and_basis():
    for found in thresholds().values():
        assert found.title, found.id
        assert found.unit, found.id
        assert found.basis in {"regulation", "practice", "design"}
        days = [value.since for value in found.values]
        assert days == sorted(set(days))
        assert all(value.source for value in found.values)


@pytest.mark.parametrize(
    ("list_id", "raw", "code"),
    [
        ("invoice_statuses", " 作废发票", "void"),
        ("invoice_statuses", "有效发票", "valid"),
        ("legal_forms", "有限责任公司（自然人独资）", "有限责任公司"),
        ("registration_statuses", "在营(开业)企业", "存续"),
        ("tax_grades", "ａ级", "A"),
        ("title_kinds", "SRDI", "srdi"),
        ("five_class", "正常类", "normal"),
        ("five_class", "尚可", None),
    ],
)
def test_departments_spellings_lead_to_codes(list_id, raw, code):
    assert code_list(list_id).normalise(raw) == code


def test_no_spelling_is_claimed_by_two_codes():
    for found in code_lists().values():
        claimed: dict[str, str] = {}
        for entry in found.entries:
            for spelling in (entry.code, entry.title, *entry.aliases):
                assert claimed.setdefault(spelling.casefold(), entry.code) == entry.code, (found.id, spelling)


def test_code_list_titles_and_unknowns():
    assert code_list("refusal_reasons").title("high_debt") == "负债率偏高"
    assert code_list("grades").choices()[0] == ("AAA", "AAA")
    with pytest.raises(InvalidValueError, match=r"five_class.*perfect"):
        code_list("five_class").title("perfect")
    with pytest.raises(ContractError, match=r"code list.*colours"):
        code_list("colours")


def test_consent_separates_public_from_released_data():
    classes = consent_data_classes()
    assert {"taxation.tax_filing", "taxation.tax_grade"} <= set(classes["tax"].contracts)
    assert not classes["tax"].is_public
    assert classes["public_registration"].is_public
    assert consent_purposes()["post_loan"].title == "贷后管理"


def test_missing_catalogue_file_says_how_to_mend_it():
    with pytest.raises(ContractError, match=r"weather\.yaml.*RONGQIAO_HOME"):
        document("weather")


def test_a_retired_code_stays_readable_but_is_no_longer_offered():
    retired = Code("c10", "旧类", valid_to=dt.date(2020, 12, 31), replaced_by=("c11",))
    codes = CodeList("kinds", "类别", "试", (retired, Code("c11", "新类", valid_from=dt.date(2021, 1, 1))))
    assert codes.choices(dt.date(2020, 12, 31)) == [("c10", "旧类")]
    assert codes.choices(dt.date(2021, 1, 1)) == [("c11", "新类")]
    assert codes.normalise("旧类") == "c10"
    assert len(codes.choices()) == 2
