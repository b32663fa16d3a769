"""Pages of banks, government and operators in Chromium, at two widths: no sideways scrolling, no rule of axe broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = [1440, 390]
PASSWORD = "rongqiao-demo-2026"
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
        "/operator/assignments/",
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
    "/operator/assignments/": "/operator/assignments/",
}


def sign_in(page, user):
    page.goto("/accounts/login/")
    page.get_by_label("用户名").fill(user)
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="登录").click()
    page.wait_for_url(re.compile("/(enterprise|bank|government|department|operator)/"))


def check_page(page, screenshots, name):
    """Width, headings, touch targets and axe; a picture for people."""
    # A click that follows a link returns once the next page has begun, which may not have a first element yet.
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
        f"{name} scrolls sideways"
    )
    assert page.locator("h1").count() == 1, name
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa']})")
    bad = [
        f"{v['id']}: {v['nodes'][0]['target']}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]
    page.screenshot(path=screenshots / f"{name}.png", full_page=True)
    assert not bad, f"{name}: {bad}"


def check_touch(page, name):
    """Buttons and boxes that a finger must hit are 44 px high."""
    small = page.locator("main :is(.btn, button, select, summary, input:not([type=hidden]))").evaluate_all(
        """all => all.filter(one => one.offsetParent && !['checkbox', 'radio'].includes(one.type)
                             && one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML.slice(0, 80))"""
    )
    assert not small, f"{name}: {small}"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("user", sorted(PAGES))
def test_workspace_pages_are_sound(open_page, screenshots, user, width):
    page = open_page(width=width)
    sign_in(page, user)
    for path in PAGES[user]:
        assert page.goto(path).ok
        page.wait_for_load_state("networkidle")
        name = f"official{path.replace('/', '_')}{width}"
        check_page(page, screenshots, name)
        if width < 500:
            check_touch(page, name)
        first = page.locator(f"main tbody a[href^='{INNER.get(path)}']")
        if path in INNER and first.count():
            assert page.goto(first.first.get_attribute("href")).ok
            page.wait_for_load_state("networkidle")
            check_page(page, screenshots, f"official{path.replace('/', '_')}one_{width}")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_report_and_its_trace_are_sound(open_page, screenshots, width):
    page = open_page(width=width)
    sign_in(page, "demo-officer")
    page.goto("/bank/applications/")
    page.locator("main tbody a").first.click()
    page.get_by_role("link", name="查看企业画像").click()
    check_page(page, screenshots, f"official_bank_portrait_{width}")
    page.get_by_role("button", name="出具信用报告").click()
    page.wait_for_url(re.compile("/bank/reports/[0-9a-f-]{36}/"))
    check_page(page, screenshots, f"official_bank_report_{width}")
    page.emulate_media(media="print")
    assert not page.locator("header.rq-header").is_visible()
    page.screenshot(path=screenshots / f"official_bank_report_print_{width}.png", full_page=True)
    page.emulate_media(media="screen")
    page.locator("main a[href*='/trace/']").first.click()
    page.wait_for_url(re.compile("/trace/"))
    check_page(page, screenshots, f"official_bank_trace_{width}")


def test_the_map_answers_the_pointer(open_page):
    page = open_page()
    sign_in(page, "demo-government")
    page.wait_for_load_state("networkidle")
    county = page.locator("[data-map]")
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
    body = (ROOT / "src" / "rongqiao" / "portal" / "templates" / name).read_text(encoding="utf-8")
    page = open_page(width=width)
    page.route("**/broken/", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
    page.goto("/broken/")
    check_page(page, screenshots, f"error_{name}_{width}")
