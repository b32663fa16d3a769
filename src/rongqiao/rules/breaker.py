"""When a source that fails is left alone, and when it is tried again: the breaker's decisions; the clock is the caller's."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from rongqiao.rules.transitions import advance


@dataclass(frozen=True, slots=True)
class Breaker:
    """State of the way to one source; kept between runs, so that restarts do not hammer.

    Parameters
    ----------
    state : str
        ``closed``, ``open`` or ``half_open``.
    failures : int
        Calls that failed one after the other.
    until : datetime.datetime or None
        When a single call may try again; null while closed.
    """

    state: str = "closed"
    failures: int = 0
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """From how many failures in a row the breaker opens, and for how long."""

    failures_max: int
    pause: dt.timedelta


def waiting_time(breaker: Breaker, now: dt.datetime) -> dt.timedelta:
    """How long callers are turned away yet; zero when a call may go."""
    if breaker.until is None:
        return dt.timedelta(0)
    return max(breaker.until - now, dt.timedelta(0))


def admit(breaker: Breaker, now: dt.datetime, policy: BreakerPolicy) -> Breaker:
    """State with which a call goes out; after the pause one call tries alone, and if it never comes back another waits as long.

    Notes
    -----
    Only for a breaker whose `waiting_time` is zero.
    """
    if breaker.state == "closed":
        return breaker
    return replace(breaker, state=advance("breaker", breaker.state, "try"), until=now + policy.pause)


def note_answer(breaker: Breaker) -> Breaker:
    """State after a call that was answered."""
    return Breaker(advance("breaker", breaker.state, "answer"))


def note_failure(
    breaker: Breaker, now: dt.datetime, policy: BreakerPolicy, *, not_before: dt.datetime | None = None
) -> Breaker:
    """State after a call that failed; a source that asks to be left alone until a later time is left alone until then."""
    failures = breaker.failures + 1
    if breaker.state == "closed" and failures < policy.failures_max and not_before is None:
        return replace(breaker, failures=failures)
    until = max(now + policy.pause, not_before or now)
    return Breaker(advance("breaker", breaker.state, "trip"), failures, until)
