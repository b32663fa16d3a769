"""The same thing told by two sources: a gap between them is a question to ask, not yet a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.finance import year
from rongqiao.indicators.invoice import SUMMARY
from rongqiao.indicators.registry import At, Bounds, Direction, Source, indicator
from rongqiao.indicators.series import divide
from rongqiao.indicators.statements import BALANCE, BOOKS, INCOME

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Months of a year with purchases that stand for the year.
MONTHS = 10
MOST = 100.0
DERIVED = Source("derived_cross", (), "derived", lambda tables, at: next(iter(tables.values())))


def _declare(
    id: str, title: str, title_en: str, formula: str, above: str, below: str, *, consent_class: str, direction: Direction = "u_shaped",
    bounds: Bounds = (0.0, MOST),
) -> None:  # fmt: skip
    """Declare the quotient of two indicators; not applicable where the lower one is not above zero."""
    indicator(
        id=f"cross_{id}_ratio", title=title, title_en=title_en, theme="cross", source=DERIVED, direction=direction,
        formula=f"{formula}，截断于[{bounds[0]:g},{bounds[1]:g}]", window=12, consent_class=consent_class, bounds=bounds,
        inputs=(above, below), undefined=lambda t: t[below] <= 0,
    )(lambda t: divide(t[above], t[below]).clip(*bounds))  # fmt: skip


_declare(
    "invoice_vs_inflow_m12", "开票与资金流入之比", "Invoiced sales over money received in 12 months", "近12个月开票金额÷近12个月账户资金流入",
    "invoice_out_amount_sum_m12_cny", "cashflow_inflow_sum_m12_cny", consent_class="cashflow",
)  # fmt: skip
_declare(
    "insured_vs_fund_m3", "参保与公积金缴存人数之比", "Insured staff over staff with a housing fund", "近3个月平均参保人数÷近3个月平均缴存人数",
    "social_insured_headcount_avg_m3_count", "hpf_depositor_avg_m3_count", consent_class="social_insurance",
)  # fmt: skip
_declare(
    "insured_vs_withheld_m3", "参保与个税扣缴人数之比", "Insured staff over persons with wages taxed", "近3个月平均参保人数÷近3个月平均扣缴人数",
    "social_insured_headcount_avg_m3_count", "tax_withheld_persons_avg_m3_count", consent_class="social_insurance",
)  # fmt: skip
_declare(
    "base_vs_wage_m12", "社保缴费基数与工资之比", "Contribution base over wages taxed, per head", "近12个月人均缴费基数÷近12个月人均扣缴工资",
    "social_base_per_head_m12_cny", "tax_wage_per_head_m12_cny", consent_class="social_insurance",
)  # fmt: skip
_declare(
    "export_tax_vs_customs_m12", "申报出口与海关出口之比", "Exports declared for tax over exports at customs", "近12个月申报出口销售额÷近12个月海关出口额",
    "tax_export_sales_sum_m12_cny", "customs_export_sum_m12_cny", consent_class="customs",
)  # fmt: skip
_declare(
    "income_tax_vs_profit", "所得税与利润总额之比", "Corporate income tax paid over profit before tax", "近12个月实缴企业所得税÷最近年度利润总额",
    "tax_cit_paid_sum_m12_cny", "finance_total_profit_y1_cny", consent_class="financial_statements", direction="neutral", bounds=(-1.0, 1.0),
)  # fmt: skip
_declare(
    "revenue_report_vs_statement", "年报与报税营业收入之比", "Revenue of the annual report over that of the income statement", "最近年报营业收入÷最近年度利润表营业收入",
    "finance_revenue_y1_cny", "finance_statement_revenue_y1_cny", consent_class="financial_statements",
)  # fmt: skip
_declare(
    "property_vs_books", "登记不动产与账面长期资产之比", "Registered price of real estate over fixed and intangible assets", "自有不动产登记取得价格÷最近年度固定及无形资产",
    "assets_property_price_cny", "finance_long_assets_y1_cny", consent_class="real_estate",
)  # fmt: skip
_declare(
    "invoice_vs_limit_m3", "月均开票与总额度之比", "Invoiced sales a month over the limit of invoices", "近3个月月均开票金额÷数电票月度总额度",
    "invoice_out_amount_avg_m3_cny", "tax_invoice_limit_cny", consent_class="invoice", direction="lower_better",
)  # fmt: skip


def _prepare_stock(tables: Mapping[str, Any], at: At) -> Any:
    """Years of statements with what was bought by invoice in the same calendar year."""
    books = BOOKS.prepare(tables, at)
    bought = tables[SUMMARY].semi_join(books, "enterprise_id")
    bought = bought.group_by("enterprise_id", fiscal_year=bought.period // 100).aggregate(
        purchases=bought.in_amount_cny.sum(), months=bought.in_amount_cny.count()
    )
    return books.left_join(bought, ["enterprise_id", "fiscal_year"]).drop(
        "enterprise_id_right", "fiscal_year_right"
    )


STOCK = Source("purchases_and_stock", (BALANCE, INCOME, SUMMARY), "latest", _prepare_stock, is_led=True)


def _used(t: Any) -> Any:
    return year(t, "operating_cost_cny") + year(t, "inventory_cny") - year(t, "inventory_cny", 1)


@indicator(
    id="cross_purchases_vs_stock_y1_ratio", title="进项与成本存货之比", title_en="Purchases by invoice over cost and change of inventory", theme="cross", source=STOCK, direction="u_shaped",
    formula="最近年度取得发票金额÷（营业成本＋存货增加额），截断于[0,100]，该年至少10个月有数据", window=24, consent_class="financial_statements",
    undefined=lambda t: _used(t) <= 0, bounds=(0.0, MOST),
)  # fmt: skip
def _purchases(t: Any) -> Any:
    bought = ibis.ifelse(year(t, "months") >= MONTHS, year(t, "purchases"), None)
    return divide(bought, _used(t)).clip(0.0, MOST)
