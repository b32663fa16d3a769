"""Names folded to one spelling, and enterprises recognised by the strongest evidence, never by a guess."""

from __future__ import annotations

import duckdb
import pytest

from rongqiao.governance.names import clean_name, core_name, core_sql, edits, is_plain_sql
from rongqiao.governance.register import Register
from rongqiao.kernel.identifiers import complete_uscc

ALPHA = complete_uscc("91430100MA4L00001")
BETA = complete_uscc("91430200MA4L00002")
TWIN = complete_uscc("91430200MA4L00003")


@pytest.fixture
def register():
    return Register(
        [
            (ALPHA, "430100000012345", "长沙市星河精密机械有限公司"),
            (ALPHA, None, "长沙市银河精密机械有限公司"),
            (BETA, None, "株洲同名商贸有限公司"),
            (TWIN, None, "株洲同名商贸有限公司"),
        ]
    )


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("长沙 星河（集团）有限公司", "长沙星河（集团）有限公司"),
        ("长沙星河(集团)有限公司 ", "长沙星河（集团）有限公司"),
        ("长沙星河【集团】有限公司", "长沙星河（集团）有限公司"),
        ("ＡＢＣ科技有限公司", "ABC科技有限公司"),
        ("长沙\u200b星河有限公司", "长沙星河有限公司"),
        ("  ", None),
        (None, None),
    ],
)
def test_clean_name(written, clean):
    assert clean_name(written) == clean


def test_core_name_leaves_out_form_and_level():
    assert core_name("长沙市星河机械有限责任公司") == core_name("长沙星河机械有限公司") == "长沙星河机械"
    assert core_name("市北机械厂") == "市北机械厂"


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "abd", 1), ("abc", "xyz", 3)],
)
def test_edits(left, right, distance):
    assert edits(left, right, 2) == min(distance, 3)


def test_code_in_the_register_wins_over_any_name(register):
    assert register.resolve(f" {ALPHA.lower()} ", "株洲同名商贸有限公司").enterprise_id == ALPHA


def test_valid_code_of_an_unknown_enterprise_is_not_renamed(register):
    stranger = complete_uscc("91430300MA4L00009")
    found = register.resolve(stranger, "长沙市星河精密机械有限公司")
    assert (found.enterprise_id, found.method) == (None, "unresolved")
    assert "查无此户" in found.message


def test_old_registration_number(register):
    assert register.resolve("430100000012345", None).method == "registration_no"


def test_former_name_is_as_good_as_the_present_one(register):
    found = register.resolve(None, "长沙市银河精密机械有限公司")
    assert (found.enterprise_id, found.method, found.score) == (ALPHA, "name_exact", 1.0)


def test_name_of_two_enterprises_stays_unresolved_unless_the_code_decides(register):
    assert register.resolve(None, "株洲同名商贸有限公司").enterprise_id is None
    # The swap touches the region, in which the twins agree; so only one code is one slip away from it.
    slip = BETA[:2] + BETA[3] + BETA[2] + BETA[4:]
    assert register.resolve(slip, "株洲同名商贸有限公司").enterprise_id == BETA


def test_slip_of_the_pen_is_recognised_only_where_nobody_else_is_near(register):
    found = register.resolve(None, "长沙市星河精蜜机械有限公司")
    assert (found.enterprise_id, found.method) == (ALPHA, "name_fuzzy")
    assert found.score < 1
    crowded = Register([(ALPHA, None, "长沙星河精密机械有限公司"), (BETA, None, "长沙星河精工机械有限公司")])
    assert crowded.resolve(None, "长沙星河精蜜机械有限公司").enterprise_id is None


def test_nothing_to_go_by(register):
    found = register.resolve("123", None)
    assert (found.enterprise_id, found.method, found.score) == (None, "unresolved", 0.0)


@pytest.mark.parametrize(
    "name",
    [
        "长沙市星河精密机械有限公司", "湘潭春禾（集团）股份有限公司", "株洲·远山新材料有限责任公司", "公司", "县公司", "某某县城市区州公司",
        "甲（普通合伙）", "ABC长沙市贸易有限公司", "长沙市岳麓区省市县专业合作社", "农民专业合作社", "长沙农民专业合作社",
    ],
)  # fmt: skip
def test_plain_names_fold_alike_in_the_engine(name):
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT {is_plain_sql('n')}, lower(n), {core_sql('lower(n)')} FROM (SELECT ? AS n)", [name]
        ).fetchone()
    folded = (clean_name(name) or "").casefold()
    assert row == (True, folded, core_name(folded))


@pytest.mark.parametrize(
    "name", ["长沙(集团)公司", "長沙公司", "长沙 公司", "ABC LTD", "Ａ公司", "长沙•公司"]
)
def test_other_names_are_not_plain(name):
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT {is_plain_sql('n')} FROM (SELECT ? AS n)", [name]).fetchone() == (
            False,
        )
