"""Where the header of a sheet stands: below titles, over several levels, or nowhere."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rongqiao.governance.discovery.sheets import Row

#: Rows from the top that the layout is taken from, and among which the header must stand.
LOOKED_AT, HIGHEST_HEADER = 200, 20
#: A label is short; a cell with more characters, outside brackets, is a value.
LONGEST_LABEL = 40
#: What spreadsheet programs write where a header cell was empty.
_ARTEFACT = re.compile(r"(Unnamed: \d+(_level_\d+)?|/(\.\d+)?|nan|None)")
_VALUE = re.compile(
    r"[-+]?[\d,]+(\.\d+)?([eE][-+]?\d+)?%?|\d{4}\s*[-./年]\s*\d{1,2}.*|\d{1,2}/\d{1,2}/\d{4}.*|[0-9A-Z]{15,}"
    r"|\d{4}年|.*[〔\[【（(]\d{4}[〕\]】）)].*号.*|.{2,}(公司|合作社|事务所|集团|委员会)([（(].{0,6}[）)])?"
)
_LABEL_WORDS = re.compile(
    r"序号|名称|代码|编号|日期|时间|类型|类别|单位|金额|地址|状态|企业|姓名|电话|备注|结果|年度|年份|号$|id$",
    re.IGNORECASE,
)
_UNIT = re.compile(r"(?:金额)?单位\s*[:：]\s*([\u4e00-\u9fff]{1,6})")
_BRACKETED = re.compile(r"[（(\[【].*?[）)\]】]")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a sheet is laid out.

    Parameters
    ----------
    header_lines : tuple of int
        Lines that the header stands on, group levels first; empty where the sheet has none.
    headers : tuple of str
        One per column, levels joined by ``_``; ``列3`` where there is none.
    levels : tuple of tuple of str
        The same header rows as they stand, blanks filled from their group.
    titles : tuple of str
        Lines above the header.
    unit : str
        Unit that a title states for all amounts.
    body_line : int
        First line that may be data.
    """

    header_lines: tuple[int, ...]
    headers: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    titles: tuple[str, ...]
    unit: str
    body_line: int


def find_layout(rows: Sequence[Row], declared: Sequence[str] = ()) -> Layout:
    """Find the header among the first rows.

    Parameters
    ----------
    rows : Sequence
        First rows of the sheet, `LOOKED_AT` at most, none of them blank.
    declared : Sequence[str]
        Names that the form itself declares; then every row is data.
    """
    if declared:
        return Layout((), tuple(declared), (), (), "", 1)
    plain = [(line, [_clean(cell) for cell in cells]) for line, cells in rows]
    width = _width(plain)
    at = _find_header(plain, width)
    top = 0 if at is None else at
    titles = tuple(cell for _, cells in plain[: _first_group(plain, top, width)] for cell in cells if cell)
    unit = next((found[1] for text in titles if (found := _UNIT.search(text))), "")
    if at is None:
        first = plain[0][0] if plain else 1
        return Layout((), tuple(f"列{number}" for number in range(1, width + 1)), (), (), unit, first)
    last = _last_level(plain, at, width)
    block = plain[_first_group(plain, at, width) : last + 1]
    levels = tuple(
        tuple(_fill_right(_pad(cells, width), is_last=number == len(block)))
        for number, (_, cells) in enumerate(block, 1)
    )
    lines = tuple(line for line, _ in block)
    return Layout(lines, _join(levels, width), levels, titles, unit, lines[-1] + 1)


def is_repeated_header(cells: Sequence[str], layout: Layout) -> bool:
    """Whether a row in the body is the header once more, as where pages were put together."""
    filled = [(_clean(cell), at) for at, cell in enumerate(cells) if _clean(cell)]
    if len(filled) < 2 or not layout.levels:
        return False
    return any(all(at < len(level) and level[at] == cell for cell, at in filled) for level in layout.levels)


def is_note(cells: Sequence[str], width: int) -> bool:
    """Whether a row is a remark or a total line, not a record: one filled cell among many, or a total's name in front."""
    filled = [cell for cell in cells if _clean(cell)]
    if width >= 3 and len(filled) == 1 and len(filled[0]) > 1 and not _VALUE.fullmatch(filled[0]):
        return True
    return (
        bool(filled)
        and re.fullmatch(r"(合\s*计|总\s*计|小\s*计|注[:：].*|说明[:：].*|备注[:：].*)", filled[0])
        is not None
    )


