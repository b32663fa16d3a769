"""Jobs that are asked for when something comes in, asked for again while it waits: a worker may have been killed at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.collecting import has_come
from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.catalogue import selectors as catalogue
from rongqiao.bases.enterprises.catalogue.services import CARRY_JOB
from rongqiao.bases.enterprises.intake import selectors as intake
from rongqiao.bases.enterprises.intake.services import JOB, PROFILE_JOB
from rongqiao.bases.enterprises.inventory import selectors as inventory
from rongqiao.bases.enterprises.inventory.services import BRING_JOB
from rongqiao.bases.enterprises.objections.settling import has_unsettled
from rongqiao.bases.enterprises.resolution import selectors as resolution
from rongqiao.bases.enterprises.resolution.services import UNDO_JOB

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope


def wake_jobs() -> list[str]:
    """Put every job that something waits for into the queue, unless it is there; returns their names."""
    with system_scope() as scope:
        found = _jobs_wanted(scope)
    for job, lock in found.items():
        enqueue(job, lock=lock)
    return list(found)


def _jobs_wanted(scope: Scope) -> dict[str, str]:
    """Name the jobs that something waits for, each with the lock that its declaration gives it."""
    wanted = {
        (JOB, JOB): intake.waiting_uploads(scope) or has_come() or has_unsettled(),
        (PROFILE_JOB, PROFILE_JOB): intake.waiting_sources(scope),
        (BRING_JOB, BRING_JOB): inventory.approved_tables(scope),
        (UNDO_JOB, JOB): resolution.asked_undos(scope),
        (CARRY_JOB, JOB): catalogue.pending_decisions(),
    }
    return {job: lock for (job, lock), waiting in wanted.items() if waiting}
