"""Names of enterprises taken apart: place, trade name, industry, legal form, branch."""

from __future__ import annotations

import duckdb
import pytest

from rongqiao.contracts.name_words import place_words
from rongqiao.governance.resolution.name_parts import COLUMNS, parse_name, stage_parts


@pytest.mark.parametrize(
    ("name", "region", "trade", "industry", "form"),
    [
        ("湖南省长沙市岳麓区星河精密机械有限公司", "430104", "星河", "精密机械", "有限公司"),
        ("长沙星河机械有限責任公司", "4301", "星河", "机械", "有限责任公司"),
        ("長沙星河機械有限公司", "4301", "星河", "机械", "有限公司"),
        ("星河科技(湖南)股份有限公司", "43", "星河", "科技", "股份有限公司"),
        ("湘潭县鑫源商行", "430321", "鑫源", "", "商行"),
        ("浏阳永和花炮农民专业合作社", "430181", "永和", "花炮", "农民专业合作社"),
        ("湘西土家族苗族自治州凤凰县老街餐饮店", "433123", "老街", "餐饮", "店"),
        ("北京市朝阳区大望文化传媒有限公司", "110105", "大望", "文化传媒", "有限公司"),
        ("三一重工股份有限公司", "", "三一", "重工", "股份有限公司"),
        # What is left over for a trade name is never taken for place or industry.
        ("长沙有限公司", "", "长沙", "", "有限公司"),
        ("平安科技有限公司", "", "平安", "科技", "有限公司"),
        # Three districts of the country are called so; without a city before it, it says no place.
        ("鼓楼区好人店", "", "鼓楼区好人", "", "店"),
        ("ＡＢＣ科技（长沙）有限公司", "4301", "abc", "科技", "有限公司"),
    ],
)
def test_parts(name, region, trade, industry, form):
    parts = parse_name(name)
    assert (parts.region, parts.trade, parts.industry, parts.form) == (region, trade, industry, form)


def test_branch_and_note_stand_apart_from_the_enterprise():
    branch = parse_name("北京首旅酒店（集团）股份有限公司 北京市民族饭店")
    assert (branch.trade, branch.industry, branch.branch) == ("首旅", "酒店集团", "北京市民族饭店")
    assert parse_name("北京神农天地农业科技有限公司(沙岭)").note == "沙岭"
    partnership = parse_name("长沙众创投资合伙企业（有限合伙）")
    assert (partnership.form, partnership.form_class, partnership.note) == ("合伙企业", "partnership", "")
    # A column too narrow for the name breaks the note off.
    broken = parse_name("长沙众创投资合伙企业（有限合")
    assert (broken.trade, broken.industry, broken.form) == ("众创", "投资", "合伙企业")


@pytest.mark.parametrize("name", [None, "", "  ", "（）", "公司"])
def test_no_name_has_no_parts_that_are_not_there(name):
    parts = parse_name(name)
    assert (parts.region, parts.industry, parts.form, parts.branch) == ("", "", "", "")


def test_engine_gives_each_distinct_name_once_and_no_null():
    connection = duckdb.connect()
    query = "SELECT unnest(['长沙星河机械有限公司', '长沙星河机械有限公司', '長沙星河機械(集團)有限公司', NULL]) AS name"
    stage_parts(connection, query, "parts")
    rows = connection.execute("SELECT name, trade, industry FROM parts ORDER BY name").fetchall()
    assert rows == [
        ("長沙星河機械(集團)有限公司", "星河", "机械集团"),
        ("长沙星河机械有限公司", "星河", "机械"),
    ]
    nulls = " + ".join(f"count_if({column} IS NULL)" for column in COLUMNS)
    assert connection.execute(f"SELECT {nulls} FROM parts").fetchone() == (0,)


def test_places_have_short_names_where_they_mean_a_place():
    words = place_words()
    assert words["湘西"] == ("4331",)
    assert words["长沙"] == ("4301", "430121")
    assert "平安" not in words
    assert "朝阳" not in words or "110105" not in words["朝阳"]
    assert min(map(len, words)) == 2
