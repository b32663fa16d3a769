"""A department's file: pushed in portions, governed, partly sent back, repaired, and in; or refused with the reason."""

from __future__ import annotations

import base64
import datetime as dt
import io
import uuid

import openpyxl
import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django import app as jobs

from config.tasks import govern_uploads
from rongqiao.accounts.models import AuditRecord
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.intake import keys, selectors, services
from rongqiao.bases.enterprises.intake.models import RepairedRow, Upload
from rongqiao.bases.enterprises.models import Delivery, QuarantinedRow
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.lake.tables import Lake
from tests.web.intake_place import (
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


def test_good_rows_land_and_a_bad_one_comes_back_is_repaired_and_lands(home, scope):
    upload = push(scope, grades(good(), good(SECOND, grade="Ａ＋＋")))
    assert upload.status == "waiting"
    assert len(upload.digest) == 64
    assert govern_uploads() == 1
    landed = state(scope, upload)
    assert landed.status == "landed"
    assert {key: landed.outcome[key] for key in ("rows_in", "rows_accepted", "rows_quarantined")} == {
        "rows_in": 2, "rows_accepted": 1, "rows_quarantined": 1,
    }  # fmt: skip
    assert Lake().read(f"published/{TABLE}").num_rows == 1
    assert not services.stored_path(landed).exists()
    with scoped(scope):
        (row,) = selectors.quarantined_rows(scope, landed.batch_id)
        assert (row.line, row.column) == (3, "grade")
        repair = services.repair_rows(
            scope=scope, batch_id=landed.batch_id, repairs={3: {"grade": "A"}}, now=NOW
        )
    assert govern_uploads() == 1
    assert state(scope, repair).outcome["rows_accepted"] == 1
    assert Lake().read(f"published/{TABLE}").num_rows == 2
    with scoped(scope):
        assert not selectors.list_open_batches(scope)
        with pytest.raises(InvalidValueError, match="已修复"):
            services.repair_rows(scope=scope, batch_id=landed.batch_id, repairs={3: {"grade": "B"}}, now=NOW)


def test_a_repair_that_is_still_wrong_comes_back_under_its_own_file(home, scope):
    upload = push(scope, grades(good(grade="Z")))
    govern_uploads()
    with scoped(scope):
        repair = services.repair_rows(
            scope=scope, batch_id=state(scope, upload).batch_id, repairs={2: {"grade": "Y"}}, now=NOW
        )
    govern_uploads()
    with scoped(scope):
        (batch,) = selectors.list_open_batches(scope)
        assert batch["batch_id"] == state(scope, repair).batch_id


def test_the_same_bytes_again_change_nothing(home, scope):
    content = grades(good())
    push(scope, content)
    govern_uploads()
    again = push(scope, content, is_regular=False)
    govern_uploads()
    assert state(scope, again).status == "duplicate"
    assert Lake().read(f"published/{TABLE}").num_rows == 1
    assert Delivery.objects.filter(contract_id=TABLE).count() == 1


def test_a_broken_upload_goes_on_where_it_ended(home, scope):
    content = grades(good(), good(SECOND))

    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= 30:
                raise OSError("connection reset")
            return super().read(30)

    with scoped(scope):
        upload = services.open_upload(
            scope=scope, contract_id=TABLE, file_name="等级.csv", size_bytes=len(content), data_on=TODAY,
            today=TODAY, is_regular=True,
        )  # fmt: skip
        upload = services.receive_portion(
            scope=scope, upload_id=upload.pk, offset=0, stream=Broken(content), now=NOW
        )
        assert (upload.status, upload.received_bytes) == ("receiving", 30)
        with pytest.raises(InvalidValueError, match="从第 30 字节续传"):
            services.receive_portion(
                scope=scope, upload_id=upload.pk, offset=0, stream=io.BytesIO(content), now=NOW
            )
    with scoped(scope):
        upload = services.receive_portion(
            scope=scope, upload_id=upload.pk, offset=30, stream=io.BytesIO(content[30:]), now=NOW
        )
    govern_uploads()
    assert state(scope, upload).outcome["rows_accepted"] == 2


def test_what_cannot_be_a_delivery_is_refused_with_the_remedy(home, scope):
    for changes, message in (
        ({"file_name": "等级.pdf"}, "格式的文件"),
        ({"size_bytes": 0}, "不能为空"),
        ({"data_on": TODAY + dt.timedelta(days=1)}, "不能晚于今天"),
        ({"data_on": dt.date(226, 1, 1)}, "请核对年份"),
    ):
        with pytest.raises(InvalidValueError, match=message), scoped(scope):
            push(scope, b"x", **changes)
    with pytest.raises(NotAllowedError, match="本部门"):
        push(scope, b"x", contract_id="court.judicial_case")
    push(scope, grades(good()))
    with pytest.raises(InvalidValueError, match="该数据日期已有一份整期报送"):
        push(scope, grades(good(SECOND)))


def test_more_bytes_than_announced_are_refused(home, scope):
    with pytest.raises(InvalidValueError, match="多于申报"):
        push(scope, b"0123456789", size_bytes=5)


def test_another_department_sees_nothing_of_it(home, scope):
    upload = push(scope, grades(good(grade="Z")))
    govern_uploads()
    other = scope_of(clerk_of("court", "court-clerk"))
    with scoped(other):
        assert selectors.get_upload(other, upload.pk) is None
        assert not selectors.list_open_batches(other)
        assert not QuarantinedRow.objects.exists()
        assert not Upload.unscoped.exists()
        with pytest.raises(NotAllowedError):
            services.discard_upload(scope=other, upload_id=upload.pk, now=NOW)


def test_a_clerk_cannot_rewrite_what_governance_found(home, scope):
    upload = push(scope, grades(good()))
    with pytest.raises(Exception, match="may change"), transaction.atomic(), scoped(scope):
        Upload.unscoped.filter(pk=upload.pk).update(outcome={"rows_accepted": 99})
    assert not RepairedRow.unscoped.exists()


def test_a_finished_upload_cannot_be_discarded(home, scope):
    upload = push(scope, grades(good()))
    with pytest.raises(IllegalTransitionError), scoped(scope):
        services.discard_upload(scope=scope, upload_id=upload.pk, now=NOW)


def test_receiving_is_audited_and_asks_for_one_run(home, scope):
    push(scope, grades(good()))
    push(scope, grades(good(SECOND)), is_regular=False)
    with system_scope():
        actions = list(AuditRecord.unscoped.order_by("pk").values_list("action", flat=True))
    assert actions.count("delivery.received") == 2
    assert services.JOB in jobs.tasks


def test_a_department_before_any_register_is_told_what_is_missing(tmp_path, monkeypatch, scope):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path))
    upload = push(scope, grades(good()))
    govern_uploads()
    assert state(scope, upload).status == "failed"
    assert "先报送企业登记" in state(scope, upload).problem


