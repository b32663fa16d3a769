"""Annual reports: scale, growth, profit, structure. The newest report at most two years old counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.registry import At, Bounds, Direction, Source, indicator
from rongqiao.indicators.series import GROWTH_BOUNDS, divide, growth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REPORT = "market_regulation.annual_report"
CONSENT = "annual_report"
MEASURES = (
    "employees", "revenue_cny", "main_revenue_cny", "total_assets_cny", "total_liabilities_cny",
    "net_profit_cny", "tax_total_cny", "rd_expense_cny",
)  # fmt: skip
OLDEST_YEARS = 2


def _prepare(tables: Mapping[str, Any], at: At) -> Any:
    """Order reports by age relative to the newest usable one: ``nth`` 0 is the newest, 1 the year before."""
    rows = tables[REPORT]
    rows = rows.filter((rows.reported_on <= at.end_on) | rows.reported_on.isnull())
    newest = rows.group_by("enterprise_id").aggregate(newest=rows.report_year.max())
    rows = rows.inner_join(newest.filter(newest.newest >= at.as_of // 100 - OLDEST_YEARS), "enterprise_id")
    return rows.mutate(nth=rows.newest - rows.report_year)


REPORTS = Source("annual_report", (REPORT,), "latest", _prepare)


def year(t: Any, column: str, nth: int = 0) -> Any:
    """Value of the newest report (0), or of the one so many years before it; null if it is not there."""
    return t[column].max(where=t.nth == nth)


def _declare(
    id: str,
    title: str,
    title_en: str,
    formula: str,
    measure: Callable[[Any], Any],
    *,
    direction: Direction = "higher_better",
    base: str | None = None,
    undefined: Callable[[Any], Any] | None = None,
    window: int = 12,
    bounds: Bounds | None = None,
) -> None:
    """Declare a figure of the newest report; ``base`` is the denominator that must be above zero."""
    undefined = (lambda t: year(t, base) <= 0) if base else undefined
    indicator(
        id=f"finance_{id}", title=title, title_en=title_en, theme="finance", source=REPORTS, direction=direction, formula=formula,
        window=window, consent_class=CONSENT, undefined=undefined, bounds=bounds,
    )(measure)  # fmt: skip


_declare(
    "employees_y1_count",
    "年报从业人数",
    "Employees, annual report",
    "最近年报从业人数",
    lambda t: year(t, "employees"),
    direction="neutral",
)
_declare(
    "revenue_y1_cny",
    "年报营业收入",
    "Revenue, annual report",
    "最近年报营业收入",
    lambda t: year(t, "revenue_cny"),
)
_declare(
    "total_assets_y1_cny",
    "年报资产总额",
    "Total assets, annual report",
    "最近年报资产总额",
    lambda t: year(t, "total_assets_cny"),
    direction="neutral",
)
_declare(
    "net_profit_y1_cny",
    "年报净利润",
    "Net profit, annual report",
    "最近年报净利润",
    lambda t: year(t, "net_profit_cny"),
    bounds=(None, None),
)
_declare(
    "net_worth_y1_cny", "年报净资产", "Net worth, annual report", "资产总额−负债总额",
    lambda t: year(t, "total_assets_cny") - year(t, "total_liabilities_cny"), bounds=(None, None),
)  # fmt: skip
_declare(
    "debt_ratio", "资产负债率", "Liabilities over assets", "负债总额÷资产总额", lambda t: divide(year(t, "total_liabilities_cny"), year(t, "total_assets_cny")),
    direction="lower_better", base="total_assets_cny", bounds=(0.0, None),
)  # fmt: skip
_declare(
    "net_margin_ratio", "净利率", "Net profit margin", "净利润÷营业收入，截断于[-1,1]",
    lambda t: divide(year(t, "net_profit_cny"), year(t, "revenue_cny")).clip(-1.0, 1.0), base="revenue_cny", bounds=(-1.0, 1.0),
)  # fmt: skip
_declare(
    "return_on_assets_ratio", "总资产净利率", "Return on assets", "净利润÷资产总额，截断于[-1,1]",
    lambda t: divide(year(t, "net_profit_cny"), year(t, "total_assets_cny")).clip(-1.0, 1.0), base="total_assets_cny", bounds=(-1.0, 1.0),
)  # fmt: skip
_declare(
    "return_on_equity_ratio", "净资产收益率", "Return on equity", "净利润÷净资产，净资产不为正时不适用，截断于[-1,1]",
    lambda t: divide(
        year(t, "net_profit_cny"), year(t, "total_assets_cny") - year(t, "total_liabilities_cny")
    ).clip(-1.0, 1.0),
    undefined=lambda t: year(t, "total_assets_cny") - year(t, "total_liabilities_cny") <= 0, bounds=(-1.0, 1.0),
)  # fmt: skip
_declare(
    "asset_turnover_ratio", "总资产周转率", "Asset turnover", "营业收入÷资产总额",
    lambda t: divide(year(t, "revenue_cny"), year(t, "total_assets_cny")), base="total_assets_cny", bounds=(0.0, None),
)  # fmt: skip
_declare(
    "main_business_ratio", "主营业务收入占比", "Share of main business in revenue", "主营业务收入÷营业收入",
    lambda t: divide(year(t, "main_revenue_cny"), year(t, "revenue_cny")), base="revenue_cny", bounds=(0.0, None),
)  # fmt: skip
_declare(
    "rd_expense_y1_cny",
    "年报研发费用",
    "Research and development expense, annual report",
    "最近年报研发费用",
    lambda t: year(t, "rd_expense_cny"),
)
_declare(
    "rd_ratio", "研发费用占比", "Research and development expense over revenue", "研发费用÷营业收入", lambda t: divide(year(t, "rd_expense_cny"), year(t, "revenue_cny")),
    base="revenue_cny", bounds=(0.0, None),
)  # fmt: skip
_declare(
    "tax_to_revenue_ratio", "纳税总额占比", "Total taxes over revenue", "纳税总额÷营业收入", lambda t: divide(year(t, "tax_total_cny"), year(t, "revenue_cny")),
    direction="neutral", base="revenue_cny", bounds=(0.0, None),
)  # fmt: skip
_declare(
    "revenue_yoy_ratio", "营业收入增长率", "Revenue growth", "最近年报÷上一年−1，截断于[-1,5]",
    lambda t: growth(year(t, "revenue_cny"), year(t, "revenue_cny", 1)), window=24, bounds=GROWTH_BOUNDS,
)  # fmt: skip
_declare(
    "revenue_cagr2_ratio", "营业收入两年复合增长率", "Revenue, compound growth over two years", "（最近年报÷前两年）的平方根−1，截断于[-1,5]",
    lambda t: (divide(year(t, "revenue_cny").clip(lower=0), year(t, "revenue_cny", 2)).sqrt() - 1).clip(-1.0, 5.0),
    window=36, bounds=GROWTH_BOUNDS,
)  # fmt: skip
_declare(
    "profit_years_y3_count", "近三年盈利年数", "Years with a profit of the last three", "最近三份年报中净利润>0的年数，至少两份",
    lambda t: ibis.ifelse(
        t.net_profit_cny.count(where=t.nth < 3) >= 2, (t.net_profit_cny > 0).sum(where=t.nth < 3), None
    ),
    window=36, bounds=(0.0, 3.0),
)  # fmt: skip
_declare(
    "asset_growth_ratio", "资产增长率", "Growth of assets", "最近年报资产÷上一年−1，截断于[-1,5]",
    lambda t: growth(year(t, "total_assets_cny"), year(t, "total_assets_cny", 1)), window=24, bounds=GROWTH_BOUNDS,
)  # fmt: skip
_declare(
    "revenue_per_head_y1_cny", "人均营业收入", "Revenue per employee", "营业收入÷从业人数", lambda t: divide(year(t, "revenue_cny"), year(t, "employees")),
    base="employees",
)  # fmt: skip
_declare(
    "reports_y5_count", "近五年年报份数", "Annual reports of the last five years", "最近五个年度内的年报份数", lambda t: t.report_year.nunique(where=t.nth < 5), window=60, bounds=(0.0, 5.0)
)  # fmt: skip

DERIVED = Source("derived_finance", (), "derived", lambda tables, at: next(iter(tables.values())))


@indicator(
    id="finance_sales_tax_vs_report_ratio", title="申报销售与年报收入之比", title_en="Declared sales over reported revenue", theme="finance", source=DERIVED, direction="u_shaped",
    formula="近12个月应税销售额÷最近年报营业收入", window=12, consent_class=CONSENT,
    inputs=("tax_taxable_sales_sum_m12_cny", "finance_revenue_y1_cny"),
    undefined=lambda t: t.finance_revenue_y1_cny <= 0, bounds=(0.0, 100.0),
)  # fmt: skip
def _sales_vs_report(t: Any) -> Any:
    return divide(t.tax_taxable_sales_sum_m12_cny, t.finance_revenue_y1_cny).clip(0.0, 100.0)
