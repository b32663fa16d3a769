"""What publication costs, and how long the portrait of any enterprise takes with many of them loaded; prints one JSON object.

A small synthetic province is governed and computed in an installation of its own, or a lake is named whose month is computed. It is
published twice: into an empty database, and in the place of what stands. Its portraits are then copied under other codes until as many
stand in the database as are asked for. Measured are enterprises drawn by chance: their own page, the page of a bank that they released
everything to, and the page of an official; each first reading of an enterprise, through the whole of Django.

Bytes are those of tables and indexes on disk; ``extrapolated`` multiplies them by the enterprises of the whole province, which was not loaded.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

AS_OF, KNOWN_AT = 202610, dt.date(2026, 11, 20)
SEED = 43
P95 = 0.95
HOST = "localhost"
PROVINCE = 6_235_000


def main() -> None:
    """Prepare, measure, print, and leave nothing behind."""
    options = read_options()
    folder = Path(tempfile.mkdtemp(prefix="rq-bench-"))
    # The embedded server never runs as root, and has to enter.
    folder.chmod(0o755)
    os.environ["RONGQIAO_VAR"] = str(folder)
    os.environ.pop("RONGQIAO_DATABASE_URL", None)
    try:
        from config.database import setup_django

        setup_django()
        root = options.lake or build(options.enterprises)
        result: dict[str, Any] = {"publication": publish(root)}
        loaded = copy_portraits(options.portraits)
        result |= {"portraits": loaded, "samples": options.samples, **measure(options.samples)}
        sys.stdout.write(json.dumps(result) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--enterprises", type=int, default=300, help="of the province that is computed")
    parser.add_argument("--lake", help="computed and rated lake that is published instead; read only")
    parser.add_argument("--portraits", type=int, default=20_000, help="that stand in the database")
    parser.add_argument("--samples", type=int, default=100, help="enterprises that are read")
    return parser.parse_args()


def build(enterprises: int) -> str | None:
    """Govern and compute a synthetic province; not timed. Returns the root of its lake, which is the installation's own."""
    from config import demo_province as province

    province.synthesise(enterprises, AS_OF)
    province.govern()
    province.compute_indicators(AS_OF, KNOWN_AT)
    province.rate(AS_OF, KNOWN_AT)
    return None


