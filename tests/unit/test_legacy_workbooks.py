"""Old workbooks are measured before they are opened: what their records say, not what their size is."""

from __future__ import annotations

import io
import struct
import zipfile

import openpyxl
import pytest

from rongqiao.governance import sources
from rongqiao.governance.discovery.sheets import Faults, open_sheets
from rongqiao.governance.sources.blocks import DEFAULT_LIMITS, LimitError
from rongqiao.governance.sources.legacy_workbooks import check_legacy_workbook
from rongqiao.kernel.errors import InvalidValueError

FREE, END, TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def record(kind, data=b""):
    return struct.pack("<HH", kind, len(data)) + data


def number(row, column, value=1.0):
    return record(0x0203, struct.pack("<HHHd", row, column, 0, value))


def declared(rows, columns):
    return record(0x0200, struct.pack("<IIHHH", 0, rows, 0, columns, 0))


def several(row, first, last):
    cells = b"".join(struct.pack("<HI", 0, 0) for _ in range(last - first + 1))
    return record(0x00BD, struct.pack("<HH", row, first) + cells + struct.pack("<H", last))


def shared(row, number):
    return record(0x00FD, struct.pack("<HHHI", row, 0, 0, number))


def table(*strings):
    """Shared strings, each but the first cut into two records, the rest in characters of two bytes."""
    data = struct.pack("<II", len(strings), len(strings))
    written = record(0x00FC, data + struct.pack("<HB", len(strings[0]), 0) + strings[0].encode())
    for text in strings[1:]:
        half = len(text) // 2
        written += record(0x003C, struct.pack("<HB", len(text), 0) + text[:half].encode())
        written += record(0x003C, b"\1" + text[half:].encode("utf-16-le"))
    return written


def workbook(*sheets, begin_at=(), strings=b""):
    """Write the workbook's stream: each sheet a string of records; ``begin_at`` has sheets begin so far after the first one."""
    begin = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)) + strings
    names = [f"S{place}".encode() for place in range(len(begin_at or sheets))]
    listed = sum(4 + 8 + len(name) for name in names)
    place, found = len(begin) + listed + 4, []
    bodies = [
        record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0)) + each + record(0x000A)
        for each in sheets
    ]
    for body in bodies:
        found.append(place)
        place += len(body)
    found = [found[0] + far for far in begin_at] or found
    heads = [
        record(0x0085, struct.pack("<IBBBB", at, 0, 0, len(name), 0) + name)
        for at, name in zip(found, names, strict=False)
    ]
    return begin + b"".join(heads) + record(0x000A) + b"".join(bodies)


def entry(name, kind, start, size, child=FREE):
    written = name.encode("utf-16-le") + b"\0\0"
    head = written.ljust(64, b"\0") + struct.pack("<HBBIII", len(written), kind, 1, FREE, FREE, child)
    return head.ljust(116, b"\0") + struct.pack("<IQ", start, size)


