"""The hourly signature over the Merkle log: only what grew is signed, and nothing damaged is."""

import datetime as dt

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
