"""Lifecycles as tables ``{(state, event): state}``; a pair that is absent is illegal."""

from __future__ import annotations

from dataclasses import dataclass

from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError

Table = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class OutOfTurn:
    """An event that a lifecycle does not know in a state, and the events that it does."""

    lifecycle: str
    state: str
    event: str
    possible: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.lifecycle}: {self.state} → {self.event}"


DEMAND: Table = {
    ("draft", "publish"): "published",
    ("draft", "withdraw"): "withdrawn",
    ("published", "take"): "taken",
    ("published", "withdraw"): "withdrawn",
    ("published", "expire"): "expired",
    ("taken", "take"): "taken",
    ("taken", "quote"): "quoted",
    # The last taker let go without a quote: the demand is open to all again.
    ("taken", "reopen"): "published",
    ("taken", "withdraw"): "withdrawn",
    ("taken", "expire"): "expired",
    ("quoted", "take"): "quoted",
    ("quoted", "quote"): "quoted",
    ("quoted", "accept"): "accepted",
    ("quoted", "reopen"): "published",
    ("quoted", "withdraw"): "withdrawn",
    ("quoted", "expire"): "expired",
    ("accepted", "fulfil"): "fulfilled",
    # The bank refused the application: second round.
    ("accepted", "reopen"): "published",
    ("accepted", "withdraw"): "withdrawn",
    ("expired", "reopen"): "published",
}

TAKE: Table = {
    ("active", "quote"): "quoted",
    ("active", "lose"): "lost",
    ("active", "release"): "released",
    ("quoted", "quote"): "quoted",
    ("quoted", "win"): "won",
    ("quoted", "lose"): "lost",
    ("quoted", "release"): "released",
    ("won", "release"): "released",
    # The demand was reopened: those who lost to the refused quote may try again.
    ("lost", "retake"): "active",
}

QUOTE: Table = {
    ("submitted", "accept"): "accepted",
    ("submitted", "close"): "closed",
    ("submitted", "withdraw"): "withdrawn",
    ("submitted", "expire"): "expired",
    # The bank refused the application: the demand's next round may accept another quote.
    ("accepted", "refuse"): "refused",
}

APPLICATION: Table = {
    ("submitted", "approve"): "approved",
    ("submitted", "refuse"): "refused",
    ("submitted", "withdraw"): "withdrawn",
    ("approved", "contract"): "contracted",
    ("approved", "withdraw"): "withdrawn",
}

LOAN: Table = {
    ("contracted", "draw"): "drawn",
    ("drawn", "draw"): "drawn",
    ("drawn", "repay_part"): "drawn",
    ("drawn", "repay_all"): "repaid",
    ("drawn", "fall_overdue"): "overdue",
    ("overdue", "repay_part"): "overdue",
    ("overdue", "cure"): "drawn",
    ("overdue", "repay_late"): "repaid",
    ("overdue", "default"): "defaulted",
    ("defaulted", "repay_part"): "defaulted",
    ("defaulted", "cure"): "drawn",
    ("defaulted", "repay_late"): "repaid",
    ("defaulted", "write_off"): "written_off",
    # Money recovered after write-off does not bring the loan back to life.
    ("written_off", "repay_part"): "written_off",
}

#: A file that a department pushes, until it has its receipt.
DELIVERY: Table = {
    ("receiving", "complete"): "waiting",
    ("receiving", "discard"): "discarded",
    ("waiting", "govern"): "governing",
    ("waiting", "repeat"): "duplicate",
    ("waiting", "land"): "landed",
    ("waiting", "fail"): "failed",
    ("governing", "land"): "landed",
    ("governing", "repeat"): "duplicate",
    ("governing", "fail"): "failed",
    # A file of a new source is profiled first; its tables go their own way.
    ("waiting", "examine"): "examining",
    ("examining", "profile"): "profiled",
    ("examining", "fail"): "failed",
    # What stood in the way may have gone: the file is still there.
    ("failed", "retry"): "waiting",
}

#: A row that governance set aside: sent again as repaired, or confirmed to repeat another one of its file.
QUARANTINED_ROW: Table = {
    ("waiting", "repair"): "repaired",
    ("waiting", "close"): "closed",
    # The wrong one was closed: it waits as before.
    ("closed", "reopen"): "waiting",
}

