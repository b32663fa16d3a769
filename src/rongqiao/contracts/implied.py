"""Quality rules that every contract has without writing them down: they follow from its items and from how it is delivered.

A contract's own rule of the same name takes the place of an implied one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.contracts.code_lists import code_list
from rongqiao.contracts.model import QualityRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rongqiao.contracts.model import Family, Item, Scope, Severity

#: What clerks write into a cell that they have nothing for; in a required text it is no value.
PLACEHOLDERS = (
    "无", "空", "-", "--", "—", "——", "/", "\\", "待补", "待定", "不详", "未知", "暂无", "未填", "同上", "NULL", "null", "None", "N/A", "n/a", "NA",
)  # fmt: skip
_PLACEHOLDERS_SQL = ", ".join(f"'{word}'" for word in PLACEHOLDERS)
#: Text that a program has damaged: formulas and their errors, characters lost or read in another encoding, long numbers as powers of ten.
DAMAGE = (
    r"^\s*=|#(REF|VALUE|DIV/0)!|#N/A|#NAME|\x{FFFD}|锟斤拷"
    r"|[\x{00C3}-\x{00F4}][\x{0080}-\x{00BF}\x{0152}-\x{02DC}\x{2010}-\x{2122}]|^[0-9](\.[0-9]+)?E\+[0-9]{1,2}$"
)
#: Damage that a text of nothing but Chinese can hold; all other is told by signs of one or two bytes.
_CHINESE_DAMAGE = ("\ufffd", "锟斤拷")
#: No record of a living register is dated outside these days; a year typed with a digit too few or too many is.
FIRST_DAY, LAST_DAY = "1900-01-01", "2100-12-31"
#: Larger than what any one enterprise of a province can hold or turn over: a unit was mistaken.
LARGEST_CNY = 1_000_000_000_000
#: Rows of a delivery against the regular one before it, where the contract does not say more.
ROW_COUNT = (0.2, 5.0)


def _intact_sql(column: str) -> str:
    """Write that a text shows no damage. Most texts are Chinese throughout, three bytes a character, and need no regular expression."""
    lost = " OR ".join(f"contains({column}, '{sign}')" for sign in _CHINESE_DAMAGE)
    return f"CASE WHEN strlen({column}) = 3 * length({column}) THEN NOT ({lost}) ELSE NOT regexp_matches({column}, '{DAMAGE}') END"


def implied_rules(
    contract_id: str,
    items: Sequence[Item],
    *,
    valid_on: str | None,
    valid_kind: str,
    declared: frozenset[str] = frozenset(),
) -> tuple[QualityRule, ...]:
    """List the rules that follow from the contract's items, those on the delivery as a whole last.

    Parameters
    ----------
    contract_id : str
    items : sequence of Item
    valid_on, valid_kind : str
        When a record is true, and how that is read.
    declared : frozenset of str
        Names of rules that the contract has of its own.
    """
    named = _Namer(contract_id)
    found = [rule for item in items for rule in _of_item(named, item, valid_on, valid_kind)]
    found += _of_delivery(named, valid_on, valid_kind)
    return tuple(rule for rule in found if rule.id.removeprefix(f"{contract_id}.") not in declared)


class _Namer:
    """Builds the rules of one contract."""

    def __init__(self, contract_id: str) -> None:
        self.contract_id = contract_id

    def rule(
        self,
        name: str,
        kind: tuple[Family, Severity, Scope],
        columns: tuple[str, ...],
        expression: str,
        title: str,
        bounds: tuple[float | None, float | None] = (None, None),
    ) -> QualityRule:
        family, severity, scope = kind
        return QualityRule(
            f"{self.contract_id}.{name}",
            family,
            severity,
            scope,
            columns,
            expression,
            title,
            *bounds,
            is_implied=True,
        )


def _of_item(named: _Namer, item: Item, valid_on: str | None, valid_kind: str) -> Iterator[QualityRule]:
    columns = (item.id,)
    is_text = item.type == "string" and not item.code_list
    if item.is_required:
        given = f"{item.id} IS NOT NULL"
        if is_text:
            given += f" AND {item.id} NOT IN ({_PLACEHOLDERS_SQL})"
        yield named.rule(
            f"{item.id}_required",
            ("completeness", "reject", "row"),
            columns,
            given,
            f"“{item.title}”不得为空" + ("，也不得以“无”“待补”等代替" if is_text else ""),
        )
    if is_text and item.id not in ("uscc", "enterprise_no") and not item.id.endswith("hmac"):
        yield named.rule(
            f"{item.id}_intact",
            ("validity", "reject", "row"),
            columns,
            _intact_sql(item.id),
            f"“{item.title}”不得是公式、报错、乱码或科学计数",
        )
    if item.type == "date":
        yield named.rule(
            f"{item.id}_plausible",
            ("validity", "reject", "row"),
            columns,
            f"{item.id} BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}'",
            f"“{item.title}”应在 {FIRST_DAY[:4]}–{LAST_DAY[:4]} 年之间",
        )
    if item.unit == "元" and item.physical_type == "DECIMAL(18,2)":
        yield named.rule(
            f"{item.id}_plausible",
            ("validity", "reject", "row"),
            columns,
            f"{item.id} BETWEEN -{LARGEST_CNY} AND {LARGEST_CNY}",
            f"“{item.title}”不应超过一万亿元，请核对单位",
        )
    if item.code_list and valid_on and (dated := _dated_codes(item, valid_on, valid_kind)):
        yield named.rule(
            f"{item.id}_in_force",
            ("validity", "warn", "row"),
            tuple(dict.fromkeys((item.id, valid_on))),
            f"NOT ({dated})",
            f"“{item.title}”的代码在记录日期应当有效",
        )


def _dated_codes(item: Item, valid_on: str, valid_kind: str) -> str:
    """Write the condition that a code stands on a record of a time when it was not in force yet, or no more."""
    last = {"month": "year({0}) * 100 + month({0})", "year": "year({0})"}.get(valid_kind, "{0}")
    conditions = []
    for code in code_list(item.code_list or "").entries:
        for sign, day in (("<", code.valid_from), (">", code.valid_to)):
            if day is not None:
                bound = last.format(f"DATE '{day.isoformat()}'")
                conditions.append(f"{item.id} = '{code.code}' AND {valid_on} {sign} {bound}")
    return " OR ".join(f"({condition})" for condition in conditions)


def _of_delivery(named: _Namer, valid_on: str | None, valid_kind: str) -> Iterator[QualityRule]:
    yield named.rule(
        "columns_complete",
        ("completeness", "warn", "columns"),
        (),
        "",
        "数据标准的每一项在文件中都应有一列",
    )
    yield named.rule(
        "headers_known",
        ("validity", "warn", "columns"),
        (),
        "",
        "文件的每一列都应能对应到数据标准的一项，且不重复",
    )
    if valid_on and valid_kind in ("month", "year"):
        count = f"({valid_on} // 100 * 12 + {valid_on} % 100)" if valid_kind == "month" else valid_on
        span = f"max({count})::HUGEINT - min({count}) + 1 - count(DISTINCT {valid_on})"
        yield named.rule(
            "periods_unbroken",
            ("completeness", "warn", "table"),
            (valid_on, "is_regular"),
            f"CASE WHEN any_value(is_regular) THEN {span} END",
            "一次报送内各期应当连续，不得缺期",
            (None, 0),
        )
    yield named.rule(
        "row_count_drift",
        ("drift", "warn", "table"),
        ("previous_rows",),
        "count(*) / any_value(previous_rows)",
        f"本次行数应为上次同类报送的 {ROW_COUNT[0]:g}–{ROW_COUNT[1]:g} 倍",
        ROW_COUNT,
    )
    yield named.rule(
        "distribution_drift",
        ("drift", "warn", "distribution"),
        (),
        "",
        "各列取值的分布不应较上次同类报送明显偏移，也不应变成同一个值",
    )
