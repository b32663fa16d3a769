"""Drop folders: a file is taken once it is whole, checked against its companion, and set aside with the reason where it is refused."""

from __future__ import annotations

import hashlib
import os

import pytest

from rongqiao.governance.collectors import Place
from rongqiao.governance.collectors.state import load_state
from tests.pipeline.departments import ALPHA, csv_bytes
from tests.pipeline.sources import GRADES, Clock, collect, declare, delivered

pytestmark = pytest.mark.pipeline


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "collecting", tmp_path / "collected")


@pytest.fixture
def drop(tmp_path):
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def declare_folder(tmp_path, drop, **section):
    return declare(
        tmp_path,
        kind="folder",
        schedule={"every_minutes": 1},
        folder={"path": str(drop), "rest_seconds": 60, **section},
    )


CONTENT = csv_bytes(
    ["统一社会信用代码", "评价年度", "信用级别", "发布日期"], [[ALPHA, "2024", "A", "2025-04-20"]]
)


def test_a_file_is_taken_once_it_is_at_rest(place, tmp_path, drop):
    collector, clock = declare_folder(tmp_path, drop), Clock()
    file = drop / "纳税信用.CSV"
    file.write_bytes(CONTENT[:20])
    assert collect(collector, place, clock).result == "nothing_new"
    clock.pass_by(seconds=61)
    file.write_bytes(CONTENT)
    # It has grown since: at rest only from now on.
    assert collect(collector, place, clock).result == "nothing_new"
    clock.pass_by(seconds=61)
    outcome = collect(collector, place, clock)
    assert outcome.files == ("2026-11-26_grades-000001.csv",)
    assert (place.deliveries / GRADES / outcome.files[0]).read_bytes() == CONTENT
    assert [path.name for path in drop.glob("taken/*/*")] == ["纳税信用.CSV"]
    assert collect(collector, place, clock).result == "nothing_new"


def test_a_companion_says_that_a_file_is_whole_and_is_checked(place, tmp_path, drop):
    collector = declare_folder(tmp_path, drop, complete_by="companion")
    for name in ("good.csv", "bad.csv", "alone.csv", "marked.csv"):
        (drop / name).write_bytes(CONTENT)
    (drop / "good.csv.sm3").write_text(f"{hashlib.new('sm3', CONTENT).hexdigest().upper()}  good.csv\n")
    (drop / "bad.csv.sm3").write_text("0" * 64)
    (drop / "marked.csv.done").touch()
    outcome = collect(collector, place)
    assert (len(outcome.files), len(outcome.refused)) == (2, 1)
    assert "校验不符" in outcome.refused[0]
    assert sorted(path.name for path in drop.glob("refused/*/*")) == [
        "bad.csv",
        "bad.csv.reason.txt",
        "bad.csv.sm3",
    ]
    assert "校验不符" in next(drop.glob("refused/*/*.txt")).read_text(encoding="utf-8")
    assert [path.name for path in drop.iterdir() if path.is_file()] == ["alone.csv"]


def test_links_odd_files_and_unknown_kinds_are_refused_with_the_reason(place, tmp_path, drop):
    secret = tmp_path / "secret.csv"
    secret.write_bytes(CONTENT)
    (drop / "link.csv").symlink_to(secret)
    (drop / "empty.csv").touch()
    (drop / "word.doc").write_bytes(b"x")
    (drop / "still.csv.part").write_bytes(b"x")
    os.mkfifo(drop / "pipe.csv")
    for name in ("link.csv", "empty.csv", "word.doc", "pipe.csv"):
        (drop / f"{name}.done").touch()
    outcome = collect(declare_folder(tmp_path, drop), place)
    assert (outcome.result, len(outcome.refused)) == ("refused", 4)
    assert len(list(drop.glob("refused/*/*.reason.txt"))) == 4
    assert secret.read_bytes() == CONTENT
    assert not delivered(place)


def test_a_lost_mount_is_not_an_empty_folder(place, tmp_path, drop):
    collector = declare_folder(tmp_path, drop)
    drop.rmdir()
    outcome = collect(collector, place)
    assert (outcome.result, "没有挂载" in outcome.remedy) == ("failed", True)


def test_a_second_file_of_the_same_name_is_another_file(place, tmp_path, drop):
    collector = declare_folder(tmp_path, drop)
    for content in (CONTENT, CONTENT.replace(b"2024", b"2023")):
        (drop / "a.csv").write_bytes(content)
        (drop / "a.csv.done").touch()
        assert collect(collector, place).result == "delivered"
    assert sorted(path.name for path in drop.glob("taken/*/*.csv")) == ["2_a.csv", "a.csv"]
    assert load_state(place.state / "grades").sequence == 2
