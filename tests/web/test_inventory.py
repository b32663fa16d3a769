"""A file that no contract knows: profiled, given a contract in the form, approved, in force, governed, and its rows on a page."""

from __future__ import annotations

import base64
import datetime as dt
import io
import re

import openpyxl
import pytest
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError
from django.urls import reverse

from config import inventory as composed
from config.inventory import bring_sources, profile_sources
from config.tasks import govern_uploads
from rongqiao.accounts.models import AuditRecord
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.intake import selectors as intake_selectors
from rongqiao.bases.enterprises.intake import services as intake
from rongqiao.bases.enterprises.inventory import services
from rongqiao.bases.enterprises.inventory.models import SourceTable
from rongqiao.bases.enterprises.table_rows import HIDDEN, MASK, TableRows, mask_value
from rongqiao.contracts.standards import load_contract, load_contracts
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import NAMES
from tests.web.intake_place import register
from tests.web.inventory_place import (
    ANSWERS,
    CODES,
    DAY,
    NOW,
    SIGNS,
    decide,
    fire_file,
    form_of,
    landed,
    offer,
    page_of,
    person,
    profiled,
    submitted,
    tables_of,
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An installation with a register, and an overlay of its own."""
    monkeypatch.setenv("RONGQIAO_STANDARDS_OVERLAY", str(tmp_path / "standards"))
    return register(tmp_path, monkeypatch, tuple(NAMES.items()))


@pytest.fixture
def clerk(db):
    return person("department", "department_clerk", "fire", department_code="fire")


@pytest.fixture
def operator(db):
    return person("operator", "operator", "operator")


def test_a_foreign_file_flows_to_a_page_by_the_form_alone(home, clerk, operator):
    client = page_of(clerk)
    upload = offer(clerk, fire_file())
    assert "等待盘点" in client.get(reverse("portal:department_source", args=[upload.pk])).content.decode()
    assert profile_sources() == 1
    (table,) = tables_of(clerk)
    assert (table.title, table.rows, table.status) == ("消防检查", 60, "drafted")

    profile = client.get(reverse("portal:department_source_table", args=[table.pk])).content.decode()
    assert "疑似个人信息：不显示取值，不采用" in profile
    assert "13800000001" not in profile
    assert "100% 为统一社会信用代码" in profile
    assert "表格软件的日期序号" in profile
    assert profile.count('class="rq-spark"') >= 1

    html, fields = form_of(client, table)
    assert re.search(r"还有 (\d) 项待补", html)[1] == "5"
    assert "item-fine_cny-unit" in fields
    assert not any("phone" in name for name in fields)
    table = submitted(clerk, table)
    assert (table.status, table.contract_id) == ("submitted", "fire.fire_inspection")
    assert "fire.fire_inspection" not in load_contracts()

    review = page_of(operator).get(reverse("portal:operator_source_draft", args=[table.pk])).content.decode()
    assert "负责人电话（疑似个人信息" in review
    assert "<dt>主键</dt><dd>统一社会信用代码、检查日期</dd>" in review
    assert decide(operator, table, approve="1").status_code == 302
    assert bring_sources() == 1
    contract = load_contract("fire.fire_inspection")
    assert contract.item("fine_cny").unit == "元"
    assert (home / "standards" / "fire" / "fire_inspection.yaml").is_file()
    assert govern_uploads() == 1
    (table,) = tables_of(clerk)
    assert (table.status, table.delivery.status) == ("delivered", "landed")
    assert table.delivery.outcome["rows_accepted"] == 60
    assert not intake.stored_path(upload).exists()

    page = client.get(reverse("portal:department_table", args=[contract.id])).content.decode()
    assert "共 <b>60</b> 条" in page
    assert "19,000.00 元" in page
    assert "2026-01-20" in page
    assert "这是第一期报送" in page
    assert "消防检查" in client.get(reverse("portal:department")).content.decode()
    source = page_of(operator).get(reverse("portal:operator_source", args=[contract.id])).content.decode()
    assert "与上一期相比" in source
    deeds = set(AuditRecord.unscoped.filter(object_type="source_table").values_list("action", flat=True))
    assert deeds == {"source.revised", "source.submitted", "source.approved"}


def test_the_next_file_of_the_same_table_is_recognised_compared_and_let_in(home, clerk, operator):
    landed(clerk, operator)
    later = dt.date(2026, 11, 19)
    (table,) = profiled(clerk, fire_file(rows=90, fail=2, fine=25), name="消防检查（二）.csv", day=later)
    assert table.known_contract == "fire.fire_inspection"
    client = page_of(clerk)
    html = client.get(reverse("portal:department_source_table", args=[table.pk])).content.decode()
    assert "认出来了：这是“消防检查”的新一期" in html
    assert re.search(r"罚款金额（万元）（明显漂移，PSI [\d.]+）", html)
    assert "浅色为上期" in html
    assert client.post(reverse("portal:department_source_deliver", args=[table.pk])).status_code == 302
    assert bring_sources() == 1
    assert govern_uploads() == 1
    for user, name in ((clerk, "department_table"), (operator, "operator_source")):
        page = page_of(user).get(reverse(f"portal:{name}", args=["fire.fire_inspection"])).content.decode()
        drift = page[page.index('id="drift"') :]
        assert "行数增加 50.0%" in drift
        assert "罚款金额" in drift
        # Amounts under a header in 万元 are counted in yuan: 2,225 of them are 2,225万.
        assert "1,678万–3,355万" in drift
        assert 'data-chart="chart-drift"' in drift
        assert drift.count("rq-spark-before") >= 1
        assert "无上期" in drift


def test_a_workbook_gives_a_table_for_every_sheet_and_one_may_be_left_out(home, clerk):
    book = openpyxl.Workbook()
    for name in ("许可", "说明页"):
        sheet = book.create_sheet(name)
        sheet.append(["企业名称", "统一社会信用代码", "许可日期"])
        for code in CODES:
            sheet.append([NAMES[code], code, dt.date(2026, 3, 1)])
    del book["Sheet"]
    content = io.BytesIO()
    book.save(content)
    tables = profiled(clerk, content.getvalue(), name="许可.xlsx")
    assert [(table.sheet, table.rows) for table in tables] == [("许可", 3), ("说明页", 3)]
    client = page_of(clerk)
    place = reverse("portal:department_source_leave_out", args=[tables[1].pk])
    assert client.post(place).status_code == 302
    html = client.get(reverse("portal:department_source", args=[tables[0].upload_id])).content.decode()
    assert "不采用" in html
    assert "补全数据标准" in html
    client.post(place, {"take_up": "1"})
    assert {table.status for table in tables_of(clerk)} == {"drafted"}


def test_a_draft_is_kept_unfinished_and_refused_with_what_is_missing(home, clerk):
    (table,) = profiled(clerk)
    client = page_of(clerk)
    place = reverse("portal:department_source_contract", args=[table.pk])
    _, fields = form_of(client, table)
    saved = client.post(place, fields | {"purpose": "记录检查。", "save": "1"}, follow=True).content.decode()
    assert "草稿已保存" in saved
    assert "记录检查。" in saved
    refused = client.post(place, fields | ANSWERS | {"legalBasis": "", "submit": "1"}, follow=True)
    assert "还有 1 项待补：请填写：依据哪部法律、法规或文件共享" in refused.content.decode()
    assert tables_of(clerk)[0].status == "drafted"
    wrong = client.post(place, fields | {"category": "nonsense"})
    assert wrong.status_code == 422
    assert "请从列出的选项中选择" in wrong.content.decode()


def test_items_are_renamed_dropped_and_the_guess_comes_back(home, clerk):
    (table,) = profiled(clerk)
    client = page_of(clerk)
    _, fields = form_of(client, table)
    fields.pop("item-inspection_conclusion-is_taken")
    fields |= {
        "item-fine_cny-id": "penalty_cny",
        "item-fine_cny-title": "罚款",
        "key": ["uscc", "inspection_on"],
    }
    client.post(reverse("portal:department_source_contract", args=[table.pk]), fields)
    nodes = {node["name"]: node for node in tables_of(clerk)[0].document["schema"][0]["properties"]}
    assert set(nodes) == {"uscc", "name", "inspection_on", "penalty_cny"}
    assert nodes["penalty_cny"]["businessName"] == "罚款"
    client.post(reverse("portal:department_source_redraw", args=[table.pk]))
    assert tables_of(clerk)[0].document == table.guessed


def test_a_draft_that_takes_an_existing_name_is_refused(home, clerk, operator):
    landed(clerk, operator)
    (table,) = profiled(clerk, fire_file().replace("检查结论".encode("gb18030"), "整改要求".encode("gb18030")).replace("罚款金额".encode("gb18030"), "处置金额".encode("gb18030")).replace("检查日期".encode("gb18030"), "复查日期".encode("gb18030")), name="另一张.csv")  # fmt: skip
    assert table.known_contract == ""
    client = page_of(clerk)
    _, fields = form_of(client, table)
    place = reverse("portal:department_source_contract", args=[table.pk])
    html = client.post(place, fields | ANSWERS | SIGNS | {"submit": "1"}, follow=True).content.decode()
    assert "平台已有数据标准 fire.fire_inspection，请另取表名" in html


def test_the_operator_sends_back_with_a_reason_and_nobody_approves_their_own(home, clerk, operator):
    (table,) = profiled(clerk)
    submitted(clerk, table)
    assert "请写明哪里需要修改" in decide(operator, table, **{"return": "1"}).content.decode()
    assert decide(operator, table, **{"return": "1"}, reason="依据请写到条款").status_code == 302
    html = page_of(clerk).get(reverse("portal:department_source_contract", args=[table.pk])).content.decode()
    assert "运营人员退回：依据请写到条款" in html
    submitted(clerk, table)
    mine = SourceTable.unscoped.filter(pk=table.pk)
    with system_scope(), pytest.raises(IntegrityError, match="decided_by_another"), transaction.atomic():
        mine.update(submitted_by=operator)
    with system_scope():
        mine.update(submitted_by=operator, decided_by=None)
    assert decide(operator, table, approve="1").status_code == 403
    scope = scope_of(clerk)
    with scoped(scope), pytest.raises(NotAllowedError):
        services.decide_table(scope=scope, table_id=table.pk, is_approved=True, reason="", now=NOW)


def test_the_database_lets_no_department_put_its_own_draft_in_force(home, clerk):
    (table,) = profiled(clerk)
    scope = scope_of(clerk)
    for changes in ({"status": "approved"}, {"profile": {}}, {"decided_by_id": clerk.pk}):
        with scoped(scope), pytest.raises(ProgrammingError, match="may change"), transaction.atomic():
            SourceTable.objects.for_scope(scope).filter(pk=table.pk).update(**changes)
    with scoped(scope), pytest.raises(InvalidValueError, match="还没有数据标准"):
        services.deliver_table(scope=scope, table_id=table.pk, now=NOW)


def test_what_cannot_be_profiled_or_brought_in_says_why(home, clerk, operator):
    upload = offer(clerk, b"PK\x03\x04 broken", name="坏的.xlsx")
    profile_sources()
    html = page_of(clerk).get(reverse("portal:department_source", args=[upload.pk])).content.decode()
    assert "未能盘点" in html
    assert "文件无法打开" in html
    (table,) = profiled(clerk)
    submitted(clerk, table)
    decide(operator, table, approve="1")
    intake.stored_path(table.upload).unlink()
    bring_sources()
    (failed,) = tables_of(clerk)
    assert (failed.status, failed.contract_id in load_contracts()) == ("failed", True)
    assert "未能入库" in page_of(clerk).get(reverse("portal:department_source_table", args=[table.pk])).content.decode()  # fmt: skip
    with scoped(scope_of(clerk)), pytest.raises(IllegalTransitionError):
        services.revise_table(scope=scope_of(clerk), table_id=table.pk, answers={})


def test_a_table_that_failed_keeps_its_file_and_is_tried_again(home, clerk, operator, monkeypatch):
    (table,) = profiled(clerk)
    submitted(clerk, table)
    decide(operator, table, approve="1")

    def raising(error):
        def bring(_):
            raise error

        return bring

    with monkeypatch.context() as patched:
        patched.setattr(composed, "_bring", raising(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            bring_sources()
        assert tables_of(clerk)[0].status == "approved"
        patched.setattr(composed, "_bring", raising(ZeroDivisionError()))
        bring_sources()
    assert tables_of(clerk)[0].status == "failed"
    assert tables_of(clerk)[0].upload.attempts == 0
    assert intake.stored_path(table.upload).exists()
    scope = scope_of(clerk)
    with scoped(scope), pytest.raises(ProgrammingError, match="may change"), transaction.atomic():
        SourceTable.objects.for_scope(scope).filter(pk=table.pk).update(status="approved", document={})
    client, place = page_of(clerk), reverse("portal:department_source_table", args=[table.pk])
    again = reverse("portal:department_source_retry", args=[table.pk])
    assert again in client.get(place).content.decode()
    assert client.post(again).url == place
    bring_sources()
    assert tables_of(clerk)[0].status == "delivered"
    assert not intake.stored_path(table.upload).exists()


def test_a_table_that_kills_the_process_is_given_up_the_third_time(home, clerk, operator, monkeypatch):
    submitted(clerk, profiled(clerk)[0])
    decide(operator, tables_of(clerk)[0], approve="1")
    monkeypatch.setattr(composed, "_bring", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            bring_sources()
        assert tables_of(clerk)[0].status == "approved"
    bring_sources()
    assert "程序中断" in tables_of(clerk)[0].problem


def test_a_source_that_broke_profiling_is_tried_again(home, clerk, monkeypatch):
    upload = offer(clerk, fire_file())
    with monkeypatch.context() as patched:
        patched.setattr(composed, "_profile", lambda _: 1 / 0)
        profile_sources()
    client, place = page_of(clerk), reverse("portal:department_source", args=[upload.pk])
    again = reverse("portal:department_upload_retry", args=[upload.pk])
    assert again in client.get(place).content.decode()
    assert client.post(again).url == place
    profile_sources()
    assert len(tables_of(clerk)) == 1


def test_a_run_that_was_killed_begins_again_without_doubling(home, clerk, operator, monkeypatch):
    (table,) = profiled(clerk)
    submitted(clerk, table)
    decide(operator, table, approve="1")

    def die(**_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(services, "record_delivery", die)
        with pytest.raises(KeyboardInterrupt):
            bring_sources()
    assert bring_sources() == 1
    with system_scope() as scope:
        assert len(intake_selectors.waiting_uploads(scope)) == 1
    assert govern_uploads() == 1
    assert Lake().read("published/fire.fire_inspection").num_rows == 60


def test_another_department_sees_nothing_of_it(home, clerk, operator):
    table = landed(clerk, operator)
    other = page_of(person("department", "department_clerk", "tax", department_code="taxation"))
    for name, argument in (
        ("department_source", table.upload_id), ("department_source_table", table.pk), ("department_source_contract", table.pk),
    ):  # fmt: skip
        assert other.get(reverse(f"portal:{name}", args=[argument])).status_code == 404
    assert other.get(reverse("portal:department_table", args=[table.contract_id])).status_code == 403
    assert "消防检查" not in other.get(reverse("portal:department_inventory")).content.decode()


def test_rows_are_turned_sorted_searched_exported_and_masked(home, clerk, operator, monkeypatch):
    landed(clerk, operator)
    client, place = page_of(clerk), reverse("portal:department_table", args=["fire.fire_inspection"])
    assert "第 2 / 3 页" in client.get(place, {"page": 2}).content.decode()
    ordered = client.get(place, {"sort": "-fine_cny"}).content.decode()
    assert ordered.index("59,000.00 元") < ordered.index("58,000.00 元")
    assert "共 <b>20</b> 条" in client.get(place, {"q": CODES[0]}).content.decode()
    assert "共 <b>0</b> 条" in client.get(place, {"q": "'; DROP"}).content.decode()
    exported = client.get(place, {"export": "csv"}).content.decode("utf-8-sig").splitlines()
    assert len(exported) == 61
    assert mask_value("机密内容", "L3") == f"机{MASK}"
    assert mask_value(12.5, "L3") == MASK
    assert mask_value("43010219900101", "L4") == HIDDEN
    assert mask_value(None, "L3") is None
    rows = TableRows(Lake(), load_contract("fire.fire_inspection"))
    assert rows[3] == rows[2:5][1]


def test_the_page_sends_in_portions_by_tus(home, clerk):
    client, content = page_of(clerk), fire_file()
    said = {"filename": "消防.csv", "day": "2026-11-10", "kind": "source", "contract": ""}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
    begun = client.post(
        reverse("portal:department_upload_create"), headers={"Upload-Length": str(len(content)), "Upload-Metadata": metadata}
    )  # fmt: skip
    assert begun.status_code == 201
    half = len(content) // 2
    for offset, portion in ((0, content[:half]), (half, content[half:])):
        sent = client.patch(
            begun["Location"], portion, content_type="application/offset+octet-stream", headers={"Upload-Offset": str(offset)}
        )  # fmt: skip
        assert sent.status_code == 204
    assert profile_sources() == 1
    assert len(tables_of(clerk)) == 1
    assert "消防.csv" not in client.get(reverse("portal:department_uploads")).content.decode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"file_name": "图.png"}, "请上传"), ({"size_bytes": 0}, "不能为空"), ({"data_on": dt.date(2027, 1, 1)}, "不能晚于今天")],
)  # fmt: skip
def test_files_that_cannot_be_looked_at_are_refused(clerk, changes, reason):
    scope = scope_of(clerk)
    given = {"file_name": "a.csv", "size_bytes": 10, "data_on": DAY, "today": NOW.date()} | changes
    with scoped(scope), pytest.raises(InvalidValueError, match=reason):
        intake.open_source(scope=scope, **given)


def test_pages_cost_a_fixed_number_of_queries(home, clerk, django_assert_max_num_queries):
    tables = profiled(clerk)
    client = page_of(clerk)
    for name, argument in (("department_inventory", None), ("department_source", tables[0].upload_id), ("department_source_table", tables[0].pk)):  # fmt: skip
        with django_assert_max_num_queries(12):
            client.get(reverse(f"portal:{name}", args=[argument] if argument else []))
