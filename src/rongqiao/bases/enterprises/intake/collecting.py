"""Runs of collectors as the web sees them: what is declared, how the newest run went, when the next one is due; and to ask for one now."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.intake.models import CollectorRun
from rongqiao.contracts.collectors import Collector, load_collectors
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope

#: Job of the composition root that runs one collector; this room cannot import governance.
JOB = "collect.run"


@dataclass(frozen=True, slots=True)
class CollectorStatus:
    """A declared collector with its newest run and its newest delivery; null where it never ran, or never delivered."""

    collector: Collector
    last: CollectorRun | None
    delivered: CollectorRun | None

    @property
    def due_at(self) -> dt.datetime | None:
        """When it is due by itself; null when at once, because it never ran."""
        last = self.last
        if last is None:
            return None
        if last.is_cut and last.result == "delivered":
            return last.started_at
        if last.result in ("failed", "interrupted", ""):
            # Made up for after the breaker's pause, however far the next regular run is. One without end may have been killed.
            pause = dt.timedelta(seconds=self.collector.breaker.pause_seconds)
            return last.breaker_until or (last.ended_at or last.started_at) + pause
        return self.collector.schedule.next_after(last.started_at)

    def is_due(self, now: dt.datetime) -> bool:
        """Whether the schedule asks for a run; one that is paused is never due."""
        return self.collector.is_active and (self.due_at is None or now >= self.due_at)


# -- reads -----------------------------------------------------------------------------------------------------------


def list_collectors(scope: Scope) -> list[CollectorStatus]:
    """All declared collectors, each as it stands.

    Raises
    ------
    ContractError
        If a declaration is malformed.
    """
    _require_operator(scope)
    last = {run.collector_id: run for run in _newest(CollectorRun.objects.for_scope(scope))}
    delivered = _newest(CollectorRun.objects.for_scope(scope).filter(result="delivered"))
    delivering = {run.collector_id: run for run in delivered}
    return [
        CollectorStatus(collector, last.get(name), delivering.get(name))
        for name, collector in load_collectors().items()
    ]


def _newest(runs: QuerySet[CollectorRun]) -> QuerySet[CollectorRun]:
    return runs.order_by("collector_id", "-started_at").distinct("collector_id")


def get_collector(scope: Scope, collector_id: str) -> CollectorStatus | None:
    """One collector as it stands; null when it is not declared."""
    return next((each for each in list_collectors(scope) if each.collector.id == collector_id), None)


def list_runs(scope: Scope, collector_id: str) -> QuerySet[CollectorRun]:
    """List the runs of a collector, newest first."""
    _require_operator(scope)
    runs: QuerySet[CollectorRun] = CollectorRun.objects.for_scope(scope).filter(collector_id=collector_id)
    return runs.order_by("-started_at")


def _require_operator(scope: Scope) -> None:
    if not scope.is_system:
        require(scope, Role.OPERATOR)


# -- writes ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def request_run(*, scope: Scope, collector_id: str) -> None:
    """Ask for a run now; one that is asked for already is enough.

    Raises
    ------
    InvalidValueError
        If there is no such collector.
    """
    require(scope, Role.OPERATOR)
    if collector_id not in load_collectors():
        raise InvalidValueError("采集任务", collector_id, "没有这项声明，可能已被移除；请刷新列表。")
    record_audit(scope=scope, action="collector.requested", object_type="collector", object_id=collector_id)
    defer_run(collector_id)


def defer_run(collector_id: str) -> None:
    """Put a run into the queue; runs of one collector follow each other."""
    own = f"{JOB}:{collector_id}"
    enqueue(JOB, waiting=own, lock=own, collector_id=collector_id)


@transaction.atomic
def start_run(*, scope: Scope, collector: Collector, now: dt.datetime) -> CollectorRun:
    """Note that a run begins; for the job."""
    run = CollectorRun(
        department=load_contract(collector.contract).department,
        collector_id=collector.id,
        contract_id=collector.contract,
        started_at=now,
    )
    run.save(force_insert=True)
    return run


@transaction.atomic
def finish_run(*, scope: Scope, run: CollectorRun, outcome: Mapping[str, Any], now: dt.datetime) -> None:
    """Note how a run ended. One that found another at work says nothing of the source, and leaves no record.

    Parameters
    ----------
    outcome : Mapping
        Fields of the run by name.
    """
    own = CollectorRun.objects.for_scope(scope).filter(pk=run.pk)
    if outcome["result"] == "busy":
        own.delete()
        return
    own.update(ended_at=now, **outcome)
    if outcome["result"] == "nothing_new" and not outcome["unmarked"]:
        _keep_newest_of_empty(scope, run)
    unfinished = CollectorRun.objects.for_scope(scope).filter(collector_id=run.collector_id, result="")
    # The collector's own lock was ours: whoever still seems at work was killed.
    unfinished.filter(started_at__lte=run.started_at).update(result="interrupted", ended_at=now)


@transaction.atomic
def record_refusal(*, scope: Scope, file_name: str, problem: str) -> None:
    """Tell on the run that delivered a file that governance could not work on it; twice is once. Files of no run are told of nowhere."""
    runs = CollectorRun.objects.for_scope(scope).select_for_update().filter(files__contains=[file_name])
    run = runs.order_by("-started_at").first()
    said = f"{file_name}：{problem}"
    if run is not None and said not in run.refused:
        run.refused = [*run.refused, said]
        run.save(update_fields=["refused"])


def _keep_newest_of_empty(scope: Scope, run: CollectorRun) -> None:
    """Drop the run before where it found nothing either: a folder looked at every minute would fill the record with that."""
    runs = CollectorRun.objects.for_scope(scope).filter(collector_id=run.collector_id)
    before = runs.filter(started_at__lt=run.started_at).order_by("-started_at").first()
    if before is not None and before.result == "nothing_new":
        runs.filter(pk=before.pk).delete()
