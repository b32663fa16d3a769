"""Jobs that are asked for: one that waits already is enough."""

from __future__ import annotations

from django.db import transaction
from procrastinate.contrib.django import app as jobs
from procrastinate.exceptions import AlreadyEnqueued


def enqueue(job: str, *, waiting: str = "", lock: str | None = None, **arguments: str | int) -> None:
    """Put a job into the queue, unless one waits there that will see the same and more.

    Parameters
    ----------
    job : str
        Name of the task.
    waiting : str
        What tells jobs of one task apart: of those with the same text one waits at a time. The task's name if empty.
    lock : str or None
        Jobs with the same lock run one after the other; ``waiting`` where none is given.
    **arguments
        Given to the task.
    """
    waiting = waiting or job
    try:
        # A savepoint of its own: that a job waits already must not break what surrounds it.
        with transaction.atomic():
            jobs.configure_task(job, queueing_lock=waiting, lock=lock or waiting).defer(**arguments)
    except AlreadyEnqueued:
        return
