"""Background job of screening."""

from __future__ import annotations

import datetime as dt

from procrastinate.contrib.django import app

from rongqiao.platforms.financing.screening import handovers, services


@app.periodic(cron="20 17 * * *")
@app.task(queueing_lock="expire_lists", lock="expire_lists", name="screening.expire_lists")
def expire_lists(timestamp: int) -> int:
    """End the lists, and what banks hold of them, whose last day is over, every night; ``timestamp`` is the second the run was due."""
    now = dt.datetime.fromtimestamp(timestamp, dt.UTC)
    return handovers.expire_handovers(now=now) + services.expire_lists(now=now)
