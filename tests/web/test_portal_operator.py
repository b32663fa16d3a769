"""Operator pages: guarded, six steps, quarantine with its reasons, the ledger proved."""

import csv
import io
import re

import pytest
from django.urls import reverse

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.models import (
    ColumnProfile,
    Delivery,
    QuarantinedRow,
    RuleResult,
    SourceStatus,
)
from rongqiao.contracts.standards import load_contract, load_contracts
from rongqiao.governance import lane
from rongqiao.kernel import home
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.signing import SoftwareSigner
from rongqiao.portal.operator_steps import STEPS, drift_word

pytestmark = pytest.mark.django_db

TAX = "taxation.tax_filing"
DAY = "2026-11-18"
PAGES = ["operator", "operator_deliveries", "operator_quarantine", "operator_ledger"]
DIGEST = "ab" * 32


@pytest.fixture
def operator(client):
    organisation = Organisation.objects.create(kind="operator", name="运营中心", region_code="43")
    client.force_login(User.objects.create(username="operator", organisation=organisation, role="operator"))
    return client


@pytest.fixture
def published():
    with system_scope():
        SourceStatus.objects.create(
            contract_id=TAX,
            title="纳税申报",
            department="税务局",
            delivered_on=DAY,
            rows_in=1000,
            rows_accepted=990,
            rows_quarantined=10,
            rules_passed=3,
            rules_failed=1,
            rules_not_run=2,
        )
        Delivery.objects.create(
            batch_id=f"{TAX}@1234567890abcdef",
            contract_id=TAX,
            file_name="2026-11-18.csv",
            digest=DIGEST,
            size_bytes=1,
            delivered_on=DAY,
            rows_in=1000,
            rows_accepted=990,
            rows_quarantined=10,
        )
        for line in (3, 7):
            QuarantinedRow.objects.create(
                batch_id=f"{TAX}@1234567890abcdef",
                contract_id=TAX,
                file_name="2026-11-18.csv",
                line=line,
                column="due_on",
                rule_id=f"{TAX}.due_on_type",
                value="2026-02-30",
                message="“申报期限”不是日期",
                known_at=DAY,
            )
        rule = load_contract(TAX).rules[0]
        RuleResult.objects.create(
            contract_id=TAX,
            rule_id=rule.id,
            family=rule.family,
            outcome="failed",
            rows_checked=1000,
            rows_failed=4,
            known_at=DAY,
        )
        ColumnProfile.objects.create(
            contract_id=TAX,
            column="taxable_sales_cny",
            rows=990,
            nulls=12,
            distinct_count=900,
            drift=0.31,
            known_at=DAY,
        )


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path))
    assert home.var() == tmp_path
    found = Ledger(tmp_path / "ledger")
    found.append("receipt", f"{TAX}@1234567890abcdef", DIGEST)
    found.append("receipt", f"{TAX}@fedcba0987654321", "cd" * 32)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_for_operators_alone(client, name):
    assert client.get(reverse(f"portal:{name}")).status_code == 302
    bank = Organisation.objects.create(kind="institution", name="银行", region_code="43")
    client.force_login(User.objects.create(username="risk", organisation=bank, role="bank_risk"))
    assert client.get(reverse(f"portal:{name}")).status_code == 403


def test_before_anything_ran_nothing_is_green(operator):
    page = operator.get(reverse("portal:operator")).content.decode()
    assert page.count("未运行") >= len(STEPS)
    assert "没有问题" not in page


