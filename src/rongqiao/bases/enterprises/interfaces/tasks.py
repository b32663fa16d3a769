"""Background jobs of the market."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from procrastinate.contrib.django import app

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces import anomalies, changes, limits, questions, telling, webhooks


@app.task(name=telling.JOB, queueing_lock=telling.JOB, lock=telling.JOB)
def deliver_webhooks() -> int:
    """Deliver what waits in the outbox; returns attempts made."""
    return webhooks.deliver_due(clock=timezone.now)


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="interfaces.retry", lock=telling.JOB, name="interfaces.retry_webhooks")
def retry_webhooks(timestamp: int) -> int:
    """Try again what failed and has come of its time, every minute; returns attempts made."""
    return webhooks.deliver_due(clock=timezone.now)


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="interfaces.changes", lock="interfaces.changes", name="interfaces.tell_changes")
def tell_changes(timestamp: int) -> int:
    """Tell consumers of sources delivered anew and marks changed that nobody was told of yet; ``timestamp`` is when it was due."""
    now = dt.datetime.fromtimestamp(timestamp, dt.UTC)
    return changes.tell_disputes(now=now) + changes.tell_deliveries(now=now)


@app.periodic(cron="11 * * * *")
@app.task(queueing_lock="interfaces.flag_keys", lock="interfaces.flag_keys", name="interfaces.flag_keys")
def flag_keys(timestamp: int) -> int:
    """Flag keys that behave otherwise than they used to, every hour, and mark questions that nobody answered in time."""
    now = dt.datetime.fromtimestamp(timestamp, dt.UTC)
    questions.mark_overdue(now=now)
    with system_scope():
        limits.forget_old_counts(now)
    return len(anomalies.flag_keys(now=now))


@app.periodic(cron="23 18 * * *")
@app.task(queueing_lock="interfaces.ask", lock="interfaces.ask", name="interfaces.ask_about_accesses")
def ask_about_accesses(timestamp: int) -> int:
    """Ask about the accesses of the day before, each night (02:23 in China); ``timestamp`` is when the run was due."""
    now = dt.datetime.fromtimestamp(timestamp, dt.UTC)
    return questions.ask_about_day(timezone.localdate(now) - dt.timedelta(days=1), now=now)
