"""Signed, logged, consent-checked reads of a data interface per second, and how long one takes; prints one JSON object.

Starts a server of its own on loopback with a database and a store of its own, built from a governed lake that is only read.
First as many reads as it can take, then reads that come at a steady pace: of those each wait counts from when the read was due.
Callers use many loopback addresses, as there are many banks: one address has a limit of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import hashlib
import hmac
import json
import os
import random
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

BANKS = 40
CONNECTIONS = 16
WORKERS = 2
THREADS = 4
THROTTLE = 1_000_000
ADDRESSES = 160
CONSENTS_EACH = 4
INTERFACE = "tax_filing_months"
TABLE = "taxation.tax_filing"
_ENTERPRISES = """
INSERT INTO enterprises_enterprise (uscc, name, legal_form, status, industry_code, county_code, address, legal_rep_name, known_at)
SELECT uscc, '企业' || uscc, '', '存续', 'C3071', '430102', '', '', '2026-11-20' FROM unnest(%s::text[]) uscc
"""
#: Banks and enterprises by their order; the same rule as may_read.
_CONSENTS = """
INSERT INTO accounts_consent (id, subject_uscc, recipient_id, purpose, data_classes, valid_from, valid_until, given_by_id,
  text_version, text_digest, created_at)
SELECT gen_random_uuid(), e.uscc, b.id, 'pre_loan', '{tax}', now() - interval '1 hour', now() + interval '1 day', %(owner)s,
  '2026-1', '', now()
FROM (SELECT uscc, row_number() OVER (ORDER BY uscc COLLATE "C") - 1 AS number FROM enterprises_enterprise) e
CROSS JOIN generate_series(0, %(each)s - 1) step
JOIN (SELECT id, split_part(name, '-', 2)::int AS number FROM accounts_organisation WHERE name LIKE '测速-%%') b
  ON b.number = (e.number + step * %(banks)s / %(each)s) %% %(banks)s
