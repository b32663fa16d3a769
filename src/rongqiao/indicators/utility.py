"""Electricity, water, gas: use and payment as signs of life."""

from __future__ import annotations

from typing import Any

import ibis

from rongqiao.indicators.registry import Source, indicator
from rongqiao.indicators.series import declare_series, divide, mean, monthly, within

USAGE = "utilities.utility_usage"
CONSENT = "utilities"


# A month of an enterprise is one row: the utilities add its meters up.
UTILITY = Source(
    "utility_usage", (USAGE,), "series", monthly(USAGE, runs=("electricity_kwh", "water_m3", "gas_m3"))
)

declare_series(
    UTILITY, "electricity_kwh", theme="utility", measure="electricity", title="用电量", title_en="Electricity used", unit="kwh", consent_class=CONSENT,
)  # fmt: skip
declare_series(
    UTILITY, "water_m3", theme="utility", measure="water", title="用水量", title_en="Water used", unit="m3", consent_class=CONSENT,
)  # fmt: skip
declare_series(
    UTILITY, "gas_m3", theme="utility", measure="gas", title="用气量", title_en="Gas used", unit="m3", consent_class=CONSENT,
    swings="neutral",
)  # fmt: skip


@indicator(
    id="utility_arrears_open_cny", title="水电气欠费余额", title_en="Utility bills owed", theme="utility", source=UTILITY, direction="lower_better",
    formula="近6个月内最近一个有数月份的欠费", window=6, minimum=1, consent_class=CONSENT,
)  # fmt: skip
def _arrears_open(t: Any) -> Any:
    return t.arrears_cny.argmin(t.back, where=within(t, 6) & t.arrears_cny.notnull())


@indicator(
    id="utility_arrears_m12_count", title="近12个月水电气欠费月数", title_en="Months with utility bills owed of 12", theme="utility", source=UTILITY, direction="lower_better",
    formula="欠费>0的月数，至少10个月有数据", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, 12.0),
)  # fmt: skip
def _arrears_months(t: Any) -> Any:
    observed = t.arrears_cny.count(where=within(t, 12))
    return ibis.ifelse(observed >= 10, (t.arrears_cny > 0).sum(where=within(t, 12)), None)


@indicator(
    id="utility_electricity_low_m3_count", title="近3个月用电不足全年均值一半的月数", title_en="Months of 3 with electricity below half the year's mean", theme="utility", source=UTILITY,
    direction="lower_better", formula="近3个月中用电量低于12个月均值50%的月数，缺数的月份不计", window=12, minimum=10,
    consent_class=CONSENT, bounds=(0.0, 3.0),
)  # fmt: skip
def _below_half(t: Any) -> Any:
    average = mean(t, "electricity_kwh", 12)
    months = [t.electricity_kwh.max(where=t.back == back) for back in range(3)]
    low = [ibis.ifelse(month < average * 0.5, 1, 0).coalesce(0) for month in months]
    return ibis.ifelse(average.notnull(), low[0] + low[1] + low[2], None)


DERIVED = Source("derived_utility", (), "derived", lambda tables, at: next(iter(tables.values())))


@indicator(
    id="utility_electricity_per_sales_m12_kwh", title="每万元应税销售额用电量", title_en="Electricity per 10,000 yuan of taxable sales", theme="utility", source=DERIVED,
    direction="u_shaped", formula="近12个月用电量（千瓦时）÷近12个月应税销售额（万元）", window=12, consent_class=CONSENT,
    inputs=("utility_electricity_sum_m12_kwh", "tax_taxable_sales_sum_m12_cny"),
    undefined=lambda t: t.tax_taxable_sales_sum_m12_cny <= 0,
)  # fmt: skip
def _per_sales(t: Any) -> Any:
    return divide(t.utility_electricity_sum_m12_kwh * 10_000, t.tax_taxable_sales_sum_m12_cny)
