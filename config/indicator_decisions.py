"""Operators' decisions about the use of indicators, told to the lake so that the next computation heeds them."""

from __future__ import annotations

import contextlib

from django.utils import timezone
from procrastinate.contrib.django import app

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.catalogue import selectors, services
from rongqiao.bases.enterprises.intake.services import JOB as GOVERN_JOB
from rongqiao.bases.resources.services import enqueue_matching
from rongqiao.indicators.suspension import Decision, carry_decision
from rongqiao.kernel.errors import IllegalTransitionError
from rongqiao.lake.tables import Lake
from rongqiao.rules.working_days import ZONE


# Under the lock of governance: two writers of one lake would wait for each other.
@app.task(name=services.CARRY_JOB, queueing_lock=services.CARRY_JOB, lock=GOVERN_JOB)
def carry_decisions() -> int:
    """Enter every decision that the lake does not know of yet; returns their number.

    It may be killed at any instant: what was entered is found again by the decision's id, and it is marked as carried last. One that
    figures have overtaken, such as the release of an indicator that recovered meanwhile, has nothing left to change.
    """
    with system_scope():
        pending = selectors.pending_decisions()
    lake, today = Lake(), timezone.localdate()
    for decision in pending:
        told = Decision(
            str(decision.pk),
            decision.indicator_id,
            decision.event,
            decision.reason,
            decision.decided_by.get_username(),
            decision.decided_at.astimezone(ZONE).date(),
        )
        # Refused where the published state was older than the lake's; the next publication shows the lake's.
        with contextlib.suppress(IllegalTransitionError):
            carry_decision(lake, told)
        with system_scope() as scope:
            services.record_carried(scope=scope, decision=decision, on=today)
    if pending:
        # Which products can be judged rests on what is held back.
        enqueue_matching(now=timezone.now())
    return len(pending)
