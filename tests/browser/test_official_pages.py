"""Pages of banks, government and operators in Chromium, at two widths: no sideways scrolling, no rule of axe broken."""

from __future__ import annotations

import re

import pytest
from pages import WIDTHS, check_page, check_widths, sign_in

from rongqiao.kernel.home import home

PAGES = {
    "demo-officer": [
        "/bank/",
        "/bank/demands/",
        "/bank/lists/",
        "/bank/lists/received/",
        "/bank/applications/",
        "/bank/loans/",
        "/bank/reports/",
        "/bank/notices/",
    ],
    "demo-department": [
        "/department/",
        "/department/uploads/",
        "/department/uploads/new/",
        "/department/repairs/",
        "/department/keys/",
        "/department/objections/",
        "/department/interfaces/",
        "/department/interfaces/usage/",
        "/department/interfaces/maintenance/",
        "/department/lineage/",
        "/department/conflicts/",
    ],
    "demo-government": [
        "/government/",
        "/government/counties/",
        "/government/institutions/",
        "/government/lists/new/",
        "/government/enterprises/?q=9143",
    ],
    "demo-operator": [
        "/indicators/tax_taxable_sales_sum_m12_cny/",
        "/operator/indicators/tax_taxable_sales_sum_m12_cny/",
        "/operator/",
        "/operator/steps/inventory/",
        "/operator/steps/standards/",
        "/operator/steps/rules/",
        "/operator/steps/collection/",
        "/operator/steps/cleaning/",
        "/operator/steps/service/",
        "/operator/sources/taxation.tax_filing/",
        "/operator/deliveries/",
        "/operator/quarantine/",
        "/operator/lists/",
        "/operator/lists/budgets/",
        "/operator/ledger/",
        "/operator/objections/",
        "/operator/interfaces/keys/",
        "/operator/lineage/",
        "/operator/conflicts/",
        "/operator/identities/",
        "/operator/identities/decided/",
        "/operator/identities/assignments/",
    ],
}
# A page behind the first line of a list, by the list.
INNER = {
    "/bank/demands/": "/bank/demands/",
    "/bank/applications/": "/bank/applications/",
    "/bank/loans/": "/bank/loans/",
    "/government/counties/": "/government/counties/",
    "/department/repairs/": "/department/repairs/",
    "/operator/conflicts/": "/operator/conflicts/",
    "/operator/identities/assignments/": "/operator/identities/assignments/",
}


@pytest.mark.parametrize("user", sorted(PAGES))
def test_workspace_pages_are_sound(open_page, screenshots, user):
    page = open_page()
    sign_in(page, user)
    for path in PAGES[user]:
        assert page.goto(path).ok
        name = f"official{path.rstrip('/').replace('/', '_')}"
        check_widths(page, screenshots, name)
        first = page.locator(f"main tbody a[href^='{INNER.get(path)}']")
        if path in INNER and first.count():
            assert page.goto(first.first.get_attribute("href")).ok
            check_widths(page, screenshots, f"{name}_one")


def test_a_report_and_its_trace_are_sound(open_page, screenshots):
    page = open_page()
    sign_in(page, "demo-officer")
    page.goto("/bank/applications/")
    page.locator("main tbody a").first.click()
    page.get_by_role("link", name="查看企业画像").click()
    page.wait_for_url(re.compile("/bank/enterprises/"))
    check_widths(page, screenshots, "official_bank_portrait")
    page.get_by_role("button", name="出具信用报告").click()
    page.wait_for_url(re.compile("/bank/reports/[0-9a-f-]{36}/"))
    check_widths(page, screenshots, "official_bank_report")
    page.emulate_media(media="print")
    assert not page.locator("header.rq-header").is_visible()
    page.screenshot(path=screenshots / "official_bank_report_print.png", full_page=True)
    page.emulate_media(media="screen")
    page.locator("main a[href*='/trace/']").first.click()
    page.wait_for_url(re.compile("/trace/"))
    check_widths(page, screenshots, "official_bank_trace")


def test_the_map_answers_the_pointer(open_page):
    page = open_page()
    sign_in(page, "demo-government")
    county = page.locator("[data-map]")
    county.locator("canvas").first.wait_for()
    county.scroll_into_view_if_needed()
    county.hover()
    assert county.get_by_text(re.compile("笔|户|万元|不显示|少于")).first.is_visible()


def test_a_failed_swap_says_so(open_page):
    page = open_page()
    page.goto("/products/")
    failure = page.locator("#failure")
    assert not failure.is_visible()
    page.evaluate("document.body.dispatchEvent(new Event('htmx:responseError', {bubbles: true}))")
    assert failure.is_visible()
    assert "请稍后重试" in failure.inner_text()


def test_keyboard_alone_reaches_the_content(open_page):
    page = open_page()
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "rq-skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    assert page.evaluate("getComputedStyle(document.activeElement).boxShadow !== 'none'"
                         " || getComputedStyle(document.activeElement).outlineStyle !== 'none'")  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["400.html", "403_csrf.html", "500.html"])
def test_error_pages_that_stand_alone_fit(open_page, screenshots, name, width):
    body = (home() / "src" / "rongqiao" / "portal" / "templates" / name).read_text(encoding="utf-8")
    page = open_page(width=width)
    page.route("**/broken/", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
    page.goto("/broken/")
    check_page(page, screenshots, f"error_{name}_{width}")
