"""Faults in single cells: what a clerk types, and what a spreadsheet makes of it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from config.mutations.kinds import Planted, fault, planted
from rongqiao.contracts.catalog import code_list
from rongqiao.kernel.identifiers import complete_uscc

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from config.mutations.draft import Draft
    from rongqiao.contracts.model import Item

#: Share of the rows that a fault in cells touches, and at least so many.
SHARE, LEAST = 0.03, 2
#: Words in titles of amounts that may rightly be below zero.
SIGNED = ("利润", "净额", "所得额", "未分配", "净资产", "所有者权益", "增长", "收益", "退税", "退抵", "红字", "财务费用", "应补", "差额", "应交税费")  # fmt: skip
#: Beginnings of dates that lie ahead by their nature.
AHEAD = (
    "expires",
    "valid_to",
    "valid_until",
    "due",
    "maturity",
    "end_",
    "ends_",
    "planned",
    "released_on",
    "until",
)
_YEAR_AHEAD = dt.timedelta(days=400)


def some_rows(draft: Draft, chance: random.Random, item: Item | None = None) -> set[int]:
    """Rows to touch; of those where the item is given, if one is named."""
    usable = [
        number for number in range(len(draft.rows)) if item is None or draft.rows[number][draft.at(item)]
    ]
    count = min(len(usable), max(LEAST, int(SHARE * len(draft.rows))))
    return set(chance.sample(usable, count))


def pick(draft: Draft, chance: random.Random, is_wanted: Callable[[Item], bool]) -> Item | None:
    """One of the contract's items that the fault can touch; such as hold a value in some row."""
    found = [item for item in draft.contract.items if is_wanted(item) and any(draft.column(item))]
    return chance.choice(found) if found else None


def _is_identity(item: Item) -> bool:
    return item.id in ("uscc", "name")


def _is_plain_text(item: Item) -> bool:
    return item.type == "string" and not item.code_list and not _is_identity(item)


def _is_number(item: Item) -> bool:
    return item.type in ("decimal", "integer")


def _in_cells(draft: Draft, chance: random.Random, item: Item | None, value: str) -> Planted | None:
    if item is None:
        return None
    return planted(draft.changed(item, lambda _: value, some_rows(draft, chance, item)), item.title)


@fault("empty_required", "必填项留空")
def _empty_required(draft: Draft, chance: random.Random) -> Planted | None:
    return _in_cells(draft, chance, pick(draft, chance, lambda item: item.is_required), "")


@fault("placeholder_required", "必填项填“无”“—”“待补”")
def _placeholder(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.is_required and item.id != "uscc")
    return _in_cells(draft, chance, item, chance.choice(["无", "—", "待补", "不详", "/"]))


@fault("wrong_type", "数字、日期栏里写了文字")
def _wrong_type(draft: Draft, chance: random.Random) -> Planted | None:
    return _in_cells(draft, chance, pick(draft, chance, lambda item: item.type != "string"), "详见附件")


@fault("unknown_code", "代码表以外的代码")
def _unknown_code(draft: Draft, chance: random.Random) -> Planted | None:
    return _in_cells(draft, chance, pick(draft, chance, lambda item: bool(item.code_list)), "其他情形乙")


@fault("retired_code", "代码停用以后仍在使用")
def _retired_code(draft: Draft, chance: random.Random) -> Planted | None:
    valid_on = draft.contract.valid_on
    for item in draft.contract.items:
        for code in code_list(item.code_list).entries if item.code_list and valid_on else ():
            if code.valid_to and code.valid_to < draft.delivered_on - _YEAR_AHEAD:
                return _in_cells(draft, chance, item, code.title)
    return None


@fault("future_date", "日期晚于报送日一年以上")
def _future_date(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.type == "date" and not item.id.startswith(AHEAD))
    return _in_cells(draft, chance, item, (draft.delivered_on + _YEAR_AHEAD).isoformat())


