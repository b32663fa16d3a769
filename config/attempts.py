"""Work on a file that a department sent: what fails for good is told on the file, what passes is waited for, what kills is given up."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from django.db import InterfaceError, OperationalError
from django.utils import timezone
from procrastinate import RetryStrategy

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.intake import recording
from rongqiao.governance.pipeline import STORAGE_FAULTS
from rongqiao.kernel.errors import BusyError, RongqiaoError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rongqiao.bases.enterprises.intake.models import Upload

logger = logging.getLogger(__name__)
Done = TypeVar("Done")

#: Troubles that are not the file's: the job is tried again, and nothing is told as failed.
PASSING: tuple[type[Exception], ...] = (
    BusyError,
    StorageError,
    OperationalError,
    InterfaceError,
    *STORAGE_FAULTS,
)
#: Some seventeen minutes in all, each pause twice the last; then the job of each minute asks anew while anything waits.
RETRY = RetryStrategy(max_attempts=8, exponential_wait=2)
#: Tries that took the process with them, after which a file is not taken up again by itself.
MOST_KILLS = 2
WAITING = "平台正忙或存储暂时不可用，恢复后自动继续办理，无需重新上传。"
KILLER = (
    "前两次处理这份文件时程序中断，已停止自动重试；其他文件不受影响。"
    "请检查文件是否过大或损坏，另存为 CSV 后重新上传；如文件无误，可点“再试一次”，或联系平台运营人员。"
)
BROKEN = "平台处理这份文件时出错，已记录供运营人员查看；请核对文件后重新上传，或稍后再试一次。"


def describe(error: RongqiaoError) -> str:
    """Say what is wrong, as the department reads it."""
    return f"{error.thing}：{error.remedy}"


class Tries(Protocol):
    """Tries to work on one file: how many did not return, and what is told where they come to nothing."""

    #: Told where the tries before killed the process, and where something broke that nobody foresaw.
    killer: str
    broken: str

    @property
    def count(self) -> int:
        """Tries that have not returned."""

    def begin(self) -> None:
        """Count a try that may kill the process, before it begins."""

    def end(self, problem: str = "") -> None:
        """Take the count back, since the try returned; ``problem`` says what the file waits for, empty where for nothing."""

    def fail(self, problem: str) -> None:
        """Note that the file is not taken up again by itself, and why."""


@dataclass(slots=True)
class UploadTries:
    """Tries to work on what a department sent; the row of the delivery keeps them."""

    upload: Upload
    killer: str = KILLER
    broken: str = BROKEN

    @property
    def count(self) -> int:
        """Tries that have not returned."""
        return self.upload.attempts

    def begin(self) -> None:
        """Count a try."""
        with system_scope():
            recording.begin_attempt(upload=self.upload)

    def end(self, problem: str = "") -> None:
        """Take the count back."""
        with system_scope():
            recording.end_attempt(upload=self.upload, problem=problem)

    def fail(self, problem: str) -> None:
        """Record the failure on the delivery."""
        with system_scope():
            recording.record_failure(upload=self.upload, problem=problem, now=timezone.now())


def attempt(tries: Tries, work: Callable[[], Done]) -> Done | None:
    """Do some work on a file; ``None`` where it failed for good, which is recorded on the file alone.

    Notes
    -----
    A try is counted before it begins and taken back when it returns, so that what stays counted are tries that killed the process.

    Raises
    ------
    Exception
        One of ``PASSING``.
    """
    if tries.count >= MOST_KILLS:
        tries.fail(tries.killer)
        return None
    tries.begin()
    problem = tries.broken
    try:
        done = work()
    except PASSING:
        tries.end(WAITING)
        raise
    except RongqiaoError as error:
        problem = describe(error)
    except Exception:
        # Whatever it is, it is this file's: those behind it must not wait for somebody to mend it.
        logger.exception("Work on %s broke.", tries)
    else:
        tries.end()
        return done
    tries.fail(problem)
    return None
