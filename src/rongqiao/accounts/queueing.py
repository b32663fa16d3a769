"""Jobs that are asked for: one that waits already is enough."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from procrastinate.contrib.django import app as jobs
from procrastinate.exceptions import AlreadyEnqueued

if TYPE_CHECKING:
    from collections.abc import Mapping


def enqueue(
    job: str, *, waiting: str = "", lock: str | None = None, after_minutes: int = 0, **arguments: str | int
) -> None:
    """Put a job into the queue once the transaction is committed, unless one waits there that will see the same and more.

    Parameters
    ----------
    job : str
        Name of the task.
    waiting : str
        What tells jobs of one task apart: of those with the same text one waits at a time. The task's name if empty.
    lock : str or None
        Jobs with the same lock run one after the other; the task's own where none is given.
    after_minutes : int
        How long it waits for more of its kind. Such a job takes no lock that others need: they would wait with it.
    **arguments
        Given to the task.

    Notes
    -----
    A job that waits could begin before the commit and see nothing of what was written; asked for afterwards, it sees all of it.
    """
    options: dict[str, Any] = {"queueing_lock": waiting or job}
    if lock:
        options["lock"] = lock
    if after_minutes:
        options["schedule_in"] = {"minutes": after_minutes}
    transaction.on_commit(partial(_defer, job, options, arguments))


def _defer(job: str, options: Mapping[str, Any], arguments: Mapping[str, str | int]) -> None:
    task = jobs.configure_task(job, **options)
    try:
        # A savepoint of its own: that a job waits already must not break what surrounds it.
        with transaction.atomic():
            task.defer(**arguments)
    except AlreadyEnqueued:
        return