@fault("future_period", "所属期晚于报送月")
def _future_period(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.type == "month")
    return _in_cells(draft, chance, item, f"{draft.delivered_on.year + 1}-05")


@fault("mistyped_year", "年份少打、错打一位（0202 年）")
def _mistyped_year(draft: Draft, chance: random.Random) -> Planted | None:
    return _in_cells(draft, chance, pick(draft, chance, lambda item: item.type == "date"), "0202-05-01")


@fault("impossible_date", "不存在的日期（2月30日、13月）")
def _impossible_date(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.type in ("date", "month"))
    return _in_cells(draft, chance, item, "2026-02-30" if item and item.type == "date" else "202613")


@fault("day_first_date", "日期混用日月年写法")
def _day_first(draft: Draft, chance: random.Random) -> Planted | None:
    return _in_cells(draft, chance, pick(draft, chance, lambda item: item.type == "date"), "26/05/2025")


@fault("serial_date", "日期变成表格软件的序号")
def _serial_date(draft: Draft, chance: random.Random) -> Planted | None:
    return _in_cells(draft, chance, pick(draft, chance, lambda item: item.type == "date"), "45803")


@fault("dates_reversed", "起止日期颠倒")
def _dates_reversed(draft: Draft, chance: random.Random) -> Planted | None:
    """Exchange two dates that a rule of the contract puts in order."""
    dates = {item.id: item for item in draft.contract.items if item.type == "date"}
    for rule in draft.contract.row_rules:
        named = [name for name in rule.columns if name in dates]
        if rule.family != "consistency" or len(named) != 2 or len(rule.columns) != 2:
            continue
        first, second = (draft.at(dates[name]) for name in named)
        rows = [list(row) for row in draft.rows]
        usable = [row for row in rows if row[first] and row[second] and row[first] != row[second]]
        for row in usable[: max(LEAST, int(SHARE * len(rows)))]:
            row[first], row[second] = row[second], row[first]
        if usable:
            return planted(draft.with_rows(rows), "、".join(dates[name].title for name in named))
    return None


@fault("negative_amount", "金额、数量写成负数")
def _negative(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: _is_number(item) and item.unit != "年")
    if item is None:
        return None
    rows = some_rows(draft, chance, item)
    harmless = "该项可以为负" if any(word in item.title for word in SIGNED) else ""
    changed = draft.changed(item, lambda cell: "-" + (cell if float(cell) else "5"), rows)
    return planted(changed, item.title, harmless=harmless)


@fault("percent_as_ratio", "比率按百分数的数值填写（57.3 代替 0.573）")
def _percent(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.id.endswith("_ratio"))
    return _in_cells(draft, chance, item, "57.3")


@fault("huge_amount", "单笔金额多打了许多位")
def _huge(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.unit == "元")
    return _in_cells(draft, chance, item, "123456789012345")


@fault("broken_uscc", "统一社会信用代码错码，名称也对不上")
def _broken_uscc(draft: Draft, chance: random.Random) -> Planted | None:
    return _identity(draft, chance, lambda code: code[:-3] + "000", "某某查无此名有限公司")


@fault("missing_identity", "代码和名称都没有填")
def _missing_identity(draft: Draft, chance: random.Random) -> Planted | None:
    return _identity(draft, chance, lambda _: "", "")


@fault("orphan_enterprise", "代码合规但登记库中没有这家企业")
def _orphan(draft: Draft, chance: random.Random) -> Planted | None:
    if draft.contract.id == "market_regulation.registry":
        return None
    return _identity(draft, chance, lambda _: complete_uscc("91430100MA4XXXXX1"), "湖南查无此企贸易有限公司")


def _identity(draft: Draft, chance: random.Random, code: Callable[[str], str], name: str) -> Planted:
    rows = some_rows(draft, chance)
    items = {item.id: item for item in draft.contract.items}
    changed = draft.changed(items["uscc"], code, rows)
    if "name" in items:
        changed = changed.changed(items["name"], lambda _: name, rows)
    return planted(changed, items["uscc"].title)


