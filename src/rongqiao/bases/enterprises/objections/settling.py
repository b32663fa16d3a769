"""What happens by itself: corrections that passed the six steps end their objection, missed clocks go to the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F, Q

from rongqiao.accounts.scope import Scope, system_scope
from rongqiao.accounts.services import record_in_ledger
from rongqiao.bases.enterprises.objections.models import OPEN, Objection, ObjectionStep
from rongqiao.bases.enterprises.objections.services import move, note_step

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from rongqiao.bases.enterprises.intake.models import Upload

#: A file whose very bytes were governed before has landed already, with the outcome that it had then.
LANDED = ("landed", "duplicate")
#: The correction is in the lake, and its objection does not say so yet: it waits for that, or was given back to its department while a
#: first try had failed.
_UNSETTLED = Q(status="correcting", correction__status__in=(*LANDED, "failed")) | Q(
    status__in=("forwarded", "evidence"),
    correction__status__in=LANDED,
    correction__outcome__rows_accepted__gt=0,
    correction__outcome__rows_quarantined=0,
)
STALLED = "更正记录已入库；更新指标、画像或告知报告使用方时出错，已记录供平台运营人员查看，系统会自动重试。"


def unsettled_corrections() -> list[Objection]:
    """List objections with whose correction governance has done, and which have not been ended or given back; for the job."""
    with system_scope() as scope:
        waiting = Objection.objects.for_scope(scope).filter(_UNSETTLED)
        return list(waiting.select_related("correction").order_by("raised_at", "pk"))


def has_unsettled() -> bool:
    """Whether there is such an objection; for the job."""
    with system_scope() as scope:
        return bool(Objection.objects.for_scope(scope).filter(_UNSETTLED).exists())


def is_accepted(objection: Objection) -> bool:
    """Whether the corrected record stands in the lake."""
    return objection.correction is not None and not _refusal(objection.correction)


def settle_correction(*, objection_id: uuid.UUID, now: dt.datetime) -> bool:
    """End an objection whose correction landed, or give back to its department what governance refused.

    Returns
    -------
    bool
        Whether it is corrected now; false where it was given back, or somebody settled it meanwhile.
    """
    with system_scope() as scope:
        waiting = Objection.objects.for_scope(scope).select_for_update(of=("self",)).filter(_UNSETTLED)
        objection = waiting.select_related("correction").filter(pk=objection_id).first()
        return objection is not None and _settle(scope, objection, now)


def note_stalled(*, objection_id: uuid.UUID, now: dt.datetime) -> None:
    """Tell on an objection that its correction could not be carried forward yet, once until something else happens to it."""
    with system_scope() as scope:
        objection = Objection.objects.for_scope(scope).get(pk=objection_id)
        last = ObjectionStep.objects.for_scope(scope).filter(objection=objection).order_by("pk").last()
        if last is None or last.event != "stall":
            note_step(scope, objection, "stall", STALLED, now)


def _settle(scope: Scope, objection: Objection, now: dt.datetime) -> bool:
    upload = objection.correction
    if upload is None:
        return False
    if problem := _refusal(upload):
        # The department has not answered after all: its clocks show as missed when they pass.
        move(scope, objection, "fail", problem, now, checked_at=None, answered_at=None)
        return False
    if objection.status != "correcting":
        answered_at = upload.ended_at or now
        move(scope, objection, "resume", "", now, checked_at=answered_at, answered_at=answered_at)
    move(scope, objection, "land", f"更正记录已入库，批次 {upload.batch_id}", now, ended_at=now)
    record_in_ledger(
        kind="correction",
        subject=f"objection:{objection.pk}",
        payload={
            "id": str(objection.pk),
            "event": "corrected",
            "batch": upload.batch_id,
            "before": objection.batch_id,
        },
    )
    return True


def _refusal(upload: Upload) -> str:
    """Why governance did not take the corrected record; empty where it did."""
    if upload.status == "failed":
        return f"更正未能入库：{upload.problem}"
    rules = "、".join(upload.outcome.get("by_rule", {}))
    if upload.outcome.get("rows_quarantined"):
        return f"更正记录未通过质量检查（{rules}），请部门改正后再报。"
    return "" if upload.outcome.get("rows_accepted") else "更正记录没有入库，请部门再报。"


def run_clocks(*, now: dt.datetime) -> int:
    """Take objections whose forwarding, check or answer is overdue to the operator, once each; returns their number."""
    with system_scope() as scope:
        late = Objection.objects.for_scope(scope).select_for_update(of=("self",)).filter(status__in=OPEN)
        late = late.filter(escalated_at=None).filter(
            Q(forwarded_at=None, forward_due_at__lte=now)
            | Q(checked_at=None, check_due_at__lte=now)
            | Q(answered_at=None, answer_due_at__lte=now)
        )
        found = list(late.order_by(F("answer_due_at"), "pk"))
        for objection in found:
            objection.escalated_at = now
            objection.save(update_fields=["escalated_at"])
            note_step(scope, objection, "escalate", _missed(objection, now), now)
        return len(found)


def _missed(objection: Objection, now: dt.datetime) -> str:
    if objection.forwarded_at is None and objection.forward_due_at <= now:
        return "超过1个工作日未转送"
    if objection.checked_at is None and objection.answer_due_at > now:
        return "超过7个工作日未核查"
    return "超过20日未书面答复"
