"""Jobs of the log and of the queue: only what grew is signed; a job that died at work does not block the next."""

import asyncio
import datetime as dt
from types import SimpleNamespace

import pytest

from rongqiao.accounts import tasks
from rongqiao.accounts.ledgering import drain, seal_growth
from rongqiao.accounts.services import record_in_ledger
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.signing import SoftwareSigner

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2126, 11, 23, 2, 7, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def fill(ledger, number):
    record_in_ledger(kind="quote", subject=f"quote:{number}", payload={})
    drain(ledger=ledger, now=NOW)


def test_only_growth_is_signed(tmp_path):
    ledger, signer = Ledger(tmp_path / "ledger"), SoftwareSigner(tmp_path / "key")
    assert seal_growth(ledger=ledger, signer=signer, now=NOW) is None
    fill(ledger, 1)
    assert seal_growth(ledger=ledger, signer=signer, now=NOW).size == 1
    assert seal_growth(ledger=ledger, signer=signer, now=NOW + HOUR) is None
    fill(ledger, 2)
    assert seal_growth(ledger=ledger, signer=signer, now=NOW + HOUR).size == 2
    assert [head.size for head in ledger.signed_heads()] == [1, 2]
    assert ledger.verify(signer.public_key).unsealed == 0


def test_the_job_signs_what_the_outbox_brought(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "var", lambda: tmp_path)
    record_in_ledger(kind="quote", subject="quote:1", payload={})
    assert tasks.drain_ledger(timestamp=int(NOW.timestamp())) == 1
    assert tasks.seal_ledger(timestamp=int(NOW.timestamp())) == 1
    assert tasks.seal_ledger(timestamp=int(NOW.timestamp())) is None
    assert [head.size for head in Ledger(tmp_path / "ledger").signed_heads()] == [1]


def test_both_jobs_of_the_log_wait_for_each_other_and_run_by_the_clock():
    jobs = {task.name: task for task in (tasks.drain_ledger, tasks.seal_ledger)}
    assert {task.lock for task in jobs.values()} == {"drain_ledger"}
    periodic = tasks.app.periodic_registry.periodic_tasks.values()
    crons = {each.task.name: each.cron for each in periodic}
    assert crons["accounts.seal_ledger"] == "7 * * * *"


class Queue:
    """Job manager with two jobs whose worker died."""

    def __init__(self):
        self.calls = []

    async def get_stalled_jobs(self):
        return ["one", "two"]

    async def finish_job(self, job, *, status, delete_job):
        self.calls.append((job, status.value, delete_job))

    async def delete_old_jobs(self, *, nb_hours):
        self.calls.append(nb_hours)


def test_jobs_of_dead_workers_are_given_up_and_old_ones_forgotten():
    queue = Queue()
    context = SimpleNamespace(app=SimpleNamespace(job_manager=queue))
    assert asyncio.run(tasks.tidy_queue(context, timestamp=0)) == 2
    assert queue.calls == [("one", "failed", False), ("two", "failed", False), 720]
