"""What pages of an objection share, whoever reads them: its clocks, what the record said, what happened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.objections import selectors
from rongqiao.bases.enterprises.records import PERSONAL, readable_text
from rongqiao.contracts.catalog import threshold
from rongqiao.contracts.standards import load_contracts
from rongqiao.portal.listing import Column, Filter
from rongqiao.portal.templatetags.figures import moment
from rongqiao.rules.working_days import ZONE

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.accounts.scope import Scope
    from rongqiao.contracts.model import Contract, Item

EVENTS = {
    "raise": "提出异议",
    "forward": "转送归口部门",
    "ask_evidence": "请补充材料",
    "supply": "补充材料",
    "withdraw": "撤回异议",
    "reject": "答复：核查无误",
    "leave_open": "答复：无法确定，双方说法并存",
    "correct": "答复：属实，予以更正",
    "land": "更正已入库",
    "fail": "更正未能入库，退回部门",
    "resume": "更正重新入库",
    "stall": "更正已入库，后续更新待重试",
    "state": "本人声明",
    "escalate": "超期，上报平台",
}
FIGURE = re.compile(r"-?\d+(\.\d+)?")
STATES = [("open", "办理中"), ("over", "已超期"), ("ended", "已办结")]


@dataclass(frozen=True, slots=True)
class Clock:
    """One deadline of the law: kept, missed, or running.

    ``done_at`` is null while it runs; ``is_void`` says that nobody owes it any more.
    """

    title: str
    rule: str
    due_at: dt.datetime
    done_at: dt.datetime | None
    is_void: bool

    @property
    def is_late(self) -> bool:
        """Whether it was done after its time."""
        return self.done_at is not None and self.done_at > self.due_at


@dataclass(frozen=True, slots=True)
class Line:
    """One item of the record as it stood when it was disputed."""

    item: Item
    text: str
    raw: str
    is_sealed: bool
    is_disputed: bool
    is_key: bool


def clocks_of(objection: Any) -> list[Clock]:
    """Give the three deadlines, in their order."""
    on = objection.raised_at.astimezone(ZONE).date()
    is_void = objection.ended_at is not None
    rows = (
        ("转送归口部门", "public_record_forward_working_days", "个工作日", objection.forward_due_at, objection.forwarded_at),
        ("部门核查", "public_record_check_working_days", "个工作日", objection.check_due_at, objection.checked_at),
        ("书面答复", "objection_resolve_days", "日", objection.answer_due_at, objection.answered_at),
    )  # fmt: skip
    return [
        Clock(title, f"{int(threshold(key, on))} {unit}内", due, done, is_void and done is None)
        for title, key, unit, due, done in rows
    ]


def lines_of(objection: Any) -> list[Line]:
    """Lay out the record, the disputed item first; what is kept as a cipher has no text."""
    contract = load_contracts().get(objection.contract_id)
    if contract is None:
        return []
    lines = [
        Line(
            item=item,
            text="" if item.sensitivity == PERSONAL else readable_text(item, raw),
            raw="" if item.sensitivity == PERSONAL else raw,
            is_sealed=item.sensitivity == PERSONAL and bool(raw),
            is_disputed=item.id == objection.item_id,
            is_key=item.id in contract.key or item.id == contract.identifier,
        )
        for item in contract.items
        for raw in [objection.record.get(item.id, "")]
    ]
    return sorted(lines, key=lambda line: not line.is_disputed)


def detail_context(scope: Scope, objection: Any) -> dict[str, Any]:
    """Everything that ``portal/objections/facts.html`` shows."""
    contract = load_contracts().get(objection.contract_id)
    disputed = contract.item(objection.item_id).title if contract and objection.item_id else "整条记录"
    return {
        "objection": objection,
        "contract": contract,
        "table": contract.title if contract else objection.contract_id,
        "department": contract.department_title if contract else objection.department,
        "disputed": disputed,
        "was": _worded(contract, objection.item_id, objection.disputed_value),
        "claimed": _worded(contract, objection.item_id, objection.claimed_value),
        "clocks": clocks_of(objection),
        "lines": lines_of(objection),
        "steps": [
            (step, EVENTS.get(step.event, step.event), _who(objection, step))
            for step in selectors.list_steps(scope, objection)
        ],
    }


def _worded(contract: Contract | None, item_id: str, text: str) -> str:
    """Write a value as its item is read: amounts with separators, units behind figures; words as they were written."""
    if contract is None or item_id not in contract.columns or not text:
        return text
    item = contract.item(item_id)
    is_figure = FIGURE.fullmatch(text.strip()) is not None
    return (
        f"{readable_text(item, text.strip())} {item.unit}"
        if item.unit and is_figure
        else readable_text(item, text)
    )


def _who(objection: Any, step: Any) -> str:
    # Forwarding follows from raising where the department has people: nobody does it by hand.
    is_automatic = step.event == "forward" and step.by_organisation_id == objection.raised_by_organisation_id
    return "平台自动办理" if is_automatic or step.by_organisation is None else str(step.by_organisation.name)


def disputed_text(objection: Any) -> str:
    """Name table and item: what an objection is about, in one line."""
    contract = load_contracts().get(objection.contract_id)
    if contract is None:
        return str(objection.contract_id)
    if objection.item_id in contract.columns:
        return f"{contract.title}：{contract.item(objection.item_id).title}"
    return f"{contract.title}：整条记录"


def columns() -> list[Column]:
    """Give the columns of every list of objections."""
    return [
        Column("contract_id", "争议内容", value=disputed_text, sort="contract_id"),
        Column("valid", "所属时间", value=lambda row: moment(row.valid) if row.valid else ""),
        Column("status", "状态", "status", option="objection", sort="status"),
        Column("next_due_at", "最近时限", "clock", sort="next_due_at"),
        Column("answer_due_at", "答复时限", "date", sort="answer_due_at"),
        Column("raised_at", "提出时间", "time", sort="raised_at"),
    ]


def filters(now: dt.datetime) -> list[Filter]:
    """Give the filters of every list of objections."""

    def by_state(rows: Any, state: str) -> Any:
        if state == "ended":
            return rows.filter(next_due_at=None)
        if state == "over":
            return rows.filter(next_due_at__lte=now)
        return rows.exclude(next_due_at=None)

    return [
        Filter("state", "办理情况", STATES, by_state),
        Filter("status", "状态", selectors.STATUSES, lambda rows, value: rows.filter(status=value)),
    ]
