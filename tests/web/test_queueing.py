"""Jobs in the queue: asked for once what they are to see is committed, with their own locks, and again while anything waits."""

from __future__ import annotations

import pytest
from django.db import transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from config import waiting
from config.inventory import profile_sources
from config.tasks import govern_uploads, run_due_collectors
from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.scope import scope_of
from rongqiao.bases.enterprises.catalogue.services import CARRY_JOB
from rongqiao.bases.enterprises.intake.services import JOB, PROFILE_JOB
from rongqiao.bases.enterprises.inventory.services import BRING_JOB
from rongqiao.bases.enterprises.resolution.services import UNDO_JOB
from tests.web.intake_place import clerk_of, good, grades, push, register_two
from tests.web.inventory_place import decide, fire_file, offer, person, submitted, tables_of

LOCKS = {JOB: JOB, PROFILE_JOB: PROFILE_JOB, BRING_JOB: BRING_JOB, UNDO_JOB: JOB, CARRY_JOB: JOB}


@pytest.fixture(autouse=True)
def empty_queue(db):
    """Forget what tests that commit have left in the queue: its tables are not Django's, and are not flushed after them."""
    ProcrastinateJob.objects.all()._raw_delete("default")


def queued():
    return dict(ProcrastinateJob.objects.filter(status="todo").values_list("task_name", "lock"))


def test_a_job_is_asked_for_when_what_it_is_to_see_is_committed(db, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            with transaction.atomic():
                enqueue(JOB)
                assert queued() == {}
    assert queued() == {JOB: JOB}


@pytest.mark.parametrize(("job", "lock"), LOCKS.items())
def test_a_job_has_the_lock_that_its_task_declares(db, django_capture_on_commit_callbacks, job, lock):
    with django_capture_on_commit_callbacks(execute=True):
        enqueue(job)
    assert queued() == {job: lock}


def test_a_lock_that_is_given_is_taken(db, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        enqueue(JOB, waiting="one", lock="other")
        enqueue(JOB, waiting="two", lock="other")
    found = ProcrastinateJob.objects.values_list("queueing_lock", "lock")
    assert sorted(found) == [("one", "other"), ("two", "other")]


@pytest.fixture
def wake(db, django_capture_on_commit_callbacks):
    """Give the job of each minute, after which it tells what is in the queue."""

    def run():
        ProcrastinateJob.objects.all()._raw_delete("default")
        with django_capture_on_commit_callbacks(execute=True):
            run_due_collectors(timestamp=0)
        return {job: lock for job, lock in queued().items() if job in LOCKS}

    return run


def test_what_waits_is_asked_for_again_each_minute_until_it_is_done(tmp_path, monkeypatch, wake):
    register_two(tmp_path, monkeypatch)
    assert wake() == {}
    push(scope_of(clerk_of("taxation", "tax-clerk")), grades(good()))
    assert wake() == {JOB: JOB}
    govern_uploads()
    assert wake() == {}
    clerk = person("department", "department_clerk", "fire-clerk", department_code="fire")
    offer(clerk, fire_file())
    assert wake() == {PROFILE_JOB: PROFILE_JOB}
    profile_sources()
    assert wake() == {}
    (table,) = tables_of(clerk)
    submitted(clerk, table)
    decide(person("operator", "operator", "operator"), table, approve="1")
    assert wake() == {BRING_JOB: BRING_JOB}


@pytest.mark.parametrize(
    ("module", "selector", "job"),
    [("resolution", "asked_undos", UNDO_JOB), ("catalogue", "pending_decisions", CARRY_JOB)],
)
def test_decisions_that_were_not_carried_out_are_too(tmp_path, monkeypatch, wake, module, selector, job):
    register_two(tmp_path, monkeypatch)
    monkeypatch.setattr(getattr(waiting, module), selector, lambda *_: ["one"])
    assert wake() == {job: JOB}
