"""Collectors in the portal: declared, run as a job, governed, shown as they stand, and run on demand."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import socket

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from config import collecting as composed
from config.tasks import govern_uploads, run_due_collectors
from rongqiao.accounts.models import AuditRecord, Organisation, User
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.intake import collecting
from rongqiao.bases.enterprises.intake.models import CollectorRun
from rongqiao.bases.enterprises.models import Delivery
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError, StorageError
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import ALPHA, csv_bytes, put_registry
from tests.pipeline.sources import GRADES, declare, declare_http, grade, interface

pytestmark = pytest.mark.django_db

CONTENT = csv_bytes(
    ["统一社会信用代码", "评价年度", "信用级别", "发布日期"], [[ALPHA, "2024", "A", "2025-04-20"]]
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path))
    put_registry(tmp_path / "collected")
    return tmp_path


@pytest.fixture
def operator(db):
    organisation = Organisation.objects.create(kind="operator", name="运营中心", region_code="43")
    return User.objects.create(username="operator", organisation=organisation, role="operator")


@pytest.fixture
def page(operator):
    client = Client()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def drop(home):
    folder = home / "drop"
    folder.mkdir()
    declare(
        home / "collectors",
        "water",
        kind="folder",
        schedule={"every_minutes": 10},
        folder={"path": str(folder), "rest_seconds": 60},
    )
    return folder


def put(drop, name="a.csv"):
    (drop / name).write_bytes(CONTENT)
    (drop / f"{name}.sm3").write_text(hashlib.new("sm3", CONTENT).hexdigest())


def test_a_dropped_file_is_collected_governed_and_shown(home, drop, page):
    put(drop)
    assert composed.collect("water").result == "delivered"
    assert govern_uploads() == 2
    assert Lake().read(f"published/{GRADES}").num_rows == 1
    with system_scope():
        delivery = Delivery.objects.get(contract_id=GRADES)
    assert delivery.digest == hashlib.new("sm3", CONTENT).hexdigest()
    assert delivery.file_name.endswith("_water-000001.csv")
    # Cleared away, and again is nothing.
    assert not list((home / "collected").glob("*/*"))
    assert govern_uploads() == 0
    text = page.get(reverse("portal:operator_collectors")).content.decode()
    assert "纳税信用级别前置库" in text
    assert "已采集" in text
    detail = page.get(reverse("portal:operator_collector", args=["water"])).content.decode()
    assert delivery.file_name in detail
    assert "连接正常" in detail


def test_what_waits_for_the_register_stays(home, drop):
    for path in (home / "collected").rglob("*.csv"):
        path.unlink()
    put(drop)
    composed.collect("water")
    assert govern_uploads() == 0
    assert len(list((home / "collected").glob("*/*"))) == 1
    put_registry(home / "collected")
    assert govern_uploads() == 2


def test_a_collector_is_due_at_its_time_and_made_up_for_when_it_failed(home, operator):
    with interface([grade(ALPHA, 2024)]) as source:
        collector = declare_http(home / "collectors", source.address, retry={"attempts": 1})
        assert composed.due_collectors() == ["grades"]
        source.script = ["502"]
        outcome = composed.collect("grades")
        assert (outcome.result, outcome.breaker.failures) == ("failed", 1)
        with system_scope() as scope:
            status = collecting.get_collector(scope, "grades")
            assert not status.is_due(timezone.now())
            assert status.is_due(timezone.now() + dt.timedelta(seconds=collector.breaker.pause_seconds + 1))
        assert composed.collect("grades").result == "delivered"
        with system_scope() as scope:
            status = collecting.get_collector(scope, "grades")
        assert status.due_at == collector.schedule.next_after(status.last.started_at)


def test_looking_in_vain_leaves_one_line_however_often(home, drop):
    for _ in range(3):
        assert composed.collect("water").result == "nothing_new"
    put(drop)
    composed.collect("water")
    for _ in range(2):
        composed.collect("water")
    with system_scope() as scope:
        results = [run.result for run in collecting.list_runs(scope, "water")]
    assert results == ["nothing_new", "delivered", "nothing_new"]


def test_a_killed_run_shows_as_interrupted_once_the_next_one_ends(home, drop):
    with system_scope() as scope:
        status = collecting.get_collector(scope, "water")
        collecting.start_run(scope=scope, collector=status.collector, now=timezone.now())
    composed.collect("water")
    with system_scope() as scope:
        assert [run.result for run in collecting.list_runs(scope, "water")] == ["nothing_new", "interrupted"]


def test_a_failure_is_shown_with_its_remedy(home, page):
    with interface([]) as source:
        source.answers["raw"] = b"<html>"
        declare_http(home / "collectors", source.address)
        composed.collect("grades")
    text = page.get(reverse("portal:operator_collector", args=["grades"])).content.decode()
    assert "不是 JSON" in text
    assert "还没有采集到数据" in text


def test_what_the_system_said_stands_folded_beside_words_that_a_person_reads(home, page, monkeypatch):
    monkeypatch.setenv("SOURCE_USER", "nobody")
    monkeypatch.setenv("SOURCE_PASSWORD", "unused")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        declare(
            home / "collectors",
            kind="database",
            retry={"attempts": 1},
            database={
                "address": f"postgresql://127.0.0.1:{closed.getsockname()[1]}/none",
                "user_env": "SOURCE_USER",
                "password_env": "SOURCE_PASSWORD",
                "table": "grades",
                "watermark": "changed_at",
                "watermark_kind": "timestamp",
                "key": ["id"],
                "columns": {"code": "uscc"},
            },
        )
        composed.collect("grades")
    url = reverse("portal:operator_collector", args=["grades"])
    whole = page.get(url).content.decode()
    assert "数据库拒绝连接" in whole
    assert "连接正常" not in whole
    assert "connection" in whole
    assert "connection" not in re.sub(r"<details>.*?</details>", "", whole, flags=re.S)
    assert "connection" in page.get(url, {"export": "csv"}).content.decode()


def test_run_now_is_audited_and_queued_once(home, drop, page, operator, django_capture_on_commit_callbacks):
    url = reverse("portal:operator_collector_run", args=["water"])
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            assert page.post(url).status_code == 302
    queued = ProcrastinateJob.objects.filter(task_name=collecting.JOB, status="todo")
    assert [(job.args, job.lock) for job in queued] == [({"collector_id": "water"}, "collect.run:water")]
    with system_scope() as scope:
        asked = AuditRecord.objects.for_scope(scope).filter(action="collector.requested", object_id="water")
        assert asked.count() == 2
    assert page.post(reverse("portal:operator_collector_run", args=["none"])).status_code == 422


def test_the_minute_job_queues_what_is_due(home, drop, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert run_due_collectors(timestamp=0) == 1
        assert run_due_collectors(timestamp=60) == 1
    assert ProcrastinateJob.objects.filter(task_name=collecting.JOB).count() == 1
    # The register lies among the collected and nobody has looked at it yet.
    assert ProcrastinateJob.objects.filter(task_name="governance.govern_uploads").count() == 1


def test_what_came_is_looked_at_again_until_it_was_governed(home, drop, monkeypatch):
    assert composed.has_come()

    def broken(*_):
        put_registry(home / "collected", name="2026-02-06.csv")
        raise StorageError("磁盘", "", "满")

    with monkeypatch.context() as patched:
        patched.setattr(composed, "govern", broken)
        with pytest.raises(StorageError):
            govern_uploads()
    assert composed.has_come()
    assert govern_uploads() == 2
    assert not composed.has_come()


def test_what_comes_while_governance_is_at_work_is_seen_the_next_time(home, drop, monkeypatch):
    real = composed.govern

    def slow(*given):
        report = real(*given)
        put_registry(home / "collected", name="2026-02-06.csv")
        return report

    with monkeypatch.context() as patched:
        patched.setattr(composed, "govern", slow)
        assert govern_uploads() == 1
    assert composed.has_come()


def test_a_malformed_declaration_is_named_on_the_page(home, page):
    (home / "collectors").mkdir()
    (home / "collectors" / "bad.yaml").write_text("title: x\n", encoding="utf-8")
    text = page.get(reverse("portal:operator_collectors")).content.decode()
    assert "bad.yaml" in text
    assert "缺少这一项" in text


def test_other_roles_see_no_runs(home, drop, operator):
    composed.collect("water")
    organisation = Organisation.objects.create(
        kind="department", name="教育", region_code="43", department_code="education"
    )
    clerk = User.objects.create(username="clerk", organisation=organisation, role="department_clerk")
    with scoped(scope_of(clerk)) as scope:
        assert not CollectorRun.objects.for_scope(scope).exists()
        with pytest.raises(NotAllowedError):
            collecting.list_collectors(scope)


# -- files that cannot be governed -----------------------------------------------------------------------------------


@pytest.fixture
def two(home, drop):
    """Give the names of a file that is trouble and of one that is sound, both collected."""
    put(drop)
    (drop / "b.csv").write_bytes(CONTENT.replace(b"2024", b"2023"))
    (drop / "b.csv.done").touch()
    composed.collect("water")
    bad, sound = sorted(path.name for path in (home / "collected" / GRADES).iterdir())
    return bad, sound


def break_at(monkeypatch, name, error):
    real = composed.govern

    def broken(deliveries, *rest):
        if name in {each.path.name for each in deliveries}:
            raise error
        return real(deliveries, *rest)

    monkeypatch.setattr(composed, "govern", broken)


def waiting_of(home):
    return sorted(path.name for path in (home / "collected" / GRADES).iterdir())


def test_a_collected_file_that_kills_is_put_aside_the_third_time(home, two, page, monkeypatch):
    bad, sound = two
    with monkeypatch.context() as patched:
        break_at(patched, bad, KeyboardInterrupt())
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                govern_uploads()
            assert waiting_of(home) == [bad, sound]
        govern_uploads()
    assert waiting_of(home) == []
    assert not composed.has_come()
    assert Lake().read(f"published/{GRADES}").num_rows == 1
    aside = home / "collected_refused" / GRADES / bad
    assert "程序中断" in aside.with_name(f"{bad}.reason.txt").read_text(encoding="utf-8")
    with system_scope() as scope:
        (run,) = (each for each in collecting.list_runs(scope, "water") if each.files)
    assert [text.partition("：")[0] for text in run.refused] == [bad]
    assert composed.KILLER in page.get(reverse("portal:operator_collector", args=["water"])).content.decode()
    composed.retry_refused(bad)
    assert composed.has_come()
    assert govern_uploads() == 1
    assert Lake().read(f"published/{GRADES}").num_rows == 2
    with pytest.raises(InvalidValueError, match="没有这份文件"):
        composed.retry_refused(bad)


def test_a_collected_file_that_breaks_holds_up_no_other(home, two, monkeypatch):
    break_at(monkeypatch, two[0], ZeroDivisionError())
    assert govern_uploads() == 2
    assert waiting_of(home) == []
    assert Lake().read(f"published/{GRADES}").num_rows == 1
    assert not list((home / "collected_tries").rglob("*.csv"))


def test_a_full_disk_puts_no_collected_file_aside(home, two, monkeypatch):
    with monkeypatch.context() as patched:
        break_at(patched, two[0], StorageError("磁盘", "", "满"))
        with pytest.raises(StorageError):
            govern_uploads()
    assert waiting_of(home) == sorted(two)
    assert composed.has_come()
    assert govern_uploads() == 3
