"""Court cases: as defendant, plaintiff and enforced debtor."""

from __future__ import annotations

from typing import Any

from rongqiao.indicators.events import dated, declare_event_type, declare_events, declare_recency, is_open
from rongqiao.indicators.registry import Source

CASE = "court.judicial_case"
DEBT_CAUSES = ("借款", "金融", "买卖", "票据", "担保", "保理", "租赁")


def _is_debt(cause: Any) -> Any:
    condition = cause.contains(DEBT_CAUSES[0])
    for word in DEBT_CAUSES[1:]:
        condition = condition | cause.contains(word)
    return condition.fill_null(False)


CASES = Source(
    "judicial_case",
    (CASE,),
    "event",
    dated(
        CASE,
        "filed_on",
        lambda t, at: {
            "is_pending": is_open(t.closed_on, at),
            "is_debt": _is_debt(t.cause),
            "is_bad_faith": t.is_dishonest.fill_null(False),
        },
    ),
)


def _as(role: str) -> Any:
    return lambda t: t.role == role


for _months in (12, 36):
    for _role, _title, _title_en in (
        ("defendant", "作为被告案件", "Cases as defendant"),
        ("plaintiff", "作为原告案件", "Cases as plaintiff"),
        ("executed", "被执行案件", "Enforcement cases"),
    ):
        declare_events(
            CASES, consent_class="public_judicial", id=f"judicial_{_role}_m{_months}_count", title=f"近{_months}个月{_title}数", title_en=f"{_title_en} in {_months} months",
            formula=f"立案日在近{_months}个月内的件数", window=_months, where=_as(_role),
            direction="neutral" if _role == "plaintiff" else "lower_better",
        )  # fmt: skip
    for _role, _title, _title_en in (
        ("defendant", "作为被告涉案", "Cases as defendant"),
        ("executed", "被执行", "Enforcement cases"),
    ):
        declare_events(
            CASES, consent_class="public_judicial", id=f"judicial_{_role}_amount_m{_months}_cny", title=f"近{_months}个月{_title}金额", title_en=f"{_title_en}, amount in {_months} months",
            formula=f"立案日在近{_months}个月内的标的额合计", window=_months, where=_as(_role), amount="amount_cny",
        )  # fmt: skip

declare_events(
    CASES, consent_class="public_judicial", id="judicial_debt_defendant_m36_count", title="近36个月借贷、买卖等债务类被告案件数", title_en="Debt cases as defendant in 36 months",
    formula="案由含借款、金融、买卖、票据、担保、保理、租赁的被告案件", window=36,
    where=lambda t: (t.role == "defendant") & t.is_debt,
)  # fmt: skip
declare_events(
    CASES, consent_class="public_judicial", id="judicial_defendant_open_count", title="未结被告案件数", title_en="Open cases as defendant", formula="未结案的被告案件",
    where=lambda t: (t.role == "defendant") & t.is_pending,
)  # fmt: skip
declare_events(
    CASES, consent_class="public_judicial", id="judicial_executed_open_count", title="未结被执行案件数", title_en="Open enforcement cases", formula="未结案的被执行案件",
    where=lambda t: (t.role == "executed") & t.is_pending,
)  # fmt: skip
declare_events(
    CASES, consent_class="public_judicial", id="judicial_executed_open_cny", title="未结被执行金额", title_en="Amount under enforcement", formula="未结案的被执行标的额合计",
    where=lambda t: (t.role == "executed") & t.is_pending, amount="amount_cny",
)  # fmt: skip
declare_events(
    CASES, consent_class="public_judicial", id="judicial_dishonest_open_count", title="失信被执行未了件数", title_en="Open enforcement cases listed as dishonest", formula="未结案且列为失信的被执行案件",
    where=lambda t: (t.role == "executed") & t.is_bad_faith & t.is_pending,
)  # fmt: skip
declare_recency(
    CASES,
    consent_class="public_judicial",
    id="judicial_defendant_last_months",
    title="距最近一次被诉月数",
    title_en="Months since last sued",
    where=_as("defendant"),
)
declare_recency(
    CASES,
    consent_class="public_judicial",
    id="judicial_executed_last_months",
    title="距最近一次被执行月数",
    title_en="Months since last enforced against",
    where=_as("executed"),
)
declare_event_type(
    CASES, id="judicial_plaintiff", title="作为原告案件", title_en="Cases as plaintiff", dated_by="立案日期", where=_as("plaintiff"),
    is_open=lambda t: t.is_pending, open_title="未结原告案件数", open_formula="统计月末未结案的原告案件", without=("m12", "m36"),
    direction="neutral", consent_class="public_judicial",
)  # fmt: skip
