"""Background jobs of the market."""

from __future__ import annotations

import datetime as dt

from procrastinate.contrib.django import app

from rongqiao.bases.resources.services import MATCHING_JOB
from rongqiao.lake.tables import Lake
from rongqiao.platforms.financing import province, services


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="expire_due", lock="expire_due", name="financing.expire_due")
def expire_due(timestamp: int) -> dict[str, int]:
    """Run the market's clocks every ten minutes; ``timestamp`` is the second the run was due."""
    return services.expire_due(now=dt.datetime.fromtimestamp(timestamp, dt.UTC))


@app.periodic(cron="17 * * * *")
@app.task(queueing_lock=MATCHING_JOB, lock=MATCHING_JOB, name=MATCHING_JOB)
def refresh_matching(timestamp: int) -> int:
    """Judge the products whose conditions or facts changed, every hour and after each delivery or change; returns their number."""
    now = dt.datetime.fromtimestamp(timestamp, dt.UTC)
    return province.refresh_matching(lake=Lake(), now=now).products