# -- pages and machines ----------------------------------------------------------------------------------------------


@pytest.fixture
def browser(clerk):
    client = Client(raise_request_exception=True)
    client.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    return client


def workbook(*rows):
    book = openpyxl.Workbook()
    for line in grades(*rows).decode().splitlines():
        book.active.append(line.split(","))
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    file.name = "纳税信用.xlsx"
    return file


def test_pages_take_a_workbook_show_what_failed_and_take_the_repair(home, browser, scope):
    answer = browser.post(
        reverse("portal:department_send"),
        {
            "contract": TABLE,
            "kind": "regular",
            "day": "2026-11-19",
            "file": workbook(good(), good(SECOND, grade="甲")),
        },
    )
    assert answer.status_code == 302, answer.content.decode()[:2000]
    govern_uploads()
    page = browser.get(answer.url).content.decode()
    assert "已入库" in page
    assert "修复退回的行" in page
    upload = Upload.unscoped.get()
    repair = reverse("portal:department_repair", args=[upload.batch_id])
    assert "收到的值：甲" in browser.get(repair).content.decode()
    refused = browser.post(repair, {"cell-3-grade": "甲"})
    assert refused.status_code == 422
    assert "还没有改动" in refused.content.decode()
    for text in ("长" * 501, "A\x00"):
        refused = browser.post(repair, {"cell-3-grade": text})
        assert (refused.status_code, "“信用级别”请用一行字" in refused.content.decode()) == (422, True)
        assert text[:3] in refused.content.decode()
    sent = browser.post(repair, {"cell-3-grade": "B"})
    assert sent.status_code == 302
    govern_uploads()
    assert "已入库" in browser.get(sent.url).content.decode()
    assert Lake().read(f"published/{TABLE}").num_rows == 2
    assert browser.get(reverse("portal:department_uploads")).status_code == 200
    # All of it was mended: an old link says so.
    assert browser.get(repair).url == reverse("portal:department_repairs")
    check_records_of_the_table(browser)


