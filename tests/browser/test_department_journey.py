"""A department's data clerk sends a dirty workbook, sees what failed and why, repairs it, and watches it land."""

from __future__ import annotations

import io
import re

import openpyxl
from pages import check_page, sign_in, words

HEADERS = ["纳税人识别号", "评价年度", "信用级别", "发布日期"]
PATIENCE_MS = 180_000


def write_workbook(path, codes):
    """A workbook as a clerk makes it: full-width letters, dates in Chinese, one grade that does not exist."""
    book = openpyxl.Workbook()
    book.active.append(HEADERS)
    book.active.append([codes[0], "2024", "Ａ", "2025年4月10日"])
    book.active.append([codes[1], "2024", "B级", "2025/4/10"])
    book.active.append([codes[2], "2024", "优秀", "2025-04-10"])
    content = io.BytesIO()
    book.save(content)
    path.write_bytes(content.getvalue())


def test_a_clerk_sends_repairs_and_watches_it_land(open_page, portal_environment, screenshots, tmp_path):
    page = open_page()
    sign_in(page, "demo-department")
    write_workbook(tmp_path / "2024年度等级.xlsx", registered_codes(portal_environment))

    page.get_by_role("navigation", name="我的工作台").get_by_role("link", name="数据报送").click()
    page.get_by_role("link", name="上传数据").first.click()
    page.get_by_label("数据表").select_option(label="纳税缴费信用级别")
    page.get_by_label("补报或更正").check()
    page.get_by_label("文件").set_input_files(tmp_path / "2024年度等级.xlsx")
    check_page(page, screenshots, "department-send-1440")
    page.get_by_role("button", name="上传并检查").click()

    page.get_by_text("已入库").first.wait_for(timeout=PATIENCE_MS)
    figures = page.locator("#upload-state dl").inner_text()
    assert re.sub(r"\s+", "", figures) == "收到3行入库2行退回1行"
    check_page(page, screenshots, "department-upload-1440")

    page.get_by_role("link", name="修复退回的行").click()
    page.get_by_text("收到的值：优秀").first.wait_for()
    check_page(page, screenshots, "department-repair-1440")
    page.get_by_label("信用级别").fill("A")
    repair = page.url
    page.get_by_role("button", name="重新检查改动的行").click()
    page.wait_for_url(lambda url: url != repair)

    page.get_by_text("已入库").first.wait_for(timeout=PATIENCE_MS)
    assert re.sub(r"\s+", "", page.locator("#upload-state dl").inner_text()) == "收到1行入库1行退回0行"

    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/department/uploads/")
    assert re.search(r"在线修复\d{8}-\d{6}\.jsonl", words(page))
    check_page(page, screenshots, "department-uploads-390")


def registered_codes(environment):
    """Codes of three enterprises of the register, as the department knows them."""
    from pathlib import Path

    from rongqiao.lake.tables import Lake

    lake = Lake(Path(environment["RONGQIAO_VAR"]) / "lake")
    return sorted(lake.read("published/enterprises", ["uscc"])["uscc"].to_pylist())[:3]