"""


def main() -> None:
    """Prepare, measure, print, and leave nothing behind."""
    options = read_options()
    folder = Path(tempfile.mkdtemp(prefix="rq-bench-"))
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
        lake = Path(options.lake) if options.lake else make_lake(folder, options.enterprises)
        started = time.perf_counter()
        enterprises = build_store(lake)
        build_seconds = time.perf_counter() - started
        keys = seed(enterprises)
        server, port = serve()
        result = asyncio.run(measure(port, keys, enterprises, seconds=options.seconds, pace=options.pace))
        result |= {
            "enterprises": len(enterprises),
            "store_build_seconds": round(build_seconds, 1),
        } | recorded()
        sys.stdout.write(json.dumps(result) + "\n")
    finally:
        if server is not None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", help="a governed lake; only read; a small one is made where none is given")
    size = int(os.environ.get("BENCH_ENTERPRISES", "20000"))
    parser.add_argument("--enterprises", type=int, default=size, help="enterprises of the lake that is made")
    parser.add_argument("--seconds", type=int, default=10, help="length of each of the two measurements")
    parser.add_argument("--pace", type=int, default=500, help="reads a second of the steady measurement")
    return parser.parse_args()


def make_lake(folder: Path, enterprises: int) -> Path:
    """Govern a synthetic province; not timed."""
    from rongqiao.governance.pipeline import govern
    from rongqiao.lake.tables import Lake
    from rongqiao.ledger.log import Ledger
    from rongqiao.synth.province import write_province

    write_province(folder / "province", enterprises=enterprises, workers=os.cpu_count() or 1)
    govern(folder / "province" / "deliveries", Lake(folder / "lake"), Ledger(folder / "ledger"))
    return folder / "lake"


def build_store(place: Path) -> list[str]:
    """Build the serving store of the one table, and return the codes of the enterprises in the register."""
    from rongqiao.contracts.standards import load_contract
    from rongqiao.lake.engine import ibis_connection
    from rongqiao.lake.serving import ServingStore
    from rongqiao.lake.tables import Lake

    lake = Lake(place)
    with ServingStore(is_writer=True) as store:
        store.build(lake, load_contract(TABLE))
    found = (
        ibis_connection(lake, ["published/enterprises"])
        .table("published/enterprises")
        .select("enterprise_id")
    )
    return sorted({row["enterprise_id"] for row in found.to_pyarrow().to_pylist()})


def seed(enterprises: list[str]) -> list[tuple[uuid.UUID, str]]:
    """Write banks with grants and keys, all enterprises, and of each a consent to each of four banks."""
    from django.db import connection
    from django.utils import timezone

    from rongqiao.accounts.models import Organisation, User
    from rongqiao.accounts.scope import system_scope
    from rongqiao.bases.enterprises.interfaces.models import Authorisation, InterfaceKey, Submission
    from rongqiao.bases.enterprises.interfaces.secret import digest_of, secret_of
    from rongqiao.contracts.interfaces import load_interface

    interface, now = load_interface(INTERFACE), timezone.now()
    fields = {each.contract_id: list(each.fields) for each in interface.datasets}
    keys = []
    with system_scope():
        owner = User.objects.create(username="owner")
        reviewer = User.objects.create(username="reviewer")
        office = Organisation.objects.create(kind="operator", name="运营", region_code="43")
        for number in range(BANKS):
            bank = Organisation.objects.create(kind="institution", name=f"测速-{number}", region_code="43")
            asked = Submission(
                interface_id=INTERFACE, provider=interface.provider, consumer=bank, terms={}, status="validated",
                created_by=owner, reviewed_by=reviewer, reviewed_by_organisation=office, reviewed_at=now,
            )  # fmt: skip
            asked.save(force_insert=True)
            Authorisation(
                submission=asked, interface_id=INTERFACE, provider=interface.provider, consumer=bank,
                purposes=list(interface.purposes), fields=fields, throttle_per_minute=THROTTLE, quota_per_day=THROTTLE,
                granted_at=now, valid_until=now + dt.timedelta(days=1),
            ).save(force_insert=True)  # fmt: skip
            key_id, salt = uuid.uuid4(), secrets.token_hex(32)
            secret = secret_of(key_id, salt)
            InterfaceKey(
                id=key_id, consumer=bank, title="测速", salt=salt, digest=digest_of(secret), created_by=owner
            ).save(force_insert=True)
            keys.append((key_id, secret))
    with connection.cursor() as cursor:
        cursor.execute(_ENTERPRISES, [enterprises])
        cursor.execute(_CONSENTS, {"owner": owner.pk, "banks": BANKS, "each": CONSENTS_EACH})
        cursor.execute("ANALYZE")
    return keys


def may_read(number: int) -> list[int]:
    """Banks that the enterprise of this number has released its data to."""
    return [(number + step * BANKS // CONSENTS_EACH) % BANKS for step in range(CONSENTS_EACH)]


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


def signed(keys: list[tuple[uuid.UUID, str]], enterprises: list[str], draw: random.Random) -> bytes:
    """Sign one read of an enterprise by a bank that may read it."""
    number = draw.randrange(len(enterprises))
    key_id, secret = keys[draw.choice(may_read(number))]
    path = f"/data/v1/{INTERFACE}?uscc={enterprises[number]}&purpose=pre_loan"
    second, nonce = str(int(time.time())), secrets.token_hex(8)
    text = "\n".join(("GET", path, second, nonce, hashlib.new("sm3", b"").hexdigest()))
    signature = hmac.new(secret.encode(), text.encode(), "sm3").hexdigest()
    header = f"RQ-HMAC-SM3 key={key_id}, ts={second}, nonce={nonce}, sig={signature}"
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {header}\r\n\r\n".encode()


async def measure(
    port: int, keys: list[tuple[uuid.UUID, str]], enterprises: list[str], *, seconds: int, pace: int
) -> dict[str, Any]:
    """Read as fast as it goes, then at the pace."""
    draw = random.Random(20261124)  # noqa: S311 - draws a load, no secret
    callers = [Caller(port, number) for number in range(ADDRESSES)]
    warm = [signed(keys, enterprises, draw) for _ in range(200)]
    await run_closed(callers[:CONNECTIONS], warm, 60)
    # Signed beforehand: what is measured is the server, not the caller's arithmetic.
    fast = [signed(keys, enterprises, draw) for _ in range(seconds * 2000)]
    most = await run_closed(callers, fast, seconds)
    steady = [signed(keys, enterprises, draw) for _ in range(seconds * pace)]
    paced = await run_paced(callers, steady, pace)
    for caller in callers:
        await caller.close()
    return {
        "reads_per_second": round(len(most["waits"]) / most["seconds"]),
        "reads": len(most["waits"]) + len(paced["waits"]),
        "saturated_p95_ms": percentile(most["waits"], 95),
        "pace_per_second": pace,
        "paced_reads_per_second": round(len(paced["waits"]) / paced["seconds"]),
        "p50_ms": percentile(paced["waits"], 50),
        "p95_ms": percentile(paced["waits"], 95),
        "p99_ms": percentile(paced["waits"], 99),
        "log_p50_ms": percentile(paced["logs"], 50),
        "log_p95_ms": percentile(paced["logs"], 95),
        "log_share_of_p95_ms": log_share(paced),
        "not_answered": most["refused"] + paced["refused"],
        "workers": WORKERS,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }


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
    """Median milliseconds that the record took of the reads around the 95th percentile."""
    pairs = sorted(zip(found["waits"], found["logs"], strict=True))
    return round(
        statistics.median(log for _, log in pairs[int(len(pairs) * 0.94) : int(len(pairs) * 0.96) + 1]), 1
    )


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