def test_steps_name_their_problems(operator, published, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        page = operator.get(reverse("portal:operator")).content.decode()
    titles = re.findall(r'<h2><a href="/operator/steps/\w+/">(\w+)</a>', page)
    assert titles == [str(title) for _, title in lane.STEPS], "Governance calls its steps otherwise."
    assert "1 条规则未通过" in page
    assert "2 条规则未运行" in page
    assert "隔离区有 2 处问题" in page
    assert "2 处写法无法按标准读取" in page


@pytest.mark.parametrize("step", [each.id for each in STEPS])
def test_each_step_opens_and_its_swap_is_part_of_the_page(operator, published, step):
    url = reverse("portal:operator_step", args=[step])
    page = operator.get(url).content.decode()
    name = re.search(r'<div id="(\w+)" class="rq-listing"', page)[1]
    part = operator.get(url, headers={"HX-Request": "true", "HX-Target": name}).content.decode()
    assert part.strip() in page


def test_unknown_step_and_source_are_not_found(operator):
    assert operator.get(reverse("portal:operator_step", args=["seventh"])).status_code == 404
    assert operator.get(reverse("portal:operator_source", args=["no.such"])).status_code == 404


def test_quarantine_shows_where_and_why_and_filters(operator, published, django_assert_max_num_queries):
    url = reverse("portal:operator_quarantine")
    with django_assert_max_num_queries(14):
        page = operator.get(url).content.decode()
    for words in ("2026-11-18.csv", "申报期限", "2026-02-30", "不是日期"):
        assert words in page
    assert "共 <b>2</b> 条" in operator.get(f"{url}?batch={TAX}@1234567890abcdef").content.decode()
    assert "没有符合条件的内容" in operator.get(f"{url}?contract=court.judicial_case").content.decode()
    lines = operator.get(f"{url}?export=csv").content.decode("utf-8-sig").splitlines()
    assert len(lines) == 3


def test_unbalanced_delivery_is_warned(operator, published):
    assert "通过" in operator.get(reverse("portal:operator_deliveries")).content.decode()
    with system_scope():
        Delivery.objects.update(rows_accepted=980)
    assert "警告" in operator.get(reverse("portal:operator_deliveries")).content.decode()


def test_source_page_shows_rules_that_did_not_run(operator, published, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        page = operator.get(reverse("portal:operator_source", args=[TAX])).content.decode()
    assert page.count("未运行") >= len(load_contract(TAX).rules) - 1
    assert "未通过" in page
    assert "明显漂移" in page
    assert "未画像" in page


def test_every_contract_has_a_page(operator):
    for contract_id in load_contracts():
        assert operator.get(reverse("portal:operator_source", args=[contract_id])).status_code == 200


def test_drift_words():
    assert [drift_word(value) for value in (None, 0.0, 0.099, 0.1, 0.25)] == [
        "无基线",
        "稳定",
        "稳定",
        "有变化",
        "明显漂移",
    ]


def test_an_empty_ledger_says_so(operator, tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path))
    page = operator.get(reverse("portal:operator_ledger")).content.decode()
    assert "账本还是空的" in page
    assert "未签名" in page


def test_unsigned_ledger_is_not_called_valid(operator, ledger):
    page = operator.get(reverse("portal:operator_ledger") + "?index=0").content.decode()
    assert "未签名" in page
    assert "已验证" not in page


def test_an_entry_is_proved_against_the_signed_head(operator, ledger, tmp_path):
    ledger.seal(SoftwareSigner(tmp_path / "ledger"), "2026-11-20T08:00:00+00:00")
    page = operator.get(reverse("portal:operator_ledger") + "?index=1").content.decode()
    assert "签名有效" in page
    assert "已验证" in page
    ledger.append("receipt", f"{TAX}@0000000000000000", "ef" * 32)
    later = operator.get(reverse("portal:operator_ledger") + "?index=2").content.decode()
    assert "1 条等待下次签名" in later
    assert "已验证" not in later
    assert "未签名" in later or "不成立" in later


def test_all_entries_are_paged_and_exported_newest_first(operator, ledger):
    for number in range(48):
        ledger.append("report", f"report:{number}", f"{number:064x}")
    assert ledger.size == 50
    url = reverse("portal:operator_ledger")
    pages = [operator.get(url, {"page": page}).content.decode() for page in (1, 2, 3)]
    shown = [re.findall(r"index=(\d+)#proof", page) for page in pages]
    assert [int(index) for page in shown for index in page] == list(range(49, -1, -1))
    assert [len(page) for page in shown] == [20, 20, 10]
    assert "报送回执：纳税申报" in pages[2]
    exported = operator.get(url, {"export": "csv"}).content.decode().lstrip("\ufeff")
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [row["第几条"] for row in rows] == [str(index) for index in range(49, -1, -1)]
    assert (rows[0]["对象标识"], rows[-1]["完整摘要（SM3）"]) == ("report:47", DIGEST)


def test_asking_for_no_entry_of_the_ledger(operator, ledger):
    for index in ("99", "-1", "abc"):
        answer = operator.get(reverse("portal:operator_ledger"), {"index": index})
        assert answer.status_code == 200
        assert "证明路径" not in answer.content.decode()
        assert index != "99" or "账本现有" in answer.content.decode()


def test_sharing_lists_show_what_no_standard_answers_and_that_they_are_unverified(
    operator, published, django_assert_max_num_queries
):
    with django_assert_max_num_queries(12):
        page = operator.get(reverse("portal:operator_sharing")).content.decode()
    assert "条目未与附件核对" in page
    missing = operator.get(reverse("portal:operator_sharing"), {"answered": "no"}).content.decode()
    assert "行政强制措施" in missing
    assert "用水与缴费" not in missing
    exported = operator.get(reverse("portal:operator_sharing"), {"export": "csv"}).content.decode()
    assert len(exported.strip().splitlines()) == 75


def test_a_delivered_table_dates_its_shared_item(operator, published):
    page = operator.get(reverse("portal:operator_sharing"), {"department": "taxation"}).content.decode()
    (row,) = re.findall(r"<tr[^>]*>(?:(?!</tr>).)*纳税申报与入库税额.*?</tr>", page, re.DOTALL)
    assert DAY in row
    (row,) = re.findall(r"<tr[^>]*>(?:(?!</tr>).)*欠税公告.*?</tr>", page, re.DOTALL)
    assert "未报送" in row
