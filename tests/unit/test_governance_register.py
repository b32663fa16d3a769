"""Names folded to one spelling, and enterprises recognised by the strongest evidence, never by a guess."""

from __future__ import annotations

import pytest

from rongqiao.governance.names import clean_name, core_name, edits
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
