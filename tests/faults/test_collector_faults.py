"""A source that alternates time-outs and 502s, collectors that are killed, two of them at once, a full disk: nothing lost, nothing doubled, each named."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading

import pytest

from rongqiao.governance.collectors import Place, run_collector
from rongqiao.governance.collectors.state import load_state
from tests.pipeline.departments import ALPHA, BETA, GAMMA, csv_bytes
from tests.pipeline.sources import GRADES, TODAY, Clock, declare, declare_http, grade, interface, wait_for

pytestmark = pytest.mark.faults

RECORDS = [grade(code, year) for year in range(1990, 2020) for code in (ALPHA, BETA, GAMMA)]
#: Runs one collector in a process of its own, so that it can be killed at any instant.
RUNNER = """
import datetime as dt, json, os, resource, signal, sys, time
from pathlib import Path
from rongqiao.contracts.collectors import load_collector
from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.collectors import Place, run_collector

def run(order):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if order.get("largest_file"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"], resource.RLIM_INFINITY))
    root = Path(order["root"])
    done = run_collector(load_collector(Path(order["declaration"])), Place(root / "state", root / "deliveries"),
        today=dt.date(2026, 11, 26), clock=lambda: dt.datetime.now(dt.UTC), sleep=time.sleep)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    (root / f"told-{os.getpid()}").write_text(json.dumps([done.result, done.problem, done.remedy, done.detail]))
    os._exit(0)

load_contracts()
for line in sys.stdin:
    order = json.loads(line)
    Path(order["root"]).mkdir(parents=True, exist_ok=True)
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
    told = []
    for child in children:
        path = Path(order["root"]) / f"told-{child}"
        if path.exists():
            told.append(json.loads(path.read_text()))
            path.unlink()
    print(json.dumps({"codes": codes, "seconds": time.monotonic() - started, "told": told}), flush=True)
"""


@pytest.fixture(scope="module")
def runner():
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run(declaration, root, **order):
        order |= {"declaration": str(declaration), "root": str(root)}
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield run
    process.stdin.close()
    process.wait()
    process.stdout.close()


def digests(root):
    """Name and SM3 digest of everything that was delivered."""
    files = sorted(path for path in (root / "deliveries").rglob("*") if path.is_file())
    return {file.name: hashlib.new("sm3", file.read_bytes()).hexdigest() for file in files}


def collect(collector, root, clock, today=TODAY):
    place = Place(root / "state", root / "deliveries")
    return run_collector(collector, place, today=today, clock=clock, sleep=clock.sleep)


def test_a_source_that_alternates_time_outs_and_502s_opens_the_breaker_and_loses_nothing(tmp_path):
    clock = Clock()
    with interface(list(RECORDS)) as source:
        whole = declare_http(tmp_path / "whole", source.address)
        assert collect(whole, tmp_path / "undisturbed", clock).rows == 90
        collector = declare_http(
            tmp_path / "declared",
            source.address,
            retry={"attempts": 4},
            breaker={"failures_max": 6, "pause_seconds": 600},
        )
        source.asked.clear()
        source.script = ["ok", "ok", "ok"] + ["hang", "502"] * 6
        root = tmp_path / "disturbed"
        # Three pages come; then all attempts of this run fail, and of the next one until six in a row did.
        first = collect(collector, root, clock)
        assert (first.result, first.attempts, first.breaker.state) == ("failed", 7, "closed")
        assert "502" in first.problem
        assert not digests(root)
        second = collect(collector, root, clock)
        assert (second.result, second.attempts, second.breaker.state) == ("failed", 2, "open")
        # While it is open nobody asks, however often a run begins.
        asked = len(source.asked)
        for _ in range(5):
            turned_away = collect(collector, root, clock)
            assert (turned_away.result, turned_away.attempts) == ("failed", 0)
            assert "熔断" in turned_away.problem
        assert len(source.asked) == asked
        # After the pause a single call tries; it fails, and the breaker opens again at once.
        clock.pass_by(seconds=601)
        tried = collect(collector, root, clock)
        assert (tried.attempts, tried.breaker.state) == (1, "open")
        assert len(source.asked) == asked + 1
        # It recovers: the run goes on behind the pages that it has.
        source.script = []
        clock.pass_by(seconds=601)
        source.asked.clear()
        last = collect(collector, root, clock)
        assert (last.result, last.rows, last.breaker.state) == ("delivered", 90, "closed")
        assert source.asked[0]["page"] == "4"
        assert digests(root) == digests(tmp_path / "undisturbed")


def test_one_source_that_hangs_holds_up_no_other(tmp_path):
    clock = Clock()
    with interface(list(RECORDS)) as broken, interface(list(RECORDS)) as sound:
        broken.script = ["hang"] * 20
        down = declare_http(tmp_path, broken.address, "down")
        up = declare_http(tmp_path, sound.address, "up")
        assert collect(down, tmp_path / "root", clock).result == "failed"
        assert collect(up, tmp_path / "root", clock).result == "delivered"
        assert load_state(tmp_path / "root" / "state" / "up").breaker.failures == 0


def test_killed_at_random_moments_a_pull_ends_in_the_same_file(runner, tmp_path):
    draw = random.Random(20261126)
    paging = {"style": "page", "parameter": "page", "size_parameter": "size", "size": 30}
    with interface(list(RECORDS)) as source:
        declare_http(tmp_path, source.address, paging=paging)
        declaration = tmp_path / "grades.yaml"
        seconds = runner(declaration, tmp_path / "whole")["seconds"]
        whole = digests(tmp_path / "whole")
        assert len(whole) == 1
        kills = roots = 0
        while kills < 50:
            roots += 1
            root = tmp_path / str(roots)
            for _ in range(5):
                done = runner(declaration, root, kill_after=draw.uniform(0, seconds))
                kills += done["codes"] == [-9]
                if done["codes"] == [0]:
                    break
            for _ in range(2):
                assert runner(declaration, root)["codes"] == [0]
            assert digests(root) == whole
            state = load_state(root / "state" / "grades")
            assert (state.sequence, state.pending) == (1, None)
            assert not list((root / "state" / "grades" / "spool").glob("*.draft"))


def put_files(drop):
    for number in range(12):
        content = csv_bytes(["统一社会信用代码", "评价年度"], [[ALPHA, str(2000 + number)]] * (1000 + number))
        (drop / f"{number:02}.csv").write_bytes(content)
        (drop / f"{number:02}.csv.sm3").write_text(hashlib.new("sm3", content).hexdigest())


def test_killed_at_random_moments_a_drop_folder_is_taken_once(runner, tmp_path):
    draw = random.Random(20261126)
    drops = []
    for number in range(9):
        drop = tmp_path / f"drop{number}"
        drop.mkdir()
        put_files(drop)
        declare(
            tmp_path,
            f"drop{number}",
            kind="folder",
            schedule={"every_minutes": 1},
            folder={"path": str(drop)},
        )
        drops.append((drop, tmp_path / f"drop{number}.yaml"))
    seconds = runner(drops[0][1], tmp_path / "whole")["seconds"]
    whole = sorted(digests(tmp_path / "whole").values())
    assert len(whole) == 12
    kills = 0
    for drop, declaration in drops[1:]:
        root = tmp_path / f"of-{drop.name}"
        for _ in range(8):
            kills += runner(declaration, root, kill_after=draw.uniform(0, seconds / 3))["codes"] == [-9]
        assert runner(declaration, root)["codes"] == [0]
        assert sorted(digests(root).values()) == whole
        assert len(list(drop.glob("taken/*/*.csv"))) == 12
        assert not [path for path in drop.iterdir() if path.is_file()]
        assert not list(drop.glob("refused/*"))
    assert kills > 20


def test_two_collectors_on_one_source_deliver_it_once(runner, tmp_path):
    with interface(list(RECORDS)) as source:
        declare_http(tmp_path, source.address)
        done = runner(tmp_path / "grades.yaml", tmp_path / "root", runs=2)
        results = sorted(told[0] for told in done["told"])
        assert results in (["busy", "delivered"], ["already_today", "delivered"])
        assert len(digests(tmp_path / "root")) == 1


def test_a_collector_at_work_turns_a_second_one_away(tmp_path):
    """The first hangs in its source until the second has been told."""
    clock = Clock()
    with interface(list(RECORDS)) as source:
        source.script = ["hang"]
        collector = declare_http(tmp_path, source.address, http={"read_timeout_seconds": 5})
        first = threading.Thread(target=collect, args=(collector, tmp_path / "root", clock))
        first.start()
        wait_for(lambda: source.asked)
        assert collect(collector, tmp_path / "root", clock).result == "busy"
        source.never.set()
        first.join()
        assert len(digests(tmp_path / "root")) == 1


@pytest.mark.parametrize("largest_file", [100, 1_000, 4_000, 8_000])
def test_a_full_disk_is_named_and_lands_nothing(runner, tmp_path, largest_file):
    with interface(list(RECORDS)) as source:
        declare_http(tmp_path, source.address)
        root = tmp_path / "root"
        (told,) = runner(tmp_path / "grades.yaml", root, largest_file=largest_file)["told"]
        assert told[0] == "failed"
        assert told[1] == "磁盘读写：文件超出系统允许的大小"
        assert "File too large" in told[3]
        assert not digests(root)
        (told,) = runner(tmp_path / "grades.yaml", root)["told"]
        assert told[0] == "delivered"
        rows = [
            json.loads(line)
            for path in (root / "deliveries" / GRADES).iterdir()
            for line in path.read_text().splitlines()
        ]
        assert len(rows) == len({json.dumps(row) for row in rows}) == 90


def test_a_state_that_cannot_be_read_is_no_reason_to_begin_anew(tmp_path):
    from rongqiao.kernel.errors import StorageError

    with interface(list(RECORDS)) as source:
        collector = declare_http(tmp_path, source.address)
        assert collect(collector, tmp_path / "root", Clock()).result == "delivered"
        (tmp_path / "root" / "state" / "grades" / "state.json").write_text("{")
        with pytest.raises(StorageError, match="从备份恢复"):
            collect(collector, tmp_path / "root", Clock())
    assert os.listdir(tmp_path / "root" / "deliveries" / GRADES) == ["2026-11-26_grades-000001.jsonl"]
