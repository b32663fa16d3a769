"""Processor time of a server's processes, told apart from the callers', and what the disk takes for a flush."""

from __future__ import annotations

import os
import time
from pathlib import Path

FLUSHES = 200
PAGE_BYTES = 8192
_TICKS = os.sysconf("SC_CLK_TCK")
#: Fields after the name in brackets: parent, group, own time, time of children that ended, resident pages.
_PARENT, _GROUP, _OWN, _ENDED, _PAGES = 1, 2, slice(11, 13), slice(13, 15), 21


def _fields(process: Path) -> list[str]:
    try:
        return (process / "stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _processes() -> dict[int, list[str]]:
    return {int(each.name): found for each in Path("/proc").glob("[0-9]*") if (found := _fields(each))}


def web_seconds(group: int) -> float:
    """Processor seconds of the web server's processes so far."""
    return sum(_seconds(each[_OWN]) for each in _processes().values() if int(each[_GROUP]) == group)


def database_seconds(postmaster: int) -> float:
    """Processor seconds of a PostgreSQL server's processes so far, those that ended included."""
    every = _processes()
    own = every.get(postmaster, [])
    running = sum(_seconds(each[_OWN]) for each in every.values() if int(each[_PARENT]) == postmaster)
    return running + (_seconds(own[_OWN]) + _seconds(own[_ENDED]) if own else 0.0)


def resident_bytes(group: int, postmaster: int) -> int:
    """Resident memory of both servers; pages that processes share are counted once for each."""
    page = os.sysconf("SC_PAGE_SIZE")
    return page * sum(
        int(each[_PAGES])
        for each in _processes().values()
        if int(each[_GROUP]) == group or int(each[_PARENT]) == postmaster
    )


def _seconds(ticks: list[str]) -> float:
    return sum(map(int, ticks)) / _TICKS


def flush_milliseconds(folder: Path) -> list[float]:
    """Time bare flushes of one page each in this folder, into a file that has its room already, as the database's log has."""
    place = folder / "flushed"
    spent = []
    with place.open("wb", buffering=0) as file:
        file.write(bytes(FLUSHES * PAGE_BYTES))
        os.fsync(file.fileno())
        file.seek(0)
        for _ in range(FLUSHES):
            file.write(os.urandom(PAGE_BYTES))
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            spent.append((time.perf_counter() - started) * 1000)
    place.unlink()
    return spent
