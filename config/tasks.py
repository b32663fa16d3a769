"""Jobs of the composition root: governance is run here, since no room of the web may import it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from config.collecting import collect, due_collectors, govern_collected, has_come
from config.corrections import flow_forward
from config.renewal import renew
from config.serving import build_serving
from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.intake import collecting, selectors, services
from rongqiao.bases.enterprises.publication import publish_operations
from rongqiao.bases.resources.services import enqueue_matching
from rongqiao.governance.batch import Delivery
from rongqiao.governance.conflicts import find_conflicts
from rongqiao.governance.pipeline import govern
from rongqiao.governance.resolution import retrying
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.kernel.home import var
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger

if TYPE_CHECKING:
    from rongqiao.bases.enterprises.intake.models import Upload
    from rongqiao.governance.pipeline import Report

#: Another run may hold the lake; it is waited for.
RETRY = RetryStrategy(max_attempts=20, wait=15)
RENEWAL = "enterprises.renew"


@app.task(name=services.JOB, queueing_lock=services.JOB, lock=services.JOB, retry=RETRY)
def govern_uploads() -> int:
    """Govern every delivery that waits or was collected, one after the other, publish what came of it, and carry corrections forward; returns their number."""
    with system_scope() as scope:
        waiting = selectors.waiting_uploads(scope)
    lake = Lake()
    reports = [(upload, report) for upload in waiting if (report := _govern(upload, lake)) is not None]
    collected = govern_collected(lake)
    if (waiting or collected) and lake.exists("published/enterprises"):
        today = timezone.localdate()
        find_conflicts(lake, as_of=today.year * 100 + today.month, known_at=today)
        publish_operations(lake=lake, known_at=today)
        build_serving(lake)
    # Told only now: whoever reads "landed" follows the link to the rows that were sent back at once.
    for upload, report in reports:
        _tell_outcome(upload, report)
    flow_forward(lake, now=timezone.now())
    enqueue(RENEWAL, lock=services.JOB, timestamp=int(timezone.now().timestamp()))
    return len(waiting) + collected


# After the hour of the day's last deliveries, since records also expire by the calendar alone. It shares the lock of governance:
# a correction that flows forward numbers its rows as a renewal does.
@app.periodic(cron="35 18 * * *")
@app.task(name=RENEWAL, queueing_lock=RENEWAL, lock=services.JOB, retry=RETRY)
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
    """Put every collector whose time has come into the queue, each minute; returns their number."""
    due = due_collectors()
    for collector_id in due:
        collecting.defer_run(collector_id)
    if has_come():
        enqueue(services.JOB)
    return len(due)


def _govern(upload: Upload, lake: Lake) -> Report | None:
    """Take one delivery through the six steps; ``None`` where that failed, which is recorded."""

    def tell(_: str, step: str, done: int, total: int) -> None:
        with system_scope():
            services.record_progress(upload=upload, step=step, done=done, total=total)

    delivery = Delivery(upload.contract_id, services.stored_path(upload), upload.delivered_on)
    try:
        with system_scope() as scope:
            mended = selectors.repaired_places(scope, upload)
        # First: what a department mended must not be sent again as it was.
        retrying.note_repaired(lake, upload.contract_id, mended, upload.stored_name, upload.delivered_on)
        report = govern([delivery], lake, Ledger(var() / "ledger"), on_progress=tell)
    except (RongqiaoError, OSError) as error:
        with system_scope():
            services.record_failure(upload=upload, problem=describe(error), now=timezone.now())
        return None
    return report


def _tell_outcome(upload: Upload, report: Report) -> None:
    with system_scope():
        if report.held:
            problem = "企业登记库还没有数据，无法认定企业；请先报送企业登记。"
            services.record_failure(upload=upload, problem=problem, now=timezone.now())
        else:
            services.record_outcome(upload=upload, outcome=_outcome(report), now=timezone.now())


def _outcome(report: Report) -> dict[str, Any] | None:
    """Return the counts of the file; none when its bytes had a receipt before."""
    if not report.files:
        return None
    file = report.files[0]
    return {
        "batch_id": file.batch_id,
        "rows_in": file.rows_in,
        "rows_accepted": file.rows_accepted,
        "rows_quarantined": file.rows_quarantined,
        "by_rule": file.quarantined_by_rule,
    }


def describe(error: RongqiaoError | OSError) -> str:
    """Say what is wrong, as the department reads it."""
    return (
        f"{error.thing}：{error.remedy}"
        if isinstance(error, RongqiaoError)
        else f"文件读写失败：{error.strerror}"
    )
