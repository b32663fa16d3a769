"""kill -9 at random moments, then a rerun: the same published facts as an undisturbed run, nothing lost, nothing doubled."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from rongqiao.governance.pipeline import govern
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger
from tests.pipeline.departments import NAMES, TAX_HEADERS, csv_bytes, put, put_registry, tax_row

pytestmark = pytest.mark.faults

TABLES = (
    "published/market_regulation.registry",
    "published/taxation.tax_filing",
    "published/enterprises",
    "operations/receipts",
    "operations/quarantine",
    "operations/rule_results",
    "operations/profiles",
    "operations/merges",
)
SCRIPT = """
import sys
from pathlib import Path
from rongqiao.governance.pipeline import govern
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger

deliveries, lake, ledger = map(Path, sys.argv[1:])
sys.stdout.write("ready")
sys.stdout.flush()
govern(deliveries, Lake(lake), Ledger(ledger))
"""


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory):
    root = tmp_path_factory.mktemp("faults") / "deliveries"
    put_registry(root)
    for month in range(1, 7):
        rows = [tax_row(code, period=f"2026-{month:02}", sales=f"{month * 1000}.00") for code in NAMES]
        rows += [
            tax_row("", "长沙星河精密机械公司", period=f"2026-{month:02}"),
            tax_row("", "查无此户"),
            ["断行"],
        ]
        put(root, "taxation.tax_filing", f"2026-{month + 1:02}-16.csv", csv_bytes(TAX_HEADERS, rows))
    return root


@pytest.fixture(scope="module")
def undisturbed(deliveries, tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    lake = Lake(root / "lake")
    started = time.monotonic()
    govern(deliveries, lake, Ledger(root / "ledger"))
    return {table: lake.digest(table) for table in TABLES}, time.monotonic() - started


def kill_during(arguments, delay):
    """Start a run, wait until it has imported, and kill it after the delay; tell whether it was still at work."""
    with subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == b"ready"
        time.sleep(delay)
        process.kill()
        return process.wait() == -signal.SIGKILL


def kill_at_work(arguments, delay):
    """Kill a run while it is at work; one that was done before is no trial, so the next is killed sooner."""
    while not kill_during(arguments, delay):
        shutil.rmtree(arguments[1])
        delay /= 2


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random_moments_the_rerun_ends_the_same(deliveries, undisturbed, tmp_path, seed):
    digests, seconds = undisturbed
    draw = random.Random(seed)
    lake, ledger = tmp_path / "lake", tmp_path / "ledger"
    arguments = [str(deliveries), str(lake), str(ledger)]
    kill_at_work(arguments, draw.uniform(0.05, 1.0) * seconds)
    kill_during(arguments, draw.uniform(0.05, 1.0) * seconds)
    opened = Lake(lake)
    govern(deliveries, opened, Ledger(ledger))
    assert {table: opened.digest(table) for table in TABLES} == digests
    receipts = opened.read("operations/receipts").to_pylist()
    assert len(receipts) == len({row["batch_id"] for row in receipts}) == Ledger(ledger).size == 7
    assert all(row["rows_in"] == row["rows_accepted"] + row["rows_quarantined"] for row in receipts)
