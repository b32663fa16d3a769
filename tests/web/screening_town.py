"""A drawn town for screening: facts of some hundred enterprises as columns, and the same as plain rows."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa

from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.lake.columns import write_columns
from rongqiao.platforms.financing.screening import services
from tests.web.market_place import NOW, OTHER_USCC, USCC

SALES = "tax_taxable_sales_sum_m12_cny"
SIZE = 600
TEXTS = ("county_code", "industry_section", "size_class", "legal_form", "tax_grade_now", "grade")


def draw_town() -> list[dict[str, object]]:
    """Rows by code; the market's two enterprises are old, graded A, with large sales."""
    drawn = random.Random(4)
    codes = [complete_uscc(f"91430102MA5T{number:05d}") for number in range(SIZE)]
    rows = [
        {
            "enterprise_id": code,
            "county_code": drawn.choice(["430102", "430103", "430202", "430281", None]),
            "industry_section": drawn.choice(["C", "F", "G", None]),
            "size_class": drawn.choice(["small", "micro", None]),
            "legal_form": "有限责任公司",
            "tax_grade_now": drawn.choice(["A", "B", "M", None]),
            "grade": drawn.choice(["A", "BBB", None]),
            "age_months": float(drawn.randint(1, 240)),
            "registered_capital_cny": drawn.choice([None, 1e6, 5e6]),
            SALES: drawn.choice([None, drawn.uniform(0, 1e7)]),
        }
        for code in codes
    ]
    known = {"legal_form": "有限责任公司", "size_class": "small", "industry_section": "C", "grade": None}
    large = {"tax_grade_now": "A", "age_months": 60.0, "registered_capital_cny": 1e6, SALES: 9e6}
    for code, county in ((USCC, "430102"), (OTHER_USCC, "430281")):
        rows.append({"enterprise_id": code, "county_code": county, **known, **large})
    return sorted(rows, key=lambda row: str(row["enterprise_id"]))


def publish_town(folder) -> list[dict[str, object]]:
    """Write the town as screening's columns below the folder, in parts, and return its rows."""
    rows = draw_town()
    keys = np.random.default_rng(3).integers(0, 2**32, len(rows), dtype="uint32")
    types = {name: pa.string() if name in (*TEXTS, "enterprise_id") else pa.float64() for name in rows[0]}
    table = pa.Table.from_pylist(rows, pa.schema(types)).append_column("cell_key", pa.array(keys))
    parts = [table.slice(0, 250), table.slice(250)]
    about = {"as_of": 202610, "known_at": "2026-11-20"}
    write_columns(parts, name="202610-20261120", described=about, rows_by="enterprise_id", folder=folder)
    return rows


def open_list(market, scope, title="首贷拓户", days=30):
    return market.act(services.open_list, scope, title=title, valid_days=days, now=NOW)


def add(market, scope, screening, fact, op, *values, now=NOW):
    return market.act(
        services.add_condition, scope, list_id=screening.pk, fact=fact, op=op, values=values, now=now
    )


def agree(market, scope, classes=("tax",), now=NOW):
    from rongqiao.platforms.financing.screening.consents import agree_to_be_found

    return market.act(agree_to_be_found, scope, data_classes=classes, now=now)


def saved_list(market, scope):
    """Open, narrow to old enterprises with large sales, and save."""
    screening = open_list(market, scope)
    add(market, scope, screening, "age_months", ">=", "24")
    add(market, scope, screening, SALES, ">=", "200")
    market.act(services.save_version, scope, list_id=screening.pk, now=NOW)
    return screening
