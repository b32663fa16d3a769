"""Calls to a source that may be down: tried again after a pause, and left alone for a while when they go on failing.

A call that runs out of time is a failure like an answer 502: whoever waits longest for a broken source breaks with it.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from rongqiao.contracts.collectors import ZONE
from rongqiao.kernel.errors import SourceError
from rongqiao.rules.breaker import Breaker, BreakerPolicy, admit, note_answer, note_failure, waiting_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from rongqiao.contracts.collectors import Collector

Answer = TypeVar("Answer")


class DownError(Exception):
    """A call that failed for a reason which may pass.

    Parameters
    ----------
    reason : str
        What happened, in the reader's words.
    retry_after : float
        Seconds that the source asks to be left alone; 0 where it says nothing.
    remedy : str
        What to do about it.
    detail : str
        What the system said, for whoever mends the source.
    """

    def __init__(
        self,
        reason: str,
        retry_after: float = 0.0,
        *,
        remedy: str = "请与来源单位核对服务是否正常。",
        detail: str = "",
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.remedy = remedy
        self.detail = detail


@dataclass(slots=True)
class Line:
    """The way to one source.

    Parameters
    ----------
    collector : Collector
    breaker : Breaker
        As the last run left it.
    keep : callable
        Stores a changed breaker at once, so that a killed run is no excuse to hammer.
    clock, sleep : callable
        Time, and waiting, from outside.
    """

    collector: Collector
    breaker: Breaker
    keep: Callable[[Breaker], None]
    clock: Callable[[], dt.datetime]
    sleep: Callable[[float], None]
    attempts: int = 0
    _draw: random.Random = field(default_factory=random.Random)

    def call(self, what: Callable[[], Answer]) -> Answer:
        """Call until it is answered.

        Raises
        ------
        SourceError
            If all attempts failed, or the breaker is open.
        """
        for number in range(1, self.collector.retry.attempts + 1):
            self._admit()
            self.attempts += 1
            try:
                answer = what()
            except DownError as down:
                self._note_failure(down)
                if number == self.collector.retry.attempts or self.breaker.state == "open":
                    raise self._gone(down) from down
                self.sleep(max(self._pause(number), down.retry_after))
            else:
                self._change(note_answer(self.breaker))
                return answer
        raise AssertionError  # the last attempt returns or raises

    def _admit(self) -> None:
        now = self.clock()
        if waiting_time(self.breaker, now):
            raise self._gone(DownError("熔断暂停期间，本次没有访问"))
        self._change(admit(self.breaker, now, self._policy()))

    def _note_failure(self, down: DownError) -> None:
        now = self.clock()
        is_long = down.retry_after > self.collector.retry.longest_pause_seconds
        not_before = now + dt.timedelta(seconds=down.retry_after) if is_long else None
        self._change(note_failure(self.breaker, now, self._policy(), not_before=not_before))

    def _policy(self) -> BreakerPolicy:
        declared = self.collector.breaker
        return BreakerPolicy(declared.failures_max, dt.timedelta(seconds=declared.pause_seconds))

    def _pause(self, number: int) -> float:
        """Pause before the next attempt: up to twice as long each time, drawn so that collectors do not come back together."""
        retry = self.collector.retry
        longest = min(retry.first_pause_seconds * 2 ** (number - 1), retry.longest_pause_seconds)
        return self._draw.uniform(longest / 2, longest)

    def _change(self, breaker: Breaker) -> None:
        if breaker != self.breaker:
            self.breaker = breaker
            self.keep(breaker)

    def _gone(self, down: DownError) -> SourceError:
        until = self.breaker.until
        when = f"{until.astimezone(ZONE):%Y-%m-%d %H:%M:%S}" if until else ""
        remedy = f"已停止访问，{when} 后自动试一次" if until else "下次到点再试"
        return SourceError(
            f"来源 {self.collector.title}",
            str(down),
            f"连续失败 {self.breaker.failures} 次，{remedy}；{down.remedy}未完成的内容没有入库。",
            detail=down.detail,
        )
