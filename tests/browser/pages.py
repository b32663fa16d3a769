"""What every journey does with a page: sign in, read it once it is there, check that it is sound at any width."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from config.commands.demo import PASSWORD
from rongqiao.kernel.home import home

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

AXE = home() / "node_modules" / "axe-core" / "axe.min.js"
#: A desk's screen and a telephone's.
SIZES = {1440: 900, 390: 844}
WIDTHS = list(SIZES)
WORKSPACES = re.compile("/(enterprise|bank|government|department|operator)/")
#: Charts and maps are fetched and drawn after the page has loaded; those that stand in a closed fold are drawn when it opens.
DRAWN = """() => [...document.querySelectorAll('[data-chart], [data-map]')]
    .every(place => !place.offsetParent || place.querySelector('svg, canvas'))"""


def sign_in(page: Page, user: str) -> None:
    """Sign in as one of the demonstration's people, and wait for a workspace."""
    page.goto("/accounts/login/")
    fill_in_login(page, user)
    page.wait_for_url(WORKSPACES)


def fill_in_login(page: Page, user: str) -> None:
    """Fill in the form of the page that is open, and send it."""
    page.get_by_label("用户名").fill(user)
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="登录").click()


def words(page: Page) -> str:
    """Give all text of a page.

    A click that follows a link returns once the next page has begun, which may not have its first element yet, or only half its text.
    """
    page.wait_for_load_state()
    return page.locator("main").inner_text()


def check_page(page: Page, screenshots: Path, name: str) -> None:
    """Width, one heading, charts, and axe; a picture for people."""
    page.wait_for_load_state()
    page.wait_for_function(DRAWN)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
        f"{name} scrolls sideways"
    )
    assert page.locator("h1").count() == 1, name
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    # What breaks no rule is not told: telling it takes as long as finding it.
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa'], resultTypes: ['violations']}).then(found => found.violations)"
    )
    bad = [f"{v['id']}: {v['nodes'][0]['target']}" for v in found if v["impact"] in ("serious", "critical")]
    page.screenshot(path=screenshots / f"{name}.png", full_page=True)
    assert not bad, f"{name}: {bad}"


def check_touch(page: Page, name: str) -> None:
    """Buttons and boxes that a finger must hit are 44 px high."""
    small = page.locator("main :is(.btn, button, select, summary, input:not([type=hidden]))").evaluate_all(
        """all => all.filter(one => one.offsetParent && !['checkbox', 'radio'].includes(one.type)
                             && one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML.slice(0, 80))"""
    )
    assert not small, f"{name}: {small}"


def check_widths(page: Page, screenshots: Path, name: str) -> None:
    """Check the open page on a desk's screen and on a telephone's, there by finger too.

    A page without drawings is the same whether it was opened narrow or made narrow; charts choose their shape when they are drawn.
    """
    check_page(page, screenshots, f"{name}_{WIDTHS[0]}")
    page.set_viewport_size({"width": WIDTHS[1], "height": SIZES[WIDTHS[1]]})
    if page.locator("[data-chart], [data-map]").count():
        page.reload()
    check_page(page, screenshots, f"{name}_{WIDTHS[1]}")
    check_touch(page, name)
    page.set_viewport_size({"width": WIDTHS[0], "height": SIZES[WIDTHS[0]]})
