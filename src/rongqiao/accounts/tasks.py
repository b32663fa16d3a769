"""Background jobs of this room."""

from __future__ import annotations

import datetime as dt

from procrastinate.contrib.django import app

from rongqiao.accounts.ledgering import drain
from rongqiao.kernel.home import var
from rongqiao.ledger.log import Ledger


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="drain_ledger", lock="drain_ledger", name="accounts.drain_ledger")
def drain_ledger(timestamp: int) -> int:
    """Move what waits in the outbox into the Merkle log, every minute; returns the entries moved.

    ``timestamp`` is the second the run was due; entries written until then are moved.
    """
    return drain(ledger=Ledger(var() / "ledger"), now=dt.datetime.fromtimestamp(timestamp, dt.UTC))