#: One table of a new source, until its rows are delivered under a contract in force.
SOURCE_TABLE: Table = {
    ("drafted", "submit"): "submitted",
    ("drafted", "leave_out"): "left_out",
    # The table came before: its contract is in force already.
    ("drafted", "deliver"): "approved",
    ("left_out", "take_up"): "drafted",
    ("submitted", "return"): "drafted",
    ("submitted", "approve"): "approved",
    ("approved", "deliver"): "delivered",
    ("approved", "fail"): "failed",
    ("failed", "retry"): "approved",
}

#: A fact that somebody disputes, until the department that owns it has answered.
OBJECTION: Table = {
    ("raised", "forward"): "forwarded",
    ("raised", "withdraw"): "withdrawn",
    ("forwarded", "ask_evidence"): "evidence",
    ("forwarded", "correct"): "correcting",
    ("forwarded", "reject"): "rejected",
    # Neither side can be proved: both versions are recorded (征信业管理条例 art. 25).
    ("forwarded", "leave_open"): "undecided",
    ("forwarded", "withdraw"): "withdrawn",
    ("evidence", "supply"): "forwarded",
    ("evidence", "withdraw"): "withdrawn",
    # Who owes an answer gives it on time, whether what was asked for came or not.
    ("evidence", "correct"): "correcting",
    ("evidence", "reject"): "rejected",
    ("evidence", "leave_open"): "undecided",
    # The corrected record passed the six steps; or it did not, and the department must mend it.
    ("correcting", "land"): "corrected",
    ("correcting", "fail"): "forwarded",
    # The same record is sent again, with the answer that was given: what kept it out had passed.
    ("forwarded", "resume"): "correcting",
    ("evidence", "resume"): "correcting",
}

#: An assignment of a row to an enterprise that is to be taken back, by a job.
ASSIGNMENT_UNDO: Table = {
    ("asked", "take_back"): "done",
    ("asked", "fail"): "failed",
}

#: A consumer's application for a data interface; a changed one is a further application.
INTERFACE_SUBMISSION: Table = {
    ("submitted", "validate"): "validated",
    ("submitted", "request_changes"): "changes_requested",
    ("submitted", "refuse"): "refused",
}

#: One access that a consumer has to explain; late is better than never.
ACCESS_QUESTION: Table = {
    ("asked", "answer"): "answered",
    ("asked", "lapse"): "overdue",
    ("overdue", "answer"): "answered",
    ("answered", "accept"): "accepted",
    ("answered", "reject"): "rejected",
}

#: One change on its way to a consumer's system.
WEBHOOK_EVENT: Table = {
    ("waiting", "hear"): "delivered",
    ("waiting", "miss"): "waiting",
    ("waiting", "give_up"): "dead",
    ("waiting", "replay"): "waiting",
    ("delivered", "replay"): "waiting",
    ("dead", "replay"): "waiting",
}

#: The way to a source outside: closed lets calls through, open turns them away, half-open tries a single one.
BREAKER: Table = {
    ("closed", "answer"): "closed",
    ("closed", "trip"): "open",
    ("open", "try"): "half_open",
    ("half_open", "answer"): "closed",
    ("half_open", "trip"): "open",
    # The process that tried was killed: after the pause another one tries.
    ("half_open", "try"): "half_open",
}

#: A list that a person builds by conditions; names are handed over once, and all of it ends on its day.
SCREENING_LIST: Table = {
    ("draft", "revise"): "draft",
    ("draft", "save"): "saved",
    ("draft", "expire"): "expired",
    # Further versions may follow; what was handed over stays with the version it was drawn from.
    ("saved", "revise"): "saved",
    ("saved", "save"): "saved",
    ("saved", "hand_over"): "handed_over",
    ("saved", "expire"): "expired",
    # A government body may hand its list to further banks; a bank's own names are asked for once.
    ("handed_over", "hand_over"): "handed_over",
    ("handed_over", "expire"): "expired",
}

#: A government body's list in one bank's hands.
SCREENING_HANDOVER: Table = {
    ("handed", "withdraw"): "withdrawn",
    ("handed", "expire"): "expired",
}

#: A change of a product's conditions: tried on the province, then published by a second person.
CRITERIA_CHANGE: Table = {
    ("draft", "revise"): "draft",
    ("draft", "try"): "draft",
    ("draft", "submit"): "submitted",
    ("draft", "discard"): "discarded",
    ("submitted", "return"): "draft",
    ("submitted", "publish"): "published",
    ("submitted", "discard"): "discarded",
}

