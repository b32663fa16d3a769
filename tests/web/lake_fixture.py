"""A tiny lake, as governance, indicators and scoring leave it: two enterprises, a few rows per table."""

from __future__ import annotations

import atexit
import datetime as dt
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from rongqiao.bases.enterprises import publication
from rongqiao.contracts.standards import load_contract
from rongqiao.indicators import write_indicators
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.kernel.period import add_months
from rongqiao.lake.tables import Lake
from tests.web.published_rows import count_rows, put_rows, take_rows

AS_OF, KNOWN_AT = 202610, dt.date(2026, 11, 20)
FIRST, SECOND = complete_uscc("91430102MA4L00000"), complete_uscc("91430203MA4L00001")
#: Files of a lake that no test changes → what its publication told, and the rows it left; two with the same files are one.
PUBLISHED: dict[frozenset[str], tuple[publication.Published, dict[str, bytes]]] = {}
TYPES = {
    "string": pa.string(),
    "integer": pa.int64(),
    "date": pa.date32(),
    "month": pa.int32(),
    "boolean": pa.bool_(),
}


def delivered(
    lake: Lake, contract_id: str, rows: list[dict[str, Any]], *, on: dt.date = dt.date(2026, 11, 18)
) -> str:
    """Publish rows of one batch and its receipt; returns the batch id."""
    contract = load_contract(contract_id)
    batch = f"{contract_id}@{on:%Y%m%d}00000000"
    fields = {
        item.id: pa.decimal128(18, 2)
        if item.physical_type == "DECIMAL(18,2)"
        else TYPES.get(item.type, pa.float64())
        for item in contract.items
    }
    fields |= {
        "enterprise_id": pa.string(),
        "known_at": pa.date32(),
        "batch_id": pa.string(),
        "line": pa.int32(),
    }
    full = [
        {"enterprise_id": row["uscc"], "known_at": on, "batch_id": batch, "line": number, **row}
        for number, row in enumerate(rows, start=2)
    ]
    columns = {
        name: pa.array([_money(row.get(name), kind) for row in full], kind) for name, kind in fields.items()
    }
    lake.append(f"published/{contract_id}", pa.table(columns), transaction=batch)
    receipt = {
        "batch_id": batch,
        "contract_id": contract_id,
        "department": contract.department,
        "file_name": f"{on}.csv",
        "digest": "ab" * 32,
        "size_bytes": 1234,
        "encoding": "gb18030",
        "delivered_on": on,
        "rows_in": len(rows) + 1,
        "rows_accepted": len(rows),
        "rows_quarantined": 1,
        "ledger_index": 7,
    }
    lake.append("operations/receipts", pa.Table.from_pylist([receipt]), transaction=batch)
    return batch


def _money(value: Any, kind: pa.DataType) -> Any:
    import decimal

    return decimal.Decimal(str(value)) if value is not None and pa.types.is_decimal(kind) else value


def enterprises(lake: Lake, *names: tuple[str, str, str], known_at: dt.date = dt.date(2026, 1, 10)) -> None:
    """Replace the resolved registry: (code, name, county)."""
    rows = [
        {
            "enterprise_id": code,
            "uscc": code,
            "name": name,
            "aliases": [],
            "status": "存续",
            "legal_form": "有限责任公司",
            "industry_code": "C3071",
            "county_code": county,
            "address": "湘江路1号",
            "registered_capital_cny": None,
            "established_on": dt.date(2018, 5, 1),
            "legal_rep_name": "周明",
            "legal_rep_id_hmac": None,
            "phone_hmac": None,
            "known_at": known_at,
        }
        for code, name, county in names
    ]
    schema = pa.schema(
        {
            **dict.fromkeys(("enterprise_id", "uscc", "name"), pa.string()),
            "aliases": pa.list_(pa.string()),
            **dict.fromkeys(("status", "legal_form", "industry_code", "county_code", "address"), pa.string()),
            "registered_capital_cny": pa.decimal128(18, 2),
            "established_on": pa.date32(),
            **dict.fromkeys(("legal_rep_name", "legal_rep_id_hmac", "phone_hmac"), pa.string()),
            "known_at": pa.date32(),
        }
    )
    lake.replace("published/enterprises", pa.Table.from_pylist(rows, schema))


def filings(code: str, sales: float = 100_000) -> list[dict[str, Any]]:
    """Two years of monthly tax filings."""
    return [
        {
            "uscc": code,
            "period": add_months(AS_OF, -back),
            "taxable_sales_cny": sales + back,
            "vat_payable_cny": 3000,
            "vat_paid_cny": 3000,
            "cit_paid_cny": 0,
            "due_on": dt.date(2026, 1, 15),
            "filed_on": dt.date(2026, 1, 10),
            "arrears_cny": 0,
        }
        for back in range(24)
    ]


