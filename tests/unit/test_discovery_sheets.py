"""Reading any source for its profile: encodings, separators, broken lines, workbooks, JSON, Parquet."""

from __future__ import annotations

import gzip
import json

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rongqiao.governance.discovery import texts
from rongqiao.governance.discovery.layout import find_layout
from rongqiao.governance.discovery.profiling import compare, missing_and_new, profile_file
from rongqiao.governance.discovery.sheets import Faults, open_sheets
from rongqiao.kernel.errors import InvalidValueError
from tests.pipeline.departments import ALPHA, BETA, GAMMA, NAMES, far_workbook

SIMPLIFIED = "企业名称,登记状态,经营范围\n长沙星河精密机械有限公司,在业,机械设备制造与销售\n株洲远山新材料股份有限公司,注销,新材料技术研究开发\n"
TRADITIONAL = "企業名稱,登記狀態,經營範圍\n長沙星河精密機械有限公司,在業,機械設備製造與銷售\n株洲遠山新材料股份有限公司,註銷,新材料技術研究開發\n"


def rows_of(path, sheet=0):
    faults = Faults()
    return [cells for _, cells in open_sheets(path)[sheet].read(faults)], faults


@pytest.mark.parametrize(
    ("encoding", "text", "found"),
    [
        ("utf-8", SIMPLIFIED, "utf-8"),
        ("utf-8-sig", SIMPLIFIED, "utf-8-sig"),
        ("gb18030", SIMPLIFIED, "gb18030"),
        ("gbk", SIMPLIFIED, "gb18030"),
        ("gb2312", SIMPLIFIED, "gb18030"),
        ("big5", TRADITIONAL, "big5"),
        ("utf-16", SIMPLIFIED, "utf-16"),
        ("utf-16-le", SIMPLIFIED, "utf-16-le"),
        ("utf-16-be", SIMPLIFIED, "utf-16-be"),
    ],
)
def test_every_chinese_encoding_is_recognised_by_its_bytes(tmp_path, encoding, text, found):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    assert open_sheets(path)[0].encoding == found
    rows, faults = rows_of(path)
    assert rows == [line.split(",") for line in text.strip().split("\n")]
    assert faults.count == 0


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "，"])
def test_separators_are_found(tmp_path, separator):
    path = tmp_path / "a.txt"
    path.write_text(SIMPLIFIED.replace(",", separator), encoding="utf-8")
    assert rows_of(path)[0][1][:2] == ["长沙星河精密机械有限公司", "在业"]


def test_a_stray_quotation_mark_loses_its_own_line_only(tmp_path):
    path = tmp_path / "a.csv"
    good = "".join(f"甲{at},乙,丙\n" for at in range(40))
    path.write_text('名称,类型,备注\n甲,"乙,丙\n' + good + '丁,"两行\n一格",戊\n', encoding="utf-8")
    rows, faults = rows_of(path)
    assert (faults.count, faults.examples[0].line) == (1, 2)
    assert len(rows) == 42
    assert rows[-1] == ["丁", "两行\n一格", "戊"]


def test_a_line_without_end_is_reported_and_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "LONGEST_LINE", 1000)
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("名称,类型\n甲,乙\n" + "长" * 50_000 + "\n丙,丁\n")
    rows, faults = rows_of(path)
    assert rows == [["名称", "类型"], ["甲", "乙"], ["丙", "丁"]]
    assert faults.count == 1
    assert len(faults.examples[0].value) <= 200


def test_bytes_of_another_encoding_cost_their_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(("名称,类型\n" + "甲,乙\n" * 20).encode() + "丙,丁\n".encode("gb18030"))
    rows, faults = rows_of(path)
    assert (len(rows), faults.count, faults.examples[0].line) == (21, 1, 22)


def test_merged_headers_over_two_levels_and_several_sheets(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "缴存情况"
    sheet.append(["2026年住房公积金缴存情况表", None, None, None, None])
    sheet.append(["单位：万元", None, None, None, None])
    sheet.append(["序号", "单位名称", "缴存情况", None, "备注"])
    sheet.append([None, None, "人数", "金额", None])
    for at, name in enumerate(NAMES.values(), 1):
        sheet.append([at, name, 10 * at, 1.5 * at, None])
    sheet.append(["合计", None, 60, 9, None])
    sheet.merge_cells("A1:E1")
    sheet.merge_cells("C3:D3")
    sheet.merge_cells("A3:A4")
    sheet.merge_cells("B3:B4")
    sheet.merge_cells("E3:E4")
    other = book.create_sheet("名单")
    other.append(["企业名称", "统一社会信用代码"])
    other.append([NAMES[ALPHA], ALPHA])
    path = tmp_path / "book.xlsx"
    book.save(path)
    first, second = profile_file(path)
    assert [one.header for one in first.columns] == [
        "序号",
        "单位名称",
        "缴存情况_人数",
        "缴存情况_金额",
        "备注",
    ]
    assert (first.rows, first.notes, first.header_lines) == (3, 1, [3, 4])
    assert first.column("缴存情况_金额").unit == "万元"
    assert first.subject == {"name": "单位名称"}
    assert (second.sheet, second.subject) == ("名单", {"uscc": "统一社会信用代码", "name": "企业名称"})


def test_nested_json_becomes_dotted_columns(tmp_path):
    record = {
        "企业": {"名称": NAMES[ALPHA], "代码": ALPHA},
        "罚款": 12.5,
        "标签": ["甲", "乙"],
        "明细": [{"a": 1}],
    }
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps({"code": 0, "data": {"total": 2, "list": [record, record]}}, ensure_ascii=False),
        encoding="utf-8",
    )
    sheet = open_sheets(path)[0]
    assert sheet.headers == ("企业.名称", "企业.代码", "罚款", "标签", "明细")
    assert rows_of(path)[0][0] == [NAMES[ALPHA], ALPHA, "12.5", "甲；乙", '[{"a": "1"}]']
    lines = tmp_path / "a.jsonl"
    lines.write_text(json.dumps(record, ensure_ascii=False) + "\n{broken\n\n[1]\n", encoding="utf-8")
    rows, faults = rows_of(lines)
    assert (len(rows), faults.count) == (1, 2)


