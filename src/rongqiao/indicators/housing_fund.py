"""Housing fund: staff that an employer deposits for, and what it paid in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rongqiao.indicators.registry import At, Source
from rongqiao.indicators.series import declare_series, monthly

if TYPE_CHECKING:
    from collections.abc import Mapping

FUND = "housing.housing_fund_monthly"
CONSENT = "housing_fund"


def _prepare(tables: Mapping[str, Any], at: At) -> Any:
    rows = monthly(FUND, runs=("depositor_count", "deposit_paid_cny"))(tables, at)
    return rows.mutate(is_owed=rows.deposit_due_cny - rows.deposit_paid_cny > 1)


DEPOSITS = Source("housing_fund", (FUND,), "series", _prepare)

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
