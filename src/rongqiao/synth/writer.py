"""Writes one block's share of the deliveries as departments send them, and remembers where each planted mistake stands."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
from isal import igzip

from rongqiao.contracts.standards import load_contract
from rongqiao.synth.block import Delivery
from rongqiao.synth.dirt import REGISTRY_KINDS, Dirt, DirtRates, plant, shift
from rongqiao.synth.styles import HouseStyle, header_of, render, style_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rongqiao.contracts.standards import Contract

CORRECTIONS_EVERY = 6
LARGEST_SPREADSHEET = 150_000
# Social insurance changed to spreadsheets lately; the first invoice file is long and comes compressed.
_LATE_SPREADSHEETS = {"human_resources.social_insurance": 2}
_COMPRESSED_FIRST = ("taxation.invoice_summary",)
_EPOCH = (2024, 1, 1, 0, 0, 0)

DIRT_SCHEMA = pa.schema(
    [
        ("contract_id", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("kind", pa.string()),
        ("column", pa.string()),
        ("uscc", pa.string()),
        ("true_value", pa.string()),
        ("dirty_value", pa.string()),
    ]
)
CORRECTION_SCHEMA = pa.schema(
    [("contract_id", pa.string()), ("uscc", pa.string()), ("column", pa.string()), ("wrong_value", pa.string()),
     ("right_value", pa.string()), ("file", pa.string()), ("correction_file", pa.string())]
)  # fmt: skip


class DeliveryWriter:
    """Writer of one block's rows of every delivery; :mod:`rongqiao.synth.assembly` joins the blocks and puts the heads on.

    Parameters
    ----------
    root : Path
        Folder for the rows of this block.
    rates : DirtRates
        How much dirt to plant.
    is_large : bool
        A whole province's files: no spreadsheets, and everything compressed.

    Attributes
    ----------
    rows : dict
        File below the root → rows written.
    heads : dict
        File → header as bytes, with the encoding's mark; empty for files that have none or carry it themselves.
    """

    def __init__(self, root: Path, rates: DirtRates, *, is_large: bool = False) -> None:
        self.root = root
        self.rates = rates
        self.is_large = is_large
        self.rows: dict[str, int] = {}
        self.heads: dict[str, bytes] = {}
        self.dirt: list[dict[str, Any]] = []
        self.corrections: list[dict[str, Any]] = []

    def write_all(self, deliveries: Iterable[Delivery], random: np.random.Generator, part: int) -> None:
        """Write one contract's deliveries of one block, oldest first, corrections among them.

        Parameters
        ----------
        deliveries : iterable of Delivery
            In order of days.
        random : numpy.random.Generator
            Decides the mistakes.
        part : int
            Number of the block: spreadsheets cannot be appended to and become one file per block.
        """
        known = list(deliveries)
        regular = [delivery for delivery in known if not delivery.tag]
        pending: list[tuple[pa.Table, dict[str, Any]]] = []
        for delivery in known:
            position = next((place for place, sent in enumerate(regular) if sent is delivery), None)
            is_last = position == len(regular) - 1
            if (
                position is not None
                and pending
                and (is_last or position % CORRECTIONS_EVERY == CORRECTIONS_EVERY - 1)
            ):
                self._write_corrections(delivery, pending)
                pending = []
            suffix = self._suffix(delivery, position, len(regular))
            pending += self._write(delivery, random, suffix, part, may_correct=not is_last)

    def _suffix(self, delivery: Delivery, position: int | None, count: int) -> str:
        suffix = style_of(delivery.contract_id).suffix
        if position is not None and position >= count - _LATE_SPREADSHEETS.get(delivery.contract_id, 0):
            suffix = "xlsx"
        if position == 0 and delivery.contract_id in _COMPRESSED_FIRST:
            suffix = "csv.gz"
        if suffix == "xlsx" and (self.is_large or delivery.rows.num_rows > LARGEST_SPREADSHEET):
            suffix = "csv"
        return f"{suffix}.gz" if self.is_large and not suffix.endswith("gz") else suffix

    def _path(self, delivery: Delivery, suffix: str, part: int) -> Path:
        tags = [tag for tag in (delivery.tag, f"part{part + 1}" if part and suffix == "xlsx" else "") if tag]
        stem = "_".join([delivery.delivered_on.isoformat(), *tags])
        return self.root / delivery.contract_id / f"{stem}.{suffix}"

    def _write(
        self, delivery: Delivery, random: np.random.Generator, suffix: str, part: int, *, may_correct: bool
    ) -> list[tuple[pa.Table, dict[str, Any]]]:
        """Write one delivery; returns the rows that a later one will correct."""
        if not delivery.rows.num_rows:
            return []
        contract, style = load_contract(delivery.contract_id), style_of(delivery.contract_id)
        texts = render(delivery.rows, contract, style)
        planted = (
            [] if delivery.tag else self._plant(contract, texts, random, suffix, may_correct=may_correct)
        )
        path = self._path(delivery, suffix, part)
        file = path.relative_to(self.root).as_posix()
        first_row = self.rows.get(file, 0) + 1
        codes = delivery.rows["uscc"].to_pylist() if planted else []
        copies = [dirt.row for dirt in planted if dirt.kind == "duplicate_row"]
        texts = _apply(texts, planted, is_csv=suffix.startswith("csv"))
        if copies:
            texts = {
                key: pa.concat_arrays([column, column.take(pa.array(copies))])
                for key, column in texts.items()
            }
        broken = [dirt.row for dirt in planted if dirt.kind == "broken_line"]
        self._store(path, texts, contract, style, suffix, broken)
        copied = 0
        pending = []
        for dirt in planted:
            line = first_row + dirt.row
            if dirt.kind == "duplicate_row":
                line = first_row + delivery.rows.num_rows + copied
                copied += 1
            self.dirt.append(_dirt_row(contract.id, file, line, dirt, codes[dirt.row]))
            if dirt.kind == "late_correction":
                pending.append((delivery.rows.slice(dirt.row, 1), self.dirt[-1]))
        return pending

    def _plant(
        self,
        contract: Contract,
        texts: dict[str, pa.Array],
        random: np.random.Generator,
        suffix: str,
        *,
        may_correct: bool,
    ) -> list[Dirt]:
        rows = len(texts["uscc"])
        touched = np.flatnonzero(random.random(rows) < self.rates.share)
        kinds = REGISTRY_KINDS if contract.id == "market_regulation.registry" else tuple(self.rates.weights)
        if not suffix.startswith("csv"):
            kinds = tuple(kind for kind in kinds if kind != "broken_line")
        if not may_correct:
            kinds = tuple(kind for kind in kinds if kind != "late_correction")
        sample = {key: column.take(pa.array(touched)).to_pylist() for key, column in texts.items()}
        planted = plant(contract, sample, self.rates, random, kinds=kinds)
        return [shift(dirt, int(touched[dirt.row])) for dirt in planted]

    def _write_corrections(self, delivery: Delivery, pending: list[tuple[pa.Table, dict[str, Any]]]) -> None:
        """Send the right rows again, with the same keys, in a file of their own."""
        suffix = style_of(delivery.contract_id).suffix
        suffix = "csv" if suffix == "xlsx" else suffix
        suffix = f"{suffix}.gz" if self.is_large else suffix
        rows = pa.concat_tables([row for row, _ in pending])
        correction = Delivery(delivery.contract_id, delivery.delivered_on, rows, "correction")
        contract, style = load_contract(delivery.contract_id), style_of(delivery.contract_id)
        path = self._path(correction, suffix, 0)
        self._store(path, render(rows, contract, style), contract, style, suffix, [])
        file = path.relative_to(self.root).as_posix()
        for _, dirt in pending:
            self.corrections.append(
                {
                    "contract_id": contract.id,
                    "uscc": dirt["uscc"],
                    "column": dirt["column"],
                    "wrong_value": dirt["dirty_value"],
                    "right_value": dirt["true_value"],
                    "file": dirt["file"],
                    "correction_file": file,
                }
            )

    def _store(
        self,
        path: Path,
        texts: dict[str, pa.Array],
        contract: Contract,
        style: HouseStyle,
        suffix: str,
        broken: list[int],
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.relative_to(self.root).as_posix()
        rows = len(texts["uscc"])
        headers = [header_of(item, style) for item in contract.items]
        newline = "\r\n" if style.encoding == "gb18030" else "\n"
        if suffix == "xlsx":
            path.write_bytes(_spreadsheet(contract, headers, texts))
            head = b""
        else:
            is_json = suffix.startswith("jsonl")
            lines = _json_lines(contract, texts) if is_json else _csv_lines(texts, broken)
            data = (newline.join(lines) + newline).encode(style.encoding.removesuffix("-sig"))
            with path.open("ab") as opened:
                opened.write(compress(data) if suffix.endswith("gz") else data)
            head = b"" if is_json else (",".join(headers) + newline).encode(style.encoding)
        self.rows[file] = self.rows.get(file, 0) + rows
        self.heads.setdefault(file, head)

    def truth(self) -> tuple[pa.Table, pa.Table]:
        """Mistakes, with the row of this block on which each stands (from 1), and corrections."""
        return (
            pa.Table.from_pylist(self.dirt, DIRT_SCHEMA),
            pa.Table.from_pylist(self.corrections, CORRECTION_SCHEMA),
        )


def compress(data: bytes) -> bytes:
    """Compress as one gzip member, the same bytes for the same data; members may follow each other in a file."""
    packed: bytes = igzip.compress(data, compresslevel=1, mtime=0)
    return packed


def _dirt_row(contract_id: str, file: str, line: int, dirt: Dirt, uscc: str) -> dict[str, Any]:
    return {
        "contract_id": contract_id,
        "file": file,
        "line": line,
        "kind": dirt.kind,
        "column": dirt.column,
        "uscc": uscc,
        "true_value": dirt.true_value,
        "dirty_value": dirt.dirty_value,
    }


def _apply(texts: dict[str, pa.Array], planted: list[Dirt], *, is_csv: bool) -> dict[str, pa.Array]:
    """Replace the touched cells; a comma inside a CSV field needs quotes."""
    touched: dict[str, dict[int, str]] = {}
    for dirt in planted:
        if dirt.column and dirt.dirty_value is not None:
            value = f'"{dirt.dirty_value}"' if is_csv and "," in dirt.dirty_value else dirt.dirty_value
            touched.setdefault(dirt.column, {})[dirt.row] = value
    for column, cells in touched.items():
        mask = np.zeros(len(texts[column]), dtype=bool)
        mask[list(cells)] = True
        values = pa.array([cells[row] for row in sorted(cells)], pa.string())
        texts[column] = pc.replace_with_mask(texts[column], pa.array(mask), values)
    return texts


def _csv_lines(texts: dict[str, pa.Array], broken: list[int]) -> list[str]:
    joined = pc.binary_join_element_wise(*texts.values(), ",", null_handling="replace", null_replacement="")
    lines: list[str] = joined.to_pylist()
    for row in broken:
        lines[row] = ",".join(lines[row].split(",")[:3])
    return lines


def _json_lines(contract: Contract, texts: dict[str, pa.Array]) -> list[str]:
    """Objects with English ids; numbers bare unless a clerk wrote text into them."""
    fields = []
    for position, item in enumerate(contract.items):
        column = texts[item.id]
        is_number = item.type in ("decimal", "integer", "month")
        plain = pc.match_substring_regex(column, r"^-?[0-9]+(\.[0-9]+)?$") if is_number else pa.scalar(False)
        quoted = pc.binary_join_element_wise('"', column, '"', "")
        value = pc.fill_null(pc.if_else(plain, column, quoted) if is_number else quoted, "null")
        opening = "{" if position == 0 else ", "
        fields.append(pc.binary_join_element_wise(f'{opening}"{item.id}": ', value, ""))
    lines: list[str] = pc.binary_join_element_wise(*fields, "}", "").to_pylist()
    return lines


def _spreadsheet(contract: Contract, headers: list[str], texts: dict[str, pa.Array]) -> bytes:
    """Make a workbook with one sheet, the same bytes for the same rows (the library stamps the clock; we unstamp it)."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(contract.title)
    sheet.append(headers)
    for row in zip(*(column.to_pylist() for column in texts.values()), strict=True):
        sheet.append(row)
    stamped = io.BytesIO()
    book.save(stamped)
    plain = io.BytesIO()
    with zipfile.ZipFile(stamped) as source, zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist()):
            if name == "docProps/core.xml":
                content = b'<?xml version="1.0"?><cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>'
            else:
                content = source.read(name)
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, content)
    return plain.getvalue()
