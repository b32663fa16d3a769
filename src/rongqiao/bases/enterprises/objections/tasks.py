"""Background jobs of the objections."""

from __future__ import annotations

import datetime as dt

from procrastinate.contrib.django import app

from rongqiao.bases.enterprises.objections.settling import run_clocks


@app.periodic(cron="17 * * * *")
@app.task(queueing_lock="objections.run_clocks", lock="objections.run_clocks", name="objections.run_clocks")
def run_objection_clocks(timestamp: int) -> int:
    """Take overdue objections to the operator, every hour; ``timestamp`` is the second the run was due."""
    return run_clocks(now=dt.datetime.fromtimestamp(timestamp, dt.UTC))
