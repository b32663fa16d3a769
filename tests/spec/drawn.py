"""The small drawn input of all indicator specs, as it lies in the lake; `drawn_cast` says who the enterprises are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
from drawn_assets import ASSETS
from drawn_books import BOOKS
from drawn_cast import DELIVERED, Row
from drawn_departments import (
    annual_report,
    change,
    ip_right,
    judicial_case,
    listing,
    loan_performance,
    penalty,
    registry,
    social_insurance,
    title,
    utility_usage,
)
from drawn_events import REGISTERS
from drawn_monthly import cash_flow, housing_fund, trade
from drawn_network import NETWORK
from drawn_profile import PROFILE
from drawn_taxation import invoice_summary, tax_filing, tax_grade, vat_invoice

from rongqiao.contracts.standards import load_contract

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.lake.tables import Lake

ARROW = {
    "VARCHAR": pa.string(), "BIGINT": pa.int64(), "DECIMAL(18,2)": pa.decimal128(18, 2), "DOUBLE": pa.float64(),
    "DATE": pa.date32(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_(),
}  # fmt: skip
TABLES = {
    "taxation.tax_filing": tax_filing, "taxation.tax_grade": tax_grade, "taxation.invoice_summary": invoice_summary,
    "human_resources.social_insurance": social_insurance, "utilities.utility_usage": utility_usage,
    "court.judicial_case": judicial_case, "market_regulation.penalty": penalty, "market_regulation.listing": listing,
    "market_regulation.registry": registry, "market_regulation.change": change,
    "market_regulation.annual_report": annual_report, "intellectual_property.ip_right": ip_right,
    "science.title": title, "platform.loan_performance": loan_performance, "taxation.vat_invoice": vat_invoice,
    "housing.housing_fund_monthly": housing_fund, "customs.trade_monthly": trade, "central_bank.cash_flow": cash_flow, **REGISTERS,
    **BOOKS, **ASSETS, **PROFILE, **NETWORK,
}  # fmt: skip


def publish(
    lake: Lake, contract_id: str, rows: list[Row], *, known_at: dt.date = DELIVERED, batch: str = "1"
) -> None:
    """Append rows as governance would: typed by the contract, columns that are not drawn stay null."""
    contract = load_contract(contract_id)
    columns = {}
    for item in contract.items:
        default = "enterprise_id" if item.id in ("uscc", "enterprise_no") else item.id
        values = [row.get(item.id, row.get(default)) for row in rows]
        kind = ARROW[item.physical_type]
        if pa.types.is_decimal(kind):
            values = [
                None if value is None else Decimal(str(value)).quantize(Decimal("0.01")) for value in values
            ]
        columns[item.id] = pa.array(values, kind)
    columns["enterprise_id"] = pa.array([row["enterprise_id"] for row in rows])
    columns["known_at"] = pa.array([known_at] * len(rows), pa.date32())
    columns["batch_id"] = pa.array([f"{contract_id}@{batch}"] * len(rows))
    columns["line"] = pa.array(range(2, len(rows) + 2), pa.int32())
    lake.append(f"published/{contract_id}", pa.table(columns), transaction=f"{contract_id}@{batch}")


def publish_enterprises(lake: Lake) -> None:
    rows = registry()
    names = (
        "enterprise_id",
        "status",
        "legal_form",
        "industry_code",
        "county_code",
        "address",
        "established_on",
    )
    columns = {name: pa.array([row[name] for row in rows]) for name in names}
    capital = [Decimal(row["registered_capital_cny"]) for row in rows]
    columns["registered_capital_cny"] = pa.array(capital, pa.decimal128(18, 2))
    columns["known_at"] = pa.array([DELIVERED] * len(rows), pa.date32())
    lake.append("published/enterprises", pa.table(columns), transaction="enterprises")


def publish_all(lake: Lake) -> None:
    """Put the whole drawn input into an empty lake."""
    publish_enterprises(lake)
    for contract_id, draw in TABLES.items():
        publish(lake, contract_id, draw())
