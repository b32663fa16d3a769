"""Readers: strict decoding, line numbers that hold, every broken line counted."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile

import pytest

from rongqiao.governance import sources
from rongqiao.governance.sources import blocks, csv, jsonl, shared_strings, workbooks
from tests.pipeline.departments import far_workbook


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
    assert not any(re.search("[a-z]{2}", fault.message) for fault in raw.broken)


@pytest.mark.parametrize(("content", "name"), [(b"", "a.csv"), (b"junk", "a.csv.gz"), (b"junk", "a.xlsx")])
def test_unreadable_file_is_one_broken_line(content, name):
    raw = sources.read(content, name)
    assert [fault.rule_id for fault in raw.broken] == ["source.unreadable"]
    # Libraries say it in English, for programmers; whoever sent the file reads what to do.
    assert not re.search("[a-z]{2}", raw.broken[0].message)
    assert len(raw.lines) == 0


def test_truncated_gzip_is_unreadable():
    whole = gzip.compress("编号,名称\n1,甲\n".encode() * 50)
    assert sources.read(whole[:-9], "a.csv.gz").broken[0].rule_id == "source.unreadable"


def test_header_alone_is_a_file_without_rows():
    raw = read("编号,名称\n")
    assert (columns(raw), raw.broken) == ([[], []], ())


LIMITS = sources.DEFAULT_LIMITS


def csv_lines(content, encoding="utf-8"):
    headers, body, first = csv._take_headers(content, encoding)
    return csv._Lines(headers, encoding, first, body, is_last=True)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_reading_fast_and_with_care_agree(encoding):
    odd = {0: "{0},短", 1: '{0},"引,号","1,234.50"', 2: "", 3: "{0},多,1,2", 4: ",,"}
    lines = ["编号,名称,金额"]
    lines += [odd.get(number % 8, "{0},名称{0},{0}.00").format(number) for number in range(2, 400)]
    for ending in ("\n", "\r\n"):
        content = csv_lines((ending.join(lines) + ending).encode(encoding), encoding)
        fast, (careful, carried) = csv._read_plain(content, LIMITS), csv._read_carefully(content, LIMITS)
        assert fast is not None
        assert carried == b""
        assert columns(fast) == columns(careful)
        assert fast.lines.to_pylist() == careful.lines.to_pylist()
        assert fast.broken == careful.broken
        assert fast.headers == careful.headers


@pytest.mark.parametrize("text", ['甲,乙\n1,"2\n3"\n', '甲,乙\n1,5"\n2,3\n', "甲,乙\n1,2\r3,4\n", "甲\n1\n"])
def test_what_needs_care_is_not_read_fast(text):
    assert csv._read_plain(csv_lines(text.encode()), LIMITS) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("block", [40, 97, 1000])
def test_cutting_into_blocks_changes_nothing(monkeypatch, encoding, block):
    """Blocks end anywhere: in the header, in a quoted field over lines, in a character of several bytes."""
    lines = ["编号,名称,金额"]
    lines += [
        f'{number},"名称\n第二行{number}",{number}.00' if number % 9 == 0 else f"{number},名称{number},1"
        for number in range(2, 120)
    ]
    content = ("\n".join(lines) + "\n").encode(encoding)
    whole = sources.read(content, "a.csv")
    monkeypatch.setattr(blocks, "BLOCK", block)
    cut = sources.read(content, "a.csv")
    assert columns(cut) == columns(whole)
    assert cut.lines.to_pylist() == whole.lines.to_pylist()
    assert (cut.headers, cut.broken, cut.encoding) == (whole.headers, whole.broken, whole.encoding)


def test_encoding_is_found_where_it_first_shows(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 64)
    text = "code,name\n" + "".join(f"{number},plain\n" for number in range(50)) + "99,名称\n"
    raw = sources.read(text.encode("gb18030"), "a.csv")
    assert raw.encoding == "gb18030"
    assert columns(raw)[1][-1] == "名称"


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_line_beyond_the_limit_is_told_and_never_held(monkeypatch, name):
    """A file-like object that makes up its middle line as it is read, and refuses to be read whole."""
    monkeypatch.setattr(blocks, "BLOCK", 1 << 16)
    first, last = (
        (b"a,b\n1,2\n", b"\n5,6\n") if name == "a.csv" else (b'{"a": 1, "b": 2}\n', b'\n{"a": 5, "b": 6}\n')
    )

    def serve():
        yield first
        for _ in range(1024):
            yield b"x" * (1 << 16)
        yield last

    class Sparse:
        portions = serve()

        def read(self, size):
            assert 0 < size <= 1 << 16
            return next(self.portions, b"")

    limits = blocks.Limits(1 << 15, 200, 1 << 28)
    pieces = list(sources.read_pieces(Sparse(), name, limits))
    broken = [fault for piece in pieces for fault in piece.broken]
    number = 3 if name == "a.csv" else 2
    assert [(fault.line, fault.rule_id) for fault in broken] == [(number, "source.line_too_long")]
    assert len(broken[0].value) == blocks.SHOWN
    rows = [row for piece in pieces for row in zip(*columns(piece), strict=True)]
    assert rows == [("1", "2"), ("5", "6")]
    assert [line for piece in pieces for line in piece.lines.to_pylist()] == [number - 1, number + 1]


def test_a_zip_bomb_is_refused_by_name():
    limits = blocks.Limits(1 << 20, 200, 1 << 20)
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * (8 << 20))
    raw = sources.read(bomb, "a.csv.gz", limits)
    assert raw.is_lost
    assert [fault.rule_id for fault in raw.broken] == ["source.inflation"]
    plain = sources.read(gzip.compress(b"a,b\n" + b"1,2\n" * 1000), "a.csv.gz", limits)
    assert len(plain.lines) == 1000


def test_a_workbook_that_is_a_bomb_is_refused_by_name():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (16 << 20))
    raw = sources.read(packed.getvalue(), "a.xlsx", blocks.Limits(1 << 20, 200, 1 << 20))
    assert [fault.rule_id for fault in raw.broken] == ["source.inflation"]


def test_a_workbook_with_a_cell_at_the_far_corner_is_refused_before_it_is_opened():
    raw = sources.read(far_workbook(), "a.xlsx")
    assert [fault.rule_id for fault in raw.broken] == ["source.sheet_extent"]
    assert "第 1048576 行、第 16384 列" in raw.broken[0].message
    near = sources.read(far_workbook("C1048576"), "a.xlsx")
    assert near.lines.to_pylist() == [1048576]


def shared_cells(rows, marks=b't="s"'):
    """Rows of one cell each, which all refer to the second string."""
    return b"".join(
        b'<row r="%d"><c r="A%d" %b><v>1</v></c></row>' % (n, n, marks) for n in range(1, rows + 1)
    )


@pytest.mark.parametrize("marks", [b't="s"', b"s='1'\n t = 's'"])
def test_a_long_text_that_every_cell_refers_to_is_measured_before_it_is_opened(marks):
    limits = blocks.Limits(1 << 20, 200, 1 << 20)
    rows, long = shared_cells(2000, marks), b"x" * 32_000
    raw = sources.read(far_workbook(first_row=rows, strings=[b"a", long]), "a.xlsx", limits)
    assert [fault.rule_id for fault in raw.broken] == ["source.repeated_strings"]
    assert "另存为 CSV" in raw.broken[0].message
    # One long remark beside cells that share a short word is no bomb: it is measured exactly.
    workbooks.check_workbook(io.BytesIO(far_workbook(first_row=rows, strings=[long, b"a"])), limits)


def test_strings_are_counted_once_however_the_parts_are_cut():
    part = b"<sst>" + b"".join(b"<x:si><x:t>%b</x:t></x:si>" % (b"a" * n) for n in (3, 300, 2)) + b"</sst>"
    cells = b"".join(b'<c t="s" r="A1"><v>%d</v></c>' % n for n in (0, 1, 1, 7))
    whole = shared_strings.measure_strings([part])
    around = len(b"<x:si><x:t></x:t></x:si>")
    assert list(whole)[:2] == [3 + around, 300 + around]
    for size in (1, 7, 100):
        pieces = [part[at : at + size] for at in range(0, len(part), size)]
        assert shared_strings.measure_strings(pieces) == whole
        pieces = [cells[at : at + size] for at in range(0, len(cells), size)]
        assert shared_strings.expand_cells(pieces, whole) == (4, whole[0] + 2 * whole[1])
        use = shared_strings.SharedUse()
        for piece in pieces:
            use.add(piece)
        assert use.cells == 4


@pytest.mark.parametrize(
    "rows",
    [
        b"<row/>" * 2000 + b"<row>" + b"<c/>" * 600 + b"<c><v>1</v></c></row>",
        b'<x:row r="2000"><x:c a=">" r="XA2000"><x:v>1</x:v></x:c></x:row>',
        b"<row r='2000'><c\n  x=\" r='A1'\"\tr = 'xa2000' ><v>1</v></c></row>",
    ],
)
def test_however_a_cell_tells_its_place_it_is_measured(rows):
    limits = blocks.Limits(1 << 20, 200, 1 << 28, sheet_cells=1_000_000)
    raw = sources.read(far_workbook(first_row=rows), "a.xlsx", limits)
    assert [fault.rule_id for fault in raw.broken] == ["source.sheet_extent"]


def test_measuring_tags_together_and_one_by_one_agree(monkeypatch):
    rows = b"".join(
        b'<row r="%d" spans="1:3" x14ac:dyDescent="0.25"><c r="A%d" s="1" t="s"><v>%d</v></c><c r="ZZ%d" s="2"/>%b</row>'
        % (n, n, n, n, b"<c t='n'><v>1</v></c>" if n % 50 == 0 else b'<c r="C%d"><v>a:b c</v></c>' % n)
        for n in range(1, 400)
    )
    found = []
    for size in (7, 61, 1000, len(rows)):
        for take in ("_take_plain", "_take_any"):
            extent = workbooks._Extent(LIMITS)
            with monkeypatch.context() as patched:
                if take == "_take_any":
                    patched.setattr(workbooks._Extent, "_take_plain", lambda *_: False)
                for at in range(0, len(rows), size):
                    extent.add(rows[at : at + size])
            found.append((extent._rows, extent._columns, extent._row))
    assert set(found) == {(399, 703, 399)}


def test_cells_without_content_do_not_count():
    limits = blocks.Limits(1 << 20, 200, 1 << 28, sheet_cells=100)
    rows = b'<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>1</v></c></row><row r="9999"><c r="XA9999" s="1"/></row>'
    assert sources.read(far_workbook(first_row=rows), "a.xlsx", limits).headers == ("1", "1")


def test_a_binary_worksheet_under_another_name_is_refused():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/workbook.bin", b"0")
    assert sources.read(packed.getvalue(), "a.xlsx").broken[0].rule_id == "source.unreadable"


@pytest.mark.parametrize("first", ["", '{"a": 1, "b": 2}\n'])
def test_json_nested_too_deep_loses_its_own_line_only(first):
    raw = read(first + "[" * 100_000 + '\n{"a": 1, "b": 3}\n', "a.jsonl")
    assert [fault.rule_id for fault in raw.broken] == ["source.json"]
    assert columns(raw)[1][-1] == "3"


def lines(content):
    return enumerate(content.split(b"\n"), start=1)


def by_line(raw):
    """Rows of a file by their line, whatever order they were read in."""
    rows = zip(*columns(raw), strict=True)
    return dict(
        zip(raw.lines.to_pylist(), (dict(zip(raw.headers, row, strict=True)) for row in rows), strict=True)
    )


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":")])
@pytest.mark.parametrize("text", ["x", ", x", ', "x'])
def test_uniform_json_lines_are_read_as_line_by_line(text, separators, monkeypatch):
    rows = [
        {
            "a": f"名{n}",
            "b": n,
            "c": None if n % 3 else "null",
            "d": n % 2 == 0,
            "e": f"{n}{text}",
            "f": -1.50,
        }
        for n in range(50)
    ]
    content = "".join(
        json.dumps(row, ensure_ascii=False, separators=separators) + "\n" for row in rows
    ).encode()
    careful = jsonl._read_lines(lines(content))
    if text == "x":
        monkeypatch.setattr(jsonl, "_read_lines", None)
    fast = jsonl._read_uniform(content, 1)
    assert fast is not None
    assert fast.headers == careful.headers
    assert by_line(fast) == by_line(careful)


ODD_LINES = [
    '{"b": 2, "a": 1}',
    '{"a": "x\\"y", "b": 2}',
    '{"a": "x\\u4e2d", "b": 2}',
    '{"a": "1,234", "b": 2}',
    '{"a": "x, \\"b\\": 3", "b": 2}',
    '{"a": 1, "b": {"c": 2}}',
    '{"a": 1, "b": [2]}',
    '{"a": 1, "b": 2}}',
    '{"a": 1, "b": "2}"}',
    '{"a": 1, "b": "2"',
    '{"a": 1, "b": 2, "c": 3}',
    '{"a": 1}',
    '{"a": "x"y", "b": 2}',
    '{"a": x, "b": 2}',
    '{"a": , "b": 2}',
    '{"a": "", "b": null}',
    "not json",
    '{"a": 1, "b": 2}\r',
]


@pytest.mark.parametrize("odd", ODD_LINES)
@pytest.mark.parametrize("first", ['{"a": 1, "b": 2}', '{"a": "一, 二", "b": 2}'])
def test_odd_json_lines_among_uniform_ones_are_read_one_by_one(first, odd):
    content = "\n".join([first, odd, first, odd, '{"a": "三", "b": null}\n']).encode()
    careful = jsonl._read_lines(lines(content))
    fast = jsonl._read_uniform(content, 1)
    assert fast is not None
    assert set(fast.headers) == set(careful.headers)
    assert by_line(fast) == by_line(careful)
    assert fast.broken == careful.broken


@pytest.mark.parametrize(
    "text",
    ["", '{"a": 1, "b": 2}\n\n', "not json\n", '{"a": {"b": 1, "c": 2}, "d": 3}\n', '{"a": 1}\n', "[1, 2]\n"],
)
def test_json_with_blank_lines_or_an_odd_first_one_is_read_line_by_line(text):
    assert jsonl._read_uniform((text + '{"a": 1, "b": 2}\n').encode() if text else b"", 1) is None


def test_marks_that_two_lines_have_too_many_and_too_few_of_do_not_hide_each_other():
    content = b'{"a": "x", "b": 2}\n{"a": "x"y"z", "b": 2}\n{\'a\': "x", "b": 2}\n'
    fast, careful = jsonl._read_uniform(content, 1), jsonl._read_lines(lines(content))
    assert by_line(fast) == by_line(careful)
    assert [fault.line for fault in fast.broken] == [2, 3]
