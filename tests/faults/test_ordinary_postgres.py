"""The platform runs on an ordinary PostgreSQL, as a login without superuser rights."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
WEB_TESTS = ["tests/web/test_scope.py", "tests/web/test_market_journey.py"]


def binaries() -> Path | None:
    """Folder of Debian's newest PostgreSQL server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def as_postgres(command: list[str]) -> None:
    """Run a server command; PostgreSQL refuses to run as root, so then as its own user."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*prefix, *command], check=True, capture_output=True, cwd="/")


@pytest.fixture(scope="module")
def ordinary_url() -> Iterator[str]:
    """URL of a fresh cluster with an ordinary owner; ended with the module."""
    bin_folder = binaries()
    if bin_folder is None:
        pytest.skip("No PostgreSQL server on this machine: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="rq-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data, control = folder / "data", str(bin_folder / "pg_ctl")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_postgres([str(bin_folder / "initdb"), "-D", str(data), "-A", "trust", "-E", "UTF8", "--no-sync"])
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    as_postgres([control, "-D", str(data), "-o", options, "-w", "-l", str(folder / "log"), "start"])
    try:
        psql = [str(bin_folder / "psql"), "-h", str(folder), "-p", str(port), "-d", "postgres", "-c"]
        as_postgres([*psql, "CREATE ROLE bridge LOGIN CREATEDB CREATEROLE"])
        as_postgres([*psql, "CREATE DATABASE bridge OWNER bridge"])
        yield f"postgresql://bridge@127.0.0.1:{port}/bridge"
    finally:
        as_postgres([control, "-D", str(data), "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


def run(arguments: list[str], url: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the ordinary database."""
    environment = {**os.environ, "RONGQIAO_DATABASE_URL": url}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_schema_and_row_security(ordinary_url):
    migrated = run(["-m", "config.cli", "database", "migrate"], ordinary_url)
    assert migrated.returncode == 0, migrated.stderr
    tested = run(["-m", "pytest", "-q", "-p", "no:cacheprovider", *WEB_TESTS], ordinary_url)
    assert tested.returncode == 0, tested.stdout
