"""Writes of the market, each atomic, audited and scoped; lifecycles come from ``rules.transitions``."""

from rongqiao.platforms.financing.services.applications import decide_application, sign_contract
from rongqiao.platforms.financing.services.demands import draft_demand, publish_demand, withdraw_demand
from rongqiao.platforms.financing.services.expiry import expire_due
from rongqiao.platforms.financing.services.loans import record_drawdown, record_repayment, report_loan
from rongqiao.platforms.financing.services.quotes import accept_quote, submit_quote, withdraw_quote
from rongqiao.platforms.financing.services.takes import release_take, take_demand

__all__ = [
    "accept_quote",
    "decide_application",
    "draft_demand",
    "expire_due",
    "publish_demand",
    "record_drawdown",
    "record_repayment",
    "release_take",
    "report_loan",
    "sign_contract",
    "submit_quote",
    "take_demand",
    "withdraw_demand",
    "withdraw_quote",
]
