"""Assignments taken back, with everything that rests on them: figures, ratings, portraits and conflicts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.utils import timezone
from procrastinate.contrib.django import app

from config.attempts import PASSING, RETRY
from config.comparing import compare
from config.corrections import amend_enterprises
from config.serving import build_serving
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.intake.services import JOB as GOVERN_JOB
from rongqiao.bases.enterprises.publication import publish_operations
from rongqiao.bases.enterprises.resolution import selectors, services
from rongqiao.governance.resolution.withdrawal import history_of, withdraw
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from rongqiao.bases.enterprises.resolution.models import IdentityDecision

logger = logging.getLogger(__name__)


# Under the lock of governance: two writers of one lake would wait for each other.
@app.task(name=services.UNDO_JOB, queueing_lock=services.UNDO_JOB, lock=GOVERN_JOB, retry=RETRY)
def undo_assignments() -> int:
    """Take back every assignment that was asked for, and carry it forward; returns their number.

    It may be killed at any instant: what was withdrawn is found again, and a decision is marked as done last.
    """
    with system_scope() as scope:
        asked = selectors.asked_undos(scope)
    if not asked:
        return 0
    lake, today = Lake(), timezone.localdate()
    problems: dict[uuid.UUID, str] = {}
    troubles: list[Exception] = []
    for decision in asked:
        try:
            problems[decision.pk] = _take_back(lake, decision, today)
        except Exception as trouble:
            # It stays asked for and is taken up again; the others are not kept waiting.
            logger.exception("Assignment %s could not be taken back.", decision.pk)
            troubles.append(trouble)
    troubles += compare(lake)
    publish_operations(lake=lake, known_at=today)
    build_serving(lake)
    for decision in asked:
        if decision.pk in problems:
            with system_scope() as scope:
                services.record_undo(scope=scope, decision=decision, problem=problems[decision.pk])
    if troubles:
        raise troubles[0]
    return len(asked)


def _take_back(lake: Lake, decision: IdentityDecision, today: dt.date) -> str:
    """Withdraw one row and amend its enterprise; returns what is wrong, empty where nothing is."""
    history = history_of(lake, decision.batch_id, decision.line)
    if not any(entry["method"] == "withdrawn" for entry in history):
        try:
            withdraw(
                lake,
                contract_id=decision.contract_id,
                batch_id=decision.batch_id,
                line=decision.line,
                known_at=today,
                by=decision.decided_by_name,
                reason=decision.reason,
            )
        except PASSING:
            raise
        except RongqiaoError as error:
            return f"{error.thing}：{error.remedy}"
    amend_enterprises(
        lake,
        contract_id=decision.contract_id,
        enterprise_ids=[decision.enterprise_id],
        known_at=today,
        cause=str(decision.pk),
    )
    return ""
