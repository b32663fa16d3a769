"""Penalties and lists of the regulators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.events import dated, declare_event_type, declare_events, declare_recency, is_open
from rongqiao.indicators.registry import At, Source, indicator

if TYPE_CHECKING:
    from collections.abc import Mapping

PENALTY, LISTING = "market_regulation.penalty", "market_regulation.listing"
INSPECTION, WAGE = "market_regulation.quality_inspection", "human_resources.wage_arrears"
KINDS = {
    "environment": ("环保", "Environmental"),
    "safety": ("安全生产", "Work safety"),
    "quality": ("质量", "Quality"),
    "fire": ("消防", "Fire safety"),
    "labour": ("劳动用工", "Labour"),
    "customs": ("海关", "Customs"),
}

PENALTIES = Source(
    "penalty",
    (PENALTY,),
    "event",
    dated(PENALTY, "decided_on"),
)


def _of_kind(kind: str) -> Any:
    return lambda t: t.kind == kind


for _months in (12, 36):
    declare_events(
        PENALTIES, consent_class="public_registration", id=f"regulatory_penalty_m{_months}_count", title=f"近{_months}个月行政处罚次数", title_en=f"Penalties in {_months} months",
        formula="决定日在窗口内的处罚件数，公示期满或已修复的不计", window=_months,
    )  # fmt: skip
    declare_events(
        PENALTIES, consent_class="public_registration", id=f"regulatory_penalty_amount_m{_months}_cny", title=f"近{_months}个月行政处罚金额", title_en=f"Penalties, amount in {_months} months",
        formula="决定日在窗口内的罚没金额合计，公示期满或已修复的不计", window=_months, amount="amount_cny",
    )  # fmt: skip
for _kind, (_title, _title_en) in KINDS.items():
    declare_events(
        PENALTIES, consent_class="public_registration", id=f"regulatory_{_kind}_penalty_m36_count", title=f"近36个月{_title}处罚次数", title_en=f"{_title_en} penalties in 36 months",
        formula=f"窗口内{_title}类处罚件数，公示期满或已修复的不计", window=36, where=_of_kind(_kind),
    )  # fmt: skip
    # The catalogue's fields; a quality failure is one of an inspection, and labour is wages owed.
    if _kind not in ("quality", "labour"):
        declare_event_type(
            PENALTIES, id=f"regulatory_{_kind}_penalty", title=f"{_title}处罚", title_en=f"{_title_en} penalties",
            dated_by="决定日，公示期满或已修复的不计", where=_of_kind(_kind), without=("m36",), consent_class="public_registration",
        )  # fmt: skip
declare_event_type(
    PENALTIES, id="regulatory_other_penalty", title="其他领域处罚", title_en="Penalties of other fields",
    dated_by="决定日，公示期满或已修复的不计", where=_of_kind("other"), consent_class="public_registration",
)  # fmt: skip
declare_events(
    PENALTIES, consent_class="public_registration", id="regulatory_serious_penalty_m36_count", title="近36个月严重行政处罚次数", title_en="Serious penalties in 36 months",
    formula="窗口内严重程度为“严重”的处罚件数，公示期满或已修复的不计", window=36, where=lambda t: t.severity == "serious",
)  # fmt: skip
declare_recency(
    PENALTIES,
    consent_class="public_registration",
    id="regulatory_penalty_last_months",
    title="距最近一次行政处罚月数",
    title_en="Months since the last penalty",
)


def _prepare_listing(tables: Mapping[str, Any], at: At) -> Any:
    rows = dated(LISTING, "listed_on", lambda t, at: {"is_open": is_open(t.removed_on, at)})(tables, at)
    ended = ibis.ifelse(rows.is_open, at.end_on, rows.removed_on)
    return rows.mutate(listed_days=ended.delta(rows.listed_on, unit="day"))


LISTINGS = Source("listing", (LISTING,), "event", _prepare_listing)

declare_events(
    LISTINGS, consent_class="public_registration", id="registration_abnormal_open_flag", title="在经营异常名录中", title_en="On the list of abnormal operation", formula="列入且统计月末未移出为1",
    where=lambda t: (t.list_kind == "abnormal") & t.is_open, flag=True,
)  # fmt: skip
declare_events(
    LISTINGS, consent_class="public_registration", id="registration_serious_illegal_open_flag", title="在严重违法失信名单中", title_en="On the list of serious violations", formula="列入且统计月末未移出为1",
    where=lambda t: (t.list_kind == "serious_illegal") & t.is_open, flag=True,
)  # fmt: skip
declare_events(
    LISTINGS, consent_class="public_registration", id="registration_abnormal_m36_count", title="近36个月列入经营异常次数", title_en="Entries on the list of abnormal operation in 36 months", formula="窗口内列入件数", window=36,
    where=lambda t: t.list_kind == "abnormal",
)  # fmt: skip


@indicator(
    id="registration_abnormal_total_days", title="累计经营异常天数", title_en="Days on the list of abnormal operation", theme="registration", source=LISTINGS,
    direction="lower_better", formula="各次列入至移出（未移出至统计月末）天数合计", consent_class="public_registration",
)  # fmt: skip
def _abnormal_days(t: Any) -> Any:
    return t.listed_days.sum(where=t.list_kind == "abnormal")


for _kind, _title, _title_en in (
    ("abnormal", "列入经营异常", "Entries on the list of abnormal operation"),
    ("serious_illegal", "列入严重违法失信", "Entries on the list of serious violations"),
):
    declare_event_type(
        LISTINGS, id=f"registration_{_kind}", title=_title, title_en=_title_en, dated_by="列入日期",
        where=lambda t, kind=_kind: t.list_kind == kind,  # type: ignore[misc]
        without=("m36",) if _kind == "abnormal" else (), consent_class="public_registration",
    )  # fmt: skip

# The departments' own registers tell whether a penalty was carried out; the joint one tells only how long it is published.
for _name, _contract, _title, _title_en in (
    ("environment", "ecology.environment_penalty", "生态环境处罚", "Environmental penalties"),
    ("customs", "customs.customs_penalty", "海关处罚", "Customs penalties"),
):
    _unsettled = Source(
        _contract.split(".")[1], (_contract,), "event",
        dated(_contract, "decided_on", lambda t, at: {"is_open": is_open(t.settled_on, at)}),
    )  # fmt: skip
    declare_event_type(
        _unsettled, id=f"regulatory_{_name}_penalty", title=_title, title_en=_title_en, dated_by="决定日", is_open=lambda t: t.is_open,
        open_title=f"未执行完毕{_title}件数", open_formula="统计月末尚未执行完毕的件数，公示期满或已修复的不计",
        without=("m12", "m36", "last"), consent_class="public_regulation",
    )  # fmt: skip

INSPECTIONS = Source("quality_inspection", (INSPECTION,), "event", dated(INSPECTION, "sampled_on"))
declare_event_type(
    INSPECTIONS, id="regulatory_quality_fail", title="产品抽检不合格", title_en="Product inspections failed", dated_by="抽样日期",
    where=lambda t: t.result != "passed", consent_class="public_regulation",
)  # fmt: skip

WAGES = Source(
    "wage_arrears", (WAGE,), "event",
    dated(WAGE, "listed_on", lambda t, at: {"is_open": is_open(t.removed_on, at)}),
)  # fmt: skip
declare_event_type(
    WAGES, id="regulatory_wage_arrears", title="列入拖欠工资失信名单", title_en="Listings for wages owed", dated_by="列入日期",
    is_open=lambda t: t.is_open, open_title="在拖欠工资失信名单中的件数", open_formula="统计月末未移出的件数", consent_class="public_regulation",
)  # fmt: skip
