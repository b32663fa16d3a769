"""Callers of a data interface: banks that sign, keep their connections and read as fast as it goes, or at a steady pace."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import statistics
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import uuid

INTERFACE = "tax_filing_months"
CONNECTIONS = 16


class Caller:
    """One connection of one bank; keeps it open between reads."""

    def __init__(self, port: int, number: int) -> None:
        self.port = port
        # Each address of loopback is a caller of its own.
        self.address = f"127.0.{1 + number // 200}.{1 + number % 200}"
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def read(self, request: bytes) -> tuple[int, float]:
        """Send one request; returns the status and the milliseconds that its record took."""
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.address, 0))
        reader, writer = self.streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        await reader.readexactly(int(headers[b"content-length"]))
        timing = headers.get(b"server-timing", b"log;dur=0").rsplit(b"log;dur=", 1)[1]
        return int(head[9:12]), float(timing)

    async def close(self) -> None:
        """Close the connection."""
        if self.streams is not None:
            self.streams[1].close()
            await self.streams[1].wait_closed()


def signed(key: tuple[uuid.UUID, str], uscc: str) -> bytes:
    """Sign one read of an enterprise by the bank of the key."""
    key_id, secret = key
    path = f"/data/v1/{INTERFACE}?uscc={uscc}&purpose=pre_loan"
    second, nonce = str(int(time.time())), secrets.token_hex(8)
    text = "\n".join(("GET", path, second, nonce, hashlib.new("sm3", b"").hexdigest()))
    signature = hmac.new(secret.encode(), text.encode(), "sm3").hexdigest()
    header = f"RQ-HMAC-SM3 key={key_id}, ts={second}, nonce={nonce}, sig={signature}"
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {header}\r\n\r\n".encode()


async def run_closed(callers: list[Caller], requests: list[bytes], seconds: float) -> dict[str, Any]:
    """Let ``CONNECTIONS`` callers at a time read one after the other until the time or the requests are used up."""
    found = fresh()
    waiting = iter(requests)
    started = time.perf_counter()

    async def one(mine: list[Caller]) -> None:
        turn = 0
        while time.perf_counter() - started < seconds and (request := next(waiting, None)) is not None:
            await timed(mine[turn % len(mine)], request, time.perf_counter(), found)
            turn += 1

    await asyncio.gather(*(one(callers[number::CONNECTIONS]) for number in range(CONNECTIONS)))
    return found | {"seconds": time.perf_counter() - started}


async def run_paced(callers: list[Caller], requests: list[bytes], pace: int) -> dict[str, Any]:
    """Send each read when it is due; a read that has to wait for a free connection has waited."""
    found = fresh()
    free: asyncio.Queue[Caller] = asyncio.Queue()
    for caller in callers:
        free.put_nowait(caller)
    started = time.perf_counter()

    async def one(request: bytes, due: float) -> None:
        caller = await free.get()
        await timed(caller, request, due, found)
        free.put_nowait(caller)

    tasks = []
    for number, request in enumerate(requests):
        due = started + number / pace
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(request, due)))
    await asyncio.gather(*tasks)
    return found | {"seconds": time.perf_counter() - started}


def fresh() -> dict[str, Any]:
    """Return an empty tally."""
    return {"waits": [], "logs": [], "refused": 0}


async def timed(caller: Caller, request: bytes, due: float, found: dict[str, Any]) -> None:
    """Read once and note how long it took since it was due."""
    status, log = await caller.read(request)
    found["waits"].append((time.perf_counter() - due) * 1000)
    found["logs"].append(log)
    found["refused"] += status != 200


def percentile(values: list[float], percent: int) -> float:
    """Return a percentile, with a tenth of a millisecond."""
    return round(statistics.quantiles(values, n=100)[percent - 1], 1)


def log_share(found: dict[str, Any]) -> float:
    """Median milliseconds that the record took of the reads between the 94th and the 96th percentile of all waits."""
    pairs = sorted(zip(found["waits"], found["logs"], strict=True))
    return round(
        statistics.median(log for _, log in pairs[int(len(pairs) * 0.94) : int(len(pairs) * 0.96) + 1]), 1
    )
