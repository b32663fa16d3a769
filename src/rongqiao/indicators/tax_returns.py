"""Returns and status at the tax office beside the monthly filing: VAT, income tax, refunds of export tax, wages withheld."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.events import dated, declare_events, lowest_of_last_day
from rongqiao.indicators.finance import OLDEST_YEARS
from rongqiao.indicators.registry import At, Source, indicator
from rongqiao.indicators.series import declare_series, divide, monthly, per, total, within
from rongqiao.indicators.tax_registers import TAXPAYER

if TYPE_CHECKING:
    from collections.abc import Mapping

RETURN, INCOME_TAX, REFUND, WAGES = (
    "taxation.vat_return", "taxation.cit_return", "taxation.export_refund", "taxation.wage_withholding",
)  # fmt: skip
CONSENT = "tax"
#: First class is trusted most.
REFUND_CLASSES = {"c1": 4, "c2": 3, "c3": 2, "c4": 1}

# Small taxpayers file by the quarter: with four rows a year they are missing here, and have no input tax to compare.
RETURNS = Source("vat_return", (RETURN,), "series", monthly(RETURN))


@indicator(
    id="tax_input_output_m12_ratio", title="近12个月进项销项税额比", title_en="Input tax over output tax in 12 months", theme="tax", source=RETURNS, direction="u_shaped",
    formula="进项税额合计÷销项税额合计，只计两者都有数据的月份，至少10个月", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, None),
)  # fmt: skip
def _input_output(t: Any) -> Any:
    return per(t, t.input_tax_cny, t.output_tax_cny, 12)


@indicator(
    id="tax_export_sales_sum_m12_cny", title="近12个月申报出口销售额", title_en="Export sales declared for VAT in 12 months", theme="tax", source=RETURNS, direction="higher_better",
    formula="免抵退办法出口销售额合计，至少10个月有申报", window=12, minimum=10, consent_class=CONSENT,
)  # fmt: skip
def _export_sales(t: Any) -> Any:
    return total(t, "sales_export_cny", 12)


@indicator(
    id="tax_amended_m12_count", title="近12个月增值税更正申报次数", title_en="VAT returns amended in 12 months", theme="tax", source=RETURNS, direction="lower_better",
    formula="更正申报次数合计，至少10个月有申报", window=12, minimum=10, consent_class=CONSENT,
)  # fmt: skip
def _amended(t: Any) -> Any:
    return total(t, "amended_times", 12)


WITHHELD = Source("wage_withholding", (WAGES,), "series", monthly(WAGES))
declare_series(
    WITHHELD, "persons", theme="tax", measure="withheld_persons", title="个税扣缴人数", title_en="Persons with wages taxed",
    unit="count", statistics=("avg_m3",), consent_class=CONSENT,
)  # fmt: skip


@indicator(
    id="tax_staff_turnover_m12_ratio", title="近12个月人员流动率", title_en="Staff turnover in 12 months", theme="tax", source=WITHHELD, direction="lower_better",
    formula="（新增人员＋离职人员）合计÷月均扣缴人数，只计三者都有数据的月份，至少10个月", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, None),
)  # fmt: skip
def _turnover(t: Any) -> Any:
    moved = t.joined + t.left_persons
    # A share a month; over the year it is as many times that as months were told.
    return per(t, moved, t.persons, 12) * (within(t, 12) & moved.notnull() & t.persons.notnull()).sum()


@indicator(
    id="tax_wage_per_head_m12_cny", title="近12个月人均月扣缴工资", title_en="Monthly wages taxed per head in 12 months", theme="tax", source=WITHHELD, direction="higher_better",
    formula="工资薪金收入额合计÷扣缴人数合计，只计两者都有数据的月份，至少10个月", window=12, minimum=10, consent_class=CONSENT,
)  # fmt: skip
def _wage_per_head(t: Any) -> Any:
    return per(t, t.wages_cny, t.persons, 12)


def _prepare_returns(tables: Mapping[str, Any], at: At) -> Any:
    """Yearly returns; ``nth`` 0 is the newest, at most two years old."""
    rows = tables[INCOME_TAX]
    rows = rows.filter((rows.filed_on <= at.end_on) | rows.filed_on.isnull())
    rows = rows.mutate(newest=rows.tax_year.max().over(ibis.window(group_by="enterprise_id")))
    rows = rows.filter(rows.newest >= at.as_of // 100 - OLDEST_YEARS)
    # Not enjoyed is what an empty item means here.
    return rows.mutate(nth=rows.newest - rows.tax_year, deducted=rows.rd_super_deduction_cny.fill_null(0.0))


YEARLY = Source("cit_return", (INCOME_TAX,), "latest", _prepare_returns)


@indicator(
    id="tax_rd_deduction_y1_ratio", title="研发加计扣除占收入比重", title_en="Extra deduction for research over revenue", theme="tax", source=YEARLY, direction="higher_better",
    formula="最近年度研发费用加计扣除额÷营业收入，未享受为0", window=12, consent_class=CONSENT, bounds=(0.0, None),
    undefined=lambda t: t.operating_revenue_cny.max(where=t.nth == 0) <= 0,
)  # fmt: skip
def _rd_deduction(t: Any) -> Any:
    return divide(t.deducted.max(where=t.nth == 0), t.operating_revenue_cny.max(where=t.nth == 0))


REGISTERED = Source("taxpayer_status", (TAXPAYER,), "latest", lambda tables, at: tables[TAXPAYER])


@indicator(
    id="tax_general_taxpayer_flag", title="增值税一般纳税人", title_en="General VAT taxpayer", theme="tax", source=REGISTERED, direction="neutral",
    formula="税务登记的增值税纳税人类别为一般纳税人为1", consent_class=CONSENT,
)  # fmt: skip
def _general(t: Any) -> Any:
    return (t.vat_kind == "general").cast("int32").max()


@indicator(
    id="tax_invoice_limit_cny", title="数电票月度总额度", title_en="Monthly limit of electronic invoices", theme="tax", source=REGISTERED, direction="neutral",
    formula="税务机关赋予的月度总额度", consent_class=CONSENT,
)  # fmt: skip
def _limit(t: Any) -> Any:
    return t.invoice_limit_cny.max()


def _prepare_refunds(tables: Mapping[str, Any], at: At) -> Any:
    rows = dated(REFUND, "refunded_on")(tables, at)
    level = ibis.cases(
        *((rows.management_class == name, number) for name, number in REFUND_CLASSES.items()), else_=None
    )
    # A batch that was declared after the month tells nothing of it.
    return rows.mutate(level=ibis.ifelse(rows.declared_on <= at.end_on, level, None))


REFUNDS = Source("export_refund", (REFUND,), "event", _prepare_refunds)
declare_events(
    REFUNDS, id="tax_export_refunded_m12_cny", title="近12个月出口退税额", title_en="Export tax refunded in 12 months", formula="退库日期在窗口内的已退库金额合计",
    window=12, where=lambda t: t.back >= 0, amount="refunded_cny", direction="neutral", consent_class=CONSENT,
)  # fmt: skip


@indicator(
    id="tax_refund_class_level", title="出口退税管理类别（4为一类，1为四类）", title_en="Class of export refund (4 is the first class)", theme="tax", source=REFUNDS, direction="higher_better",
    version="2", formula="最近申报批次的管理类别，同日多批的取最低：一类=4 二类=3 三类=2 四类=1；没有退税或未评定为不适用", null_policy="missing", consent_class=CONSENT, bounds=(1.0, 4.0),
)  # fmt: skip
def _refund_class(t: Any) -> Any:
    return lowest_of_last_day(t.level, t.declared_on)
