"""The main job, end to end, in Chromium: from registration to a booked loan, through three roles."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from pages import PASSWORD, sign_in, words
from playwright.sync_api import expect

from rongqiao.lake.tables import Lake

AMOUNT_WAN = "30"
OWNER = "xiangqi-owner"


@pytest.fixture(scope="module")
def enterprise(portal, portal_environment):
    """Name, code and legal representative of a well rated living enterprise that never used the platform."""
    lake = Lake(Path(portal_environment["RONGQIAO_VAR"]) / "lake")
    enterprises = lake.read("published/enterprises")  # noqa: F841 - read by the query
    ratings = lake.read("analytics/ratings")  # noqa: F841 - read by the query
    loans = lake.read("published/platform.loan_performance")  # noqa: F841 - read by the query
    found = duckdb.sql(
        """
        SELECT e.uscc, e.name, e.legal_rep_name
        FROM (SELECT * FROM enterprises QUALIFY row_number() OVER (PARTITION BY enterprise_id ORDER BY known_at DESC) = 1) e
        JOIN ratings r USING (enterprise_id)
        WHERE e.status = '存续' AND e.legal_rep_name <> '' AND r.grade NOT IN ('C', 'D')
          AND enterprise_id NOT IN (SELECT enterprise_id FROM loans)
        ORDER BY r.coverage_ratio DESC, r.score DESC, e.uscc LIMIT 1
        """
    ).fetchone()
    assert found, "The small province holds no fitting enterprise."
    return found


def register(page, enterprise):
    uscc, name, representative = enterprise
    page.goto("/register/")
    page.get_by_label("统一社会信用代码").press_sequentially(uscc)
    page.get_by_text(name).first.wait_for()
    page.get_by_label("企业名称").fill(name)
    page.get_by_label("您的姓名").fill(representative)
    page.get_by_label("手机号").fill("13900000000")
    page.get_by_label("用户名").fill(OWNER)
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="注册并登录").click()
    page.wait_for_url("**/enterprise/**")


def publish_demand(page):
    page.goto("/enterprise/demands/new/")
    assert page.locator("input[name=data_classes]:checked").count() == 0, (
        "A consent box was ticked beforehand."
    )
    page.get_by_label("需要金额").fill(AMOUNT_WAN)
    for box in page.locator("input[name=data_classes]").all():
        box.check()
    page.locator("[data-reading]").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    page.get_by_label(re.compile("我已完整阅读")).check()
    page.get_by_role("button", name="同意授权并发布").click()
    page.wait_for_url(re.compile("/enterprise/demands/[0-9a-f-]{36}/"))
    return page.url


def quote(page, name, screenshots):
    page.goto("/bank/demands/?sort=-published")
    demand = page.get_by_role("link", name=name)
    rows = page.locator("main tbody")
    while demand.count() == 0:
        before = rows.text_content()
        page.get_by_role("link", name="下一页").click()
        expect(rows).not_to_have_text(before)
    demand.first.click()
    page.screenshot(path=screenshots / "journey_3_bank_demand.png", full_page=True)
    page.get_by_role("button", name="抢单").click()
    page.wait_for_url(re.compile("/bank/takes/[0-9a-f-]{36}/quote/"))
    page.get_by_label("金额", exact=False).first.fill(AMOUNT_WAN)
    with page.expect_response(re.compile("preview")):
        page.get_by_label("金额", exact=False).first.press("End")
    page.screenshot(path=screenshots / "journey_4_quote.png", full_page=True)
    page.get_by_role("button", name="密封提交报价").click()
    page.wait_for_url(re.compile("/bank/demands/"))


def accept_quote(page, url, screenshots):
    page.goto(url)
    page.screenshot(path=screenshots / "journey_5_compare.png", full_page=True)
    page.get_by_role("link", name="选这一家").first.click()
    page.get_by_role("button", name="确认接受").click()
    page.wait_for_load_state()


def open_application(page, name):
    page.goto("/bank/applications/")
    page.get_by_role("link", name=name).first.click()
    page.wait_for_url(re.compile("/bank/applications/[0-9a-f-]{36}/"))


def read_credit_data(page, name, screenshots):
    """Under the enterprise's consent: portrait, report, and one figure down to its source rows and proof."""
    open_application(page, name)
    page.get_by_role("link", name="查看企业画像").click()
    page.screenshot(path=screenshots / "journey_6_portrait.png", full_page=True)
    page.get_by_role("button", name="出具信用报告").click()
    page.wait_for_url(re.compile("/bank/reports/[0-9a-f-]{36}/"))
    page.screenshot(path=screenshots / "journey_7_report.png", full_page=True)
    page.locator("a[href*='/trace/tax_']").first.click()
    page.wait_for_url(re.compile("/trace/"))
    assert page.get_by_role("main").get_by_text(".csv").first.is_visible(), "The trace names no source file."
    page.screenshot(path=screenshots / "journey_8_trace.png", full_page=True)


def approve(page, name):
    open_application(page, name)
    page.get_by_label("批准", exact=True).check()
    page.get_by_role("button", name="提交审批意见").click()
    page.wait_for_load_state()


def book_loan(page, name, screenshots):
    open_application(page, name)
    page.get_by_label("合同编号").fill("JOURNEY-2026-001")
    page.get_by_role("button", name="登记并生成还款计划").click()
    page.wait_for_url(re.compile("/bank/(loans|applications)/"))
    if "/applications/" in page.url:
        page.get_by_role("link", name=re.compile("打开贷款")).click()
    page.get_by_role("button", name=re.compile("登记放款")).click()
    page.get_by_role("button", name="登记还款").click()
    page.wait_for_load_state()
    page.screenshot(path=screenshots / "journey_9_loan.png", full_page=True)


def test_from_registration_to_booked_loan(open_page, enterprise, screenshots):
    name = enterprise[1]
    owner = open_page(width=390, height=844)
    register(owner, enterprise)
    owner.screenshot(path=screenshots / "journey_1_workspace.png", full_page=True)
    demand_url = publish_demand(owner)
    owner.screenshot(path=screenshots / "journey_2_published.png", full_page=True)

    officer = open_page()
    sign_in(officer, "demo-officer")
    quote(officer, name, screenshots)
    accept_quote(owner, demand_url, screenshots)

    risk = open_page()
    sign_in(risk, "demo-risk")
    read_credit_data(risk, name, screenshots)
    approve(risk, name)
    book_loan(officer, name, screenshots)

    officer.goto("/bank/loans/?sort=-start")
    assert officer.get_by_text("JOURNEY-2026-001").count() == 1
    owner.goto("/enterprise/loans/")
    assert AMOUNT_WAN in words(owner)
    owner.screenshot(path=screenshots / "journey_10_own_loan.png", full_page=True)
    owner.goto("/enterprise/reads/")
    seen = words(owner)
    assert "洞庭示范银行" in seen
    assert "信用报告" in seen
    owner.screenshot(path=screenshots / "journey_11_reads.png", full_page=True)