#: Whether an indicator may be relied on: by its figures, or by a person's reasoned decision.
INDICATOR: Table = {
    ("in_use", "fail"): "suspended",
    ("in_use", "halt"): "halted",
    ("suspended", "recover"): "in_use",
    ("suspended", "release"): "released",
    ("suspended", "halt"): "halted",
    # Used in spite of its figures, until they are good again: from then on they decide as before.
    ("released", "recover"): "in_use",
    ("released", "halt"): "halted",
    # What a person stopped only a person starts again.
    ("halted", "resume"): "in_use",
}

LIFECYCLES: dict[str, Table] = {
    "demand": DEMAND,
    "take": TAKE,
    "quote": QUOTE,
    "application": APPLICATION,
    "loan": LOAN,
    "delivery": DELIVERY,
    "quarantined_row": QUARANTINED_ROW,
    "source_table": SOURCE_TABLE,
    "objection": OBJECTION,
    "assignment_undo": ASSIGNMENT_UNDO,
    "interface_submission": INTERFACE_SUBMISSION,
    "access_question": ACCESS_QUESTION,
    "webhook_event": WEBHOOK_EVENT,
    "screening_list": SCREENING_LIST,
    "screening_handover": SCREENING_HANDOVER,
    "criteria_change": CRITERIA_CHANGE,
    "breaker": BREAKER,
    "indicator": INDICATOR,
}
#: What each lifecycle is of, in the reader's words.
TITLES = {
    "demand": "融资需求",
    "take": "抢单",
    "quote": "报价",
    "application": "贷款申请",
    "loan": "贷款",
    "delivery": "报送文件",
    "quarantined_row": "退回的行",
    "source_table": "新数据源",
    "objection": "异议",
    "assignment_undo": "撤销认定",
    "interface_submission": "接口申请",
    "access_question": "访问说明",
    "webhook_event": "变更通知",
    "screening_list": "筛选名单",
    "screening_handover": "交付的名单",
    "criteria_change": "准入条件改动",
    "breaker": "数据接口连接",
    "indicator": "指标",
}
INITIAL = {
    "demand": "draft",
    "take": "active",
    "quote": "submitted",
    "application": "submitted",
    "loan": "contracted",
    "delivery": "receiving",
    "quarantined_row": "waiting",
    "source_table": "drafted",
    "objection": "raised",
    "assignment_undo": "asked",
    "interface_submission": "submitted",
    "access_question": "asked",
    "webhook_event": "waiting",
    "screening_list": "draft",
    "screening_handover": "handed",
    "criteria_change": "draft",
    "breaker": "closed",
    "indicator": "in_use",
}


def _table(lifecycle: str) -> Table:
    if lifecycle not in LIFECYCLES:
        raise InvalidValueError("生命周期", lifecycle, f"可用：{'、'.join(LIFECYCLES)}。")
    return LIFECYCLES[lifecycle]


def advance(lifecycle: str, state: str, event: str) -> str:
    """State after the event.

    Raises
    ------
    IllegalTransitionError
        If the table does not list the pair: mostly somebody else, or a clock, was faster. Names state, event and what is possible.
    InvalidValueError
        If there is no such lifecycle.
    """
    table = _table(lifecycle)
    if (state, event) not in table:
        raise IllegalTransitionError(
            TITLES[lifecycle],
            OutOfTurn(lifecycle, state, event, events_from(lifecycle, state)),
            "它现在的状态不能这样办理，多半已由他人办理或已到期；请刷新页面，按现在的状态办理。",
        )
    return table[state, event]


def can_advance(lifecycle: str, state: str, event: str) -> bool:
    """Whether the event is possible in the state."""
    return (state, event) in _table(lifecycle)


def events_from(lifecycle: str, state: str) -> tuple[str, ...]:
    """Events that are possible in the state, in the table's order; empty for a final state."""
    return tuple(event for origin, event in _table(lifecycle) if origin == state)


def states(lifecycle: str) -> tuple[str, ...]:
    """All states of a lifecycle, the initial one first."""
    table = _table(lifecycle)
    seen = dict.fromkeys([INITIAL[lifecycle], *(origin for origin, _ in table), *table.values()])
    return tuple(seen)
