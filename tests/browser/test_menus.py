"""Menus on a telephone: one line that tells where the reader is and unfolds by keyboard, in every workspace."""

from __future__ import annotations

import pytest

from tests.browser.pages import sign_in

#: Where content begins at the latest, in pixels from the top; four rows of links took twice that.
HEADING_BY = 260
PAGES = [
    ("demo-enterprise", "/enterprise/profile/records/", ["我的画像"], "授权管理"),
    ("demo-officer", "/bank/interfaces/calls/", ["数据接口", "调用明细"], "贷款台账"),
    ("demo-government", "/government/counties/", ["县市区"], "总览"),
    ("demo-department", "/department/interfaces/maintenance/", ["数据接口", "维护公告"], "退回修复"),
    ("demo-operator", "/operator/interfaces/calls/", ["数据接口", "调用明细"], "账本"),
]


@pytest.mark.parametrize(("user", "path", "here", "target"), PAGES)
def test_a_menu_is_one_line_that_unfolds_by_keyboard(open_page, user, path, here, target):
    page = open_page(width=390, height=844)
    sign_in(page, user)
    page.goto(path)
    assert page.locator("main h1").bounding_box()["y"] < HEADING_BY
    folds = page.locator(".rq-fold")
    assert folds.count() == len(here)
    for at, title in enumerate(here):
        assert title in folds.nth(at).locator("summary b").inner_text()
    link = page.locator(".rq-workspace .rq-fold nav a", has_text=target)
    assert not link.is_visible()
    folds.first.locator("summary").focus()
    page.keyboard.press("Enter")
    link.wait_for(state="visible")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    assert target in page.locator(".rq-workspace .rq-fold summary b").inner_text()
    page.set_viewport_size({"width": 1440, "height": 900})
    assert not page.locator(".rq-fold summary").first.is_visible()
    assert page.locator(".rq-workspace .rq-fold-wide a", has_text=target).is_visible()
