"""A foreign file in Chromium: looked at, given a contract in the form, approved, and its rows on a page; twice, so that drift shows.

With ``RONGQIAO_REAL_DATA`` set, the tax bureau's published penalties of Beijing go the same way.
"""

from __future__ import annotations

import csv
import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import check_page, sign_in, words

from rongqiao.kernel.home import home
from rongqiao.kernel.identifiers import is_uscc, normalise_uscc
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import REGISTRY_HEADERS, csv_bytes, put, registry_row

PATIENCE_MS = 180_000
ANSWERS = {
    "依据哪部法律、法规或文件共享": "《中华人民共和国消防法》第五十三条",
    "这张表记录什么": "记录消防监督检查结果。",
    "拿来做什么": "贷前核对安全状况。",
    "谁不在内，有何滞后": "未检查的单位不在内。",
}
CHOICES = {
    "属于哪一类数据": "regulation",
    "企业授权时归入哪一类": "public_regulation",
    "多久更新一次": "monthly",
}


@pytest.fixture(scope="module")
def registered(portal_environment, portal):
    """Names and codes of the register, as another department knows them."""
    lake = Lake(Path(portal_environment["RONGQIAO_VAR"]) / "lake")
    rows = lake.read("published/enterprises", ["uscc", "name"]).to_pylist()
    return sorted((row["uscc"], row["name"]) for row in rows)[:40]


def write_list(path, registered, *, fine, fail):
    """A list as a fire brigade publishes it: a title line, day numbers of a spreadsheet, amounts in 万元, telephones."""
    lines = [
        "某市2026年消防监督检查结果,,,,,,",
        "序号,被检查单位名称,统一社会信用代码,检查日期,检查结论,罚款金额（万元）,负责人电话",
    ]
    for at in range(120):
        code, name = registered[at % len(registered)]
        result = "不合格" if at % fail == 0 else "合格"
        lines.append(f"{at + 1},{name},{code},{46023 + at},{result},{round(at * fine, 2)},1380000{at:04}")
    path.write_bytes(("\n".join(lines) + "\n").encode("gb18030"))


def send(page, path, day="2026-11-01"):
    page.goto("/department/inventory/")
    page.get_by_role("link", name="盘点新数据源").first.click()
    page.get_by_label("数据日期").fill(day)
    page.get_by_label("文件").set_input_files(path)
    page.get_by_role("button", name="上传并盘点").click()
    page.locator("#source-state table").wait_for(timeout=PATIENCE_MS)


def finish(page, table, screenshots):
    """Fill in what is open, and hand it in."""
    page.get_by_role("link", name="补全数据标准").click()
    check_page(page, screenshots, "inventory-contract-1440")
    page.get_by_label("英文表名").fill(table)
    for label, text in ANSWERS.items():
        page.get_by_label(label).fill(text)
    for label, code in CHOICES.items():
        page.get_by_label(label).select_option(code)
    page.get_by_role("button", name="提交审批").click()
    page.get_by_text("等待运营人员审批").wait_for()


def approve(page, title, screenshots, name):
    page.goto("/operator/inventory/")
    page.get_by_role("link", name=title).first.click()
    check_page(page, screenshots, f"{name}-1440")
    page.get_by_role("button", name="批准并启用").click()
    page.get_by_text("数据标准已启用，正在入库").wait_for()


def wait_until_landed(page, address):
    """Follow a table until its rows went through the six steps."""
    page.goto(address)
    page.get_by_role("link", name="看治理结果").click(timeout=PATIENCE_MS)
    page.get_by_text("已入库").first.wait_for(timeout=PATIENCE_MS)
    return re.sub(r"\s+", "", page.locator("#upload-state dl").inner_text())


