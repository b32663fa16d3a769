"""Single VAT invoices: amounts, void and red invoices, rhythm, for sources that give each invoice.

The stream of an enterprise's invoices is complete from its first invoice on, so a month without one counts as zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.events import months_back
from rongqiao.indicators.registry import At, Bounds, Direction, Source, indicator
from rongqiao.indicators.series import GROWTH_BOUNDS, divide, growth, within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VAT = "taxation.vat_invoice"
CONSENT = "invoice"
SIDES = {"out": ("销项", "Sales"), "in": ("进项", "Purchases")}
WINDOWS = (12, 36)
#: Monday is 0.
SATURDAY = 5


def invoice_rows(tables: Mapping[str, Any], at: At) -> Any:
    """Invoices of 36 months with flags: valid or void, blue or red, and the two sides' amounts."""
    rows = tables[VAT]
    rows = rows.mutate(back=months_back(rows.issued_on, at))
    rows = rows.filter((rows.back >= 0) & (rows.back < 36))
    is_valid = rows.status == "valid"
    rows = rows.mutate(is_valid=is_valid, is_void=(rows.status == "void"))
    net = ibis.ifelse(rows.is_valid, rows.amount_cny, None)
    return rows.mutate(
        net=net,
        blue=ibis.ifelse(net > 0, net, None),
        red=ibis.ifelse(net < 0, -net, None),
        month_end=rows.issued_on.day() >= 29,
        weekend=rows.issued_on.day_of_week.index() >= SATURDAY,
    )


INVOICES = Source("vat_invoice", (VAT,), "latest", invoice_rows)


def _declare(
    source: Source, id: str, title: str, title_en: str, formula: str, measure: Callable[[Any], Any], *, window: int,
    direction: Direction = "neutral", undefined: Callable[[Any], Any] | None = None,
    bounds: Bounds | None = None,
) -> None:  # fmt: skip
    indicator(
        id=f"vat_{id}", title=title, title_en=title_en, theme="vat", source=source, direction=direction, formula=formula, window=window,
        consent_class=CONSENT, undefined=undefined or (lambda t: t.back.count() > 0), bounds=bounds,
    )(measure)  # fmt: skip


def _side(side: str, months: int) -> Callable[[Any], Any]:
    return lambda t: (t.direction == side) & within(t, months)