def compound(stream):
    """Lay a stream out as a compound file does: the allocation table, the directory, the stream."""
    size = max(len(stream), 4096)
    sectors = -(-size // 512)
    tables = -(-(sectors + 2) // 127)
    chain = [TABLE] * tables + [END] + [tables + 2 + at for at in range(sectors)]
    chain[-1] = END
    chain += [FREE] * (tables * 128 - len(chain))
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(6)
        + struct.pack("<IIIIIIIII", 0, tables, tables, 0, 4096, END, 0, END, 0)
        + struct.pack("<109I", *range(tables), *[FREE] * (109 - tables))
    )
    directory = entry("Root Entry", 5, END, 0, child=1) + entry("Workbook", 2, tables + 1, size)
    return (
        header
        + struct.pack(f"<{len(chain)}I", *chain)
        + directory.ljust(512, b"\0")
        + stream.ljust(sectors * 512, b"\0")
    )


def test_an_honest_one_is_read(tmp_path):
    path = tmp_path / "a.xls"
    path.write_bytes(compound(workbook(declared(2, 2) + number(0, 0) + number(1, 1, 2.5), number(1, 0, 7))))
    first, second = open_sheets(path)
    assert list(first.read(Faults())) == [(1, ["1", ""]), (2, ["", "2.5"])]
    assert list(second.read(Faults())) == [(2, ["7"])]


FAR = number(0, 0) + number(65_535, 255)
BOMBS = {
    "far corners of several sheets": workbook(*[FAR] * 3),
    "a row of many cells": workbook(*[several(65_535, 0, 255)] * 2),
    "declared": workbook(record(0x0200, struct.pack("<IIHHH", 0, 0xFFFFFFFF, 0, 0xFFFF, 0)) + number(0, 0)),
    "sheets that overlap": workbook(number(0, 0) * 400, begin_at=[20 + 18 * at for at in range(300)]),
}  # fmt: skip


@pytest.mark.parametrize("stream", BOMBS.values(), ids=BOMBS.keys())
def test_one_that_would_fill_memory_is_refused_before_it_is_opened(tmp_path, stream, monkeypatch):
    path = tmp_path / "a.xls"
    path.write_bytes(compound(stream))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(
        "rongqiao.governance.discovery.sheets.CalamineWorkbook.from_filelike", lambda _: pytest.fail("opened")
    )
    with pytest.raises(InvalidValueError, match=r"未予接收：.*另存为 CSV"):
        open_sheets(path)


def test_the_limit_holds_for_all_sheets_together():
    sheet = number(0, 0) + number(9_999, 99)
    limits = DEFAULT_LIMITS.__class__(1, 1, 1, sheet_cells=2_000_000)
    check_legacy_workbook(compound(workbook(sheet, sheet)), limits)
    with pytest.raises(LimitError, match="各表合计 3000000 格"):
        check_legacy_workbook(compound(workbook(sheet, sheet, sheet)), limits)


def test_text_that_many_cells_share_is_measured():
    strings = table("ab", "y" * 4000, "z")
    sheet = b"".join(shared(row, 1) for row in range(2000))
    limits = DEFAULT_LIMITS.__class__(1, 200, 1 << 20)
    with pytest.raises(LimitError, match="重复引用") as refused:
        check_legacy_workbook(compound(workbook(sheet, strings=strings)), limits)
    assert refused.value.rule_id == "source.repeated_strings"
    short = b"".join(shared(row, row % 2 * 2) for row in range(2000))
    check_legacy_workbook(compound(workbook(short, strings=strings)), limits)


def test_a_string_that_cannot_be_followed_counts_as_all_of_them():
    strings = record(0x00FC, struct.pack("<IIHB", 1, 1, 60_000, 0) + b"x" * 4000)
    sheet = b"".join(shared(row, 0) for row in range(2000))
    with pytest.raises(LimitError):
        check_legacy_workbook(
            compound(workbook(sheet, strings=strings)), DEFAULT_LIMITS.__class__(1, 100, 1 << 20)
        )


@pytest.mark.parametrize("cut", [600, 2000, -4096])
def test_one_that_is_cut_off_is_named_and_stops_nothing(tmp_path, cut):
    path = tmp_path / "a.xls"
    path.write_bytes(compound(workbook(number(0, 0) * 300))[:cut])
    with pytest.raises(InvalidValueError, match=r"a\.xls"):
        open_sheets(path)


def test_chains_that_come_back_to_themselves_end():
    content = bytearray(compound(workbook(number(0, 0))))
    struct.pack_into("<I", content, 512 + 4 * 3, 2)
    check_legacy_workbook(bytes(content), DEFAULT_LIMITS)


def both(stream):
    """A file that is an old workbook at its beginning and a new one at its end."""
    book, packed = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["甲", "乙"])
    book.save(packed)
    old = compound(stream)
    joined = io.BytesIO(old)
    joined.seek(0, io.SEEK_END)
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(joined, "a") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    return joined.getvalue()


def test_a_file_of_both_forms_is_measured_as_the_old_one_too(tmp_path):
    content = both(workbook(*[FAR] * 3))
    assert zipfile.is_zipfile(io.BytesIO(content))
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(InvalidValueError, match="未予接收"):
        open_sheets(path)
    (line,) = sources.read(content, "a.xlsx").broken
    assert (line.rule_id, "另存为 xlsx" in line.message) == ("source.unreadable", True)
