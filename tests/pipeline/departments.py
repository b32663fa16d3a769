"""Small deliveries written by hand, as departments would send them."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import TYPE_CHECKING

import openpyxl

from rongqiao.kernel.identifiers import complete_uscc

if TYPE_CHECKING:
    from pathlib import Path

ALPHA = complete_uscc("91430100MA4L00001")
BETA = complete_uscc("91430200MA4L00002")
GAMMA = complete_uscc("91430300MA4L00003")
NAMES = {
    ALPHA: "长沙星河精密机械有限公司",
    BETA: "株洲远山新材料股份有限公司",
    GAMMA: "湘潭春禾（集团）有限公司",
}

REGISTRY_HEADERS = [
    "统一社会信用代码", "企业名称", "注册号", "企业类型", "登记状态", "行业代码", "区县代码", "住所", "注册资本（万元）",
    "实缴资本", "成立日期", "法定代表人", "快照日期",
]  # fmt: skip
TAX_HEADERS = [
    "统一社会信用代码", "企业名称", "所属期", "应税销售收入", "应纳增值税额", "已缴增值税额", "已缴企业所得税额",
    "申报期限", "申报日期", "欠税余额",
]  # fmt: skip
TAX_IDS = [
    "uscc", "name", "period", "taxable_sales_cny", "vat_payable_cny", "vat_paid_cny", "cit_paid_cny", "due_on",
    "filed_on", "arrears_cny",
]  # fmt: skip


def registry_row(code, name=None, snapshot="2026-01-05", **changes):
    row = dict(
        zip(
            REGISTRY_HEADERS,
            [code, name or NAMES.get(code, ""), "", "有限责任公司", "在业", "C3071", "430102", "某路1号", "500", "1000000",
             "2015年3月1日", "张三", snapshot],
            strict=True,
        )
    )  # fmt: skip
    return list({**row, **changes}.values())


def tax_row(code, name=None, period="2026-01", sales="120000.00", **changes):
    row = dict(
        zip(
            TAX_HEADERS,
            [code, name if name is not None else NAMES.get(code, ""), period, sales, "3600.00", "3600.00", "0",
             "2026-02-15", "2026-02-10", "0"],
            strict=True,
        )
    )  # fmt: skip
    return list({**row, **changes}.values())


def csv_bytes(headers, rows, encoding="utf-8-sig"):
    lines = [",".join(str(field) for field in row) for row in [headers, *rows]]
    return ("\r\n".join(lines) + "\r\n").encode(encoding)


def put(root: Path, contract: str, name: str, content: bytes) -> Path:
    path = root / contract / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
    return path


def put_xlsx(root: Path, contract: str, name: str, headers, rows) -> Path:
    path = root / contract / name
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    for row in [headers, *rows]:
        book.active.append(row)
    book.save(path)
    return path


def put_jsonl(root: Path, contract: str, name: str, ids, rows) -> Path:
    lines = [json.dumps(dict(zip(ids, row, strict=True)), ensure_ascii=False) for row in rows]
    return put(root, contract, name, ("\n".join(lines) + "\n").encode())


def put_registry(root: Path, rows=None, name="2026-01-06.csv", encoding="gb18030") -> Path:
    rows = rows if rows is not None else [registry_row(code) for code in NAMES]
    return put(root, "market_regulation.registry", name, csv_bytes(REGISTRY_HEADERS, rows, encoding))


def far_workbook(place="XFD1048576", first_row=None, strings=()) -> bytes:
    """Write a workbook of some two kilobytes whose last cell stands at ``place``; ``first_row`` replaces the sheet's rows, ``strings`` are what cells refer to."""
    book = openpyxl.Workbook()
    book.active.append(["统一社会信用代码", "企业名称"])
    packed, changed = io.BytesIO(), io.BytesIO()
    book.save(packed)
    rows = first_row or (
        b'<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1"><v>1</v></c></row>'
        b'<row r="1048576"><c s="0" r="' + place.encode() + b'"><v>2</v></c></row>'
    )
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            content = source.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                head, _, rest = content.partition(b"<sheetData>")
                content = head + b"<sheetData>" + rows + b"</sheetData>" + rest.partition(b"</sheetData>")[2]
            target.writestr(part, content)
        texts = b"".join(b"<si><t>%b</t></si>" % text for text in strings)
        target.writestr("xl/sharedStrings.xml", b"<sst>" + texts + b"</sst>")
    return changed.getvalue()
