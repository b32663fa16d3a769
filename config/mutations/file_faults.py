"""Faults of columns and of whole files: units, orders, headers, cuts, late and repeated deliveries."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from config.mutations.cell_faults import pick
from config.mutations.kinds import Planted, fault, planted

if TYPE_CHECKING:
    import random

    import openpyxl

    from config.mutations.draft import Draft
    from rongqiao.contracts.model import Item

#: Days after which a delivery of the cycle is late beyond doubt.
LATE = {"weekly": 60, "monthly": 95, "quarterly": 230, "yearly": 800, "once": 800}
_FOREIGN = "taxation.wage_withholding"


def _is_amount(item: Item) -> bool:
    return item.type == "decimal" and item.unit != "" and not item.id.endswith("_ratio")


def _is_filled(draft: Draft, item: Item, share: float = 0.3) -> bool:
    return sum(1 for cell in draft.column(item) if cell and float(cell)) > share * len(draft.rows)


@fault("wrong_unit", "整列单位错了一万倍")
def _wrong_unit(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: _is_amount(item) and _is_filled(draft, item))
    if item is None:
        return None
    changed = draft.changed(item, lambda cell: cell and f"{float(cell) / 10_000:.6f}")
    return planted(changed, item.title)


@fault("swapped_columns", "相邻两列的内容互换")
def _swapped(draft: Draft, chance: random.Random) -> Planted | None:
    first = chance.randrange(2, len(draft.headers) - 1)
    return _swap(draft, first)


def _swap(draft: Draft, first: int) -> Planted:
    rows = [list(row) for row in draft.rows]
    for row in rows:
        row[first], row[first + 1] = row[first + 1], row[first]
    return planted(draft.with_rows(rows), f"{draft.headers[first]}、{draft.headers[first + 1]}")


@fault("shifted_columns", "自某列起整体右移一列")
def _shifted(draft: Draft, chance: random.Random) -> Planted | None:
    start = chance.randrange(1, len(draft.headers) - 1)
    rows = [(*row[:start], "", *row[start:-1]) for row in draft.rows]
    return planted(draft.with_rows(rows), draft.headers[start])


@fault("extra_field", "一行多出一个字段（未加引号的逗号）")
def _extra_field(draft: Draft, chance: random.Random) -> Planted | None:
    rows = [list(row) for row in draft.rows]
    row = chance.choice(rows)
    row.insert(chance.randrange(1, len(row)), "（二期）")
    return planted(draft.with_rows(rows), "一行")


@fault("truncated_file", "文件传输中断，只有前半")
def _truncated(draft: Draft, chance: random.Random) -> Planted | None:
    whole = draft.as_csv()
    return Planted(whole[: int(len(whole) * 0.55)], draft.delivered_on, "全文")


@fault("row_collapse", "行数骤减到不足一成")
def _collapse(draft: Draft, chance: random.Random) -> Planted | None:
    return planted(draft.with_rows(list(draft.rows[: max(1, len(draft.rows) // 15)])), "全文")


@fault("rows_repeated", "整批数据重复粘贴了一遍")
def _repeated(draft: Draft, chance: random.Random) -> Planted | None:
    return planted(draft.with_rows([*draft.rows, *draft.rows]), "全文")


@fault("header_only", "只有表头没有数据")
def _header_only(draft: Draft, chance: random.Random) -> Planted | None:
    return planted(draft.with_rows([]), "全文")


@fault("empty_file", "空文件")
def _empty_file(draft: Draft, chance: random.Random) -> Planted | None:
    return Planted(b"", draft.delivered_on, "全文")


@fault("renamed_other_format", "把网页或文档改个后缀报来")
def _other_format(draft: Draft, chance: random.Random) -> Planted | None:
    return Planted(b"<html><body>\xc3\xa9</body></html>", draft.delivered_on, "全文", "xlsx")


@fault("stale_delivery", "内容陈旧：报的是很久以前的数据")
def _stale(draft: Draft, chance: random.Random) -> Planted | None:
    late = dt.timedelta(days=LATE.get(draft.contract.update_cycle, 95) * 4)
    return replace(planted(draft, "全文"), delivered_on=draft.delivered_on + late)


@fault("late_delivery", "报送逾期一个周期以上")
def _late(draft: Draft, chance: random.Random) -> Planted | None:
    late = dt.timedelta(days=LATE.get(draft.contract.update_cycle, 95))
    return replace(planted(draft, "全文"), delivered_on=draft.delivered_on + late)


@fault("missing_period", "中间缺一个月（一年）的数据")
def _missing_period(draft: Draft, chance: random.Random) -> Planted | None:
    contract = draft.contract
    if contract.valid_kind not in ("month", "year") or contract.valid_on is None:
        return None
    item = contract.item(contract.valid_on)
    periods = sorted(set(draft.column(item)))
    if len(periods) < 3:
        return None
    gone = chance.choice(periods[1:-1])
    at = draft.at(item)
    return planted(draft.with_rows([row for row in draft.rows if row[at] != gone]), f"{item.title} {gone}")


@fault("duplicate_key", "同一记录报了两遍且内容不同")
def _duplicate_key(draft: Draft, chance: random.Random) -> Planted | None:
    row = list(chance.choice(draft.rows))
    for at, item in enumerate(draft.contract.items):
        if item.physical_type == "DECIMAL(18,2)" and row[at] and item.id not in draft.contract.key:
            row[at] = f"{float(row[at]) + 1:.2f}"
            break
    return planted(draft.with_rows([*draft.rows, tuple(row)]), "主键")


@fault("same_file_again", "同一文件换个名字再报一次")
def _same_again(draft: Draft, chance: random.Random) -> Planted | None:
    return replace(planted(draft, "全文"), delivered_on=draft.delivered_on + dt.timedelta(days=1))


@fault("foreign_file", "报成了别的部门的表")
def _foreign(draft: Draft, chance: random.Random) -> Planted | None:
    from config.mutations.draft import draw

    other = draw(_FOREIGN if draft.contract.id != _FOREIGN else "court.judicial_case")
    return Planted(other.as_csv(), draft.delivered_on, other.contract.title)


@fault("header_typo", "表头写错")
def _header_typo(draft: Draft, chance: random.Random) -> Planted | None:
    at = chance.randrange(len(draft.headers))
    headers = list(draft.headers)
    headers[at] = f"{headers[at]}栏"
    return planted(replace(draft, headers=tuple(headers)), draft.headers[at])


@fault("column_dropped", "少报一列")
def _column_dropped(draft: Draft, chance: random.Random) -> Planted | None:
    at = chance.randrange(len(draft.headers))
    shorter = replace(
        draft,
        headers=(*draft.headers[:at], *draft.headers[at + 1 :]),
        rows=tuple((*row[:at], *row[at + 1 :]) for row in draft.rows),
    )
    return planted(shorter, draft.headers[at])


@fault("repeated_header", "两列用了同一个表头")
def _repeated_header(draft: Draft, chance: random.Random) -> Planted | None:
    at = chance.randrange(1, len(draft.headers))
    headers = list(draft.headers)
    headers[at] = headers[at - 1]
    return planted(replace(draft, headers=tuple(headers)), draft.headers[at])


@fault("no_header", "没有表头，首行就是数据")
def _no_header(draft: Draft, chance: random.Random) -> Planted | None:
    content = draft.as_csv().split(b"\r\n", 1)[1]
    return Planted(content, draft.delivered_on, "表头")


@fault("title_above", "表头之上有大标题行")
def _title_above(draft: Draft, chance: random.Random) -> Planted | None:
    title = f"{draft.contract.title}（报送稿）\r\n".encode("utf-8-sig")
    return Planted(title + draft.as_csv("utf-8"), draft.delivered_on, "表头")


@fault("total_row", "末尾带合计行")
def _total_row(draft: Draft, chance: random.Random) -> Planted | None:
    return planted(draft.with_rows([*draft.rows, ("", "合计", *["1"] * (len(draft.headers) - 2))]), "末行")


@fault("footnote", "末尾带填报人签注")
def _footnote(draft: Draft, chance: random.Random) -> Planted | None:
    return Planted(draft.as_csv() + "填报单位（盖章）\r\n".encode(), draft.delivered_on, "末行")


@fault("damaged_bytes", "部分字节损坏，不合编码")
def _damaged_bytes(draft: Draft, chance: random.Random) -> Planted | None:
    content = draft.as_csv()
    at = content.index(b"\r\n", len(content) // 2) + 4
    return Planted(content[:at] + b"\xff\xfe" + content[at:], draft.delivered_on, "一行")


@fault("wrong_encoding", "整个文件按错误编码转存")
def _wrong_encoding(draft: Draft, chance: random.Random) -> Planted | None:
    return Planted(draft.as_csv("utf-8").decode("latin-1").encode(), draft.delivered_on, "全文")


@fault("merged_cells", "工作簿里合并了单元格，只有首行有值")
def _merged(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.is_required or item.id == "uscc")
    if item is None:
        return None
    column = draft.at(item) + 1

    def merge(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        sheet.merge_cells(start_row=2, end_row=6, start_column=column, end_column=column)
        if item.id == "uscc" and "name" in draft.contract.columns:
            named = draft.contract.columns.index("name") + 1
            sheet.merge_cells(start_row=2, end_row=6, start_column=named, end_column=named)

    return Planted(draft.as_workbook(merge), draft.delivered_on, item.title, "xlsx")


@fault("formula_cells", "工作簿里整列是未计算的公式")
def _formula_cells(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.type in ("decimal", "integer"))
    if item is None:
        return None
    column = draft.at(item) + 1

    def compute(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        for row in range(2, len(draft.rows) + 2):
            sheet.cell(row, column).value = f"=A{row}*2"

    return Planted(draft.as_workbook(compute), draft.delivered_on, item.title, "xlsx")


@fault("constant_column", "整列变成同一个值")
def _constant(draft: Draft, chance: random.Random) -> Planted | None:
    def varies(item: Item) -> bool:
        return item.id not in (*draft.contract.key, "name") and len(set(draft.column(item))) > 8

    item = pick(draft, chance, varies)
    if item is None:
        return None
    value = next(cell for cell in draft.column(item) if cell)
    return planted(draft.changed(item, lambda _: value), item.title)


@fault("column_emptied", "整列清空")
def _emptied(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: item.id not in ("uscc", "name"))
    return None if item is None else planted(draft.changed(item, lambda _: ""), item.title)


@fault("amounts_drift", "整列金额分布突变")
def _amounts_drift(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: _is_amount(item) and _is_filled(draft, item))
    if item is None:
        return None
    return planted(draft.changed(item, lambda cell: cell and f"{float(cell) * 24:.2f}"), item.title)


@fault("codes_drift", "整列代码集中到一个少见的值")
def _codes_drift(draft: Draft, chance: random.Random) -> Planted | None:
    item = pick(draft, chance, lambda item: bool(item.code_list) and len(set(draft.column(item))) > 2)
    if item is None:
        return None
    column = [cell for cell in draft.column(item) if cell]
    rare = min(sorted(set(column)), key=column.count)
    return planted(draft.changed(item, lambda cell: cell and rare), item.title)
