"""What happens by itself: corrections that passed the six steps end their objection, missed clocks go to the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F, Q

from rongqiao.accounts.scope import Scope, system_scope
from rongqiao.accounts.services import record_in_ledger
from rongqiao.bases.enterprises.objections.models import OPEN, Objection
from rongqiao.bases.enterprises.objections.services import move, note_step

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.bases.enterprises.intake.models import Upload

#: A file whose very bytes were governed before has landed already, with the outcome that it had then.
LANDED = ("landed", "duplicate")


def landed_corrections() -> list[Objection]:
    """List objections whose correction is in the lake and has not been carried forward yet; for the job."""
    with system_scope() as scope:
        waiting = Objection.objects.for_scope(scope).filter(
            status="correcting", correction__status__in=LANDED
        )
        found = list(waiting.select_related("correction").order_by("raised_at", "pk"))
        return [each for each in found if each.correction and not _refusal(each.correction)]


def has_unsettled() -> bool:
    """Whether governance has done with the correction of an objection that has not been ended or given back; for the job."""
    with system_scope() as scope:
        waiting = Objection.objects.for_scope(scope).filter(status="correcting")
        return bool(waiting.filter(correction__status__in=(*LANDED, "failed")).exists())


def settle_corrections(*, now: dt.datetime) -> list[Objection]:
    """End every objection whose correction landed, and give back to its department what governance refused.

    Returns
    -------
    list of Objection
        Those corrected in this run.
    """
    with system_scope() as scope:
        waiting = (
            Objection.objects.for_scope(scope).select_for_update(of=("self",)).filter(status="correcting")
        )
        found = list(waiting.select_related("correction").order_by("raised_at", "pk"))
        return [objection for objection in found if _settle(scope, objection, now)]


def _settle(scope: Scope, objection: Objection, now: dt.datetime) -> bool:
    upload = objection.correction
    if upload is None or upload.status not in (*LANDED, "failed"):
        return False
    if problem := _refusal(upload):
        # The department has not answered after all: its clocks show as missed when they pass.
        move(scope, objection, "fail", problem, now, checked_at=None, answered_at=None)
        return False
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