def test_parquet_declares_its_own_names(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"uscc": [ALPHA, BETA], "amount": [1.0, None]}), path)
    profile = profile_file(path)[0]
    assert [one.header for one in profile.columns] == ["uscc", "amount"]
    assert profile.column("amount").nulls == 1
    assert profile.subject == {"uscc": "uscc"}


def test_a_file_that_no_reader_knows_is_refused_by_name(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF")
    with pytest.raises(InvalidValueError, match=r"a\.pdf"):
        open_sheets(path)
    broken = tmp_path / "b.xlsx"
    broken.write_bytes(b"not a workbook")
    with pytest.raises(InvalidValueError, match=r"b\.xlsx"):
        open_sheets(broken)


def test_a_workbook_that_spans_the_whole_sheet_is_refused_before_it_is_opened(tmp_path):
    for name in ("a.xlsx", "a.xls"):
        path = tmp_path / name
        path.write_bytes(far_workbook())
        with pytest.raises(InvalidValueError, match="第 1048576 行、第 16384 列"):
            open_sheets(path)


def test_json_nested_too_deep_is_told_apart_from_the_rest(tmp_path):
    (tmp_path / "a.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InvalidValueError, match="嵌套过深"):
        open_sheets(tmp_path / "a.json")
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n' + "[" * 100_000 + "\n", encoding="utf-8")
    rows, faults = rows_of(tmp_path / "a.jsonl")
    assert (rows, faults.count) == ([["1"]], 1)


def test_a_sheet_without_header_numbers_its_columns():
    rows = [(at, [f"某某委员会{at}", f"京建罚〔2023〕第{at}号", "2023/02/22"]) for at in range(1, 9)]
    layout = find_layout(rows)
    assert layout.header_lines == ()
    assert layout.headers == ("列1", "列2", "列3")


def write_profiled(path, count=200, shift=0):
    lines = ["单位名称,统一社会信用代码,罚款金额（万元）,决定日期,联系电话,处罚类别"]
    codes = [ALPHA, BETA, GAMMA]
    for at in range(count):
        code = codes[at % 3]
        lines.append(
            f"{NAMES[code]},{code},{(at + 1) * 10**shift / 100},2026-01-{at % 28 + 1:02},139{at:08},{'罚款' if at % 2 else '警告'}"
        )
    lines.insert(100, lines[0])
    path.write_text("\n".join(lines) + "\n", encoding="gb18030")
    return path


def test_a_profile_says_what_each_column_is(tmp_path):
    profile = profile_file(write_profiled(tmp_path / "2026.csv"))[0]
    fine = profile.column("罚款金额（万元）")
    assert (fine.guess.type, fine.unit, fine.minimum, fine.maximum) == ("decimal", "万元", "0.01", "2")
    assert fine.resembles[0].item in ("amount_cny", "fine_cny")
    assert profile.column("统一社会信用代码").identifiers["uscc"] == 1.0
    assert profile.column("决定日期").guess.type == "date"
    phone = profile.column("联系电话")
    assert phone.is_personal
    assert phone.top_values == []
    assert phone.minimum is None
    assert profile.repeated_headers == 1
    assert profile.rows == 200
    assert profile.subject == {"uscc": "统一社会信用代码", "name": "单位名称"}
    json.dumps(profile.to_dict(), ensure_ascii=False)


def test_a_long_source_is_sampled_evenly_and_counted_whole(tmp_path):
    path = write_profiled(tmp_path / "2026.csv", count=60_000)
    profile = profile_file(path, most_rows=10_000)[0]
    assert profile.rows == 60_000
    assert 5_000 <= profile.rows_profiled <= 10_000
    assert abs(profile.column("罚款金额（万元）").quantiles[2] - 300) < 5


def test_drift_against_the_last_delivery(tmp_path):
    before = profile_file(write_profiled(tmp_path / "a.csv"))[0].to_dict()
    same = compare(profile_file(write_profiled(tmp_path / "b.csv"))[0], before)
    assert same.column("罚款金额（万元）").drift == 0
    shifted = compare(profile_file(write_profiled(tmp_path / "c.csv", shift=4))[0], before)
    assert shifted.column("罚款金额（万元）").drift > 0.25
    assert shifted.column("决定日期").drift == 0
    assert missing_and_new(shifted, before) == ([], [])
