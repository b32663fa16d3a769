"""An officer builds a list, narrows it, saves it, is refused the names, and sees the name of the one that agreed."""

from __future__ import annotations

import re

from pages import check_page, sign_in, words

NAME = "成立满一年的企业"
COUNT = re.compile(r"约\s*([\d,]+)\s*户|少于 20 户")


def add_number(page, title, value):
    """Add a condition by keyboard: pick the fact, type the bound, press enter."""
    page.locator("#builder").get_by_role("link", name=title, exact=True).press("Enter")
    page.get_by_label("数值").fill(value)
    page.get_by_label("数值").press("Enter")
    page.locator(".rq-conditions li", has_text=title).wait_for()


def test_a_list_is_built_narrowed_saved_refused_and_named_by_consent(open_page, screenshots):
    bank, enterprise = open_page(), open_page()
    sign_in(bank, "demo-officer")
    bank.get_by_role("navigation", name="我的工作台").get_by_role("link", name="企业名单").click()
    bank.get_by_role("link", name="新建名单").first.click()
    bank.get_by_label("名称").fill(NAME)
    check_page(bank, screenshots, "screening-new-1440")
    bank.get_by_role("button", name="开始选条件").click()
    add_number(bank, "成立月数", "12")
    first = COUNT.search(words(bank))
    bank.get_by_label("加一个条件").fill("应税销售")
    bank.get_by_role("button", name="搜索").click()
    bank.locator(".rq-found a", has_text="应税销售").first.wait_for()
    bank.get_by_role("searchbox").fill("")
    bank.get_by_role("button", name="搜索").click()
    add_number(bank, "注册资本", "1")
    assert first
    assert COUNT.search(words(bank))
    assert "数据不足无法判断" in words(bank)
    bank.get_by_role("button", name="保存为新版本").click()
    bank.get_by_text("第 1 版").wait_for()
    check_page(bank, screenshots, "screening-saved-1440")

    bank.get_by_role("button", name="交付企业名称").click()
    bank.get_by_text("没有企业同意被银行名单发现").wait_for()
    bank.screenshot(path=screenshots / "screening-refused-1440.png", full_page=True)

    sign_in(enterprise, "demo-enterprise")
    enterprise.goto("/enterprise/consents/")
    enterprise.get_by_role("link", name="被银行名单发现").click()
    check_page(enterprise, screenshots, "screening-agree-1440")
    enterprise.get_by_role("button", name="我已阅读并同意").click()
    enterprise.get_by_text("已同意").first.wait_for()

    bank.reload()
    bank.get_by_role("button", name="交付企业名称").click()
    bank.get_by_role("heading", name="已交付的企业").wait_for()
    row = bank.locator("section", has_text="已交付的企业").locator("tbody tr")
    assert row.count() == 1
    name = row.locator("td").first.inner_text()
    check_page(bank, screenshots, "screening-named-1440")
    enterprise.reload()
    assert NAME in words(enterprise)
    check_page(enterprise, screenshots, "screening-told-1440")
    enterprise.get_by_role("button", name="撤回同意").click()
    enterprise.get_by_text("已撤回，即刻生效").first.wait_for()
    bank.reload()
    assert name not in words(bank)
    for page, picture in ((bank, "screening-bank-390"), (enterprise, "screening-enterprise-390")):
        page.set_viewport_size({"width": 390, "height": 844})
        check_page(page, screenshots, picture)
