"""Financial statements as filed with the tax office: liquidity, structure, turnover, profit, cash.

Small enterprises may file a simplified set, and those taxed at a fixed rate none: an item that was not delivered leaves what needs it missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.finance import OLDEST_YEARS, year
from rongqiao.indicators.registry import At, Bounds, Direction, Source, indicator
from rongqiao.indicators.series import GROWTH_BOUNDS, divide, growth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BALANCE, INCOME, FLOW = "taxation.balance_sheet", "taxation.income_statement", "taxation.cash_flow_statement"
CONSENT = "financial_statements"
FILED = {BALANCE: "filed_on", INCOME: "filed_on", FLOW: "submitted_on"}
DAYS = 365
SHARE, SIGNED, FREE = (0.0, None), (-1.0, 1.0), (None, None)


def _statements(*contracts: str) -> Callable[[Mapping[str, Any], At], Any]:
    """Years in which all of these statements were filed; ``nth`` 0 is the newest of them, at most two years old."""

    def prepare(tables: Mapping[str, Any], at: At) -> Any:
        keys = ["enterprise_id", "fiscal_year"]
        joined: Any = None
        for name in contracts:
            rows = tables[name]
            filed = rows[FILED[name]]
            rows = rows.filter((filed <= at.end_on) | filed.isnull())
            kept = [column for column in rows.columns if column in keys or column.endswith("_cny")]
            joined = rows.select(*kept) if joined is None else joined.inner_join(rows.select(*kept), keys)
        joined = joined.mutate(newest=joined.fiscal_year.max().over(ibis.window(group_by="enterprise_id")))
        joined = joined.filter(joined.newest >= at.as_of // 100 - OLDEST_YEARS)
        return joined.mutate(nth=joined.newest - joined.fiscal_year)

    return prepare


BALANCES = Source("balance_sheet", (BALANCE,), "latest", _statements(BALANCE))
INCOMES = Source("income_statement", (INCOME,), "latest", _statements(INCOME))
BOOKS = Source("balance_and_income", (BALANCE, INCOME), "latest", _statements(BALANCE, INCOME))
DEBT_FLOWS = Source("balance_and_cash_flow", (BALANCE, FLOW), "latest", _statements(BALANCE, FLOW))
SALES_FLOWS = Source("income_and_cash_flow", (INCOME, FLOW), "latest", _statements(INCOME, FLOW))


@dataclass(frozen=True, slots=True)
class _Quotient:
    """Measure of a quotient, and where it has none: a denominator that is not above zero."""

    measure: Callable[[Any], Any]
    undefined: Callable[[Any], Any]


def _declare(
    source: Source, id: str, title: str, title_en: str, formula: str, measure: Callable[[Any], Any] | _Quotient, *,
    direction: Direction = "higher_better", undefined: Callable[[Any], Any] | None = None, window: int = 12,
    bounds: Bounds | None = None,
) -> None:  # fmt: skip
    if isinstance(measure, _Quotient):
        undefined = measure.undefined
        measure = measure.measure
    indicator(
        id=f"finance_{id}", title=title, title_en=title_en, theme="finance", source=source, direction=direction,
        formula=formula, window=window, consent_class=CONSENT, undefined=undefined, bounds=bounds,
    )(measure)  # fmt: skip


def _over(
    above: Callable[[Any], Any], below: Callable[[Any], Any], *, clip: tuple[float, float] | None = None
) -> _Quotient:
    def measure(t: Any) -> Any:
        value = divide(above(t), below(t))
        return value if clip is None else value.clip(*clip)

    return _Quotient(measure, lambda t: below(t) <= 0)


def _now(*columns: str) -> Callable[[Any], Any]:
    """Sum of items of the newest year; null where one of them was not delivered."""

    def added(t: Any) -> Any:
        first, *others = (year(t, column) for column in columns)
        return sum(others, first)

    return added


def _profit_before_interest(t: Any) -> Any:
    return year(t, "total_profit_cny") + year(t, "interest_expense_cny")


_revenue, _assets, _current = _now("revenue_cny"), _now("total_assets_cny"), _now("current_liabilities_cny")

_declare(
    INCOMES, "statement_revenue_y1_cny", "报税营业收入", "Revenue, income statement", "最近年度利润表营业收入", _revenue, bounds=FREE,
)  # fmt: skip
_declare(
    INCOMES, "total_profit_y1_cny", "利润总额", "Profit before tax", "最近年度利润表利润总额", _now("total_profit_cny"), bounds=FREE,
)  # fmt: skip
_declare(
    INCOMES, "gross_margin_ratio", "毛利率", "Gross margin", "1−营业成本÷营业收入，截断于[-1,1]",
    lambda t: (1 - divide(year(t, "operating_cost_cny"), _revenue(t))).clip(-1.0, 1.0),
    undefined=lambda t: _revenue(t) <= 0, bounds=SIGNED,
)  # fmt: skip
_declare(
    INCOMES, "ebit_margin_ratio", "息税前利润率", "Margin before interest and tax", "（利润总额＋利息费用）÷营业收入，截断于[-1,1]",
    _over(_profit_before_interest, _revenue, clip=(-1.0, 1.0)), bounds=SIGNED,
)  # fmt: skip
_declare(
    INCOMES, "interest_cover_ratio", "利息保障倍数", "Interest cover", "（利润总额＋利息费用）÷利息费用，截断于[-100,100]；没有利息费用为不适用",
    _over(_profit_before_interest, _now("interest_expense_cny"), clip=(-100.0, 100.0)), bounds=(-100.0, 100.0),
)  # fmt: skip
_declare(
    INCOMES, "expense_ratio", "期间费用率", "Selling, administrative and financial expense over revenue", "（销售费用＋管理费用＋财务费用）÷营业收入",
    _over(_now("selling_expense_cny", "admin_expense_cny", "finance_expense_cny"), _revenue), direction="lower_better", bounds=FREE,
)  # fmt: skip
_declare(
    INCOMES, "profit_yoy_ratio", "利润总额增长率", "Growth of profit before tax", "最近年度÷上一年−1，截断于[-1,5]；上一年没有盈利为不适用",
    lambda t: growth(year(t, "total_profit_cny"), year(t, "total_profit_cny", 1)),
    undefined=lambda t: year(t, "total_profit_cny", 1) <= 0, window=24, bounds=GROWTH_BOUNDS,
)  # fmt: skip

_declare(
    BALANCES, "fixed_assets_y1_cny", "固定资产", "Fixed assets", "最近年度资产负债表固定资产", _now("fixed_assets_cny"), direction="neutral",
)  # fmt: skip
_declare(
    BALANCES, "long_assets_y1_cny", "固定及无形资产", "Fixed and intangible assets", "最近年度固定资产＋无形资产，后者含土地使用权",
    _now("fixed_assets_cny", "intangible_assets_cny"), direction="neutral",
)  # fmt: skip
_declare(
    BALANCES, "receivables_y1_cny", "应收账款", "Receivables", "最近年度资产负债表应收账款", _now("receivables_cny"), direction="neutral",
)  # fmt: skip
_declare(
    BALANCES, "current_ratio", "流动比率", "Current ratio", "流动资产÷流动负债", _over(_now("current_assets_cny"), _current), bounds=SHARE,
)  # fmt: skip
_declare(
    BALANCES, "quick_ratio", "速动比率", "Quick ratio", "（流动资产−存货−预付款项）÷流动负债",
    _over(
        lambda t: year(t, "current_assets_cny") - year(t, "inventory_cny") - year(t, "prepayments_cny"), _current
    ),
    bounds=FREE,
)  # fmt: skip
_declare(
    BALANCES, "cash_ratio", "现金比率", "Cash ratio", "货币资金÷流动负债", _over(_now("cash_cny"), _current), bounds=SHARE,
)  # fmt: skip
for _item, _title, _title_en in (
    ("receivable", "应收账款", "Receivables"),
    ("inventory", "存货", "Inventory"),
    ("other_receivable", "其他应收款", "Other receivables"),
):
    _column = "inventory_cny" if _item == "inventory" else f"{_item}s_cny"
    _declare(
        BALANCES, f"{_item}_share_ratio", f"{_title}占资产比重", f"{_title_en}, share of assets", f"{_title}÷资产总计",
        _over(_now(_column), _assets), direction="lower_better", bounds=SHARE,
    )  # fmt: skip
_declare(
    BALANCES, "short_debt_share_ratio", "短期借款占比", "Short-term share of loans", "短期借款÷（短期借款＋长期借款）；没有借款为不适用",
    _over(_now("short_loans_cny"), _now("short_loans_cny", "long_loans_cny")), direction="lower_better",
)  # fmt: skip
_declare(
    BALANCES, "equity_yoy_ratio", "净资产增长率", "Growth of net assets", "最近年度所有者权益÷上一年−1，截断于[-1,5]；上一年不为正为不适用",
    lambda t: growth(year(t, "equity_cny"), year(t, "equity_cny", 1)), undefined=lambda t: year(t, "equity_cny", 1) <= 0,
    window=24, bounds=GROWTH_BOUNDS,
)  # fmt: skip
_declare(
    BALANCES, "tangible_net_worth_y1_cny", "有形净资产", "Tangible net worth", "所有者权益−无形资产",
    lambda t: year(t, "equity_cny") - year(t, "intangible_assets_cny"), bounds=FREE,
)  # fmt: skip
_declare(
    BALANCES, "working_capital_y1_cny", "营运资本", "Working capital", "流动资产−流动负债",
    lambda t: year(t, "current_assets_cny") - _current(t), bounds=FREE,
)  # fmt: skip
_declare(
    BALANCES, "working_capital_need_y1_cny", "经营占用资金", "Working capital tied up in operations", "应收账款＋应收票据＋预付款项＋存货−应付账款",
    lambda t: _now("receivables_cny", "notes_receivable_cny", "prepayments_cny", "inventory_cny")(t) - year(t, "payables_cny"),
    direction="neutral", bounds=FREE,
)  # fmt: skip


def _days(column: str, per: str) -> _Quotient:
    return _over(lambda t: year(t, column) * DAYS, _now(per))


_declare(
    BOOKS, "receivable_days", "应收账款周转天数", "Days of sales in receivables", "年末应收账款×365÷营业收入",
    _days("receivables_cny", "revenue_cny"), direction="lower_better",
)  # fmt: skip
_declare(
    BOOKS, "inventory_days", "存货周转天数", "Days of cost in inventory", "年末存货×365÷营业成本",
    _days("inventory_cny", "operating_cost_cny"), direction="lower_better",
)  # fmt: skip
_declare(
    BOOKS, "payable_days", "应付账款周转天数", "Days of cost in payables", "年末应付账款×365÷营业成本",
    _days("payables_cny", "operating_cost_cny"), direction="u_shaped",
)  # fmt: skip
_declare(
    BOOKS, "cash_cycle_days", "现金周转天数", "Cash conversion cycle", "应收账款周转天数＋存货周转天数−应付账款周转天数",
    lambda t: divide(year(t, "receivables_cny") * DAYS, _revenue(t))
    + divide((year(t, "inventory_cny") - year(t, "payables_cny")) * DAYS, year(t, "operating_cost_cny")),
    undefined=lambda t: (_revenue(t) <= 0) | (year(t, "operating_cost_cny") <= 0), direction="lower_better", bounds=FREE,
)  # fmt: skip
_declare(
    BOOKS, "fixed_asset_turnover_ratio", "固定资产周转率", "Turnover of fixed assets", "营业收入÷年末固定资产",
    _over(_revenue, _now("fixed_assets_cny")), bounds=FREE,
)  # fmt: skip
_declare(
    BOOKS, "debt_to_ebit_ratio", "有息负债与息税前利润之比", "Loans over profit before interest and tax",
    "（短期借款＋长期借款）÷（利润总额＋利息费用），截断于[0,100]；息税前利润不为正为不适用",
    _over(_now("short_loans_cny", "long_loans_cny"), _profit_before_interest, clip=(0.0, 100.0)),
    direction="lower_better", bounds=(0.0, 100.0),
)  # fmt: skip
_declare(
    BOOKS, "altman_z_ratio", "Z″值（新兴市场模型）", "Altman Z″ for emerging markets",
    "3.25＋6.56×营运资本÷资产＋3.26×未分配利润÷资产＋6.72×息税前利润÷资产＋1.05×所有者权益÷负债，截断于[-20,20]；没有资产或负债为不适用",
    lambda t: (
        3.25
        + 6.56 * divide(year(t, "current_assets_cny") - _current(t), _assets(t))
        + 3.26 * divide(year(t, "retained_earnings_cny"), _assets(t))
        + 6.72 * divide(_profit_before_interest(t), _assets(t))
        + 1.05 * divide(year(t, "equity_cny"), year(t, "total_liabilities_cny"))
    ).clip(-20.0, 20.0),
    undefined=lambda t: (_assets(t) <= 0) | (year(t, "total_liabilities_cny") <= 0), bounds=(-20.0, 20.0),
)  # fmt: skip

_declare(
    DEBT_FLOWS, "cash_flow_to_debt_ratio", "经营现金流与负债之比", "Operating cash flow over liabilities", "经营活动现金流量净额÷负债合计，截断于[-5,5]",
    _over(_now("operating_net_cny"), _now("total_liabilities_cny"), clip=(-5.0, 5.0)), bounds=(-5.0, 5.0),
)  # fmt: skip
_declare(
    SALES_FLOWS, "cash_flow_margin_ratio", "经营现金流与收入之比", "Operating cash flow over revenue", "经营活动现金流量净额÷营业收入，截断于[-1,1]",
    _over(_now("operating_net_cny"), _revenue, clip=(-1.0, 1.0)), bounds=SIGNED,
)  # fmt: skip
_declare(
    SALES_FLOWS, "cash_collected_ratio", "收现比", "Cash received from sales over revenue", "销售商品、提供劳务收到的现金÷营业收入，截断于[0,5]",
    _over(_now("sales_received_cny"), _revenue, clip=(0.0, 5.0)), bounds=(0.0, 5.0),
)  # fmt: skip