def is_artefact(cell: str) -> bool:
    """Whether a program wrote the cell where there was nothing."""
    return cell.startswith("Unnamed: ") and _ARTEFACT.fullmatch(cell) is not None


def _clean(cell: str) -> str:
    cell = re.sub(r"\s+", " ", cell).strip()
    return "" if _ARTEFACT.fullmatch(cell) else cell


def _pad(cells: Sequence[str], width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))][:width]


def _width(rows: Sequence[Row]) -> int:
    """Columns that hold something, by the rightmost filled cell that more than a stray row reaches."""
    reach = Counter(max((at + 1 for at, cell in enumerate(cells) if cell), default=0) for _, cells in rows)
    reached = sorted(reach.elements())
    return (
        max(reached[int(len(reached) * 0.98)] if reached else 1, 1)
        if len(reached) > 50
        else max(reached, default=1)
    )


def _is_label(cell: str) -> bool:
    bare = _BRACKETED.sub("", cell)
    return len(bare) <= LONGEST_LABEL and not _VALUE.fullmatch(cell)


def _find_header(rows: Sequence[Row], width: int) -> int | None:
    """Position of the first row that names its columns: nothing but labels, as many as the rows below have cells."""
    usual = _usual_cells(rows)
    for at, (_, cells) in enumerate(rows[:HIGHEST_HEADER]):
        filled = [cell for cell in cells if cell]
        needed = 1 if width == 1 else max(2, round(0.5 * min(usual, width)))
        if len(filled) < needed or not all(_is_label(cell) for cell in filled):
            continue
        labelled = sum(bool(_LABEL_WORDS.search(cell)) for cell in filled)
        differs = len(set(filled)) >= 0.7 * len(filled)
        if differs and (labelled or all(re.fullmatch(r"[A-Za-z][\w .-]*", cell) for cell in filled)):
            return at
    return None


def _usual_cells(rows: Sequence[Row]) -> int:
    counts = sorted(sum(bool(cell) for cell in cells) for _, cells in rows)
    return counts[len(counts) // 2] if counts else 0


def _first_group(rows: Sequence[Row], at: int, width: int) -> int:
    """Where the levels above the header begin: rows of group names, which do not stand in the first column alone as titles do."""
    first = at
    while first > 0:
        cells = rows[first - 1][1]
        filled = [position for position, cell in enumerate(cells) if cell]
        is_title = (
            not filled
            or (filled == [0])
            or len({cells[position] for position in filled}) == 1 < len(filled) == width
        )
        if (
            is_title
            or not all(_is_label(cells[position]) for position in filled)
            or _UNIT.search("".join(cells))
        ):
            break
        first -= 1
    return first


def _last_level(rows: Sequence[Row], at: int, width: int) -> int:
    """Where the levels end: a row below belongs to the header if it only fills what the row above left open or grouped."""
    last = at
    while last + 1 < min(len(rows), at + 3) and _goes_on(
        _pad(rows[last][1], width), _pad(rows[last + 1][1], width)
    ):
        last += 1
    return last


def _goes_on(above: Sequence[str], below: Sequence[str]) -> bool:
    filled = [at for at, cell in enumerate(below) if cell]
    if not filled or not all(_is_label(below[at]) for at in filled):
        return False

    def is_open(at: int) -> bool:
        repeats = [other for other, cell in enumerate(above) if cell == above[at]]
        starts_group = at + 1 < len(above) and not above[at + 1]
        return not above[at] or starts_group or len(repeats) > 1 or above[at] == below[at]

    return all(is_open(at) for at in filled) and any(above[at] != below[at] for at in filled)


def _fill_right(cells: Sequence[str], *, is_last: bool) -> list[str]:
    """Give the columns of a group its name; the last level stands as it is."""
    if is_last:
        return list(cells)
    filled, group = [], ""
    for cell in cells:
        group = cell or group
        filled.append(group)
    return filled


def _join(levels: Sequence[Sequence[str]], width: int) -> tuple[str, ...]:
    """Join the levels of each column, leave out repetitions, and tell columns of one name apart by number."""
    names: list[str] = []
    for at in range(width):
        parts = list(dict.fromkeys(level[at] for level in levels if level[at]))
        name = "_".join(parts).lstrip("*").rstrip("* ")
        if not levels[-1][at] and names and not any(level[at] for level in levels[:-1]):
            # A header cell over several columns: those that follow carry its name.
            name = re.sub(r"（\d+）$", "", names[-1])
        names.append(name or f"列{at + 1}")
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name}（{seen[name]}）")
    return tuple(told)
