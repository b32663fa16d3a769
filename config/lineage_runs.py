"""What OpenLineage events of all kinds share: names, run ids, times, and reading the lake for them.

Deliveries and computations are dated by the day, so an event's time is the beginning of that day in China. Run ids follow from what
was run, so sending an event again changes nothing at the receiver.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    set_producer,
)
from openlineage.client.facet_v2 import documentation_job, job_type_job
from openlineage.client.uuid import generate_static_uuid

from rongqiao.lake.engine import connect, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rongqiao.lake.tables import Lake

PRODUCER = "urn:rongqiao:lineage"
CHINA = ZoneInfo("Asia/Shanghai")

set_producer(PRODUCER)


def namespace() -> str:
    """Namespace of jobs and data sets: ``RONGQIAO_OPENLINEAGE_NAMESPACE``, by default ``rongqiao``."""
    return os.environ.get("RONGQIAO_OPENLINEAGE_NAMESPACE") or "rongqiao"


def run_events(
    job: Job,
    at: dt.datetime,
    key: str,
    state: RunState,
    inputs: Sequence[InputDataset],
    outputs: Sequence[OutputDataset],
    facets: dict[str, Any],
) -> Iterator[RunEvent]:
    """Beginning and end of one run; its id follows from day and key, so that it stays the same."""
    run_id = str(generate_static_uuid(at, f"{job.name} {key}".encode()))
    instant = at.isoformat()
    yield RunEvent(eventTime=instant, run=Run(run_id), job=job, eventType=RunState.START)
    yield RunEvent(
        eventTime=instant,
        run=Run(run_id, facets),
        job=job,
        eventType=state,
        inputs=list(inputs),
        outputs=list(outputs),
    )


def job_of(name: str, kind: str, text: str) -> Job:
    """Name a job, its kind, and what it does in words."""
    return Job(
        namespace(),
        name,
        {
            "jobType": job_type_job.JobTypeJobFacet("BATCH", "RONGQIAO", kind),
            "documentation": documentation_job.DocumentationJobFacet(text),
        },
    )


def day_start(day: dt.date) -> dt.datetime:
    """Begin a day in China."""
    return dt.datetime.combine(day, dt.time(), CHINA)


def rows_of(
    lake: Lake, table: str, where: str, parameters: Sequence[Any], columns: str = "*"
) -> list[dict[str, Any]]:
    """Read rows of a lake table; none where it was never written."""
    if not lake.exists(table):
        return []
    query = f"SELECT {columns} FROM {quote(table)} WHERE {where}"  # noqa: S608 (names of this module)
    found: list[dict[str, Any]] = (
        connect(lake, [table]).execute(query, list(parameters)).to_arrow_table().to_pylist()
    )
    return found
