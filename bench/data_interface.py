"""Signed, logged, consent-checked reads of a data interface per second, and how long one takes; prints one JSON object.

Starts a server of its own on loopback with a database and a store of its own, over a province that is drawn and loaded set-wise.
First as many reads as it can take, then reads that come at a steady pace: of those each wait counts from when the read was due.
Callers use many loopback addresses, as there are many banks: one address has a limit of its own. They share the machine with the server;
processor time is told for each. Only a share of the enterprises has consented to anything: those are read. Reads of others, and of some whose consents
are withdrawn at the end, have to be refused.

The log's share is the server's own word on each read (``Server-Timing: log``): from when the answer was known until its record
was on the disk, waiting for another's commit included. ``log_share_of_p95_ms`` is the median of it over the reads between the 94th and the
96th percentile of all waits, so what a read that took p95 spent on its record. It is no difference of two runs, for nothing is ever answered
without its record; slow records make slow reads, so it says rather more than such a difference would. ``log_p95_ms`` is the 95th
percentile of the records' own times. Both hold at least one flush of the disk: ``flush_p50_ms`` and ``flush_p95_ms`` tell what a bare one
(8 KiB, fdatasync) takes beside, right before and right after. Where they are milliseconds, other work holds the machine or the disk is slow.
Of each measurement also stands what a read wrote: bytes of the write-ahead log, and flushes of it (below one, as commits are shared).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parts import costs
from parts.callers import CONNECTIONS, Caller, log_share, percentile, run_closed, run_paced, signed
from parts.taxpayers import build_store, draw_codes, folder_bytes, write_filings

if TYPE_CHECKING:
    import uuid
    from collections.abc import Awaitable

WORKERS = 2
THREADS = 4
ADDRESSES = 160
PROBES = 200
REVOKED = 10


def main() -> None:
    """Prepare, measure, print, and leave nothing behind."""
    options = read_options()
    folder = Path(tempfile.mkdtemp(prefix="rq-bench-", dir=options.folder))
    # The embedded server never runs as root, and has to enter.
    folder.chmod(0o755)
    os.environ["RONGQIAO_VAR"] = str(folder)
    os.environ.pop("RONGQIAO_DATABASE_URL", None)
    server = None
    try:
        from config.database import setup_django

        setup_django()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        codes, prepared = prepare(folder, options)
        from parts import register

        consenting = drawn_share(len(codes), options.consenting)
        keys, prepared["load_seconds"] = clocked(lambda: register.seed(codes, consenting))
        prepared["database_bytes"] = folder_bytes(folder / "postgres")
        state = register.standing()
        server, port = serve()
        load = Load(keys, codes, consenting, port, server.pid, postmaster(folder), folder)
        result = asyncio.run(measure(load, seconds=options.seconds, pace=options.pace))
        result |= {"enterprises": len(codes), "consenting": len(consenting)} | prepared | recorded() | state
        sys.stdout.write(json.dumps(result) + "\n")
    finally:
        if server is not None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    size = int(os.environ.get("BENCH_ENTERPRISES", "62350"))
    parser.add_argument("--enterprises", type=int, default=size, help="enterprises that are drawn")
    parser.add_argument(
        "--consenting", type=float, default=0.1, help="share of them that has consented to four banks"
    )
    parser.add_argument(
        "--folder", help="where the database and the store are made; the system's temporary folder"
    )
    parser.add_argument("--seconds", type=int, default=10, help="length of each of the two measurements")
    parser.add_argument("--pace", type=int, default=500, help="reads a second of the steady measurement")
    return parser.parse_args()


def clocked(work: Any) -> tuple[Any, float]:
    """Do a work, and tell its seconds."""
    started = time.perf_counter()
    return work(), round(time.perf_counter() - started, 1)


def prepare(folder: Path, options: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """Draw the codes and the records of all, and build the serving store; the lake is not needed any more then."""
    from rongqiao.lake.tables import Lake

    lake = Lake(folder / "lake")
    codes = draw_codes(options.enterprises)
    rows, draw_seconds = clocked(lambda: write_filings(lake, codes))
    _, store_seconds = clocked(lambda: build_store(lake))
    found = {
        "records": rows,
        "draw_seconds": draw_seconds,
        "lake_bytes": folder_bytes(folder / "lake"),
        "store_build_seconds": store_seconds,
        "store_bytes": folder_bytes(folder / "serving"),
    }
    shutil.rmtree(folder / "lake")
    return codes, found


def drawn_share(size: int, share: float) -> Any:
    """Draw the numbers of so many of all."""
    import numpy as np

    return np.sort(np.random.default_rng(20261124).choice(size, int(size * share), replace=False))


def postmaster(folder: Path) -> int:
    """Process of the database."""
    return int((folder / "postgres" / "postmaster.pid").read_text().split()[0])


def serve() -> tuple[subprocess.Popen[bytes], int]:
    """Start the server as an installation does, and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws",
        "--workers", str(WORKERS), "--blocking-threads", str(THREADS), "--log-level", "warning",
        "config.wsgi:application",
    ]  # fmt: skip
    server = subprocess.Popen(command, start_new_session=True, stdout=sys.stderr)  # noqa: S603 - our own command line
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server, port
        time.sleep(0.1)
    os.killpg(server.pid, signal.SIGKILL)
    raise SystemExit("The server did not start; see its words above.")


