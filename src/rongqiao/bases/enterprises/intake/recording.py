"""What the jobs that work on deliveries tell of them: attempts, progress, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.intake.services import stored_path
from rongqiao.rules.transitions import advance

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from rongqiao.bases.enterprises.intake.models import Upload


def record_progress(*, upload: Upload, step: str, done: int, total: int) -> None:
    """Note which step is at work."""
    if upload.status == "waiting":
        upload.status = advance("delivery", upload.status, "govern")
    upload.step, upload.steps_done, upload.steps_total = step, done, total
    upload.save(update_fields=["status", "step", "steps_done", "steps_total"])


def begin_attempt(*, upload: Upload) -> None:
    """Count a try that may kill the process, before it begins."""
    upload.attempts += 1
    upload.save(update_fields=["attempts"])


def end_attempt(*, upload: Upload, problem: str = "") -> None:
    """Take the count back, since the try returned; ``problem`` says what the file waits for, empty where for nothing."""
    upload.attempts, upload.problem = 0, problem
    upload.save(update_fields=["attempts", "problem"])


def record_outcome(*, upload: Upload, outcome: Mapping[str, Any], is_repeat: bool, now: dt.datetime) -> None:
    """Note what became of the file; a repeat has the outcome of the other delivery with its very bytes."""
    upload.status = advance("delivery", upload.status, "repeat" if is_repeat else "land")
    upload.outcome = dict(outcome)
    upload.problem = "内容与先前报送的文件完全相同，已有回执，未重复入库。" if is_repeat else ""
    upload.ended_at = now
    upload.save(update_fields=["status", "outcome", "problem", "ended_at"])
    stored_path(upload).unlink(missing_ok=True)


def record_failure(*, upload: Upload, problem: str, now: dt.datetime) -> None:
    """Note why the file could not be governed; it stays where it is for another attempt."""
    upload.status = advance("delivery", upload.status, "fail")
    upload.problem, upload.ended_at, upload.attempts = problem, now, 0
    upload.save(update_fields=["status", "problem", "ended_at", "attempts"])
