"""Files that nobody here made: profiled, given a contract as a clerk would finish it, governed, and published, without a line of code.

The register that they are resolved against is drawn from the files themselves (names with valid codes), since no register of that city is
published. Where rows are set aside, the reasons are asserted too.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import os
from pathlib import Path

import pytest

from rongqiao.contracts import drafts
from rongqiao.contracts.standards import load_contract
from rongqiao.governance.discovery import bring_in, guess, profile_file
from rongqiao.governance.pipeline import govern
from rongqiao.kernel.identifiers import is_uscc, normalise_uscc
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import REGISTRY_HEADERS, csv_bytes, put, registry_row

pytestmark = pytest.mark.real

DAY = dt.date(2026, 3, 2)
#: Files with names and codes that the register is drawn from, and their columns.
NAMED = {
    "市市场监督管理局-上市公司名录": ("企业名称", "统一社会信用代码"),
    "内资企业设立登记公告数据 (1)": ("企业名称", "统一社会信用代码"),
    "中关村科技型小微企业支持项目信息": ("企业名称", "社会信用代码"),
    "市住房城乡建设委-北京市建筑起重机械登记编号信息": ("产权单位企业名称", "产权单位统一社会信用代码"),
    "食品经营环节监督检查信息": ("企业名称", "统一社会信用代码"),
    "国家税务总局北京市税务局行政处罚信息": ("纳税人名称", "统一社会信用代码"),
    "区经信局怀柔区行政处罚公示信息": ("行政相对人名称", "统一社会信用代码"),
    "市文化执法总队-新闻出版领域行政检查信息": ("行政相对人", "证件号码"),
    "密云区高新技术企业拟培训名单": ("企业名称", "社会统一信用代码"),
    "市农业农村局-农产品生产主体目录": ("主体名称", "统一社会信用代码"),
}
#: File → least share of its rows that must be published. What falls short of 1 is said in `WHY`.
FILES = {
    "国家税务总局北京市税务局行政处罚信息": 0.68,
    "区经信局怀柔区行政处罚公示信息": 0.70,
    "中关村科技型小微企业支持项目信息": 0.90,
    "食品经营环节监督检查信息": 0.80,
    "市住房城乡建设委-北京市建筑起重机械登记编号信息": 0.95,
    "市市场监督管理局-上市公司名录": 0.80,
    "密云区高新技术企业拟培训名单": 0.95,
    "市文化执法总队-新闻出版领域行政检查信息": 0.50,
    # A third names nobody whom the register holds, and no columns tell its records apart: the best key holds for most rows only.
    "市农业农村局-农产品生产主体目录": 0.50,
    "市文化执法总队-违反北京市旅游条例处罚数据": 0.0,
    "丰台区应急管理局执法检查结果公示目录": 0.0,
    "农产品绿色食品认证信息": 0.0,
}
#: Why rows of these files are set aside: nearly all of them name no enterprise that the register drawn above holds.
WHY = {
    "cleaning.unresolved",
    "duplicate_key",
    "type",
    "required",
    "enterprise_known",
    "source",
    "not_future",
    "code",
    # Numbers that a spreadsheet wrote as 2.57855E+14: what they were is lost.
    "intact",
    # Rows that might mean one of several enterprises wait for a person.
    "cleaning.review",
}


@pytest.fixture(scope="module")
def data():
    root = os.environ.get("RONGQIAO_REAL_DATA")
    if not root or not (Path(root) / "beijing_open_data").is_dir():
        pytest.skip(
            "Set RONGQIAO_REAL_DATA to the folder that holds beijing_open_data/ and inspur_jinan_sme/."
        )
    return Path(root)


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_STANDARDS_OVERLAY", str(tmp_path / "standards"))
    return tmp_path


def finish(document, table):
    """Answer what a clerk answers: names for what has none, texts, legal basis."""
    nodes = document["schema"][0]["properties"]
    answers = {
        "table": table,
        "departmentTitle": "北京市公共数据开放平台",
        "category": drafts.custom(document)["category"] or "regulation",
        "dataClass": drafts.custom(document)["dataClass"] or "public_regulation",
        "legalBasis": "《北京市公共数据管理办法》",
        "updateCycle": "monthly",
        "purpose": "记录公开发布的名单与结果。",
        "usage": "核对企业资质与处罚。",
        "limitations": "以发布单位公布为准，未公布的不在内。",
        "items": {node["name"]: {"drop": True} for node in nodes if node["name"].startswith("column_")},
    }
    revised = drafts.revise(document, answers)
    assert drafts.problems(revised) == []
    drafts.write(revised, is_finished=True)
    return load_contract(revised["id"])


def draw_register(data, deliveries):
    known = {}
    for name, (title, code) in NAMED.items():
        with gzip.open(data / "beijing_open_data" / f"{name}.csv.gz", "rt", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                if row[title] and row[code] and is_uscc(row[code]):
                    known.setdefault(normalise_uscc(row[code]), row[title].strip())
    rows = [
        registry_row(code, name.replace(",", "，").replace('"', ""), 法定代表人="某某")
        for code, name in known.items()
    ]
    put(deliveries, "market_regulation.registry", "2026-01-06.csv", csv_bytes(REGISTRY_HEADERS, rows))
    return len(rows)


def test_files_of_beijing_flow_to_published_facts_without_code(data, house):
    deliveries, lake = house / "deliveries", Lake(house / "lake")
    assert draw_register(data, deliveries) > 8_000
    contracts = {}
    for at, name in enumerate(FILES):
        path = data / "beijing_open_data" / f"{name}.csv.gz"
        profile = profile_file(path)[0]
        contract = finish(guess(profile, "beijing", seen_on=DAY), f"open_{at}")
        brought = bring_in(path, contract, deliveries, delivered_on=DAY)
        assert brought.rows == profile.rows
        contracts[contract.id] = (name, profile)
    report = govern(deliveries, lake, None)
    governed = {file.contract_id: file for file in report.files if file.contract_id in contracts}
    assert set(governed) == set(contracts)
    assert report.skipped == []
    for contract_id, (name, profile) in contracts.items():
        file = governed[contract_id]
        assert file.rows_in == profile.rows == file.rows_accepted + file.rows_quarantined
        assert file.rows_accepted >= FILES[name] * file.rows_in, (name, file)
        assert file.rows_accepted > 0, (name, file)
        for rule in file.quarantined_by_rule:
            assert any(reason in rule for reason in WHY), (name, rule)
        published = lake.read(f"published/{contract_id}")
        assert published.num_rows == file.rows_accepted
        assert published["enterprise_id"].null_count == 0


def test_a_quarantined_row_names_the_line_of_the_file_as_it_came(data, house):
    deliveries, lake = house / "deliveries", Lake(house / "lake")
    draw_register(data, deliveries)
    path = data / "beijing_open_data" / "丰台区应急管理局执法检查结果公示目录.csv.gz"
    contract = finish(guess(profile_file(path)[0], "beijing"), "inspections")
    bring_in(path, contract, deliveries, delivered_on=DAY)
    govern(deliveries, lake, None)
    with gzip.open(path, "rt", encoding="utf-8-sig") as file:
        lines = file.read().split("\n")
    aside = lake.read("operations/quarantine").to_pylist()
    mine = [
        row for row in aside if row["contract_id"] == contract.id and row["rule_id"] == "cleaning.unresolved"
    ]
    assert len(mine) > 100
    for row in mine[:50]:
        assert row["value"] in lines[row["line"] - 1]
    # The day stood in the file as a spreadsheet's number, 44744 and on.
    days = lake.read(f"published/{contract.id}", ["inspection_on"])["inspection_on"].to_pylist()
    assert dt.date(2022, 7, 1) <= min(days) <= max(days) <= dt.date(2022, 9, 30)


INSPUR = (
    "company_baseinfo",
    "change_info",
    "ent_contribution_year",
    "ent_social_security",
    "justice_declare",
    "business_risk_taxunpaid",
)


def test_anonymised_tables_of_jinan_flow_by_their_own_numbers(data, house):
    deliveries, lake = house / "deliveries", Lake(house / "lake")
    folder = data / "inspur_jinan_sme"
    names = set()
    for name in INSPUR:
        with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="gb18030", newline="") as file:
            names |= {row["entname"] for row in csv.DictReader(file) if row["entname"]}
    put(
        deliveries, "bank.enterprise_credit", "2026-01-06.csv",
        csv_bytes(["企业代号", "企业名称", "信誉评级"], [[one, f"企业{one[:8]}", ""] for one in sorted(names)]),
    )  # fmt: skip
    contracts = {}
    for name in INSPUR:
        path = folder / f"{name}.csv.gz"
        profile = profile_file(path)[0]
        contract = finish(guess(profile, "jinan", seen_on=DAY), name)
        bring_in(path, contract, deliveries, delivered_on=DAY)
        contracts[contract.id] = profile
    report = govern(deliveries, lake, None)
    for file in report.files:
        if file.contract_id in contracts:
            assert file.rows_in == contracts[file.contract_id].rows
            assert file.rows_accepted >= 0.5 * file.rows_in, file
    base = lake.read("published/jinan.company_baseinfo").to_pylist()
    refused = [
        (row["rule_id"], row["value"])
        for row in lake.read("operations/quarantine").to_pylist()
        if row["contract_id"] == "jinan.company_baseinfo"
    ]
    # A term that ends two thousand years from now.
    assert refused == [("jinan.company_baseinfo.operating_until_on_plausible", "4036-02-08")]
    assert len(base) == 1999
    # Milliseconds in the file; a day in China here.
    assert {row["established_on"].year for row in base} <= set(range(1975, 2021))