class Load:
    """Reads that are put to the server: drawn evenly over the enterprises that consented."""

    def __init__(
        self,
        keys: list[tuple[uuid.UUID, str]],
        codes: Any,
        consenting: Any,
        port: int,
        web: int,
        database: int,
        folder: Path,
    ) -> None:
        self.keys, self.codes, self.consenting = keys, codes, consenting
        self.port, self.web, self.database, self.folder = port, web, database, folder
        self.draw = random.Random(20261124)  # noqa: S311 - draws a load, no secret

    def read_of(self, number: int) -> bytes:
        """Sign a read of the enterprise of this number, by a bank that it consents to if to any."""
        from parts.register import may_read

        return signed(self.keys[self.draw.choice(may_read(number))], self.codes[number].decode())

    def reads(self, size: int) -> list[bytes]:
        """Sign so many reads of enterprises that consented."""
        drawn = (self.draw.randrange(len(self.consenting)) for _ in range(size))
        return [self.read_of(int(self.consenting[place])) for place in drawn]

    def reads_without_consent(self, size: int) -> list[bytes]:
        """Sign so many reads of enterprises that did not."""
        known = set(self.consenting.tolist())
        others = (self.draw.randrange(len(self.codes)) for _ in range(10 * size))
        return [self.read_of(number) for number in others if number not in known][:size]

    async def costing(self, work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        """Run reads; adds the processor seconds that each side spent on them, and what the database wrote to its log."""
        before = await self._spent()
        found = await work
        return found | {name: after - before[name] for name, after in (await self._spent()).items()}

    async def _spent(self) -> dict[str, float]:
        from parts.register import written

        return await asyncio.to_thread(written) | {
            "web": costs.web_seconds(self.web),
            "database": costs.database_seconds(self.database),
            "callers": time.process_time(),
        }

    def flushes(self) -> list[float]:
        """Milliseconds of bare flushes of the disk that the database stands on."""
        return costs.flush_milliseconds(self.folder)


async def measure(load: Load, *, seconds: int, pace: int) -> dict[str, Any]:
    """Read as fast as it goes, then at the pace; then what has to be refused."""
    callers = [Caller(load.port, number) for number in range(ADDRESSES)]
    await run_closed(callers[:CONNECTIONS], load.reads(400), 60)
    # Signed beforehand: what is measured is the server, not the caller's arithmetic.
    fast = load.reads(seconds * 2000)
    most = await load.costing(run_closed(callers, fast, seconds))
    steady = load.reads(seconds * pace)
    flushes = load.flushes()
    paced = await load.costing(run_paced(callers, steady, pace))
    flushes += load.flushes()
    closed = load.reads_without_consent(PROBES)
    strange = await run_closed(callers, closed, 60)
    revoked = await read_revoked(load, callers)
    resident = costs.resident_bytes(load.web, load.database)
    for caller in callers:
        await caller.close()
    return {
        "reads_per_second": round(len(most["waits"]) / most["seconds"]),
        "reads": len(most["waits"]) + len(paced["waits"]),
        "saturated_p95_ms": percentile(most["waits"], 95),
        **split("saturated", most),
        "pace_per_second": pace,
        "paced_reads_per_second": round(len(paced["waits"]) / paced["seconds"]),
        "p50_ms": percentile(paced["waits"], 50),
        "p95_ms": percentile(paced["waits"], 95),
        "p99_ms": percentile(paced["waits"], 99),
        "log_p50_ms": percentile(paced["logs"], 50),
        "log_p95_ms": percentile(paced["logs"], 95),
        "log_share_of_p95_ms": log_share(paced),
        "flush_p50_ms": percentile(flushes, 50),
        "flush_p95_ms": percentile(flushes, 95),
        **split("paced", paced),
        "not_answered": most["refused"] + paced["refused"],
        "without_consent": len(closed),
        "without_consent_refused": strange["refused"],
        **revoked,
        "server_resident_bytes": resident,
        "workers": WORKERS,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }


def split(name: str, found: dict[str, Any]) -> dict[str, float]:
    """Processor milliseconds that a read took of each side, reads that a processor second of the server's makes, and what a read wrote."""
    size = len(found["waits"])
    server = found["web"] + found["database"]
    parts = {"server": server} | {side: found[side] for side in ("web", "database", "callers")}
    return {f"{name}_{side}_processor_ms": round(spent / size * 1000, 3) for side, spent in parts.items()} | {
        f"{name}_reads_per_processor_second": round(size / server),
        f"{name}_wal_bytes": round(found["wal_bytes"] / size),
        f"{name}_wal_flushes": round(found["wal_flushes"] / size, 3),
    }


async def read_revoked(load: Load, callers: list[Caller]) -> dict[str, int]:
    """Withdraw consents and read at once, on connections to every worker: nothing may be answered."""
    from parts.register import revoke_consents

    numbers = [int(each) for each in load.consenting[:REVOKED]]
    reads = [load.read_of(number) for number in numbers for _ in range(CONNECTIONS)]
    await asyncio.to_thread(revoke_consents, [load.codes[number].decode() for number in numbers])
    found = await run_closed(callers, reads, 60)
    return {"revoked": len(reads), "revoked_refused": found["refused"]}


def recorded() -> dict[str, int]:
    """Count what was kept of the reads."""
    from rongqiao.accounts.scope import system_scope
    from rongqiao.bases.enterprises.interfaces.models import DataCall
    from rongqiao.bases.enterprises.models import ReadRecord

    with system_scope() as system:
        calls = DataCall.objects.for_scope(system)
        return {
            "calls_recorded": calls.count(),
            "records_answered": sum(calls.values_list("records", flat=True)),
            "reads_recorded": ReadRecord.objects.for_scope(system).count(),
        }


if __name__ == "__main__":
    main()
