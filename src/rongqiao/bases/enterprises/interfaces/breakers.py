"""Breakers: a provider that keeps failing is left alone for a while, and its callers are told at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class Breaker:
    """Counts failures of one provider in one process. Slow answers count as failures, too.

    Parameters
    ----------
    failures_max : int
        Failures in a row after which it opens.
    pause_seconds : float
        How long it stays open; then a single call tries again.
    slow_seconds : float
        From when on an answer counts as a failure.
    """

    failures_max: int
    pause_seconds: float
    slow_seconds: float
    failures: int = 0
    opened_at: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, now: float) -> float:
        """Seconds a caller has to wait; 0 when it may go on. The first one after the pause goes alone.

        Parameters
        ----------
        now : float
            Seconds of a clock that never goes back.
        """
        with self._lock:
            if self.opened_at is None:
                return 0.0
            waited = now - self.opened_at
            if waited < self.pause_seconds:
                return self.pause_seconds - waited
            # Whoever comes while this one tries waits as long again.
            self.opened_at = now
            return 0.0

    def is_open(self, now: float) -> bool:
        """Whether callers are turned away; asking changes nothing."""
        return self.opened_at is not None and now - self.opened_at < self.pause_seconds

    def record(self, *, is_answered: bool, seconds: float, now: float) -> None:
        """Note how a call went; a quick answer closes the breaker."""
        with self._lock:
            if is_answered and seconds < self.slow_seconds:
                self.failures, self.opened_at = 0, None
                return
            self.failures += 1
            if self.failures >= self.failures_max:
                self.opened_at = now
