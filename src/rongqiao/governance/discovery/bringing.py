"""Bringing a foreign file in: its rows as a plain CSV delivery under a contract, each on the line where it stood.

What is changed is the layout, never a value: titles and repeated headers go, columns of persons stay outside, and dates that only a program
can read are written as days. The line in the delivery is the line in the source wherever the source has a header; quarantine and traces
then point at the row that a clerk can look up.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import os
import re
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.delivery_files import name_delivery
from rongqiao.governance.discovery.layout import LOOKED_AT, find_layout
from rongqiao.governance.discovery.sheets import Faults, open_sheets
from rongqiao.governance.discovery.staging import Staged, data_rows
from rongqiao.governance.sources import limits_on
from rongqiao.governance.standards import bind_headers
from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rongqiao.contracts.standards import Contract
    from rongqiao.governance.discovery.sheets import Row, Sheet

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  (a day without a zone is what sources mean)
_FIRST_SERIAL = dt.datetime(1899, 12, 30)  # noqa: DTZ001


@dataclass(frozen=True, slots=True)
class Brought:
    """What was brought in: the delivery, the SM3 digest of the source's own bytes, and the rows and faults that were met."""

    path: Path
    source_digest: str
    rows: int
    broken_lines: int
    unmapped: tuple[str, ...]


def bring_in(
    source: Path,
    contract: Contract,
    deliveries: Path,
    *,
    delivered_on: dt.date,
    sheet: str = "",
    tag: str = "",
    titles: Mapping[str, str] | None = None,
) -> Brought:
    """Write a foreign file as a delivery of a contract.

    Parameters
    ----------
    source : Path
    contract : Contract
        Usually one that was finished from the source's own profile.
    deliveries : Path
        Folder of deliveries; the file lands in ``<contract id>/<day>[_<tag>].csv``, whole or not at all.
    delivered_on : datetime.date
    sheet : str
        Worksheet; the first if empty.
    tag : str
        For corrections and parts.
    titles : Mapping
        The data dictionary that the profile was made with.

    Raises
    ------
    InvalidValueError
        If the file cannot be read, has no such worksheet, or none of its headers belongs to the contract.
    """
    chosen = _choose(open_sheets(source, limits_on(delivered_on)), sheet, source.name)
    faults = Faults()
    reading = chosen.read(faults)
    first = list(islice(reading, LOOKED_AT))
    staged = Staged(find_layout(first, chosen.headers), faults=faults)
    titles = {**chosen.titles, **(titles or {})}
    headers = [titles.get(one) or titles.get(one.lower()) or one for one in staged.layout.headers]
    bound = bind_headers(contract, headers)
    if not bound:
        raise InvalidValueError(
            "报送文件的表头", headers[:10], f"没有一列属于数据标准 {contract.id}，请核对文件或表头。"
        )
    forms = {at: contract.item(item_id).date_form for at, (item_id, _) in bound.items()}
    folder = deliveries / contract.id
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name_delivery(delivered_on, ".csv", tag)
    waiting = folder / f".{target.name}.part"
    has_header = bool(staged.layout.header_lines)
    with waiting.open("w", encoding="utf-8", newline="") as file:
        positions = sorted(bound)
        _write(
            file,
            [headers[at] for at in positions],
            _chosen_rows(data_rows(chain(first, reading), staged), positions, forms),
            has_header,
        )
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(target)
    unmapped = tuple(header for at, header in enumerate(headers) if at not in bound)
    return Brought(target, digest_file(source), staged.rows, faults.count, unmapped)


def _choose(sheets: list[Sheet], name: str, source: str) -> Sheet:
    for sheet in sheets:
        if not name or sheet.name == name:
            return sheet
    raise InvalidValueError("工作表", name, f"{source} 中有：{'、'.join(sheet.name for sheet in sheets)}。")


def digest_file(path: Path) -> str:
    """SM3 digest of a file's bytes."""
    digest = hashlib.new("sm3")
    with path.open("rb") as file:
        while portion := file.read(1 << 20):
            digest.update(portion)
    return digest.hexdigest()


def _chosen_rows(
    rows: Iterator[Row], positions: list[int], forms: dict[int, str]
) -> Iterator[tuple[int, list[str]]]:
    readers = [(at, DATE_FORMS.get(forms[at])) for at in positions]
    for line, cells in rows:
        yield line, [read(cells[at]) if read else cells[at] for at, read in readers]


def _write(file: Any, headers: list[str], rows: Iterator[Row], has_header: bool) -> None:
    """Write the header first, and every row on the line that it had; blank lines stand for what was left out."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([header.replace("\n", " ") for header in headers])
    at = 2
    for line, cells in rows:
        wanted = line if has_header else line + 1
        if wanted > at:
            file.write("\n" * (wanted - at))
            at = wanted
        writer.writerow(cells)
        at += 1 + sum(cell.count("\n") for cell in cells)


def _write_serial(value: str) -> str:
    """Write a spreadsheet's day number as a day; what is none stays as it is."""
    try:
        number = float(value)
    except ValueError:
        return value
    return (_FIRST_SERIAL + dt.timedelta(days=number)).date().isoformat() if 0 < number < 80_000 else value


def _write_epoch(value: str) -> str:
    """Write milliseconds since 1970 as a day in China."""
    try:
        moment = _EPOCH + dt.timedelta(milliseconds=float(value), hours=8)
    except (ValueError, OverflowError):
        return value
    return moment.date().isoformat()


def _write_day_first(value: str) -> str:
    found = re.match(r"(\d{1,2})/(\d{1,2})/(\d{4})", value)
    return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}" if found else value


DATE_FORMS: dict[str, Callable[[str], str]] = {
    "excel_serial": _write_serial,
    "epoch_ms": _write_epoch,
    "day_first": _write_day_first,
}
