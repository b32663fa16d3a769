"""From a profile to a contract in force: guess, answers, problems, storage, and what a broken overlay cannot do."""

from __future__ import annotations

import datetime as dt

import pytest

from rongqiao.contracts import drafts
from rongqiao.contracts.checks import check_contract
from rongqiao.contracts.standards import load_contract, load_contracts, overlay_root
from rongqiao.governance.discovery import bring_in, guess, profile_file
from rongqiao.governance.pipeline import govern
from rongqiao.kernel.errors import ContractError, InvalidValueError
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import ALPHA, NAMES, put_registry

ANSWERS = {
    "table": "fire_inspection", "departmentTitle": "某市消防救援支队", "category": "regulation", "dataClass": "public_regulation",
    "legalBasis": "《消防法》第五十三条", "updateCycle": "monthly", "purpose": "记录消防监督检查结果。", "usage": "贷前核对安全状况。",
    "limitations": "未检查的单位不在内。",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _overlay(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_STANDARDS_OVERLAY", str(tmp_path / "overlay"))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "消防检查.csv"
    lines = [
        "某市2026年消防监督检查结果,,,,,,",
        "序号,被检查单位名称,统一社会信用代码,检查日期,检查结论,罚款金额（万元）,负责人电话",
    ]
    for at in range(60):
        code = list(NAMES)[at % 3]
        lines.append(
            f"{at + 1},{NAMES[code]},{code},{46023 + at},{'合格' if at % 4 else '不合格'},{at / 10},1380000{at:04}"
        )
    path.write_text("\n".join(lines) + "\n", encoding="gb18030")
    return path


def test_what_the_source_shows_is_filled_in_and_the_rest_is_asked(source):
    document = guess(profile_file(source)[0], "fire")
    items = {node["name"]: node for node in document["schema"][0]["properties"]}
    assert set(items) == {"uscc", "name", "inspection_on", "inspection_conclusion", "fine_cny"}
    assert drafts.custom(items["fine_cny"])["unit"] == "元"
    assert drafts.custom(items["inspection_on"])["dateForm"] == "excel_serial"
    assert drafts.custom(document)["validOn"] == "inspection_on"
    asked = {problem.field for problem in drafts.problems(document)}
    assert {"departmentTitle", "legalBasis", "updateCycle", "purpose", "usage", "limitations"} == asked


def test_a_column_called_as_the_name_is_one_item_though_its_values_tell_nobody_apart(tmp_path):
    path = tmp_path / "减免.csv"
    code = next(iter(NAMES))
    rows = [f"{code},{NAMES[code]},{at}.5,2026-01-0{at}" for at in range(1, 8)]
    path.write_text(
        "\n".join(["统一社会信用代码,企业名称,减免税额（元）,减免日期", *rows]) + "\n", encoding="utf-8"
    )
    items = guess(profile_file(path)[0], "fire")["schema"][0]["properties"]
    titles = [node["businessName"] for node in items]
    assert len(titles) == len(set(titles)) == 4


def test_a_key_grows_until_only_rows_that_repeat_in_everything_are_repeats(tmp_path):
    path = tmp_path / "检查明细.csv"
    codes = list(NAMES)
    rows = [
        f"{NAMES[codes[at % 3]]},{codes[at % 3]},2026-05-0{1 + at // 3 % 2},{'合格' if at // 6 % 2 else '不合格'},{'甲乙'[at // 12 % 2]},"
        f"{'东西'[at // 24 % 2]},{at // 48}.5"
        for at in range(96)
    ]
    header = "被检查单位名称,统一社会信用代码,检查日期,检查结论,检查组,片区,罚款金额（元）"
    path.write_text("\n".join([header, *rows, rows[0]]) + "\n", encoding="utf-8")
    found = profile_file(path)[0]
    assert "罚款金额（元）" in found.keys[0]
    assert found.key_shares[0] == pytest.approx(96 / 97, abs=1e-4)


def test_a_finished_draft_is_a_contract_at_once_and_its_file_flows(source, tmp_path):
    put_registry(tmp_path / "deliveries")
    document = drafts.revise(guess(profile_file(source)[0], "fire"), ANSWERS)
    assert drafts.problems(document) == []
    drafts.write(document)
    assert "fire.fire_inspection" not in load_contracts()
    assert drafts.stored() == {"fire.fire_inspection": "draft"}
    drafts.write(document, is_finished=True)
    contract = load_contract("fire.fire_inspection")
    assert check_contract(contract) == []
    assert drafts.is_added(contract.id)
    brought = bring_in(source, contract, tmp_path / "deliveries", delivered_on=dt.date(2026, 4, 1))
    assert brought.unmapped == ("序号", "负责人电话")
    assert "1380000" not in brought.path.read_text(encoding="utf-8")
    lake = Lake(tmp_path / "lake")
    report = govern(tmp_path / "deliveries", lake, None)
    assert {file.contract_id: file.rows_accepted for file in report.files}["fire.fire_inspection"] == 60
    rows = lake.read("published/fire.fire_inspection").to_pylist()
    first = min(rows, key=lambda row: row["line"])
    assert (first["line"], first["enterprise_id"], first["inspection_on"]) == (3, ALPHA, dt.date(2026, 1, 1))
    assert float(max(row["fine_cny"] for row in rows)) == 59_000


def test_answers_rename_drop_and_retype(source):
    document = guess(profile_file(source)[0], "fire")
    revised = drafts.revise(
        document,
        {
            **ANSWERS,
            "items": {
                "inspection_on": {"id": "inspected_on", "title": "检查日"},
                "inspection_conclusion": {"drop": True},
                "fine_cny": {"required": True, "definition": "实际处罚金额。", "level": "L1"},
            },
            "key": ["uscc", "inspection_on"],
        },
    )
    contract_items = {node["name"]: node for node in revised["schema"][0]["properties"]}
    assert "检查日期" in drafts.custom(contract_items["inspected_on"])["headers"]
    assert drafts.custom(revised)["validOn"] == "inspected_on"
    assert contract_items["inspected_on"]["primaryKeyPosition"] == 2
    assert drafts.problems(revised) == []
    assert "inspection_conclusion" in {node["name"] for node in document["schema"][0]["properties"]}
    with pytest.raises(InvalidValueError, match="没有这一项"):
        drafts.revise(document, {"items": {"没有这一项": {}}})
    with pytest.raises(InvalidValueError, match="颜色"):
        drafts.revise(document, {"颜色": "红"})


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"table": "../../etc"}, "table"),
        ({"category": "没有这类"}, "category"),
        ({"items": {"fine_cny": {"definition": ""}}}, "fine_cny"),
        ({"items": {"fine_cny": {"level": "L4"}}}, "fine_cny"),
        ({"items": {"fine_cny": {"id": "罚款"}}}, "罚款"),
        ({"key": []}, "key"),
    ],
)
def test_a_draft_with_problems_is_not_made_a_contract(source, answers, field):
    document = drafts.revise(guess(profile_file(source)[0], "fire"), {**ANSWERS, **answers})
    assert field in {problem.field for problem in drafts.problems(document)}
    with pytest.raises(ContractError):
        drafts.write(document, is_finished=True)


def test_a_shipped_contract_cannot_be_put_aside_and_a_broken_file_harms_nobody(source):
    shipped = load_contract("taxation.tax_filing")
    document = drafts.revise(guess(profile_file(source)[0], "taxation"), {**ANSWERS, "table": "tax_filing"})
    assert "table" in {problem.field for problem in drafts.problems(document)}
    folder = overlay_root() / "fire"
    folder.mkdir(parents=True)
    (folder / "broken.yaml").write_text("status: active\nid: [", encoding="utf-8")
    (folder / "empty.yaml").write_text("status: active\n", encoding="utf-8")
    assert load_contract("taxation.tax_filing") == shipped
    assert not {"fire.broken", "fire.empty"} & set(load_contracts())
