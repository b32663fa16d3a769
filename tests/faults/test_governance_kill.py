"""kill -9 at random moments, a disk that is full, two runs at once: the same published facts as an undisturbed run, nothing lost or doubled."""

from __future__ import annotations

import json
import random
import subprocess
import sys

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
#: Kills that must have hit a run at work.
KILLS = 50
#: Kills of one lake before it is taken to its end and compared.
KILLS_OF_ONE = 5
#: A process that has imported everything and forks a child for each run it is told to make, so that a trial costs no start of Python.
SERVER = """
import json, os, resource, signal, sys, time
from pathlib import Path
from rongqiao.governance import names, pipeline
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger

def run(order):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if order.get("largest_file"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"], resource.RLIM_INFINITY))
    lake = Path(order["lake"])
    try:
        ledger = Ledger(lake.parent / "ledger")
        pipeline.govern(Path(order["deliveries"]), Lake(lake), ledger, lanes=order.get("lanes"))
    except Exception as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        sys.stderr.write(f"{type(error).__name__}: {error}\\n")
        os._exit(1)
    os._exit(0)

# What each run would work out again: contracts, and which characters are simplified to which.
pipeline.load_contracts()
names.is_plain_sql("name")
for line in sys.stdin:
    order = json.loads(line)
    started = time.monotonic()
    children = []
    for _ in range(order.get("runs", 1)):
        child = os.fork()
        if not child:
            run(order)
        children.append(child)
    if order.get("kill_after") is not None:
        time.sleep(order["kill_after"])
        os.kill(children[0], signal.SIGKILL)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print(json.dumps({"codes": codes, "seconds": time.monotonic() - started}), flush=True)
"""


class Server:
    """The forking process, and what it says on standard error."""

    def __init__(self, errors):
        self.errors = errors
        with errors.open("wb") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
            )

    def run(self, deliveries, lake, **order):
        order |= {"deliveries": str(deliveries), "lake": str(lake)}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("server") / "errors")
    yield started
    started.process.stdin.close()
    started.process.wait()
    started.process.stdout.close()


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
def digests(deliveries, tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    lake = Lake(root / "lake")
    govern(deliveries, lake, Ledger(root / "ledger"))
    return {table: lake.digest(table) for table in TABLES}


def check_whole(lake, digests):
    """Everything is there once, as after an undisturbed run, and no file lies about that no table knows."""
    opened = Lake(lake)
    assert {table: opened.digest(table) for table in TABLES} == digests
    receipts = opened.read("operations/receipts").to_pylist()
    ledger = Ledger(lake.parent / "ledger")
    assert len(receipts) == len({row["batch_id"] for row in receipts}) == ledger.size == 7
    assert all(row["rows_in"] == row["rows_accepted"] + row["rows_quarantined"] for row in receipts)
    for table in TABLES[:3]:
        known = {uri.rpartition("/")[2] for uri in opened.uris(table)}
        assert {file.name for file in (lake / table).glob("*.parquet")} >= known
        assert {file.name for file in (lake / table).glob("portion-*.parquet")} <= known
    assert len(list((lake / "landing").glob("*/*"))) == 7
    assert not list((lake / "landing").glob(".*-*"))


def test_killed_at_fifty_random_moments_the_rerun_ends_the_same(server, deliveries, digests, tmp_path):
    draw = random.Random(20261124)
    seconds = server.run(deliveries, tmp_path / "measured" / "lake")["seconds"]
    kills = lakes = 0
    while kills < KILLS:
        lakes += 1
        lake = tmp_path / str(lakes) / "lake"
        for _ in range(KILLS_OF_ONE):
            result = server.run(deliveries, lake, kill_after=draw.uniform(0, seconds), lanes=1 + lakes % 2)
            if result["codes"] == [0]:
                break
            assert result["codes"] == [-9]
            kills += 1
        assert server.run(deliveries, lake)["codes"] == [0]
        check_whole(lake, digests)


@pytest.mark.parametrize("largest_file", [100, 1_000, 2_000, 4_000, 6_000, 10_000])
def test_a_full_disk_stops_the_run_and_leaves_nothing_half(
    server, deliveries, digests, tmp_path, largest_file
):
    lake = tmp_path / "lake"
    before = len(server.errors.read_text(encoding="utf-8"))
    result = server.run(deliveries, lake, largest_file=largest_file)
    told = server.errors.read_text(encoding="utf-8")[before:]
    if result["codes"] != [0]:
        assert result["codes"] == [1]
        assert told.startswith("StorageError: ")
        assert "File too large" in told
    assert server.run(deliveries, lake)["codes"] == [0]
    check_whole(lake, digests)


def test_two_runs_on_one_delivery_land_it_once(server, deliveries, digests, tmp_path):
    lake = tmp_path / "lake"
    before = len(server.errors.read_text(encoding="utf-8"))
    codes = sorted(server.run(deliveries, lake, runs=2)["codes"])
    told = server.errors.read_text(encoding="utf-8")[before:]
    assert codes == [0, 1]
    assert "另一次治理正在使用这个数据湖" in told
    check_whole(lake, digests)
