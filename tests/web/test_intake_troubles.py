"""Files that break, kill or hang, lakes that are held, disks that are full: each is told on its own delivery, and the others land."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from django.test import Client
from django.urls import reverse

from config import attempts, comparing, tasks
from config.collecting import has_come
from config.tasks import govern_uploads
from rongqiao.accounts.models import AuditRecord, Organisation
from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.accounts.services import open_account
from rongqiao.bases.enterprises.intake import selectors, services
from rongqiao.bases.enterprises.models import Delivery
from rongqiao.governance import pipeline
from rongqiao.governance.lane import FileReport
from rongqiao.kernel.errors import BusyError, IllegalTransitionError, InvalidValueError, StorageError
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import far_workbook, put_registry, registry_row
from tests.web.intake_place import (
    FIRST,
    NOW,
    SECOND,
    TABLE,
    TODAY,
    clerk_of,
    good,
    grades,
    push,
    state,
)

GOVERN = tasks.govern


@pytest.fixture
def two(home, scope):
    """Give two deliveries; the first to be governed is the first."""
    first = push(scope, grades(good()))
    return first, push(scope, grades(good(SECOND)), is_regular=False)


def break_at(monkeypatch, upload, error, times=1):
    """Have the work on one delivery raise, so many times."""
    left = [error] * times

    def broken(deliveries, *args, **kwargs):
        if deliveries[0].path.name == upload.stored_name and left:
            raise left.pop()
        return GOVERN(deliveries, *args, **kwargs)

    monkeypatch.setattr(tasks, "govern", broken)


def test_files_made_to_stop_everything_come_back_and_the_one_behind_them_lands(home, scope):
    far = push(scope, far_workbook(), file_name="远.xlsx")
    deep = push(scope, b"[" * 100_000 + b"\n", file_name="深.jsonl", is_regular=False)
    sound = push(scope, grades(good()), is_regular=False)
    assert govern_uploads() == 3
    assert state(scope, far).outcome["by_rule"] == {"source.sheet_extent": 1}
    assert state(scope, deep).outcome["by_rule"] == {"source.json": 1}
    assert state(scope, sound).outcome["rows_accepted"] == 1


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 broken",
        grades(good()).replace("日期\n".encode(), "日期,多出的一列\n".encode()).replace(b"-10\n", b"-10,x\n"),
        grades(good(grade="A\x00B")),
    ],
    ids=["unreadable", "unknown header", "NUL"],
)
def test_an_odd_file_leaves_what_is_published_to_everybody_in_order(home, scope, content):
    odd = push(scope, content)
    sound = push(scope, grades(good(SECOND)), is_regular=False, data_on=TODAY - dt.timedelta(days=1))
    govern_uploads()
    assert state(scope, odd).status == "landed"
    assert state(scope, sound).status == "landed"


def test_what_nobody_foresaw_fails_its_own_file_with_a_trace(two, scope, monkeypatch, caplog):
    break_at(monkeypatch, two[0], ZeroDivisionError("nobody foresaw this"))
    with caplog.at_level(logging.ERROR):
        govern_uploads()
    assert "nobody foresaw this" in caplog.text
    first, second = (state(scope, upload) for upload in two)
    assert (first.status, first.problem) == ("failed", attempts.BROKEN)
    assert second.status == "landed"


def test_a_file_that_kills_the_process_is_given_up_the_third_time(two, scope, monkeypatch):
    break_at(monkeypatch, two[0], KeyboardInterrupt(), times=3)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            govern_uploads()
        assert {state(scope, upload).status for upload in two} == {"waiting"}
    govern_uploads()
    first, second = (state(scope, upload) for upload in two)
    assert (first.status, second.status) == ("failed", "landed")
    assert "另存为 CSV" in first.problem
    # Those that were only in the queue behind it are not counted.
    assert (first.attempts, second.attempts) == (0, 0)


def test_a_lake_that_another_run_holds_is_waited_for(two, scope):
    with pipeline._alone(services.folder().parent / "lake" / "landing"), pytest.raises(BusyError):
        govern_uploads()
    waiting = state(scope, two[0])
    assert (waiting.status, waiting.attempts, waiting.problem) == ("waiting", 0, attempts.WAITING)
    govern_uploads()
    for upload in two:
        landed = state(scope, upload)
        assert (landed.status, landed.problem) == ("landed", "")


@pytest.mark.parametrize("trouble", [StorageError("磁盘", "", "满"), OSError(28, "No space left on device")])
def test_a_full_disk_fails_nothing_and_holds_up_nobody_else(two, scope, monkeypatch, trouble):
    break_at(monkeypatch, two[0], trouble)
    with pytest.raises(type(trouble)):
        govern_uploads()
    first, second = (state(scope, upload) for upload in two)
    assert (first.status, second.status) == ("waiting", "landed")
    govern_uploads()
    assert state(scope, two[0]).status == "landed"


def test_trouble_with_what_was_collected_keeps_no_department_waiting(two, scope, monkeypatch):
    def broken(_):
        raise RuntimeError("collected")

    monkeypatch.setattr(tasks, "govern_collected", broken)
    with pytest.raises(RuntimeError, match="collected"):
        govern_uploads()
    assert {state(scope, upload).status for upload in two} == {"landed"}


def test_a_comparison_that_fails_is_told_to_the_operator_and_holds_up_no_outcome(two, scope, monkeypatch):
    def broken(*_, **__):
        raise InvalidValueError("权威次序", "employees", "请补全目录。")

    with monkeypatch.context() as patched:
        patched.setattr(comparing, "find_conflicts", broken)
        with pytest.raises(InvalidValueError):
            govern_uploads()
    assert [state(scope, each).status for each in two] == ["landed", "landed"]
    with system_scope():
        operator = open_account(
            organisation=Organisation.objects.create(kind="operator", name="运营", region_code="43"),
            role="operator", username="operator", password="bamboo-bridge-2026",
        )  # fmt: skip
    page = reverse("portal:operator_conflicts")
    assert "权威次序：请补全目录。" in page_of(operator).get(page).content.decode()
    # The next run makes up for it, though nothing new came.
    assert govern_uploads() == 0
    assert "跨部门比对没有完成" not in page_of(operator).get(page).content.decode()


def test_what_was_collected_is_kept_until_everybody_sees_it(home, monkeypatch, db):
    put_registry(home / "collected", [registry_row(complete_uscc("91430200MA4L00009"), "株洲新厂有限公司")])

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "publish_operations", killed)
        with pytest.raises(KeyboardInterrupt):
            govern_uploads()
    assert has_come()
    assert govern_uploads() == 1
    assert not has_come()
    with system_scope():
        assert Delivery.objects.filter(file_name="2026-01-06.csv").count() == 2


def test_a_file_that_is_gone_is_asked_for_again(two, scope):
    services.stored_path(two[0]).unlink()
    govern_uploads()
    first, second = (state(scope, upload) for upload in two)
    assert (first.status, second.status) == ("failed", "landed")
    assert "重新上传" in first.problem


# -- tried again -----------------------------------------------------------------------------------------------------


def page_of(user):
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_failed_delivery_is_tried_again_from_its_page(two, clerk, scope, monkeypatch):
    break_at(monkeypatch, two[0], ZeroDivisionError())
    govern_uploads()
    client, place = page_of(clerk), reverse("portal:department_upload", args=[two[0].pk])
    again = reverse("portal:department_upload_retry", args=[two[0].pk])
    assert again in client.get(place).content.decode()
    assert client.post(again).url == place
    waiting = client.get(place).content.decode()
    assert "等待治理" in waiting
    assert attempts.BROKEN not in waiting
    govern_uploads()
    assert state(scope, two[0]).status == "landed"
    assert again not in client.get(place).content.decode()
    with scoped(scope), pytest.raises(IllegalTransitionError):
        services.retry_upload(scope=scope, upload_id=two[0].pk, now=NOW)
    with system_scope():
        assert AuditRecord.unscoped.filter(action="delivery.retried").count() == 1


def test_a_failed_delivery_whose_place_was_taken_is_not_tried_again(two, scope, monkeypatch):
    break_at(monkeypatch, two[0], ZeroDivisionError(), times=2)
    govern_uploads()
    push(scope, grades(good(grade="B")))
    with scoped(scope), pytest.raises(InvalidValueError, match="已另报一份"):
        services.retry_upload(scope=scope, upload_id=two[0].pk, now=NOW)
    assert state(scope, two[0]).status == "failed"


def test_another_department_cannot_try_it_again(two, scope, monkeypatch):
    break_at(monkeypatch, two[0], ZeroDivisionError())
    govern_uploads()
    client = page_of(clerk_of("court", "court-clerk"))
    assert client.post(reverse("portal:department_upload_retry", args=[two[0].pk])).status_code == 404
    assert state(scope, two[0]).status == "failed"


# -- told after a break ----------------------------------------------------------------------------------------------

MIXED = grades(good(), good(SECOND, grade="Z", grade_year="x"), good(SECOND, grade="Y")) + b"one,field\n"


def test_an_outcome_that_could_not_be_told_is_told_by_the_next_run(home, scope, monkeypatch):
    upload = push(scope, MIXED)
    reported = []

    def noted(deliveries, *args, **kwargs):
        reported.append(GOVERN(deliveries, *args, **kwargs))
        return reported[-1]

    def broken(*_, **__):
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "govern", noted)
        patched.setattr(tasks, "publish_operations", broken)
        with pytest.raises(RuntimeError, match="killed"):
            govern_uploads()
    assert state(scope, upload).status == "governing"
    govern_uploads()
    landed = state(scope, upload)
    (file,) = reported[0].files
    assert landed.status == "landed"
    assert landed.outcome == tasks._counts(file)
    assert landed.outcome["rows_quarantined"] == 3
    assert not services.stored_path(landed).exists()
    again = push(scope, MIXED, is_regular=False)
    govern_uploads()
    repeated = state(scope, again)
    assert (repeated.status, repeated.outcome) == ("duplicate", landed.outcome)


def test_the_outcome_is_that_of_its_own_batch(home, scope, monkeypatch):
    upload = push(scope, grades(good()))

    def with_another_first(deliveries, *args, **kwargs):
        report = GOVERN(deliveries, *args, **kwargs)
        report.files.insert(0, FileReport(TABLE, "waited.csv", f"{TABLE}@0", 9, 0, 9, {"cleaning.review": 9}))
        return report

    monkeypatch.setattr(tasks, "govern", with_another_first)
    govern_uploads()
    assert state(scope, upload).outcome["rows_accepted"] == 1
    assert state(scope, upload).outcome["rows_quarantined"] == 0


def test_two_deliveries_of_the_same_bytes_that_wait_together_land_once(home, scope):
    first = push(scope, grades(good(FIRST)))
    second = push(scope, grades(good(FIRST)), is_regular=False)
    govern_uploads()
    assert (state(scope, first).status, state(scope, second).status) == ("landed", "duplicate")
    assert Lake().read(f"published/{TABLE}").num_rows == 1
    with system_scope() as system:
        assert not selectors.waiting_uploads(system)


def test_an_outcome_that_cannot_be_told_keeps_no_other_from_being_told(two, scope, monkeypatch):
    tell = tasks._tell_outcome

    def broken(upload, *rest):
        if upload.pk == two[0].pk:
            raise ZeroDivisionError
        tell(upload, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "_tell_outcome", broken)
        with pytest.raises(ZeroDivisionError):
            govern_uploads()
    assert [state(scope, each).status for each in two] == ["governing", "landed"]
    govern_uploads()
    assert state(scope, two[0]).status == "landed"
