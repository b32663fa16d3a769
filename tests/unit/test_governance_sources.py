"""Readers: strict decoding, line numbers that hold, every broken line counted."""

from __future__ import annotations

import gzip
import json

import pytest

from rongqiao.governance import sources
from rongqiao.governance.sources import csv, jsonl


def read(text, name="a.csv", encoding="utf-8"):
    return sources.read(text.encode(encoding), name)


def columns(raw):
    return [column.to_pylist() for column in raw.columns]


def test_quoted_fields_may_hold_commas_quotes_and_line_ends():
    raw = read('编号,名称\n1,"甲,""乙"""\n2,"丙\n丁"\n3,戊\n')
    assert columns(raw) == [["1", "2", "3"], ['甲,"乙"', "丙\n丁", "戊"]]
    assert raw.lines.to_pylist() == [2, 3, 5]


def test_stray_quotation_mark_swallows_only_its_own_line():
    raw = read('编号,名称\n1,"甲\n2,乙\n3,丙\n')
    assert [fault.line for fault in raw.broken] == [2]
    assert raw.broken[0].rule_id == "source.quote"
    assert raw.lines.to_pylist() == [3, 4]


def test_blank_lines_are_no_rows_and_do_not_shift_numbers():
    raw = read("编号,名称\r\n1,甲\r\n\r\n2,乙")
    assert raw.lines.to_pylist() == [2, 4]
    assert raw.broken == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encoding_is_found(encoding):
    raw = read("编号,名称\n1,龘\n", encoding=encoding)
    assert columns(raw)[1] == ["龘"]
    assert raw.headers == ("编号", "名称")


def test_undecodable_line_does_not_turn_utf8_into_gb18030():
    content = "编号,名称\n1,甲\n2,乙\n".encode() + b"3,\xe7\x94\n"
    raw = sources.read(content, "a.csv")
    assert (raw.encoding, [fault.line for fault in raw.broken]) == ("utf-8", [4])
    assert columns(raw)[1] == ["甲", "乙"]


def test_json_lines_keep_digits_and_count_broken_lines():
    raw = read('{"a": 1.10, "b": true}\nnot json\n[1]\n{"b": null, "c": "x"}\n', "a.jsonl")
    assert raw.headers == ("a", "b", "c")
    assert columns(raw) == [["1.10", None], ["true", None], [None, "x"]]
    assert [(fault.line, fault.rule_id) for fault in raw.broken] == [(2, "source.json"), (3, "source.json")]


@pytest.mark.parametrize(("content", "name"), [(b"", "a.csv"), (b"junk", "a.csv.gz"), (b"junk", "a.xlsx")])
def test_unreadable_file_is_one_broken_line(content, name):
    raw = sources.read(content, name)
    assert [fault.rule_id for fault in raw.broken] == ["source.unreadable"]
    assert len(raw.lines) == 0


def test_truncated_gzip_is_unreadable():
    whole = gzip.compress("编号,名称\n1,甲\n".encode() * 50)
    assert sources.read(whole[:-9], "a.csv.gz").broken[0].rule_id == "source.unreadable"


def test_header_alone_is_a_file_without_rows():
    raw = read("编号,名称\n")
    assert (columns(raw), raw.broken) == ([[], []], ())


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_reading_fast_and_with_care_agree(encoding):
    odd = {0: "{0},短", 1: '{0},"引,号","1,234.50"', 2: "", 3: "{0},多,1,2", 4: ",,"}
    lines = ["编号,名称,金额"]
    lines += [odd.get(number % 8, "{0},名称{0},{0}.00").format(number) for number in range(2, 400)]
    for ending in ("\n", "\r\n"):
        content = (ending.join(lines) + ending).encode(encoding)
        fast, careful = csv._read_plain(content), csv._read_carefully(content)
        assert fast is not None
        assert columns(fast) == columns(careful)
        assert fast.lines.to_pylist() == careful.lines.to_pylist()
        assert fast.broken == careful.broken
        assert fast.headers == careful.headers


@pytest.mark.parametrize(
    "text", ['甲,乙\n1,"2\n3"\n', '甲,乙\n1,5"\n2,3\n', "甲,乙\n1,2\r3,4\n", "甲\n1\n", "甲,乙"]
)
def test_what_needs_care_is_not_read_fast(text):
    assert csv._read_plain(text.encode()) is None


def test_uniform_json_lines_are_read_as_line_by_line():
    rows = [
        {"a": f"名{n}", "b": n, "c": None if n % 3 else "null", "d": n % 2 == 0, "e": f"{n}, x"}
        for n in range(50)
    ]
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    fast, careful = jsonl._read_uniform(content), jsonl._read_lines(content)
    assert fast is not None
    assert columns(fast) == columns(careful)
    assert fast.lines.to_pylist() == careful.lines.to_pylist()


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": 2}\n{"b": 2, "a": 1}\n',
        '{"a": "x\\"y", "b": 2}\n',
        '{"a": 1, "b": {"c": 2}}\n',
        '{"a": 1, "b": 2}\n\n{"a": 1, "b": 2}\n',
        '{"a": 1, "b": 2}\nnot json\n',
    ],
)
def test_other_json_lines_are_read_line_by_line(text):
    assert jsonl._read_uniform(text.encode()) is None
