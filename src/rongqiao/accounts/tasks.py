"""Background jobs of this room."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.jobs import Status

from rongqiao.accounts.ledgering import drain, seal_growth
from rongqiao.kernel.home import var
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.signing import find_signer

if TYPE_CHECKING:
    from procrastinate import JobContext

KEPT_HOURS = 30 * 24


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="drain_ledger", lock="drain_ledger", name="accounts.drain_ledger")
def drain_ledger(timestamp: int) -> int:
    """Move what waits in the outbox into the Merkle log, every minute; returns the entries moved.

    ``timestamp`` is the second the run was due; entries written until then are moved.
    """
    return drain(ledger=_ledger(), now=dt.datetime.fromtimestamp(timestamp, dt.UTC))


# Off the full hour, when the drain of that minute and the market's clocks are done.
@app.periodic(cron="7 * * * *")
@app.task(queueing_lock="seal_ledger", lock="drain_ledger", name="accounts.seal_ledger")
def seal_ledger(timestamp: int) -> int | None:
    """Sign the Merkle log's head every hour in which it grew; returns the size signed, null when it did not.

    What is not under a signed head can be cut off unseen; an hour bounds how much that can be. ``timestamp`` is the
    second the run was due; the head bears the instant of signing, which may not lie before the last head's.
    """
    ledger = _ledger()
    signed = seal_growth(ledger=ledger, signer=find_signer(var() / "ledger"), now=timezone.now())
    return None if signed is None else signed.size


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="tidy_queue", name="accounts.tidy_queue", pass_context=True)
async def tidy_queue(context: JobContext, timestamp: int) -> int:
    """Give up jobs whose worker died, and forget jobs that ended well over 30 days ago; returns the jobs given up.

    A job that died at work holds its lock for ever, so that none of its kind would run again. All our jobs are harmless when
    repeated, and are asked for again by the clock while anything waits for them, so it is given up rather than retried.
    """
    manager = context.app.job_manager
    stalled = list(await manager.get_stalled_jobs())
    for job in stalled:
        await manager.finish_job(job, status=Status.FAILED, delete_job=False)
    await manager.delete_old_jobs(nb_hours=KEPT_HOURS)
    return len(stalled)


def _ledger() -> Ledger:
    return Ledger(var() / "ledger")
