"""Files bear the names that their senders gave them, wherever receipts and rows set aside are shown; and receipts say when."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from config.tasks import govern_uploads
from rongqiao.accounts.models import Organisation, User
from rongqiao.kernel.period import end_of_last
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.signing import SoftwareSigner
from tests.web.intake_place import SECOND, TABLE, TODAY, good, grades, push, state

GIVEN = "长沙县10月等级（更正）.csv"


@pytest.fixture
def sent(home, scope):
    """Give a correction with a good and a bad row, governed."""
    upload = push(scope, grades(good(), good(SECOND, grade="甲")), file_name=GIVEN, is_regular=False)
    govern_uploads()
    return state(scope, upload)


@pytest.fixture
def desks(clerk):
    """Give the browsers of the department's clerk and of an operator."""
    organisation = Organisation.objects.create(kind="operator", name="运营中心", region_code="43")
    operator = User.objects.create(username="operator", organisation=organisation, role="operator")
    department, platform = Client(), Client()
    department.force_login(clerk)
    platform.force_login(operator)
    return {"department": department, "operator": platform}


def read(browser, name, *args, **asked):
    return browser.get(reverse(f"portal:{name}", args=args), asked).content.decode()


def test_a_file_is_shown_by_the_name_it_was_uploaded_under(sent, desks):
    assert sent.stored_name != GIVEN
    clerk, operator = desks["department"], desks["operator"]
    pages = [
        read(clerk, "department_receipts"),
        read(clerk, "department_table", TABLE),
        read(clerk, "department_lineage_batch", sent.batch_id),
        read(operator, "operator_deliveries"),
        read(operator, "operator_source", TABLE),
        read(operator, "operator_quarantine"),
        read(operator, "operator_lineage_table", TABLE),
    ]
    for page in pages:
        assert GIVEN in page
        assert f"存为 {sent.stored_name}" in page
    assert GIVEN in read(clerk, "department_repairs")
    assert GIVEN in read(clerk, "department_repair", sent.batch_id)


def test_a_file_is_found_by_either_name_and_exported_with_both(sent, desks):
    clerk = desks["department"]
    for words in ("10月等级", sent.stored_name[:18]):
        assert "共 <b>1</b> 条" in read(clerk, "department_receipts", q=words)
    assert "共 <b>0</b> 条" in read(clerk, "department_receipts", q="别的文件")
    rows = list(
        csv.DictReader(io.StringIO(read(clerk, "department_receipts", export="csv").lstrip("\ufeff")))
    )
    assert [(row["文件"], row["存档文件名"]) for row in rows] == [(GIVEN, sent.stored_name)]


def test_a_receipt_in_the_ledger_says_when_it_came_and_when_it_was_sealed(sent, desks, home):
    operator = desks["operator"]
    page = read(operator, "operator_ledger", index=0)
    assert page.count("2026-11-20 10:00 收到") == 2
    assert "报送回执：纳税缴费信用级别" in page
    assert f'<a href="{reverse("portal:operator_lineage_batch", args=[sent.batch_id])}">{GIVEN}' in page
    assert "尚未签名" in page
    ledger = Ledger(home / "ledger")
    ledger.seal(SoftwareSigner(home / "ledger"), "2026-11-20T03:00:00+00:00")
    ledger.append("receipt", "taxation.tax_grade@0000000000000000", "ef" * 32)
    page = read(operator, "operator_ledger", index=0)
    assert "不晚于 2026-11-20 11:00" in page
    # What no receipt was published of is not given another's time.
    assert "回执尚未发布" in page
    assert page.count("尚未签名") == 1


def test_the_day_of_a_delivery_is_said_where_no_minute_is_known(sent, desks):
    from rongqiao.accounts.scope import system_scope
    from rongqiao.bases.enterprises.intake.models import Upload

    with system_scope() as system:
        Upload.objects.for_scope(system).update(received_at=None)
    assert "2026-11-20 报送" in read(desks["operator"], "operator_ledger")


def test_the_form_begins_with_the_end_of_the_tables_last_cycle(home, desks, monkeypatch):
    monkeypatch.setattr("rongqiao.portal.department_deliveries.timezone.localdate", lambda: TODAY)
    page = read(desks["department"], "department_send", contract="taxation.tax_filing")
    assert 'value="2026-10-31"' in page
    assert f'value="{TODAY}"' not in page
    page = read(desks["department"], "department_send", contract=TABLE)
    assert f'value="{end_of_last("yearly", TODAY)}"' in page
    assert f'"{TABLE}": "2025-12-31"' in page
