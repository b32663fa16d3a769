"""Public money that an enterprise received or earned: subsidies, and contracts of public procurement."""

from __future__ import annotations

from rongqiao.indicators.events import dated, declare_event_type, is_open
from rongqiao.indicators.registry import Source

SUBSIDY, CONTRACT = "finance.fiscal_subsidy", "finance.procurement_contract"
CONSENT = "operations"

SUBSIDIES = Source("fiscal_subsidy", (SUBSIDY,), "event", dated(SUBSIDY, "paid_on"))
declare_event_type(
    SUBSIDIES, id="fiscal_subsidy", title="财政补助", title_en="Subsidies received", dated_by="拨付日期", direction="higher_better",
    consent_class=CONSENT,
)  # fmt: skip

CONTRACTS = Source(
    "procurement_contract", (CONTRACT,), "event",
    dated(CONTRACT, "signed_on", lambda t, at: {"is_open": is_open(t.accepted_on, at)}),
)  # fmt: skip
declare_event_type(
    CONTRACTS, id="fiscal_procurement", title="政府采购中标", title_en="Public procurement contracts", dated_by="合同签订日期",
    is_open=lambda t: t.is_open, open_title="履约中政府采购合同数", open_title_en="Public procurement contracts under way", open_formula="统计月末尚未验收的合同数", direction="higher_better",
    consent_class=CONSENT,
)  # fmt: skip