def publish(root: str | None) -> dict[str, Any]:
    """Publish a lake into an empty database, and once more in the place of what stands."""
    import resource

    from config.demo_province import migrate
    from rongqiao.bases.enterprises.publication import publish_from_lake
    from rongqiao.lake.tables import Lake

    migrate()
    told: dict[str, Any] = {}
    for name in ("first", "again"):
        started, used, served = time.perf_counter(), time.process_time(), server_seconds()
        done = publish_from_lake(lake=Lake(root), as_of=AS_OF, known_at=KNOWN_AT)
        told[name] = {
            "seconds": round(time.perf_counter() - started, 1),
            "processor_seconds": round(time.process_time() - used, 1),
            "database_processor_seconds": round(server_seconds() - served, 1),
            "enterprises": done.enterprises,
            "bytes_per_enterprise": bytes_per_enterprise(done.enterprises),
        }
    told["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    each = told["again"]["bytes_per_enterprise"]["all"]
    told["extrapolated"] = {
        "enterprises": PROVINCE,
        "bytes": each * PROVINCE,
        "measured_at": done.enterprises,
    }
    return told


def server_seconds() -> float:
    """Processor time of the database's process that serves us."""
    import psutil
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        used = psutil.Process(cursor.fetchone()[0]).cpu_times()
    return float(used.user + used.system)


def bytes_per_enterprise(enterprises: int) -> dict[str, int]:
    """Tables and indexes of the register and of portraits, over so many enterprises."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_table_size('enterprises_portrait'), pg_indexes_size('enterprises_portrait'), "
            "pg_table_size('enterprises_enterprise'), pg_indexes_size('enterprises_enterprise')"
        )
        sizes = [round(size / enterprises) for size in cursor.fetchone()]
    parts = dict(zip(("portrait", "portrait_indexes", "register", "register_indexes"), sizes, strict=True))
    return {**parts, "all": sum(sizes)}


def copy_portraits(wanted: int) -> int:
    """Copy enterprises with their portraits under new codes until there are as many as wanted; returns their number."""
    from django.db import connection

    from rongqiao.bases.enterprises.models import Enterprise, Portrait

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM enterprises_portrait")
        present = int(cursor.fetchone()[0])
        rounds = max(0, -(-wanted // present) - 1)
        for model, key in ((Enterprise, "uscc"), (Portrait, "enterprise_id")):
            table = model._meta.db_table
            others = [field.column for field in model._meta.concrete_fields if field.column != key]
            named = ", ".join(others)
            # The original codes only: the copies begin with X, which no code does.
            cursor.execute(
                f"INSERT INTO {table} ({key}, {named}) "  # noqa: S608 - names of our own models
                f"SELECT 'X' || lpad(step::text, 6, '0') || substr({key}, 8), {named} "
                f"FROM {table}, generate_series(1, %s) step WHERE {key} NOT LIKE 'X%%' ON CONFLICT DO NOTHING",
                [rounds],
            )
        cursor.execute("ANALYZE")
        cursor.execute("SELECT count(*) FROM enterprises_portrait")
        return int(cursor.fetchone()[0])


def measure(samples: int) -> dict[str, Any]:
    """Read enterprises drawn by chance, each by its owner, by a bank and by an official."""
    from django.test import Client
    from django.test.utils import setup_test_environment
    from django.urls import reverse

    from rongqiao.accounts.models import Organisation, User
    from rongqiao.accounts.scope import scope_of, system_scope
    from rongqiao.bases.enterprises.models import Portrait
    from rongqiao.bases.enterprises.selectors import get_own_portrait
    from rongqiao.portal.portraits import portrait_context

    setup_test_environment()
    codes = list(Portrait.unscoped.order_by("pk").values_list("pk", flat=True))
    chosen = random.Random(SEED).sample(codes, samples)  # noqa: S311 - the same ones each time
    bank = Organisation.objects.create(kind="institution", name="测速银行", region_code="43")
    office = Organisation.objects.create(kind="government", name="测速专班", region_code="43")
    officer = User.objects.create(username="officer", organisation=bank, role="bank_officer")
    official = User.objects.create(username="official", organisation=office, role="government_official")
    owners = open_owners(chosen, bank)
    readers: dict[str, Callable[[str], tuple[Any, str]]] = {
        "own": lambda code: (owners[code], reverse("portal:enterprise_profile")),
        "bank": lambda code: (officer, reverse("portal:bank_enterprise", args=[code])),
        "government": lambda code: (
            official,
            f"{reverse('portal:government_enterprise', args=[code])}?matter=service",
        ),
    }

    def read_data(code: str) -> None:
        with system_scope():
            view = get_own_portrait(scope_of(owners[code]))
            if view is None or not portrait_context(view)["groups"]:
                raise SystemExit(f"{code} has no portrait.")

    result = {"data": timed(read_data, chosen)}
    for name, reader in readers.items():
        client = Client(headers={"host": HOST})

        def open_page(code: str, reader: Any = reader, client: Client = client) -> int:
            answer = client.get(reader(code)[1])
            if answer.status_code != 200:
                raise SystemExit(f"{reader(code)[1]} answered {answer.status_code}.")
            return len(answer.content)

        def sign_in(code: str, reader: Any = reader, client: Client = client) -> None:
            client.force_login(reader(code)[0], backend="django.contrib.auth.backends.ModelBackend")

        result[f"page_{name}"] = timed(open_page, chosen, before=sign_in)
    return result


def open_owners(codes: list[str], bank: Any) -> dict[str, Any]:
    """Open an account for each enterprise, and release all its classes to the bank; returns owners by code."""
    from django.utils import timezone

    from rongqiao.accounts.models import Consent, Organisation, User
    from rongqiao.accounts.scope import system_scope
    from rongqiao.contracts.catalog import consent_data_classes

    now = timezone.now()
    classes = [key for key, each in consent_data_classes().items() if not each.is_public]
    owners = {}
    with system_scope():
        for number, code in enumerate(codes):
            home = Organisation.objects.create(
                kind="enterprise", name=f"测速企业{number}", uscc=code, region_code="430102", certified_at=now
            )
            owners[code] = User.objects.create(
                username=f"owner{number}", organisation=home, role="enterprise_owner"
            )
            Consent(
                subject_uscc=code, recipient=bank, purpose="pre_loan", data_classes=classes,
                valid_from=now - dt.timedelta(hours=1), valid_until=now + dt.timedelta(days=1),
                given_by=owners[code], text_version="2026-1", text_digest="",
            ).save(force_insert=True)  # fmt: skip
    return owners


def timed(
    work: Callable[[str], Any], codes: list[str], *, before: Callable[[str], Any] | None = None
) -> dict[str, float]:
    """Milliseconds of each first reading; the first three only warm up."""
    waits, used = [], []
    for place, code in enumerate([*codes[-3:], *codes]):
        if before is not None:
            before(code)
        started, processor = time.perf_counter(), time.process_time()
        work(code)
        if place >= 3:
            waits.append(1000 * (time.perf_counter() - started))
            used.append(1000 * (time.process_time() - processor))
    return {
        "p50_ms": at(waits, 0.5),
        "p95_ms": at(waits, P95),
        "processor_p50_ms": at(used, 0.5),
        "processor_p95_ms": at(used, P95),
    }


def at(values: list[float], share: float) -> float:
    """Value below which the share of the values lies."""
    return round(sorted(values)[min(int(share * len(values)), len(values) - 1)], 1)


if __name__ == "__main__":
    main()
