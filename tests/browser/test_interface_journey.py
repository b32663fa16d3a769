"""A bank applies for a data interface, the department grants it, the bank's program reads, and is stopped at once."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "clients" / "python"))
from pages import check_page, check_touch, sign_in, words
from rongqiao_client import Client, Refused

INTERFACE = "tax_filing_months"
TITLE = "按月纳税申报查询"
TABLE = "taxation.tax_filing"


@pytest.fixture
def people(open_page):
    """Give a function that signs somebody in, each person in a session of its own."""

    def enter(user):
        page = open_page()
        sign_in(page, user)
        return page

    return enter


def own_code(page):
    """Code of the enterprise that is signed in."""
    page.goto("/enterprise/profile/")
    return re.search(r"统一社会信用代码\s*([0-9A-Z]{18})", words(page))[1]


def apply(page, screenshots):
    """Find the interface by a question and ask for it; returns the address of the application."""
    page.get_by_role("navigation", name="我的工作台").get_by_role("link", name="数据接口").click()
    page.get_by_label("想知道什么").fill("企业有没有欠税")
    page.get_by_role("button", name="筛选").click()
    page.get_by_role("link", name=TITLE).click()
    check_page(page, screenshots, "interface-1440")
    page.get_by_role("link", name="申请使用").click()
    page.get_by_label("贷前审查").check()
    page.get_by_label("申请理由").fill("小微企业流动资金贷款贷前审查，由信贷审批系统调用，预计每日三百笔")
    page.get_by_role("button", name="全选或全不选").click()
    check_page(page, screenshots, "interface-apply-1440")
    page.get_by_role("button", name="提交申请").click()
    page.wait_for_url(re.compile("/applications/[0-9a-f-]{36}/"))
    assert "等待税务局审核" in words(page)
    return page.url


def grant(page, screenshots):
    page.goto("/department/interfaces/")
    page.locator(".rq-panel").get_by_role("link", name=re.compile(TITLE)).first.click()
    page.get_by_label("通过，按申请内容授权").check()
    check_page(page, screenshots, "interface-review-1440")
    page.get_by_role("button", name="提交审核结论").click()
    page.get_by_role("heading", name="审核结果").wait_for()


def revoke(page):
    """End the grant, and return once the department reads that it is ended."""
    page.goto("/department/interfaces/grants/")
    page.locator("tbody tr", has_text=TITLE).get_by_role("link").first.click()
    page.get_by_label("终止原因").fill("抽查发现用途不符")
    page.get_by_role("button", name="立即终止").click()
    page.get_by_role("heading", name="已终止").wait_for()


def make_key(page, screenshots):
    page.goto("/bank/interfaces/keys/")
    page.get_by_label("由哪个系统使用").fill("信贷审批系统")
    page.get_by_label("正式密钥").check()
    # A second click is not a second key.
    page.get_by_role("button", name="生成密钥").dblclick()
    shown = page.get_by_role("status").filter(has_text="新密钥")
    expect(shown.locator("code")).to_have_count(2)
    number, secret = shown.locator("code").all_inner_texts()
    # The picture shows that a secret was given, not which.
    page.locator("#secret").evaluate("one => { one.textContent = '（已隐去）' }")
    check_page(page, screenshots, "interface-key-1440")
    page.goto("/bank/interfaces/keys/")
    assert secret not in page.content()
    expect(page.locator(".rq-card", has_text="信贷审批系统")).to_have_count(1)
    return number, secret


def test_a_bank_applies_reads_is_metered_and_stopped(people, portal, screenshots):
    enterprise, bank, department = (
        people(each) for each in ("demo-enterprise", "demo-officer", "demo-department")
    )
    uscc = own_code(enterprise)
    before = metered(bank)
    application = apply(bank, screenshots)
    key, secret = make_key(bank, screenshots)
    with Client(portal, key=key, secret=secret, attempts=1) as client:
        with pytest.raises(Refused, match="not_authorised"):
            client.read(INTERFACE, uscc=uscc, purpose="pre_loan")
        grant(department, screenshots)
        answer = client.read(INTERFACE, uscc=uscc, purpose="pre_loan")
        assert answer.records(TABLE), answer.meta
        with pytest.raises(Refused, match="purpose_not_granted"):
            client.read(INTERFACE, uscc=uscc, purpose="post_loan")
        revoke(department)
        # The first call after the department's page said so: nothing is cached that could have to run out.
        with pytest.raises(Refused, match="not_authorised"):
            client.read(INTERFACE, uscc=uscc, purpose="pre_loan")
    bank.goto(application)
    assert "已通过" in words(bank)
    enterprise.goto("/enterprise/reads/")
    assert TITLE in words(enterprise)
    check_metering(bank, uscc, before, screenshots)


def metered(page):
    """Calls and answered calls that the bank's usage page tells."""
    page.goto("/bank/interfaces/usage/")
    figures = re.sub(r"\s+", "", page.locator("dl.rq-figures").inner_text())
    return [int(each) for each in re.match(r"调用(\d+)次已应答(\d+)次", figures).groups()]


def check_metering(page, uscc, before, screenshots):
    """One answered call and three refused, each with its reason; then the pages on a phone."""
    page.goto(f"/bank/interfaces/calls/?uscc={uscc}")
    codes = [row.split("\t")[5] for row in page.locator("tbody tr").all_inner_texts()]
    assert sorted(codes) == sorted(["未获接口授权", "用途不在授权范围", "已应答", "未获接口授权"])
    page.get_by_label("结果").select_option(label="已应答")
    expect(page.locator("tbody tr")).to_have_count(1)
    check_page(page, screenshots, "interface-calls-1440")
    assert metered(page) == [before[0] + 4, before[1] + 1]
    check_page(page, screenshots, "interface-usage-1440")
    page.set_viewport_size({"width": 390, "height": 844})
    for address, name in (
        ("/bank/interfaces/", "offers"),
        ("/bank/interfaces/authorisations/", "grants"),
        ("/bank/interfaces/keys/", "keys"),
        (f"/interfaces/{INTERFACE}/", "sheet"),
        ("/interfaces/status/", "status"),
    ):
        page.goto(address)
        check_page(page, screenshots, f"interface-{name}-390")
        check_touch(page, name)
