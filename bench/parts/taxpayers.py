"""Taxpayers of a drawn province, set-wise: codes, a table of filings in the lake, and what the serving store makes of it.

Drawn by number alone, so that two runs read the same. Filings look as the synthetic province writes them: nine in ten enterprises file,
some since they opened, one filing in twenty-five comes late and stands twice. A file of the lake is one month of all, as a delivery is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from rongqiao.contracts.catalog import regions
from rongqiao.contracts.standards import load_contract
from rongqiao.lake.serving import ServingStore
from rongqiao.synth.codes import make_usccs

if TYPE_CHECKING:
    from pathlib import Path

    from rongqiao.lake.tables import Lake

TABLE = "taxation.tax_filing"
MONTHS = 26
PART = 250_000
_MEMORY = "1500MB"
#: Of each month: what was filed in time, a blank for what was not, and the month after what came late.
_FILINGS = """
SELECT uscc, '企业' || uscc AS name, {period}::INTEGER AS period, sales::DECIMAL(18,2) AS taxable_sales_cny,
  due::DECIMAL(18,2) AS vat_payable_cny, (due * if(owes, 0.4, 1))::DECIMAL(18,2) AS vat_paid_cny,
  (sales * 0.004)::DECIMAL(18,2) AS cit_paid_cny, DATE '{next}-15' AS due_on,
  if(sales IS NULL, NULL, DATE '{next}-15' - (h % 13)::INTEGER) AS filed_on,
  if(sales IS NULL, NULL, if(owes, due * 0.6, 0))::DECIMAL(18,2) AS arrears_cny, uscc AS enterprise_id,
  DATE '{known}-18' AS known_at, '{batch}' AS batch_id, (row_number() OVER ())::INTEGER AS line, NULL::BIGINT AS ledger_index
FROM (SELECT uscc, h, h % 17 = 0 AS owes, round(amount, 2) AS sales, if(h % 5 < 2, 0, round(amount * 0.02, 2)) AS due FROM (
  SELECT uscc, h, if({is_blank}, NULL, exp(10.5 + n % 97 / 30.0) * (0.6 + h % 1000 / 1250.0)) AS amount
  FROM (SELECT n, uscc, hash(n * 64 + {month}) AS h FROM taxpayers)
  WHERE n % 10 <> 0 AND {month} >= hash(n) % 45 - 25 AND {wanted}))
"""


def draw_codes(enterprises: int) -> np.ndarray[Any, Any]:
    """Draw valid codes in ascending order, as bytes."""
    counties = np.array([int(code) for code, region in regions().items() if region.level == "county"])
    drawn = []
    for start in range(0, enterprises, PART):
        serials = np.arange(start, min(start + PART, enterprises), dtype=np.int64)
        places = counties[serials * 7919 % len(counties)]
        codes = make_usccs(serials, 1 + (serials % 3 == 0), places, serials % 2 == 0)
        drawn.append(codes.astype("S18"))
    found: np.ndarray[Any, Any] = np.sort(np.concatenate(drawn))
    return found


def write_filings(lake: Lake, codes: np.ndarray[Any, Any]) -> int:
    """Write the table of filings, one file a month and one for what came late; returns the rows."""
    with duckdb.connect() as connection:
        connection.execute(
            f"SET memory_limit = '{_MEMORY}'; SET threads = 2; SET preserve_insertion_order = true"
        )
        connection.execute("CREATE TABLE taxpayers (n BIGINT, uscc VARCHAR)")
        for start in range(0, len(codes), PART):
            part = codes[start : start + PART].astype(str)
            table = pa.table({"n": np.arange(start, start + len(part)), "uscc": pa.array(part.tolist())})
            connection.register("part", table)
            connection.execute("INSERT INTO taxpayers SELECT * FROM part")
            connection.unregister("part")
        for month in range(MONTHS):
            for is_late in (False, True):
                query = _filings(month, is_late=is_late)
                lake.append_query(f"published/{TABLE}", connection, query, transaction=[f"{month}-{is_late}"])
    rows = duckdb.execute(
        "SELECT count(*) FROM read_parquet(?)", [lake.uris(f"published/{TABLE}")]
    ).fetchone()
    return int(rows[0]) if rows else 0


def _filings(month: int, *, is_late: bool) -> str:
    def named(offset: int) -> str:
        year, number = divmod(2024 * 12 + 8 + month + offset, 12)
        return f"{year}-{number + 1:02d}"

    return _FILINGS.format(
        period=named(0).replace("-", ""),
        next=named(1),
        known=named(2 if is_late else 1),
        batch=f"{TABLE}@{hash_of(month, is_late):016x}",
        month=month,
        is_blank="false" if is_late else "h % 25 = 0",
        wanted="h % 25 = 0" if is_late else "true",
    )


def hash_of(month: int, is_late: bool) -> int:
    """Sixteen digits that name a batch."""
    return (month * 2 + is_late + 1) * 0x9E3779B97F4A7C15 % 2**64


def build_store(lake: Lake) -> None:
    """Build the serving store of the one table."""
    with ServingStore(is_writer=True) as store:
        store.build(lake, load_contract(TABLE))


def folder_bytes(folder: Path) -> int:
    """Bytes that a folder takes on the disk; a store's file is sparse."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
