"""Writes: an operator's decision about the use of an indicator, which every reader of the web heeds at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.catalogue.models import IndicatorDecision, IndicatorStatus
from rongqiao.bases.enterprises.catalogue.selectors import pending_decisions
from rongqiao.bases.enterprises.intake.services import JOB as GOVERN_JOB
from rongqiao.indicators.suspension import LIFECYCLE, State, follow
from rongqiao.kernel.errors import InvalidValueError, NotFoundError
from rongqiao.kernel.texts import whole_text
from rongqiao.rules.transitions import advance, can_advance

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.accounts.scope import Scope

#: Job of the composition root that tells the lake, so that the next computation heeds a decision too.
CARRY_JOB = "indicators.carry_decisions"


@transaction.atomic
def decide_indicator(
    *, scope: Scope, indicator_id: str, event: str, reason: str, now: dt.datetime, today: dt.date
) -> IndicatorDecision:
    """Stop the use of an indicator, let it be used in spite of its figures, or start it again.

    Parameters
    ----------
    event : str
        ``halt``, ``release`` or ``resume``, as the state allows.
    reason : str
        Kept for ever; required.
    today : date
        From which day computations heed it.

    Raises
    ------
    NotAllowedError
        If the caller is no operator, or the health of the indicator was never published.
    InvalidValueError
        If the decision is none of these, or has no reason.
    IllegalTransitionError
        If the state does not allow it.
    """
    require(scope, Role.OPERATOR)
    if event not in dict(IndicatorDecision.EVENTS):
        raise InvalidValueError(
            "决定", event, f"请选择：{'、'.join(dict(IndicatorDecision.EVENTS).values())}。"
        )
    words = whole_text("理由", reason, 500)
    if not words:
        raise InvalidValueError("理由", reason, "写明为何停用或恢复，记录会长期保留。")
    status = IndicatorStatus.objects.select_for_update().filter(pk=indicator_id).first()
    if status is None:
        raise NotFoundError("指标", indicator_id, "还没有这一指标的健康度；计算并发布指标后再作决定。")
    user_id, _ = scope.person
    state = advance(LIFECYCLE, status.state, event)
    decision = IndicatorDecision(
        indicator_id=indicator_id,
        event=event,
        state=state,
        reason=words,
        decided_by_id=user_id,
        decided_at=now,
    )
    decision.save(force_insert=True)
    _apply(decision, today)
    record_audit(
        scope=scope,
        action="indicator.use_decided",
        object_type="indicator",
        object_id=indicator_id,
        detail={"event": event, "from": status.state, "to": state, "reason": words},
    )
    enqueue(CARRY_JOB, lock=GOVERN_JOB)
    return decision


def reapply_pending(today: dt.date) -> None:
    """Put decisions that the lake does not know of yet back in force over what was published from it."""
    for decision in pending_decisions():
        _apply(decision, today)


@transaction.atomic
def record_carried(*, scope: Scope, decision: IndicatorDecision, on: dt.date) -> None:
    """Note that computations heed a decision from a day on."""
    decision.carried_on = on
    decision.save(update_fields=["carried_on"])
    record_audit(
        scope=scope,
        action="indicator.decision_carried",
        object_type="indicator",
        object_id=decision.indicator_id,
        detail={"decision": str(decision.pk), "on": on.isoformat()},
    )


def _apply(decision: IndicatorDecision, today: dt.date) -> None:
    """Give the published rows the state that follows, those of derived indicators too."""
    rows = {
        name: State(state, reason, since)
        for name, state, reason, since in IndicatorStatus.objects.values_list(
            "indicator_id", "state", "state_reason", "state_since"
        )
    }
    name = decision.indicator_id
    if name not in rows or not can_advance(LIFECYCLE, rows[name].state, decision.event):
        return
    reason = "" if decision.state == "in_use" else decision.reason
    rows[name] = State(decision.state, reason, today)
    changed = [(name, rows[name]), *((each, state) for each, _, state in follow(rows, name))]
    for each, state in changed:
        IndicatorStatus.objects.filter(pk=each).update(
            state=state.state, state_reason=state.reason[:500], state_since=state.since
        )
