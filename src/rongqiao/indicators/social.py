"""Social insurance: headcount, contribution base, arrears."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rongqiao.indicators.registry import At, Source, indicator
from rongqiao.indicators.series import (
    GROWTH_BOUNDS,
    declare_series,
    divide,
    growth,
    guarded,
    mean,
    monthly,
    per,
    total,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

INSURANCE = "human_resources.social_insurance"
CONSENT = "social_insurance"


def _prepare(tables: Mapping[str, Any], at: At) -> Any:
    rows = monthly(INSURANCE, runs=("insured_headcount", "contribution_base_cny", "contribution_paid_cny"))(
        tables, at
    )
    owed = (rows.contribution_due_cny - rows.contribution_paid_cny).clip(lower=0)
    return rows.mutate(owed_cny=owed, is_owed=(owed > 1).cast("int32"))


SOCIAL = Source("social_insurance", (INSURANCE,), "series", _prepare)

_declare = partial(declare_series, SOCIAL, theme="social", consent_class=CONSENT)
# Twelve months of heads are person-months.
_declare(
    "insured_headcount",
    measure="insured_headcount",
    title="参保人数",
    title_en="Insured staff",
    unit="count",
)
_declare(
    "contribution_paid_cny",
    measure="contribution_paid",
    title="社保实缴",
    title_en="Social insurance paid",
    unit="cny",
)
_declare(
    "contribution_base_cny",
    measure="contribution_base",
    title="缴费基数",
    title_en="Social insurance base",
    unit="cny",
)


@indicator(
    id="social_base_per_head_m12_cny", title="近12个月人均月缴费基数", title_en="Monthly contribution base per head in 12 months", theme="social", source=SOCIAL, direction="higher_better",
    formula="缴费基数月均÷参保人数月均，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, version="2",
)  # fmt: skip
def _base_per_head(t: Any) -> Any:
    return per(t, t.contribution_base_cny, t.insured_headcount, 12)


@indicator(
    id="social_base_per_head_yoy_m12_ratio", title="人均缴费基数同比", title_en="Contribution base per head, 12 months against the 12 before", theme="social", source=SOCIAL, direction="higher_better",
    formula="近12个月人均缴费基数÷前12个月−1，只计两者都有数据的月份", window=24, minimum=20, consent_class=CONSENT, bounds=GROWTH_BOUNDS, version="2",
)  # fmt: skip
def _base_growth(t: Any) -> Any:
    now = per(t, t.contribution_base_cny, t.insured_headcount, 12)
    before = per(t, t.contribution_base_cny, t.insured_headcount, 12, 12)
    return growth(now, before)


@indicator(
    id="social_paid_share_m12_ratio", title="近12个月社保缴纳率", title_en="Social insurance paid over due in 12 months", theme="social", source=SOCIAL, direction="higher_better",
    formula="实缴合计÷应缴合计，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, None), version="2",
)  # fmt: skip
def _paid_share(t: Any) -> Any:
    return per(t, t.contribution_paid_cny, t.contribution_due_cny, 12)


@indicator(
    id="social_owed_m12_count", title="近12个月社保欠缴月数", title_en="Months with social insurance owed of 12", theme="social", source=SOCIAL, direction="lower_better",
    formula="应缴−实缴超过1元的月数", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, 12.0),
)  # fmt: skip
def _owed_months(t: Any) -> Any:
    return total(t, "is_owed", 12)


@indicator(
    id="social_owed_m12_cny", title="近12个月社保欠缴金额", title_en="Social insurance owed in 12 months", theme="social", source=SOCIAL, direction="lower_better",
    formula="各月（应缴−实缴，不低于0）合计", window=12, minimum=10, consent_class=CONSENT,
)  # fmt: skip
def _owed_amount(t: Any) -> Any:
    return total(t, "owed_cny", 12)


@indicator(
    id="social_headcount_min_m24_count", title="近24个月最低参保人数", title_en="Fewest insured staff in 24 months", theme="social", source=SOCIAL, direction="higher_better",
    formula="最低月份的参保人数，至少20个月有数据", window=24, minimum=20, consent_class=CONSENT,
)  # fmt: skip
def _headcount_min(t: Any) -> Any:
    return guarded(t, "insured_headcount", 24, t.insured_headcount.min(where=within(t, 24)))


@indicator(
    id="social_headcount_drop_m24_ratio", title="参保人数较24个月高点回落", title_en="Insured staff, fall from the peak of 24 months", theme="social", source=SOCIAL, direction="lower_better",
    formula="1−近3个月月均÷24个月最高", window=24, minimum=20, consent_class=CONSENT,
)  # fmt: skip
def _headcount_drop(t: Any) -> Any:
    peak = guarded(t, "insured_headcount", 24, t.insured_headcount.max(where=within(t, 24)))
    return (1 - divide(mean(t, "insured_headcount", 3), peak)).clip(0.0, 1.0)


DERIVED = Source("derived_social", (), "derived", lambda tables, at: next(iter(tables.values())))


@indicator(
    id="social_sales_per_head_m12_cny", title="近12个月人均应税销售额", title_en="Taxable sales per insured head in 12 months", theme="social", source=DERIVED, direction="higher_better",
    formula="近12个月应税销售额÷近3个月平均参保人数", window=12, consent_class=CONSENT,
    inputs=("tax_taxable_sales_sum_m12_cny", "social_insured_headcount_avg_m3_count"),
    undefined=lambda t: t.social_insured_headcount_avg_m3_count <= 0,
)  # fmt: skip
def _sales_per_head(t: Any) -> Any:
    return divide(t.tax_taxable_sales_sum_m12_cny, t.social_insured_headcount_avg_m3_count)


@indicator(
    id="social_headcount_vs_report_ratio", title="参保人数与年报从业人数之比", title_en="Insured staff over reported employees", theme="social", source=DERIVED, direction="u_shaped",
    formula="近3个月平均参保人数÷最近年报从业人数", window=12, consent_class=CONSENT,
    inputs=("social_insured_headcount_avg_m3_count", "finance_employees_y1_count"),
    undefined=lambda t: t.finance_employees_y1_count <= 0, bounds=(0.0, None),
)  # fmt: skip
def _headcount_vs_report(t: Any) -> Any:
    return divide(t.social_insured_headcount_avg_m3_count, t.finance_employees_y1_count)


@indicator(
    id="tax_declared_vs_invoiced_m12_ratio", title="申报销售与开票金额之比", title_en="Declared over invoiced sales in 12 months", theme="tax", source=DERIVED, direction="u_shaped",
    formula="近12个月应税销售额÷近12个月开票金额", window=12, consent_class="tax",
    inputs=("tax_taxable_sales_sum_m12_cny", "invoice_out_amount_sum_m12_cny"),
    undefined=lambda t: t.invoice_out_amount_sum_m12_cny <= 0, bounds=(0.0, 100.0),
)  # fmt: skip
def _declared_vs_invoiced(t: Any) -> Any:
    return divide(t.tax_taxable_sales_sum_m12_cny, t.invoice_out_amount_sum_m12_cny).clip(0.0, 100.0)