def build_lake(root: Any) -> Lake:
    """Make the whole lake: tax filings, court cases, a penalty no longer public, quality logs, indicators, ratings."""
    shutil.copytree(_built(), root, dirs_exist_ok=True)
    return Lake(root)


@cache
def _built() -> Path:
    """Where the lake stands that all others are copied from, once per process: computing indicators takes seconds."""
    folder = Path(tempfile.mkdtemp(prefix="rq-lake-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    lake = Lake(folder)
    enterprises(lake, (FIRST, "长沙湘辉陶瓷有限公司", "430102"), (SECOND, "株洲轨道配件有限公司", "430203"))
    filed = delivered(lake, "taxation.tax_filing", filings(FIRST) + filings(SECOND)[6:])
    delivered(
        lake,
        "court.judicial_case",
        [
            {"uscc": FIRST, "case_no": "（2026）湘0102民初1号", "role": "defendant", "cause": "买卖合同纠纷", "amount_cny": 50_000, "filed_on": dt.date(2026, 3, 1), "is_dishonest": False},
        ],
    )  # fmt: skip
    delivered(
        lake,
        "market_regulation.penalty",
        [
            {"uscc": FIRST, "document_no": "罚〔2024〕1号", "kind": "fire", "severity": "minor", "amount_cny": 500, "decided_on": dt.date(2024, 3, 1), "published_until": dt.date(2024, 6, 1)},
            {"uscc": FIRST, "document_no": "罚〔2026〕2号", "kind": "safety", "severity": "general", "amount_cny": 9000, "decided_on": dt.date(2026, 6, 1), "published_until": dt.date(2027, 6, 1)},
        ],
    )  # fmt: skip
    logs(lake, filed)
    write_indicators(lake, as_of=AS_OF, known_at=KNOWN_AT)
    rate(lake)
    return folder


def logs(lake: Lake, batch: str) -> None:
    """Write one rule result, one profile and one quarantined row of a batch."""
    day = dt.date(2026, 11, 18)
    rule = load_contract("taxation.tax_filing").rules[0]
    common = {"batch_id": batch, "contract_id": "taxation.tax_filing", "known_at": day}
    result = {
        **common,
        "rule_id": rule.id,
        "family": rule.family,
        "outcome": "warned",
        "rows_checked": 42,
        "rows_failed": 1,
    }
    profile = {
        **common,
        "column": "period",
        "rows": 42,
        "nulls": 0,
        "distinct_count": 24,
        "minimum": "202411",
        "maximum": "202610",
        "top_pattern": "999999",
        "histogram": "",
        "drift": 0.01,
    }
    row = {**common, "file_name": "2026-11-18.csv", "line": 9, "column": "period", "rule_id": rule.id, "value": "2026,13", "message": "月份\"无效\"", "row_json": json.dumps({"period": "2026,13"})}  # fmt: skip
    for name, value in (("rule_results", result), ("profiles", profile), ("quarantine", row)):
        lake.append(f"operations/{name}", pa.Table.from_pylist([value]), transaction=batch)


def rate(lake: Lake) -> None:
    """Rate the first enterprise; the second is not rated."""
    reason = {
        "indicator": "tax_taxable_sales_sum_m12_cny",
        "points": 80,
        "max_points": 100,
        "text": "近12个月销售规模",
    }
    public = {
        "indicator": "judicial_dishonest_open_count",
        "points": 50,
        "max_points": 50,
        "text": "无失信被执行",
    }
    rows = [
        {
            "enterprise_id": code,
            "as_of": AS_OF,
            "known_at": KNOWN_AT,
            "score": score,
            "grade": grade,
            "default_probability": 0.02 if score else None,
            "coverage_ratio": 0.7 if score else 0.1,
            "reasons": json.dumps([reason, public] if score else []),
            "knock_outs": "[]",
            "model": "202610_credit",
            "model_version": "1",
        }
        for code, score, grade in ((FIRST, 731.0, "BBB"), (SECOND, None, None))
    ]
    lake.append("analytics/ratings", pa.Table.from_pylist(rows), transaction="ratings")


def publish_unchanged(lake: Lake) -> publication.Published:
    """Publish a lake that no test changes: worked out at its first publication, put into the tables at each."""
    files = frozenset(
        str(path.relative_to(lake.root)) for path in Path(lake.root).rglob("*") if path.is_file()
    )
    if files in PUBLISHED:
        published, rows = PUBLISHED[files]
        if not any(count_rows(rows).values()):
            put_rows(rows)
            return published
    before = count_rows()
    published = publication.publish_from_lake(lake=lake, as_of=AS_OF, known_at=KNOWN_AT)
    filled = [table for table, count in count_rows().items() if count != before[table]]
    if not any(before[table] for table in filled):
        PUBLISHED[files] = published, take_rows(filled)
    return published
