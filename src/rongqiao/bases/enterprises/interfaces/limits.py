"""Limits of calls: per key and minute, per key and day, per address and minute, and per budget of an agent.

Counters stand in an unlogged table that all workers share; the answer always says how much is left.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils import timezone

from rongqiao.bases.enterprises.interfaces.errors import CallError
from rongqiao.bases.enterprises.interfaces.statements import statement_cursor
from rongqiao.contracts.numbers import threshold

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from rongqiao.bases.enterprises.interfaces.rights import Rights

MINUTE_SECONDS = 60
DAY_SECONDS = 86_400
_KEPT_DAYS = 2
_spent: dict[str, str] = {}
_number: dict[dt.date, int] = {}


def per_address(day: dt.date) -> int:
    """Return the calls that one address may make a minute."""
    if day not in _number:
        _number.clear()
        _number[day] = int(threshold("interface_address_per_minute", day))
    return _number[day]


def count(
    rights: Rights,
    *,
    key_id: uuid.UUID,
    interface_id: str,
    address: str,
    budget: tuple[str, int] | None,
    now: dt.datetime,
) -> None:
    """Count a signed call and put what is left into the headers; above a limit it is refused.

    Raises
    ------
    CallError
        Naming the limit, and in ``Retry-After`` when to come back.
    """
    local = timezone.localtime(now)
    minute, day = _windows(local)
    rows = [(str(key_id), interface_id, minute), (str(key_id), interface_id, day)]
    if address:
        rows.insert(0, (f"ip:{address}", "", minute))
    if budget:
        rows.append((f"budget:{key_id}:{budget[0]}", "", day))
    counted = _add(rows)
    by_address = counted.pop(0) if address else 0
    most = per_address(local.date())
    reset = MINUTE_SECONDS - now.second
    rights.headers = _headers(rights, counted[0], by_address, most, reset)
    until_midnight = str(DAY_SECONDS - (local.hour * 3600 + local.minute * 60 + local.second))
    if by_address > most:
        _spent[address] = minute
        raise CallError("address_throttled", f"每个地址每分钟 {most} 次。", **{"Retry-After": str(reset)})
    if counted[0] > rights.throttle:
        raise CallError("throttled", f"每分钟 {rights.throttle} 次。", **{"Retry-After": str(reset)})
    if counted[1] > rights.quota:
        raise CallError("quota_spent", f"每日 {rights.quota} 次。", **{"Retry-After": until_midnight})
    if budget and counted[2] > budget[1]:
        raise CallError(
            "budget_spent", f"预算“{budget[0]}”每日 {budget[1]} 次。", **{"Retry-After": until_midnight}
        )


def _headers(rights: Rights, by_key: int, by_address: int, most: int, reset: int) -> dict[str, str]:
    """Say what is left of the limit that is reached first."""
    left = {rights.throttle: rights.throttle - by_key, most: most - by_address}
    limit = min(left, key=left.__getitem__)
    policy = (
        f'"key";q={rights.throttle};w={MINUTE_SECONDS}, "day";q={rights.quota};w={DAY_SECONDS}, '
        f'"address";q={most};w={MINUTE_SECONDS}'
    )
    return {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(max(0, left[limit])),
        "RateLimit-Reset": str(reset),
        "RateLimit-Policy": policy,
    }


def refuse_spent(address: str, now: dt.datetime) -> None:
    """Refuse an address that this worker saw above its limit in the running minute, without asking anything.

    Raises
    ------
    CallError
        If it was.
    """
    if address in _spent and _spent[address] == _windows(timezone.localtime(now))[0]:
        reset = str(MINUTE_SECONDS - now.second)
        raise CallError("address_throttled", "该地址本分钟的次数已用完。", **{"Retry-After": reset})


def forget_spent() -> None:
    """Let the addresses that this worker saw above their limit ask the database again."""
    _spent.clear()


def count_unsigned(address: str, now: dt.datetime) -> dict[str, str]:
    """Count a call that proved no key against its address alone; returns the headers of what is left.

    Raises
    ------
    CallError
        Above the limit.
    """
    if not address:
        return {}
    local = timezone.localtime(now)
    minute, _ = _windows(local)
    (by_address,) = _add([(f"ip:{address}", "", minute)])
    most = per_address(local.date())
    reset = str(MINUTE_SECONDS - now.second)
    if by_address > most:
        if len(_spent) > most:
            _spent.clear()
        _spent[address] = minute
        raise CallError("address_throttled", f"每个地址每分钟 {most} 次。", **{"Retry-After": reset})
    return {
        "RateLimit-Limit": str(most),
        "RateLimit-Remaining": str(most - by_address),
        "RateLimit-Reset": reset,
    }


def forget_old_counts(now: dt.datetime) -> int:
    """Drop counters of past days; returns their number."""
    oldest = f"{timezone.localdate(now) - dt.timedelta(days=_KEPT_DAYS):%Y%m%d}"
    with connection.cursor() as cursor:
        cursor.execute('DELETE FROM interfaces_callcount WHERE "window" < %s', [oldest])
        return int(cursor.rowcount)


def _windows(local: dt.datetime) -> tuple[str, str]:
    """Minute and day that a call counts to, both in China: quotas turn with the day of the usage pages."""
    minute = local.strftime("%Y%m%d%H%M")
    return minute, minute[:8]


def _add(rows: Sequence[tuple[str, str, str]]) -> list[int]:
    # The order of the rows is the same in all calls, so that two of them never wait for each other crosswise.
    places = ", ".join(["(%s, %s, %s, 1)"] * len(rows))
    values: list[Any] = [value for row in rows for value in row]
    query = f"""
        INSERT INTO interfaces_callcount (caller, interface_id, "window", calls) VALUES {places}
        ON CONFLICT (caller, interface_id, "window") DO UPDATE SET calls = interfaces_callcount.calls + 1
        RETURNING calls"""  # noqa: S608 - only places of bound values
    with statement_cursor() as cursor:
        cursor.execute(query, values, prepare=True)
        return [calls for (calls,) in cursor.fetchall()]
