"""Monthly invoice summaries: sales and purchases, void and red invoices, dependence on customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.indicators.registry import At, Source, indicator
from rongqiao.indicators.series import CORE, declare_series, monthly, per

if TYPE_CHECKING:
    from collections.abc import Mapping

SUMMARY = "taxation.invoice_summary"
CONSENT = "invoice"


def _prepare(tables: Mapping[str, Any], at: At) -> Any:
    rows = monthly(SUMMARY, runs=("out_amount_cny", "out_count", "in_amount_cny", "in_count"))(tables, at)
    return rows.mutate(margin_cny=rows.out_amount_cny - rows.in_amount_cny)


INVOICES = Source("invoice_summary", (SUMMARY,), "series", _prepare)

declare_series(
    INVOICES, "out_amount_cny", theme="invoice", measure="out_amount", title="开票金额", title_en="Invoiced sales", unit="cny",
    consent_class=CONSENT, signed=True,
)  # fmt: skip
declare_series(
    INVOICES, "in_amount_cny", theme="invoice", measure="in_amount", title="受票金额", title_en="Invoiced purchases", unit="cny",
    consent_class=CONSENT, direction="neutral",
)  # fmt: skip
declare_series(
    INVOICES, "out_count", theme="invoice", measure="out_issued", title="开票份数", title_en="Invoices issued", unit="count",
    consent_class=CONSENT,
)  # fmt: skip
declare_series(
    INVOICES, "in_count", theme="invoice", measure="in_received", title="受票份数", title_en="Invoices received", unit="count",
    consent_class=CONSENT, direction="neutral",
)  # fmt: skip
# A month whose sales equal its purchases to the cent is chance, or a month without either, which the two amounts tell.
declare_series(
    INVOICES, "margin_cny", theme="invoice", measure="margin", title="购销差额", title_en="Invoiced sales less purchases", unit="cny",
    consent_class=CONSENT, statistics=[name for name in CORE if name not in ("zero_m12", "gap_m24")], signed=True,
)  # fmt: skip
declare_series(
    INVOICES, "customer_count", theme="invoice", measure="customer", title="客户数", title_en="Customers", unit="count", consent_class=CONSENT,
    statistics=("avg_m3", "yoy_m12"),
)  # fmt: skip
declare_series(
    INVOICES, "supplier_count", theme="invoice", measure="supplier", title="供应商数", title_en="Suppliers", unit="count", consent_class=CONSENT,
    statistics=("avg_m3", "yoy_m12"),
)  # fmt: skip


def _declare_share(months: int) -> None:
    minimum = {3: 2, 6: 5, 12: 10}[months]

    @indicator(
        id=f"invoice_void_m{months}_ratio", title=f"近{months}个月作废发票占比", title_en=f"Void share of invoices in {months} months", theme="invoice", source=INVOICES,
        direction="lower_better", formula=f"作废份数÷开票份数，至少{minimum}个月有数据，只计两者都有数据的月份", window=months, minimum=minimum,
        consent_class=CONSENT, version="2",
    )  # fmt: skip
    def _void(t: Any) -> Any:
        return per(t, t.out_void_count, t.out_count, months)

    @indicator(
        id=f"invoice_red_m{months}_ratio", title=f"近{months}个月红字发票占比", title_en=f"Red share of invoiced sales in {months} months", theme="invoice", source=INVOICES,
        direction="lower_better", formula="红字金额绝对值÷（开票金额＋红字金额绝对值），只计两者都有数据的月份", window=months,
        minimum=minimum, consent_class=CONSENT, version="2",
    )  # fmt: skip
    def _red(t: Any) -> Any:
        # out_amount is net of red invoices, so the blue amount is net plus red.
        return per(t, -t.out_red_amount_cny, t.out_amount_cny - t.out_red_amount_cny, months)


for _months in (3, 6, 12):
    _declare_share(_months)


@indicator(
    id="invoice_top1_customer_m12_ratio", title="近12个月第一大客户占比", title_en="Largest customer's share of invoiced sales in 12 months", theme="invoice", source=INVOICES,
    direction="lower_better", formula="各月第一大客户金额合计÷开票金额合计，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, version="2",
)  # fmt: skip
def _top1(t: Any) -> Any:
    return per(t, t.top_customer_amount_cny, t.out_amount_cny, 12)


@indicator(
    id="invoice_top5_customer_m12_ratio", title="近12个月前五大客户占比", title_en="Five largest customers' share of invoiced sales in 12 months", theme="invoice", source=INVOICES,
    direction="lower_better", formula="各月前五大客户金额合计÷开票金额合计，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, version="2",
)  # fmt: skip
def _top5(t: Any) -> Any:
    return per(t, t.top5_customer_amount_cny, t.out_amount_cny, 12)


@indicator(
    id="invoice_margin_m12_ratio", title="近12个月购销差率", title_en="Margin of invoiced sales over purchases in 12 months", theme="invoice", source=INVOICES, direction="higher_better",
    formula="1−受票金额合计÷开票金额合计，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, bounds=(-5.0, 1.0), version="2",
)  # fmt: skip
def _margin(t: Any) -> Any:
    return (1 - per(t, t.in_amount_cny, t.out_amount_cny, 12)).clip(-5.0, 1.0)


@indicator(
    id="invoice_average_m12_cny", title="近12个月单张发票平均金额", title_en="Mean amount of an invoice in 12 months", theme="invoice", source=INVOICES, direction="neutral",
    formula="开票金额合计÷开票份数合计，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, version="2",
)  # fmt: skip
def _average(t: Any) -> Any:
    return per(t, t.out_amount_cny, t.out_count, 12)


@indicator(
    id="invoice_void_change_m3_ratio", title="作废占比近3个月与全年之差", title_en="Void share, 3 months less 12 months", theme="invoice", source=INVOICES,
    direction="lower_better", formula="近3个月作废占比−近12个月作废占比，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, bounds=(-1.0, 1.0), version="2",
)  # fmt: skip
def _void_change(t: Any) -> Any:
    return per(t, t.out_void_count, t.out_count, 3) - per(t, t.out_void_count, t.out_count, 12)


@indicator(
    id="invoice_partner_balance_m12_ratio", title="近12个月供应商数与客户数之比", title_en="Suppliers over customers in 12 months", theme="invoice", source=INVOICES,
    direction="neutral", formula="月均供应商数÷月均客户数，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, None), version="2",
)  # fmt: skip
def _partner_balance(t: Any) -> Any:
    return per(t, t.supplier_count, t.customer_count, 12)
