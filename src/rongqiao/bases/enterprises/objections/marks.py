"""Marks beside disputed facts: put there at once, read by whoever may read the fact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.accounts.scope import Scope, system_scope
from rongqiao.bases.enterprises.objections.models import Mark, MarkChange
from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.contracts.standards import load_contract, load_contracts
from rongqiao.indicators.lineage import indicators_of
from rongqiao.kernel.period import add_months
from rongqiao.rules.working_days import ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rongqiao.bases.enterprises.objections.models import Objection

STATES = dict(Mark.STATES)
_STANDING = {
    **dict.fromkeys(("raised", "forwarded", "evidence", "correcting"), "disputed"),
    "undecided": "undecided",
}


@dataclass(frozen=True, slots=True)
class FactMark:
    """One mark as a reader of the fact sees it; ``item`` is the Chinese title, empty for a whole record."""

    objection_id: str
    contract_id: str
    record_id: str
    batch_id: str
    line: int
    valid: str
    item_id: str
    item: str
    table: str
    state: str
    state_title: str
    claimed_value: str
    statement: str
    since: str

    def as_dict(self) -> dict[str, str]:
        """Plain values for reports and interfaces."""
        names = ("contract_id", "table", "record_id", "valid", "item_id", "item", "state", "state_title")
        plain = {name: str(getattr(self, name)) for name in (*names, "statement", "since")}
        # Two versions stand side by side only where neither could be proved.
        return plain | ({"claimed_value": self.claimed_value} if self.state == "undecided" else {})


def marks_of(scope: Scope, uscc: str) -> tuple[FactMark, ...]:
    """List marks on the enterprise's facts that the caller may see, oldest first."""
    return tuple(_shown(mark) for mark in Mark.objects.for_scope(scope).filter(subject_uscc=uscc))


def all_marks_of(uscc: str) -> tuple[FactMark, ...]:
    """List marks on the enterprise's facts, for a caller whose rights were judged before."""
    return marks_of(Scope(kind="system"), uscc)


def _shown(mark: Mark) -> FactMark:
    contract = load_contracts().get(mark.contract_id)
    item = contract.item(mark.item_id).title if contract and mark.item_id in contract.columns else ""
    return FactMark(
        objection_id=str(mark.pk),
        contract_id=mark.contract_id,
        record_id=mark.record_id,
        batch_id=mark.batch_id,
        line=mark.line,
        valid=mark.valid,
        item_id=mark.item_id,
        item=item,
        table=contract.title if contract else mark.contract_id,
        state=mark.state,
        state_title=STATES[mark.state],
        claimed_value=mark.claimed_value,
        statement=mark.statement,
        since=mark.since.astimezone(ZONE).date().isoformat(),
    )


def put_mark(objection: Objection) -> None:
    """Bring the mark in line with the objection: put it, change it or take it away; a change waits to be told to readers."""
    state = _STANDING.get(objection.status, "")
    if not state and objection.status == "rejected" and objection.statement:
        state = "statement"
    # Everybody who reads the fact reads the mark, so no single caller may write it.
    with system_scope() as system:
        marks = Mark.objects.for_scope(system).filter(pk=objection.pk)
        before = marks.values_list("state", "statement").first()
        contract = load_contract(objection.contract_id)
        is_public = consent_data_classes()[contract.data_class].is_public
        if before != ((state, objection.statement) if state else None):
            gone = "corrected" if objection.status == "corrected" else "lifted"
            MarkChange(
                objection=objection,
                subject_uscc=objection.subject_uscc,
                contract_id=objection.contract_id,
                data_class=contract.data_class,
                is_public=is_public,
                state=state or gone,
            ).save(force_insert=True)
        if not state:
            marks.delete()
            return
        values = {
            "subject_uscc": objection.subject_uscc,
            "region_code": objection.region_code,
            "department": objection.department,
            "contract_id": objection.contract_id,
            "data_class": contract.data_class,
            "is_public": is_public,
            "record_id": objection.record_id,
            "batch_id": objection.batch_id,
            "line": objection.line,
            "valid": objection.valid,
            "item_id": objection.item_id,
            "state": state,
            "claimed_value": objection.claimed_value if state == "undecided" else "",
            "statement": objection.statement,
            "since": objection.raised_at,
        }
        Mark.objects.for_scope(system).update_or_create(pk=objection.pk, defaults=values)


def marks_on_record(marks: Iterable[FactMark], record_id: str) -> list[FactMark]:
    """Keep the marks on one record or an item of it."""
    return [mark for mark in marks if mark.record_id == record_id]


def mark_events(events: Sequence[Mapping[str, Any]], marks: Sequence[FactMark]) -> list[dict[str, Any]]:
    """Give every disputed event of a portrait its marks; the others stay as they are."""
    return [
        {**event, "marks": [mark.as_dict() for mark in found]}
        if (found := _of_event(event, marks))
        else dict(event)
        for event in events
    ]


def _of_event(event: Mapping[str, Any], marks: Sequence[FactMark]) -> list[FactMark]:
    place = (event.get("batch_id"), event.get("line"))
    return [
        mark
        for mark in marks
        # Portraits published before records had ids know only the place.
        if mark.record_id == event.get("record_id") or (mark.batch_id, mark.line) == place
    ]


def marked_indicators(marks: Iterable[FactMark], as_of: int) -> dict[str, str]:
    """Find indicators that rest on a disputed fact: id → title of the gravest mark's state.

    An indicator is concerned when its expression reads the disputed item, as value or as condition, and its window
    covers the record's time; for a whole record, when it reads the table.
    """
    found: dict[str, str] = {}
    for mark in marks:
        for indicator in indicators_of(mark.contract_id, mark.item_id or None):
            if _covers(indicator.window_months, mark.valid, as_of):
                found.setdefault(indicator.id, mark.state_title)
    return found


def _covers(window_months: int, valid: str, as_of: int) -> bool:
    month = _month(valid)
    if month is None:
        return True
    return month <= as_of and (not window_months or month > add_months(as_of, -window_months))


def _month(valid: str) -> int | None:
    digits = valid.replace("-", "")
    return int(digits[:6]) if len(digits) in (6, 8) and digits.isdigit() else None
