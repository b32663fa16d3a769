"""Names of the levels that indicators count as numbers: one wording for portraits, ratings and conditions."""

from __future__ import annotations

import re

#: Grades of tax credit as the level indicators count them, best first.
TAX_GRADES = {5: "A", 4: "B", 3: "M", 2: "C", 1: "D"}

#: What the numbers of the other level indicators stand for.
LEVELS = {
    "ip_platform_level": {4: "国家级", 3: "省级", 2: "市级", 1: "县级"},
    "profile_capital_stage_level": {
        5: "辅导备案",
        4: "新三板",
        3: "上市后备",
        2: "四板挂牌",
        1: "股权融资",
    },
    "profile_chain_role_level": {3: "链主", 2: "骨干", 1: "配套"},
    "profile_customs_credit_level": {3: "高级认证", 2: "常规", 1: "失信"},
    "profile_environment_credit_level": {4: "诚信", 3: "良好", 2: "警示", 1: "不良"},
    "profile_labour_credit_level": {3: "A 级", 2: "B 级", 1: "C 级"},
    "profile_public_credit_level": {4: "优", 3: "良", 2: "中", 1: "差"},
    "tax_refund_class_level": {4: "一类", 3: "二类", 2: "三类", 1: "四类"},
}
TAX_GRADE = re.compile(r"tax_grade_(now|prev\d+)_level")
CHANGE = re.compile(r"_trend_\w+_level$")


def show_level(indicator_id: str, value: float) -> str:
    """Show a level by the name its department gives it, a change of level with its sign; by its number where none has a name."""
    if TAX_GRADE.fullmatch(indicator_id) and value in TAX_GRADES:
        return f"{TAX_GRADES[int(value)]} 级"
    if value in LEVELS.get(indicator_id, {}):
        return LEVELS[indicator_id][int(value)]
    return f"{value:+g} 级" if CHANGE.search(indicator_id) and value else f"{value:g} 级"