def test_a_drawn_foreign_file_flows_to_a_page_and_the_next_one_shows_its_drift(
    open_page, registered, screenshots, tmp_path
):
    clerk, operator = open_page(), open_page()
    sign_in(clerk, "demo-department")
    sign_in(operator, "demo-operator")
    write_list(tmp_path / "消防检查结果.csv", registered, fine=0.1, fail=4)
    send(clerk, tmp_path / "消防检查结果.csv")
    check_page(clerk, screenshots, "inventory-source-1440")
    clerk.get_by_role("link", name="消防检查结果").last.click()
    clerk.get_by_text("疑似个人信息").first.wait_for()
    address = clerk.url
    check_page(clerk, screenshots, "inventory-profile-1440")
    finish(clerk, "fire_inspection", screenshots)
    approve(operator, "消防检查结果", screenshots, "inventory-review")
    assert wait_until_landed(clerk, address) == "收到120行入库120行退回0行"

    clerk.goto("/department/tables/taxation.fire_inspection/")
    assert "共 120 条" in words(clerk)
    check_page(clerk, screenshots, "inventory-table-1440")
    clerk.set_viewport_size({"width": 390, "height": 844})
    for name, place in (("table", clerk.url), ("profile", address), ("sources", "/department/inventory/")):
        clerk.goto(place)
        check_page(clerk, screenshots, f"inventory-{name}-390")

    clerk.set_viewport_size({"width": 1440, "height": 900})
    write_list(tmp_path / "消防检查结果（二）.csv", registered, fine=30, fail=2)
    send(clerk, tmp_path / "消防检查结果（二）.csv", day="2026-11-20")
    clerk.get_by_role("link", name="消防检查结果（二）").last.click()
    clerk.get_by_text("认出来了").first.wait_for()
    assert "明显漂移" in words(clerk)
    check_page(clerk, screenshots, "inventory-drift-1440")
    address = clerk.url
    clerk.get_by_role("button", name="按已有标准入库").click()
    wait_until_landed(clerk, address)
    operator.goto("/operator/sources/taxation.fire_inspection/")
    drift = operator.locator("#drift").inner_text()
    assert "行数不变" in drift
    assert "罚款金额" in drift
    check_page(operator, screenshots, "inventory-operator-source-1440")


def test_a_published_file_of_beijing_goes_the_same_way(open_page, portal_environment, screenshots, tmp_path):
    root = os.environ.get("RONGQIAO_REAL_DATA")
    name = "国家税务总局北京市税务局行政处罚信息"
    source = Path(root or "") / "beijing_open_data" / f"{name}.csv.gz"
    if not root or not source.is_file():
        pytest.skip("Set RONGQIAO_REAL_DATA to the folder that holds beijing_open_data/.")
    path = tmp_path / f"{name}.csv"
    path.write_bytes(gzip.decompress(source.read_bytes()))
    known = register_named(path, tmp_path / "register", portal_environment)
    clerk, operator = open_page(), open_page()
    sign_in(clerk, "demo-department")
    sign_in(operator, "demo-operator")
    send(clerk, path)
    clerk.get_by_role("link", name=name).last.click()
    address = clerk.url
    check_page(clerk, screenshots, "inventory-beijing-profile-1440")
    finish(clerk, "beijing_penalty", screenshots)
    approve(operator, name, screenshots, "inventory-beijing-review")
    outcome = wait_until_landed(clerk, address)
    received, landed, returned = (int(number) for number in re.findall(r"\d+", outcome))
    assert received == 252 == landed + returned
    # Rows without a code whose name no register holds are sent back with that reason.
    assert landed >= 170
    assert "能归到唯一的企业" in words(clerk)
    check_page(clerk, screenshots, "inventory-beijing-outcome-1440")
    clerk.goto("/department/tables/taxation.beijing_penalty/")
    assert f"共 {landed} 条" in words(clerk)
    assert clerk.locator("tbody tr").filter(has_text=re.compile("|".join(known))).count() >= 10
    check_page(clerk, screenshots, "inventory-beijing-table-1440")


def register_named(path, folder, environment):
    """Deliver a register of the enterprises that the file names with a valid code, since no register of that city is published."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        named = {
            normalise_uscc(row["统一社会信用代码"]): row["纳税人名称"].strip()
            for row in csv.DictReader(file)
            if is_uscc(row["统一社会信用代码"] or "")
        }
    rows = [registry_row(code, name.replace(",", "，"), 法定代表人="某某") for code, name in named.items()]
    put(folder, "market_regulation.registry", "2026-01-06_beijing.csv", csv_bytes(REGISTRY_HEADERS, rows))
    command = [sys.executable, "-m", "config.cli", "govern", str(folder)]
    subprocess.run(command, env=environment, cwd=home(), check=True, timeout=120, stdout=subprocess.DEVNULL)
    return list(named)
