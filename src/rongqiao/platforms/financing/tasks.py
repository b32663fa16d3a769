"""Background jobs of the market."""

from __future__ import annotations

import datetime as dt

from procrastinate.contrib.django import app

from rongqiao.platforms.financing import services


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="expire_due", lock="expire_due", name="financing.expire_due")
def expire_due(timestamp: int) -> dict[str, int]:
    """Run the market's clocks every ten minutes; ``timestamp`` is the second the run was due."""
    return services.expire_due(now=dt.datetime.fromtimestamp(timestamp, dt.UTC))
