"""Housing fund: staff that an employer deposits for, and what it paid in."""

from __future__ import annotations

from functools import partial

from rongqiao.indicators.registry import Source
from rongqiao.indicators.series import declare_series, monthly

FUND = "housing.housing_fund_monthly"
CONSENT = "housing_fund"
DEPOSITS = Source(
    "housing_fund", (FUND,), "series", monthly(FUND, runs=("depositor_count", "deposit_paid_cny"))
)

_declare = partial(declare_series, DEPOSITS, theme="hpf", consent_class=CONSENT)
_declare(
    "depositor_count",
    measure="depositor",
    title="公积金缴存人数",
    title_en="Housing fund depositors",
    unit="count",
)
_declare(
    "deposit_paid_cny",
    measure="deposit_paid",
    title="公积金实缴",
    title_en="Housing fund paid",
    unit="cny",
)