@fault("wrong_check_character", "代码末位错，名称仍是本企业")
def _wrong_check(draft: Draft, chance: random.Random) -> Planted | None:
    if "name" not in draft.contract.columns or draft.contract.id == "market_regulation.registry":
        return None
    uscc = draft.contract.item("uscc")
    signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    return planted(
        draft.changed(
            uscc, lambda code: code[:-1] + signs[(signs.index(code[-1]) + 7) % 31], some_rows(draft, chance)
        ),
        uscc.title,
    )


@fault("formula_text", "单元格里是公式文本")
def _formula_text(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: not _is_identity(item) and not item.id.endswith("hmac"))
    return _in_cells(draft, chance, item, "=SUM(B2:B9)")


@fault("formula_error", "单元格里是公式报错（#REF!）")
def _formula_error(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: not _is_identity(item) and not item.id.endswith("hmac"))
    return _in_cells(draft, chance, item, chance.choice(["#REF!", "#VALUE!", "#N/A"]))


@fault("power_of_ten", "长编号变成科学计数")
def _power_of_ten(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(
        draft,
        chance,
        lambda item: _is_plain_text(item) and item.id.endswith(("_no", "_code", "_id", "number")),
    )
    return _in_cells(draft, chance, item, "4.30102E+14")


@fault("mojibake_text", "文字按别的编码读过，成了乱码")
def _mojibake(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: _is_plain_text(item) and not item.id.endswith(("hmac", "uscc")))
    return _in_cells(draft, chance, item, "长沙市某某路".encode().decode("latin-1"))


@fault("lost_characters", "文字中有丢失的字符（�、锟斤拷）")
def _lost_characters(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: _is_plain_text(item) and not item.id.endswith(("hmac", "uscc")))
    return _in_cells(draft, chance, item, chance.choice(["长沙�公司", "锟斤拷锟斤拷"]))


@fault("sum_not_parts", "合计与分项不符")
def _sum_not_parts(draft: Draft, chance: random.Random) -> Planted | None:
    """Raise one amount that a balance rule names, in all rows, far beyond what balances."""
    names = [
        name
        for rule in draft.contract.row_rules
        if rule.family == "balance"
        for name in rule.columns[:1]
        if name in draft.contract.columns and _is_number(draft.contract.item(name))
    ]
    if not names:
        return None
    item = draft.contract.item(chance.choice(names))
    rows = some_rows(draft, chance, item)
    factor = chance.choice([0.2, 6.0])
    return planted(draft.changed(item, lambda cell: f"{float(cell) * factor:.2f}", rows), item.title)


@fault("thousand_separators", "数字带千位分隔符", is_read_as_meant=True)
def _thousands(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.physical_type == "DECIMAL(18,2)")
    return None if item is None else planted(draft.changed(item, _grouped), item.title)


def _grouped(cell: str) -> str:
    whole, dot, rest = cell.partition(".")
    return f"{int(whole):,}{dot}{rest}" if whole.lstrip("-").isdigit() else cell


@fault("full_width_digits", "数字写成全角", is_read_as_meant=True)
def _full_width(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.physical_type == "DECIMAL(18,2)")
    wide = str.maketrans("0123456789.-", "０１２３４５６７８９．－")
    return (
        None if item is None else planted(draft.changed(item, lambda cell: cell.translate(wide)), item.title)
    )


@fault("written_out_dates", "日期写成“2026年5月1日”“2026/5/1”", is_read_as_meant=True)
def _written_out(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.type == "date")
    return (
        None if item is None else planted(draft.changed(item, lambda cell: _spelt(cell, chance)), item.title)
    )


def _spelt(cell: str, chance: random.Random) -> str:
    if not cell:
        return cell
    year, month, day = (int(part) for part in cell.split("-"))
    return chance.choice([f"{year}年{month}月{day}日", f"{year}/{month}/{day}", cell])
