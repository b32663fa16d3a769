"""House style of each department: file format, encoding, headers, dates, units, spelling of codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.contracts.catalog import code_list

if TYPE_CHECKING:
    from rongqiao.contracts.standards import Contract, Item


@dataclass(frozen=True, slots=True)
class HouseStyle:
    """How one department writes one contract.

    Parameters
    ----------
    suffix : str
        ``csv``, ``xlsx`` or ``jsonl``.
    encoding : str
        Of CSV files.
    date_format, month_format : str
        ``strftime`` patterns of dates and months.
    headers : dict
        Item → header where it is not the official title; must be one that the contract accepts.
    spellings : dict
        Item → position of the alias by which its codes are written; otherwise the official title.
    """

    suffix: str = "csv"
    encoding: str = "gb18030"
    date_format: str = "%Y-%m-%d"
    month_format: str = "%Y%m"
    headers: dict[str, str] = field(default_factory=dict)
    spellings: dict[str, int] = field(default_factory=dict)


_IN_WAN = (
    "revenue_cny",
    "main_revenue_cny",
    "total_assets_cny",
    "total_liabilities_cny",
    "net_profit_cny",
    "tax_total_cny",
    "rd_expense_cny",
)

STYLES: dict[str, HouseStyle] = {
    "market_regulation.registry": HouseStyle(
        headers={
            "registered_capital_cny": "注册资本（万元）",
            "paid_in_capital_cny": "实缴资本（万元）",
            "address": "住所（经营场所）",
            "industry_code": "国民经济行业代码",
            "snapshot_on": "数据日期",
        },
    ),
    "market_regulation.change": HouseStyle(date_format="%Y/%m/%d", headers={"changed_on": "核准日期"}),
    "market_regulation.annual_report": HouseStyle(
        encoding="utf-8-sig",
        headers={
            "revenue_cny": "营业总收入（万元）",
            "main_revenue_cny": "主营业务收入（万元）",
            "total_assets_cny": "资产总额（万元）",
            "total_liabilities_cny": "负债总额（万元）",
            "net_profit_cny": "净利润（万元）",
            "tax_total_cny": "纳税总额（万元）",
        },
    ),
    "market_regulation.penalty": HouseStyle(
        date_format="%Y年%m月%d日",
        headers={"name": "当事人名称", "document_no": "行政处罚决定书文号"},
        spellings={"kind": 0},
    ),
    "market_regulation.listing": HouseStyle(headers={"name": "市场主体名称"}, spellings={"list_kind": 0}),
    "taxation.tax_filing": HouseStyle(
        encoding="utf-8-sig",
        headers={
            "uscc": "社会信用代码（纳税人识别号）",
            "name": "纳税人名称",
            "period": "税款所属期",
            "vat_paid_cny": "入库增值税",
            "cit_paid_cny": "入库企业所得税",
        },
    ),
    "taxation.tax_grade": HouseStyle(
        encoding="utf-8-sig",
        headers={"uscc": "社会信用代码（纳税人识别号）", "name": "纳税人名称"},
    ),
    "taxation.invoice_summary": HouseStyle(
        encoding="utf-8-sig",
        headers={
            "uscc": "社会信用代码（纳税人识别号）",
            "name": "纳税人名称",
            "out_amount_cny": "销项金额",
            "in_amount_cny": "进项金额",
        },
    ),
    "human_resources.social_insurance": HouseStyle(
        month_format="%Y-%m", headers={"name": "单位名称", "contribution_base_cny": "缴费工资总额"}
    ),
    "utilities.utility_usage": HouseStyle(suffix="jsonl", encoding="utf-8"),
    "court.judicial_case": HouseStyle(
        date_format="%Y/%m/%d",
        headers={
            "name": "当事人名称",
            "case_no": "案件编号",
            "filed_on": "立案时间",
            "closed_on": "结案时间",
        },
    ),
    "intellectual_property.ip_right": HouseStyle(
        suffix="xlsx", headers={"name": "权利人名称", "granted_on": "授权公告日"}, spellings={"kind": 0}
    ),
    "science.title": HouseStyle(
        suffix="xlsx", headers={"granted_on": "发证日期"}, spellings={"title_kind": 0}
    ),
}


def style_of(contract_id: str) -> HouseStyle:
    """How the department writes a contract; in the plainest way where nothing else is known."""
    return STYLES.get(contract_id, HouseStyle())


def header_of(item: Item, style: HouseStyle) -> str:
    """Header under which the department sends the item."""
    return style.headers.get(item.id, item.title)


def scale_of(item: Item, style: HouseStyle) -> int:
    """Factor from the header's unit to the item's: 10,000 where the header says 万元."""
    return dict(item.scaled_headers).get(header_of(item, style), 1)


def _render_amount(column: pa.Array, item: Item, style: HouseStyle) -> pa.Array:
    scale = scale_of(item, style)
    if scale == 1:
        return pc.cast(pc.cast(column, pa.decimal128(20, 2), safe=False), pa.string())
    return pc.cast(pc.cast(pc.divide(column, float(scale)), pa.decimal128(24, 6), safe=False), pa.string())


def _render_code(column: pa.Array, item: Item, style: HouseStyle) -> pa.Array:
    assert item.code_list is not None
    known = code_list(item.code_list).entries
    spelling: dict[object, str] = {}
    for code in known:
        position = style.spellings.get(item.id)
        usable = position is not None and position < len(code.aliases)
        spelling[code.code] = code.aliases[position or 0] if usable else code.title
    return pa.array([None if value is None else spelling[value] for value in column.to_pylist()], pa.string())


def render(rows: pa.Table, contract: Contract, style: HouseStyle) -> dict[str, pa.Array]:
    """Turn typed rows into the texts that the department would write.

    Returns
    -------
    dict
        Item id → string array in the contract's order; null stays null.
    """
    texts: dict[str, pa.Array] = {}
    for item in contract.items:
        column = rows[item.id].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
        texts[item.id] = _render_item(column, item, style)
    return texts


def _render_item(column: pa.Array, item: Item, style: HouseStyle) -> pa.Array:
    if item.code_list is not None:
        return _render_code(column, item, style)
    if item.type == "decimal":
        return _render_amount(column, item, style)
    if item.type == "date":
        return _by_value(column, lambda day: day.strftime(style.date_format))
    if item.type == "month":
        return _by_value(
            column,
            lambda month: style.month_format.replace("%Y", str(month // 100)).replace(
                "%m", f"{month % 100:02d}"
            ),
        )
    if item.type == "boolean":
        return pc.if_else(column, "是", "否")
    return pc.cast(column, pa.string())


def _by_value(column: pa.Array, spell: object) -> pa.Array:
    """Spell each distinct value once."""
    encoded = column.dictionary_encode()
    words = [spell(value) for value in encoded.dictionary.to_pylist()]  # type: ignore[operator]
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(words, pa.string())).cast(pa.string())
