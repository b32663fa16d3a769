"""Jobs of the composition root: governance is run here, since no room of the web may import it."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from procrastinate.contrib.django import app

from config.attempts import PASSING, RETRY, UploadTries, attempt
from config.collecting import clear_collected, collect, due_collectors, govern_collected
from config.comparing import compare, is_due
from config.corrections import flow_forward
from config.renewal import renew
from config.serving import build_serving
from config.waiting import wake_jobs
from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.intake import collecting, recording, selectors, services
from rongqiao.bases.enterprises.publication import publish_operations
from rongqiao.bases.resources.services import enqueue_matching
from rongqiao.governance.batch import Delivery
from rongqiao.governance.pipeline import govern
from rongqiao.governance.recurrence import find_batch
from rongqiao.governance.resolution import retrying
from rongqiao.governance.service import find_outcome
from rongqiao.kernel.errors import BusyError, InvalidValueError
from rongqiao.kernel.home import var
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rongqiao.bases.enterprises.intake.models import Upload
    from rongqiao.governance.lane import FileReport
    from rongqiao.governance.pipeline import Report

logger = logging.getLogger(__name__)
RENEWAL = "enterprises.renew"
#: Deliveries of one morning are followed by one renewal, and none of them waits for it.
RENEWAL_AFTER_MINUTES = 20


@app.task(name=services.JOB, queueing_lock=services.JOB, lock=services.JOB, retry=RETRY)
def govern_uploads() -> int:
    """Govern every delivery that waits or was collected, one after the other, publish what came of it, and carry corrections forward; returns their number."""
    with system_scope() as scope:
        waiting = selectors.waiting_uploads(scope)
    lake = Lake()
    reports, troubles = _govern_all(waiting, lake)
    collected: Sequence[Delivery] | None = None
    held_up: list[Exception] = []
    if not any(isinstance(trouble, BusyError) for trouble in troubles):
        try:
            collected, held_up = govern_collected(lake)
            troubles += held_up
        except Exception as trouble:
            # What departments sent is told of all the same.
            logger.exception("Collected deliveries could not be governed.")
            troubles.append(trouble)
    if (reports or collected or is_due()) and lake.exists("published/enterprises"):
        troubles += compare(lake)
        publish_operations(lake=lake, known_at=timezone.localdate())
        build_serving(lake)
    # Told only now: whoever reads "landed" follows the link to the rows that were sent back at once.
    for upload, report in reports:
        try:
            _tell_outcome(upload, report, lake)
        except Exception as trouble:
            # It stays underway and is told by the next run; the others are told now.
            logger.exception("The outcome of %s (%s) could not be told.", upload, upload.pk)
            troubles.append(trouble)
    if collected is not None:
        clear_collected(collected, is_all=not held_up)
    troubles += flow_forward(lake, now=timezone.now())
    enqueue_matching(now=timezone.now())
    if reports or collected:
        enqueue(RENEWAL, after_minutes=RENEWAL_AFTER_MINUTES, timestamp=int(timezone.now().timestamp()))
    if troubles:
        raise troubles[0]
    return len(waiting) + len(collected or ())


# After the hour of the day's last deliveries too, since records also expire by the calendar alone. It does not share the lock of
# governance: jobs of one lock run in the order they were asked for, and deliveries would wait for a renewal that is not due.
@app.periodic(cron="35 18 * * *")
@app.task(name=RENEWAL, queueing_lock=RENEWAL, lock=RENEWAL, retry=RETRY)
def renew_enterprises(timestamp: int) -> int:
    """Bring indicators, ratings and portraits up to today where facts moved, then ask for the matching; returns enterprises renewed."""
    renewed = renew(Lake(), known_at=timezone.localdate())
    enqueue_matching(now=timezone.now())
    return renewed.enterprises or 0


@app.task(name=collecting.JOB)
def run_collector(collector_id: str) -> str:
    """Run one collector; returns how it ended. Runs of one collector follow each other by the lock that they are deferred with."""
    return collect(collector_id).result


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="collect.run_due", lock="collect.run_due", name="collect.run_due")
def run_due_collectors(timestamp: int) -> int:
    """Put every collector whose time has come into the queue, each minute, and every job that something waits for; returns the collectors."""
    # First: a malformed declaration of a collector must not hold up what waits.
    wake_jobs()
    due = due_collectors()
    for collector_id in due:
        collecting.defer_run(collector_id)
    return len(due)


def _govern_all(waiting: Sequence[Upload], lake: Lake) -> tuple[list[tuple[Upload, Report]], list[Exception]]:
    """Take deliveries through the six steps; returns what became of them, and troubles for which some wait on."""
    reports: list[tuple[Upload, Report]] = []
    troubles: list[Exception] = []
    for upload in waiting:
        try:
            report = attempt(UploadTries(upload), partial(_govern, upload, lake))
        except BusyError as trouble:
            troubles.append(trouble)
            break
        except PASSING as trouble:
            # Only this file may be out of reach: those behind it are tried.
            troubles.append(trouble)
            continue
        if report is not None:
            reports.append((upload, report))
    return reports, troubles


def _govern(upload: Upload, lake: Lake) -> Report:
    """Take one delivery through the six steps."""

    def tell(_: str, step: str, done: int, total: int) -> None:
        with system_scope():
            recording.record_progress(upload=upload, step=step, done=done, total=total)

    path = services.stored_path(upload)
    if path.parent.is_dir() and not path.exists():
        raise InvalidValueError("报送文件", upload.file_name, "平台上已没有这份文件，请重新上传。")
    with system_scope() as scope:
        mended = selectors.repaired_places(scope, upload)
    # First: what a department mended must not be sent again as it was.
    retrying.note_repaired(lake, upload.contract_id, mended, upload.stored_name, upload.delivered_on)
    with system_scope() as scope:
        later = selectors.names_received_after(
            scope, upload.contract_id, upload.received_at or timezone.now()
        )
    delivery = Delivery(upload.contract_id, path, upload.delivered_on, handed_in_later=later)
    return govern([delivery], lake, Ledger(var() / "ledger"), on_progress=tell)


def _tell_outcome(upload: Upload, report: Report, lake: Lake) -> None:
    now = timezone.now()
    # Rows of other batches that waited for their enterprise may have been sent again in the same run.
    own = next((_counts(file) for file in report.files if _is_of(file, upload)), None)
    with system_scope() as scope:
        if upload.stored_name in report.held:
            problem = "企业登记库还没有数据，无法认定企业；请先报送企业登记。"
            recording.record_failure(upload=upload, problem=problem, now=now)
            return
        # Without a report of its own it had its receipt before: from another file, or in a run that ended before this was told.
        found = find_batch(lake, upload.contract_id, upload.stored_name, upload.digest)
        outcome = own or (find_outcome(lake, found[0]) if found else None)
        if found is None or outcome is None:
            problem = "没有找到这份文件的签收回执，请再试一次，或联系平台运营人员。"
            recording.record_failure(upload=upload, problem=problem, now=now)
            return
        is_repeat = own is None and not found[1] and selectors.is_landed_before(scope, upload)
        recording.record_outcome(upload=upload, outcome=outcome, is_repeat=is_repeat, now=now)


def _is_of(file: FileReport, upload: Upload) -> bool:
    return (file.contract_id, file.file_name) == (upload.contract_id, upload.stored_name)


def _counts(file: FileReport) -> dict[str, Any]:
    return {
        "batch_id": file.batch_id,
        "rows_in": file.rows_in,
        "rows_accepted": file.rows_accepted,
        "rows_quarantined": file.rows_quarantined,
        "by_rule": file.quarantined_by_rule,
    }
