"""Registers of the tax office: arrears, filings that were due and missing, violations, taxpayers gone missing."""

from __future__ import annotations

from functools import partial

from rongqiao.indicators.events import dated, declare_event_type, is_open
from rongqiao.indicators.registry import Source

ARREARS, LATE, VIOLATION, TAXPAYER = (
    "taxation.tax_arrears", "taxation.late_filing", "taxation.tax_violation", "taxation.taxpayer",
)  # fmt: skip

OWED = Source(
    "tax_arrears", (ARREARS,), "event",
    dated(ARREARS, "due_on", lambda t, at: {"is_open": is_open(t.cleared_on, at) & (t.arrears_cny > 0)}),
)  # fmt: skip
declare_event_type(
    OWED, id="tax_arrears_case", title="欠税", title_en="Tax arrears", dated_by="缴款期限", is_open=lambda t: t.is_open,
    open_title="未清缴欠税件数", open_formula="统计月末尚未清缴且欠缴税额>0的件数（一个税种一个所属期为一件）", consent_class="tax",
)  # fmt: skip

UNFILED = Source(
    "late_filing", (LATE,), "event",
    dated(LATE, "due_on", lambda t, at: {"is_open": is_open(t.filed_on, at)}),
)  # fmt: skip
declare_event_type(
    UNFILED, id="tax_unfiled", title="逾期未申报", title_en="Returns not filed in time", dated_by="申报期限",
    is_open=lambda t: t.is_open, open_title="仍未补申报件数", open_formula="统计月末尚未补申报的件数（一个税种一个所属期为一件）",
    consent_class="tax",
)  # fmt: skip

VIOLATIONS = Source(
    "tax_violation", (VIOLATION,), "event",
    dated(VIOLATION, "decided_on", lambda t, at: {"is_open": is_open(t.settled_on, at)}),
)  # fmt: skip
_declare = partial(
    declare_event_type, VIOLATIONS, dated_by="决定日，公示期满或已修复的不计", is_open=lambda t: t.is_open,
    open_formula="统计月末尚未执行完毕的件数", consent_class="public_regulation",
)  # fmt: skip
_declare(
    id="tax_penalty", title="税务处罚", title_en="Tax penalties", open_title="未执行完毕税务处罚件数",
    where=lambda t: t.fine_cny > 0,
)  # fmt: skip
_declare(
    id="tax_inspection", title="稽查查补", title_en="Tax inspections with tax to pay", open_title="未执行完毕稽查查补件数",
    where=lambda t: t.evaded_tax_cny > 0,
)  # fmt: skip
_declare(
    id="tax_major_violation", title="重大税收违法", title_en="Major tax violations", open_title="未执行完毕重大税收违法件数",
    where=lambda t: t.is_major,
)  # fmt: skip

# The register holds the present state only, so there is one finding per enterprise at most.
TAXPAYERS = Source(
    "taxpayer", (TAXPAYER,), "event",
    dated(TAXPAYER, "abnormal_on", lambda t, at: {"is_open": is_open(t.abnormal_lifted_on, at)}),
)  # fmt: skip
declare_event_type(
    TAXPAYERS, id="tax_abnormal", title="认定非正常户", title_en="Findings of an abnormal taxpayer", dated_by="认定日期",
    is_open=lambda t: t.is_open, open_title="未解除的非正常户认定数", open_formula="已认定而统计月末尚未解除的认定", consent_class="tax",
)  # fmt: skip
