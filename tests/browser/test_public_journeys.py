"""Journeys of an enterprise in Chromium: look around, register, ask for money; at two widths, by rule of axe."""

from __future__ import annotations

import re

from pages import check_page, check_widths, fill_in_login, sign_in
from playwright.sync_api import expect

USER = "demo-enterprise"
PUBLIC = [
    "/",
    "/products/",
    "/policies/",
    "/institutions/",
    "/transparency/",
    "/indicators/",
    "/indicators/tax_taxable_sales_sum_m12_cny/",
    "/register/",
    "/accounts/login/",
]
OWN = ["/enterprise/", "/enterprise/profile/", "/enterprise/profile/as-bank/", "/enterprise/demands/", "/enterprise/demands/new/", "/enterprise/loans/",
       "/enterprise/consents/", "/enterprise/reads/"]  # fmt: skip


def test_public_pages_are_sound(open_page, screenshots):
    page = open_page()
    for path in PUBLIC:
        assert page.goto(path).ok
        check_widths(page, screenshots, f"public{path.rstrip('/').replace('/', '_')}")


def test_workspace_pages_are_sound(open_page, screenshots):
    page = open_page()
    sign_in(page, USER)
    for path in OWN:
        assert page.goto(path).ok
        check_widths(page, screenshots, f"own{path.rstrip('/').replace('/', '_')}")


def test_filters_swap_the_list_and_keep_the_address(open_page):
    page = open_page()
    page.goto("/products/")
    found = page.locator("#products [role=status] b")
    everything = found.inner_text()
    page.get_by_label("担保方式").select_option("mortgage")
    page.wait_for_url(re.compile("guarantee=mortgage"))
    expect(found).not_to_have_text(everything)
    fewer = found.inner_text()
    assert 0 < int(fewer) < int(everything)
    page.reload()
    expect(found).to_have_text(fewer)
    page.get_by_role("link", name="清除", exact=True).click()
    expect(found).to_have_text(everything)


def test_the_code_is_checked_while_typing(open_page):
    page = open_page(width=390)
    page.goto("/register/")
    code = page.get_by_label("统一社会信用代码")
    code.press_sequentially("9143O")
    page.get_by_text("O→0").wait_for()
    code.fill("914301")
    page.get_by_text("已输入 6 位").wait_for()


def test_from_the_home_page_to_a_published_demand(open_page, screenshots):
    page = open_page()
    page.goto("/")
    page.get_by_label("需要多少（万元）").fill("60")
    page.get_by_role("button", name="开始").click()
    page.wait_for_url("**/accounts/login/**")
    fill_in_login(page, USER)
    page.wait_for_url("**/enterprise/demands/new/**")
    assert page.get_by_label("需要金额").input_value() == "60"
    assert page.locator("input[name=data_classes]:checked").count() == 0
    agree = page.get_by_label("我已完整阅读授权书")
    assert agree.is_disabled(), "The text has not been read yet."
    page.locator("#consent-text").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    agree.check()
    for name in ("纳税申报与信用级别", "发票"):
        page.locator("label.rq-choice", has_text=name).first.click()
    page.get_by_role("button", name="同意授权并发布").click()
    page.get_by_text("需求已发布").first.wait_for()
    assert "60万元" in page.locator("h1").inner_text()
    check_page(page, screenshots, "own_demand_published")


def test_charts_are_drawn_and_their_data_is_one_click_away(open_page):
    page = open_page()
    sign_in(page, USER)
    page.goto("/enterprise/profile/")
    chart = page.locator("figure.rq-chart", has=page.locator("[data-drawn]")).first
    chart.locator("svg").wait_for()
    chart.get_by_text("查看数据表").click()
    assert chart.locator("tbody tr").first.is_visible()
