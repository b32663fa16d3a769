"""Cash flow of authorised accounts, summed by month by the credit reference centre."""

from __future__ import annotations

from functools import partial

from rongqiao.indicators.registry import Source
from rongqiao.indicators.series import CORE, declare_series, monthly

FLOW = "central_bank.cash_flow"
CONSENT = "cashflow"
ACCOUNTS = Source(
    "cash_flow",
    (FLOW,),
    "series",
    monthly(FLOW, runs=("inflow_cny", "outflow_cny", "month_end_balance_cny")),
)

_declare = partial(declare_series, ACCOUNTS, theme="cashflow", unit="cny", consent_class=CONSENT)
_declare("inflow_cny", measure="inflow", title="资金流入", title_en="Inflow")
_declare("outflow_cny", measure="outflow", title="资金流出", title_en="Outflow", direction="neutral")
# A sum of twelve balances is no amount that ever was: a balance is a state, not a flow.
_declare(
    "month_end_balance_cny",
    measure="balance",
    title="月末余额",
    title_en="Month-end balance",
    statistics=[name for name in CORE if name != "sum_m12"],
)
