"""An enterprise disputes a fact on its profile, the department corrects it, and the bank that had read it is told."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from pages import check_page, sign_in, words
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
MARK = "存在异议，正在核查"
PATIENCE_MS, TURN_MS = 90_000, 1_000
REPORT, OBJECTION = (
    re.compile(f"/{where}/[0-9a-f-]{{36}}/$") for where in ("bank/reports", "enterprise/objections")
)
#: What the enterprise does when it publishes a demand, without the demand: the bank may read its tax data.
GIVE_CONSENT = """
from config.database import setup_django
setup_django()
from django.utils import timezone
from rongqiao.accounts.models import User
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.accounts.services import give_consent
with system_scope():
    owner = User.objects.select_related("organisation").get(username="demo-enterprise")
    bank = User.objects.get(username="demo-officer")
with scoped(scope_of(owner)):
    give_consent(scope=scope_of(owner), recipient_id=bank.organisation_id, purpose="pre_loan", data_classes=["tax"],
                 valid_days=30, text_version="2026-1", now=timezone.now())
print(owner.organisation.uscc)
"""


def test_a_fact_is_disputed_marked_corrected_and_told(open_page, portal_environment, screenshots):
    uscc = give_consent(portal_environment)
    enterprise, department, bank = open_page(), open_page(), open_page()
    for page, user in (
        (enterprise, "demo-enterprise"),
        (department, "demo-department"),
        (bank, "demo-officer"),
    ):
        sign_in(page, user)

    bank.goto(f"/bank/enterprises/{uscc}/?purpose=pre_loan")
    assert MARK not in words(bank)
    bank.get_by_role("button", name="出具信用报告").click()
    bank.wait_for_url(REPORT)
    report = bank.url

    enterprise.goto("/enterprise/profile/")
    event = enterprise.locator("li", has_text="年度纳税缴费信用").first
    grade = re.search(r"信用([ABMCD])级", event.inner_text())[1]
    fair = "B" if grade == "A" else "A"
    event.get_by_role("link", name="提出异议").click()
    check_page(enterprise, screenshots, "objection-record-1440")
    enterprise.get_by_role("row", name=re.compile("信用级别")).get_by_role("link", name="提出异议").click()
    enterprise.get_by_label("您认为应当是").fill(fair)
    enterprise.get_by_label("内容有误").check()
    enterprise.get_by_label("说明与依据").fill("评价年度内无逾期申报，见税务机关复评通知书。")
    check_page(enterprise, screenshots, "objection-new-1440")
    enterprise.get_by_role("main").get_by_role("button", name="提出异议").click()
    enterprise.wait_for_url(OBJECTION)
    check_page(enterprise, screenshots, "objection-enterprise-1440")
    assert words(enterprise).index("办理时限") < words(enterprise).index("争议内容")
    objection = enterprise.url

    enterprise.goto("/enterprise/profile/")
    assert MARK in words(enterprise)
    enterprise.screenshot(path=screenshots / "objection-profile-1440.png", full_page=True)
    bank.goto(f"/bank/enterprises/{uscc}/?purpose=pre_loan")
    assert MARK in words(bank)
    bank.screenshot(path=screenshots / "objection-bank-1440.png", full_page=True)

    department.get_by_role("navigation", name="我的工作台").get_by_role("link", name="异议处理").click()
    department.locator("#objections tbody a").first.click()
    department.get_by_label("属实，更正这条记录").check()
    department.get_by_label("书面答复").fill("经复核，评价年度申报记录有误，予以更正。")
    department.get_by_text("更正内容（结论为").click()
    department.get_by_label("信用级别").fill(fair)
    check_page(department, screenshots, "objection-answer-1440")
    department.get_by_role("button", name="提交答复").click()
    department.get_by_text("更正记录已送入治理流程").first.wait_for()

    wait_for_status(enterprise, objection, "已更正")
    assert "经复核，评价年度申报记录有误，予以更正。" in words(enterprise)
    enterprise.goto("/enterprise/profile/")
    assert MARK not in words(enterprise)
    assert f"信用{fair}级" in enterprise.locator("li", has_text="年度纳税缴费信用").first.inner_text()

    bank.goto(report)
    bank.get_by_role("link", name="看变化").first.click()
    bank.get_by_text("经复核，评价年度申报记录有误，予以更正。").first.wait_for()
    check_page(bank, screenshots, "objection-notice-1440")
    bank.get_by_role("button", name="登记已阅").click()
    expect(bank.locator("main")).to_contain_text("已阅")

    enterprise.set_viewport_size({"width": 390, "height": 844})
    enterprise.goto(objection)
    check_page(enterprise, screenshots, "objection-answered-390")


def give_consent(environment):
    """Let the demonstration bank read the enterprise's tax data; returns its code."""
    done = subprocess.run(
        [sys.executable, "-c", GIVE_CONSENT],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()[-1]


def wait_for_status(page, url, word):
    """Load a page until the worker has carried the correction through."""
    for _ in range(PATIENCE_MS // TURN_MS):
        page.goto(url)
        if word in page.locator(".rq-lead").inner_text():
            return
        page.wait_for_timeout(TURN_MS)
    raise AssertionError(f"{word} does not show: {words(page)[:400]}")
