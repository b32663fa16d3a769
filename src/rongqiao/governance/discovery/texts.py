"""Text files line by line: a stray quotation mark swallows only its own line, and no line is held that has no end."""

from __future__ import annotations

import csv
import io
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from rongqiao.governance.discovery.encodings import SAMPLE, find_encoding, find_separator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Characters of one line, and lines of one quoted field, beyond which it is taken for broken.
LONGEST_LINE, LONGEST_FIELD = 1 << 20, 20
_REPLACED = "\ufffd"


@dataclass(frozen=True, slots=True)
class Form:
    """How a text is written: encoding, separator, and the sign that ends its lines (``None``: any)."""

    encoding: str
    separator: str
    newline: str | None


def examine(stream: IO[bytes]) -> Form:
    """Find out from the first bytes how a text is written."""
    sample = stream.read(SAMPLE)
    encoding = find_encoding(sample)
    text = sample.decode(encoding, errors="replace")
    is_old = text.count("\r") > 2 * text.count("\n")
    lines = text.splitlines()[:60]
    return Form(encoding, find_separator(lines), None if is_old else "\n")


def read_rows(
    stream: IO[bytes], form: Form, report: Callable[[int, str, str], None]
) -> Iterator[tuple[int, list[str]]]:
    """Yield every row that is not blank, with the number of its first line; what is no row is reported."""
    text = io.TextIOWrapper(stream, form.encoding, errors="replace", newline=form.newline)
    csv.field_size_limit(LONGEST_LINE)
    try:
        yield from _split_lines(text, form, report)
    finally:
        # The stream is the caller's to close.
        text.detach()


def _split_lines(
    text: IO[str], form: Form, report: Callable[[int, str, str], None]
) -> Iterator[tuple[int, list[str]]]:
    for number, line in _logical_lines(text, report):
        if not line.strip(form.separator + " \r\n"):
            continue
        if _REPLACED in line:
            report(number, f"含有不属于 {form.encoding} 编码的字节", line)
            continue
        try:
            yield (
                number,
                [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=form.separator))],
            )
        except csv.Error:
            report(number, "无法分列（字段过长，或引号、换行不成对）", line)


def _logical_lines(text: IO[str], report: Callable[[int, str, str], None]) -> Iterator[tuple[int, str]]:
    """Join lines while a quoted field is open; if it never closes, the line that opened it is broken and the others stand."""
    waiting: deque[tuple[int, str]] = deque()
    lines = _physical_lines(text, report)
    is_over = False
    while True:
        found = _take_logical(waiting)
        if found is not None:
            yield found
        elif not is_over and len(waiting) < LONGEST_FIELD:
            following = next(lines, None)
            is_over = following is None
            if following is not None:
                waiting.append(following)
        elif waiting:
            number, line = waiting.popleft()
            report(number, "引号不成对", line)
        else:
            return


def _take_logical(waiting: deque[tuple[int, str]]) -> tuple[int, str] | None:
    """Take the shortest run of lines from the front in which quotation marks are balanced."""
    quotes = 0
    for count, (_, line) in enumerate(waiting, start=1):
        quotes += line.count('"')
        if quotes % 2 == 0:
            taken = [waiting.popleft() for _ in range(count)]
            return taken[0][0], "\n".join(one for _, one in taken)
    return None


def _physical_lines(text: IO[str], report: Callable[[int, str, str], None]) -> Iterator[tuple[int, str]]:
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if len(line) < LONGEST_LINE or line.endswith("\n"):
            # A return inside a line, as a cell with two lines leaves it, is no end of the row.
            yield number, line.rstrip("\r\n").replace("\r", " ")
            continue
        report(number, f"一行超过 {LONGEST_LINE} 个字符", line)
        while (rest := text.readline(LONGEST_LINE)) and not rest.endswith("\n"):
            pass