def _declare_side(side: str, months: int) -> None:
    (name, name_en), where = SIDES[side], _side(side, months)
    good: Direction = "higher_better" if side == "out" else "neutral"
    key, words = f"m{months}", f"近{months}个月{name}"

    def ratio(part: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda t: part(t).sum(where=where(t)) / where(t).sum().nullif(0)

    _declare(
        INVOICES, f"{side}_amount_sum_{key}_cny", f"{words}净额", f"{name_en}, net amount in {months} months", "有效发票金额合计，含红字", direction=good,
        measure=lambda t: t.net.sum(where=where(t)).coalesce(0.0), window=months, bounds=(None, None),
    )  # fmt: skip
    _declare(
        INVOICES, f"{side}_invoice_{key}_count", f"{words}发票张数", f"{name_en}, invoices in {months} months", "全部发票张数，含作废", direction=good,
        measure=lambda t: where(t).sum(), window=months,
    )  # fmt: skip
    _declare(
        INVOICES, f"{side}_void_{key}_ratio", f"{words}作废占比", f"{name_en}, void share in {months} months", "作废张数÷全部张数", direction="lower_better",
        measure=ratio(lambda t: t.is_void), window=months,
    )  # fmt: skip
    _declare(
        INVOICES, f"{side}_red_{key}_ratio", f"{words}红字金额占比", f"{name_en}, red share of amount in {months} months", "有效红字金额绝对值÷有效蓝字金额，上限1",
        direction="lower_better", window=months,
        measure=lambda t: divide(t.red.sum(where=where(t)).coalesce(0.0), t.blue.sum(where=where(t))).clip(0.0, 1.0),
    )  # fmt: skip
    _declare(
        INVOICES, f"{side}_red_invoice_{key}_ratio", f"{words}红字张数占比", f"{name_en}, red share of invoices in {months} months", "有效红字张数÷全部张数", direction="lower_better",
        measure=ratio(lambda t: t.red.notnull()), window=months,
    )  # fmt: skip
    _declare(
        INVOICES, f"{side}_largest_{key}_ratio", f"{words}最大单张占比", f"{name_en}, largest invoice's share in {months} months", "最大有效蓝字发票金额÷有效蓝字金额合计",
        direction="lower_better", window=months,
        measure=lambda t: divide(t.blue.max(where=where(t)), t.blue.sum(where=where(t))),
    )  # fmt: skip
    _declare(
        INVOICES, f"{side}_average_{key}_cny", f"{words}单张平均金额", f"{name_en}, mean amount of an invoice in {months} months", "有效蓝字发票金额均值",
        measure=lambda t: t.blue.mean(where=where(t)), window=months,
    )  # fmt: skip
    _declare(
        INVOICES, f"{side}_active_{key}_days", f"{words}开票天数", f"{name_en}, days with an invoice in {months} months", "有发票的不同日期数", direction=good,
        measure=lambda t: t.issued_on.nunique(where=where(t)), window=months,
    )  # fmt: skip


for _months in WINDOWS:
    for _name in SIDES:
        _declare_side(_name, _months)
_declare(
    INVOICES, "month_end_m12_ratio", "近12个月月末开票占比", "Share of sales invoices at month end in 12 months", "29日及以后开具的销项张数÷全部销项张数", direction="lower_better",
    measure=lambda t: (_side("out", 12)(t) & t.month_end).sum() / _side("out", 12)(t).sum().nullif(0), window=12,
)  # fmt: skip
_declare(
    INVOICES, "weekend_m12_ratio", "近12个月周末开票占比", "Share of sales invoices at weekends in 12 months", "周六、周日开具的销项张数÷全部销项张数",
    measure=lambda t: (_side("out", 12)(t) & t.weekend).sum() / _side("out", 12)(t).sum().nullif(0), window=12,
)  # fmt: skip
_declare(
    INVOICES, "tax_rate_m12_ratio", "近12个月销项综合税率", "Effective VAT rate of sales in 12 months", "有效蓝字税额÷有效蓝字金额",
    measure=lambda t: divide(
        t.tax_cny.sum(where=_side("out", 12)(t) & t.blue.notnull()), t.blue.sum(where=_side("out", 12)(t))
    ),
    window=12,
)  # fmt: skip


def _monthly_rows(tables: Mapping[str, Any], at: At) -> Any:
    """Net sales and purchases per month that has an invoice, with the gap before the next such month."""
    rows = invoice_rows(tables, at)
    months = rows.group_by("enterprise_id", "back").aggregate(
        sales=rows.net.sum(where=rows.direction == "out").coalesce(0.0),
        purchases=rows.net.sum(where=rows.direction == "in").coalesce(0.0),
        issued=(rows.direction == "out").sum(),
    )
    live = months.mutate(selling=ibis.ifelse(months.issued > 0, months.back, None))
    # Counted back from as_of: the month with sales that lies next nearer to as_of; -1 is as_of's own edge.
    nearer = live.selling.max().over(
        ibis.window(group_by="enterprise_id", order_by=live.back, preceding=(None, 1))
    )
    silent = ibis.ifelse(live.selling.notnull(), live.back - nearer.coalesce(-1) - 1, None)
    return live.mutate(silent=silent)


MONTHS = Source("vat_month", (VAT,), "latest", _monthly_rows)


def _span(t: Any, months: int) -> Any:
    """Months the stream covers within the window: from the first invoice on."""
    return ibis.least(t.back.max() + 1, months)


def _mean(t: Any, column: str, months: int, start: int = 0) -> Any:
    return t[column].sum(where=within(t, months, start)).coalesce(0.0) / months


def _spread(t: Any, column: str, months: int) -> Any:
    """Divide standard deviation by the mean of all months of the stream, silent ones as zero."""
    where, n = within(t, months), _span(t, months)
    average = t[column].sum(where=where).coalesce(0.0) / n
    squares = (t[column] * t[column]).sum(where=where).coalesce(0.0) / n
    return divide((squares - average * average).clip(lower=0.0).sqrt(), average).clip(0.0, 10.0)


def _declare_months(months: int) -> None:
    words, key = f"近{months}个月", f"m{months}"

    def long_enough(t: Any, value: Any) -> Any:
        return ibis.ifelse(t.back.max() >= 5, value, None)

    _declare(
        MONTHS, f"sales_cv_{key}_ratio", f"{words}销售波动系数", f"Sales, coefficient of variation over {months} months", "月净销售额标准差÷均值，无票月份计0，历史至少6个月，上限10",
        lambda t: long_enough(t, _spread(t, "sales", months)), window=months, direction="lower_better", bounds=(0.0, 10.0),
    )  # fmt: skip
    _declare(
        MONTHS, f"purchases_cv_{key}_ratio", f"{words}采购波动系数", f"Purchases, coefficient of variation over {months} months", "月净采购额标准差÷均值，无票月份计0，历史至少6个月，上限10",
        lambda t: long_enough(t, _spread(t, "purchases", months)), window=months, direction="lower_better", bounds=(0.0, 10.0),
    )  # fmt: skip
    _declare(
        MONTHS, f"margin_{key}_ratio", f"{words}购销差率", f"Margin of sales over purchases in {months} months", "1−净采购额÷净销售额，截断于[-5,1]",
        lambda t: (1 - divide(t.purchases.sum(where=within(t, months)), t.sales.sum(where=within(t, months)))).clip(-5.0, 1.0),
        window=months, direction="higher_better", bounds=(-5.0, 1.0),
    )  # fmt: skip
    _declare(
        MONTHS, f"silent_share_{key}_ratio", f"{words}无销项月份占比", f"Share of months without sales in {months} months", "历史内没有销项发票的月数÷历史月数",
        lambda t: 1 - t.selling.count(where=within(t, months)) / _span(t, months), window=months, direction="lower_better",
    )  # fmt: skip
    _declare(
        MONTHS, f"gap_{key}_months", f"{words}最长断票月数", f"Longest gap between sales in {months} months", "相邻销项月份之间（含至统计月）最长空白月数",
        lambda t: t.silent.max(where=within(t, months)).coalesce(months), window=months, direction="lower_better",
    )  # fmt: skip
    _declare(
        MONTHS, f"loss_{key}_count", f"{words}净流出月数", f"Months with purchases above sales in {months} months", "净采购额大于净销售额的月数",
        lambda t: (t.purchases > t.sales).sum(where=within(t, months)), window=months, direction="lower_better",
    )  # fmt: skip


for _months in WINDOWS:
    _declare_months(_months)
_declare(
    MONTHS, "last_sale_months", "距最近一次销项月数", "Months since the last sales invoice", "统计月与最近有销项发票月份之差", lambda t: t.selling.min(), window=36,
    direction="lower_better",
)  # fmt: skip
_declare(
    MONTHS, "history_m36_months", "近36个月发票历史长度", "Length of invoice history within 36 months", "统计月与36个月内首张发票月份之差＋1", lambda t: t.back.max() + 1, window=36,
    direction="higher_better",
)  # fmt: skip
_declare(
    MONTHS, "sales_qoq_m3_ratio", "近3个月销售环比", "Sales, 3 months against the 3 before", "近3个月÷前3个月−1，截断于[-1,5]，历史至少6个月",
    lambda t: ibis.ifelse(t.back.max() >= 5, growth(_mean(t, "sales", 3), _mean(t, "sales", 3, 3)), None), window=6,
    direction="higher_better", bounds=GROWTH_BOUNDS,
)  # fmt: skip
_declare(
    MONTHS, "sales_yoy_m12_ratio", "近12个月销售同比", "Sales, 12 months against the 12 before", "近12个月÷前12个月−1，截断于[-1,5]，历史至少24个月",
    lambda t: ibis.ifelse(t.back.max() >= 23, growth(_mean(t, "sales", 12), _mean(t, "sales", 12, 12)), None), window=24,
    direction="higher_better", bounds=GROWTH_BOUNDS,
)  # fmt: skip
_declare(
    MONTHS, "sales_recent_m12_ratio", "近3个月销售与全年月均之比", "Sales, 3 months over the mean of 12", "近3个月月均÷近12个月月均，历史至少12个月，截断于[0,4]",
    lambda t: ibis.ifelse(
        t.back.max() >= 11, divide(_mean(t, "sales", 3), _mean(t, "sales", 12)).clip(0.0, 4.0), None
    ),
    window=12, direction="higher_better", bounds=(0.0, 4.0),
)  # fmt: skip
