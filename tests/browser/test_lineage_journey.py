"""From a figure down to the proof, and from a table forward to an indicator and back; each stop looked at."""

from __future__ import annotations

import re

from pages import check_page, sign_in, words
from playwright.sync_api import expect

BACK_AND_FORTH = "来龙去脉"


def test_an_operator_clicks_from_a_table_to_an_indicator_to_the_proof_and_back(open_page, screenshots):
    page = open_page()
    sign_in(page, "demo-operator")
    page.get_by_role("navigation", name="我的工作台").get_by_role("link", name="数据血缘").click()
    page.wait_for_url(re.compile("/operator/lineage/$"))
    check_page(page, screenshots, "lineage-index-1440")
    page.get_by_label("表名或数据项").fill("纳税申报")
    page.get_by_role("button", name="筛选").click()
    page.get_by_role("link", name="纳税申报", exact=True).click()
    check_page(page, screenshots, "lineage-table-1440")
    page.locator("#links").get_by_role("link", name="应税销售收入").first.click()
    check_page(page, screenshots, "lineage-item-1440")
    item = page.url
    way = page.get_by_role("group", name=BACK_AND_FORTH)
    assert "您在这里" in way.inner_text()

    page.locator("#links").get_by_role("link", name="近12个月应税销售额合计").first.click()
    page.get_by_text("定义版本").first.wait_for()
    check_page(page, screenshots, "lineage-indicator-1440")
    page.set_viewport_size({"width": 390, "height": 844})
    check_page(page, screenshots, "lineage-indicator-390")
    page.set_viewport_size({"width": 1440, "height": 900})
    way.get_by_role("link", name="应税销售收入").click()
    page.wait_for_url(item)
    page.go_back()

    page.get_by_role("link", name="看证明").first.click()
    expect(page.locator("#proof")).to_contain_text("已验证")


def test_an_enterprise_clicks_from_a_figure_to_its_rows_and_on_to_the_reports(open_page, screenshots):
    page = open_page()
    sign_in(page, "demo-enterprise")
    page.goto("/enterprise/profile/")
    figure = page.locator("a[href*='/enterprise/profile/trace/tax_taxable_sales_sum_m12_cny/']").first
    value = figure.inner_text()
    figure.click()
    page.wait_for_url(re.compile("/profile/trace/"))
    assert value in words(page)
    main = page.locator("main")
    assert "已验证" in main.locator("details[open]").first.inner_text()
    check_page(page, screenshots, "figure-trace-1440")
    main.get_by_role("link", name="还用在哪里").first.click()
    expect(main).to_contain_text("近12个月应税销售额合计")
    check_page(page, screenshots, "record-uses-1440")
    page.set_viewport_size({"width": 390, "height": 844})
    check_page(page, screenshots, "record-uses-390")
    main.get_by_role("link", name="近12个月应税销售额合计", exact=True).click()
    check_page(page, screenshots, "figure-trace-390")


def test_a_department_follows_its_own_file_and_one_row_of_it(open_page, screenshots):
    page = open_page()
    sign_in(page, "demo-department")
    page.get_by_role("navigation", name="我的工作台").get_by_role("link", name="数据去向").click()
    page.get_by_role("link", name="纳税申报", exact=True).click()
    page.get_by_role("group", name=BACK_AND_FORTH).get_by_role("link").first.click()
    check_page(page, screenshots, "department-batch-1440")
    page.get_by_label("第几行").fill("2")
    page.get_by_role("button", name="查询").click()
    page.get_by_text("现在用到它的指标").first.wait_for()
    check_page(page, screenshots, "department-record-1440")