def check_records_of_the_table(browser):
    """Receipts, standard, outcome of the rules and an empty file with the table's headers."""
    receipts = browser.get(reverse("portal:department_receipts")).content.decode()
    assert "共 <b>2</b> 条" in receipts
    assert "2026-11-19.xlsx" in receipts
    page = browser.get(reverse("portal:department_table", args=[TABLE])).content.decode()
    for words in ("统一社会信用代码 ＋ 评价年度", "取值：A级、B级", "不得为空", "2026-11-19.xlsx"):
        assert words in page
    template = browser.get(reverse("portal:department_table_template", args=[TABLE]))
    assert template.content.decode("utf-8-sig").splitlines() == [
        "统一社会信用代码,企业名称,评价年度,信用级别,发布日期"
    ]


def test_a_wrong_file_is_explained_on_the_form(home, browser):
    file = io.BytesIO(b"x")
    file.name = "等级.pdf"
    answer = browser.post(
        reverse("portal:department_send"),
        {"contract": TABLE, "kind": "regular", "day": "2026-11-19", "file": file},
    )
    assert answer.status_code == 422
    assert "格式的文件" in answer.content.decode()


def test_a_file_of_which_nothing_landed_is_not_told_as_landed(home, scope, browser):
    upload = push(scope, b"junk", file_name="等级.xlsx")
    govern_uploads()
    page = browser.get(reverse("portal:department_upload", args=[upload.pk])).content.decode()
    assert "全部退回，没有入库" in page
    listed = browser.get(reverse("portal:department_uploads"), {"export": "csv"}).content.decode()
    assert "全部退回，没有入库" in listed
    repair = reverse("portal:department_repair", args=[state(scope, upload).batch_id])
    assert "整份文件：文件无法打开" in browser.get(repair).content.decode()


def metadata(**values):
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def test_a_machine_delivers_with_its_key_and_is_stopped_when_it_is_revoked(home, scope):
    with scoped(scope):
        key, text = keys.create_key(scope=scope, title="核心系统")
    machine, content = Client(), grades(good())
    head = {"HTTP_AUTHORIZATION": f"Bearer {text}", "HTTP_TUS_RESUMABLE": "1.0.0"}
    begun = machine.post(
        reverse("deliveries:create"),
        HTTP_UPLOAD_LENGTH=str(len(content)),
        HTTP_UPLOAD_METADATA=metadata(contract=TABLE, filename="等级.csv", day="2026-11-19", kind="regular"),
        **head,
    )
    assert begun.status_code == 201, begun.content
    endless = machine.post(reverse("deliveries:create"), HTTP_UPLOAD_LENGTH="9" * 5000, **head)
    assert endless.status_code == 422
    place = begun["Location"]
    half = len(content) // 2
    for offset, portion in ((0, content[:half]), (half, content[half:])):
        assert machine.head(place, **head)["Upload-Offset"] == str(offset)
        sent = machine.patch(
            place,
            portion,
            content_type="application/offset+octet-stream",
            HTTP_UPLOAD_OFFSET=str(offset),
            **head,
        )
        assert (sent.status_code, sent["Upload-Offset"]) == (204, str(offset + len(portion)))
    govern_uploads()
    told = machine.get(place.removesuffix("/bytes"), **head).json()
    assert (told["status"], told["outcome"]["rows_accepted"]) == ("landed", 1)
    with scoped(scope):
        keys.revoke_key(scope=scope, key_id=key.pk, now=NOW)
    assert machine.head(place, **head).status_code == 403


def test_a_machine_without_a_key_or_with_nonsense_is_refused(home, scope):
    machine = Client()
    assert machine.post(reverse("deliveries:create")).status_code == 403
    assert machine.post(reverse("deliveries:create"), HTTP_AUTHORIZATION="Bearer no").status_code == 403
    with scoped(scope):
        _, text = keys.create_key(scope=scope, title="核心系统")
    head = {"HTTP_AUTHORIZATION": f"Bearer {text}"}
    assert machine.post(reverse("deliveries:create"), **head).status_code == 422
    wrong = machine.post(reverse("deliveries:create"), HTTP_UPLOAD_METADATA="contract ***", **head)
    assert (wrong.status_code, wrong.json()["title"]) == (422, "Upload-Metadata")
    assert machine.get(reverse("deliveries:show", args=[uuid.uuid4()]), **head).status_code == 404
