"""Monthly series that a portrait shows, beside the indicators computed from them."""

from __future__ import annotations

from dataclasses import dataclass

#: Months of a series that are shown.
SERIES_MONTHS = 24


@dataclass(frozen=True, slots=True)
class Series:
    """A monthly series shown on a portrait: one column of one contract, null in months nobody reported."""

    id: str
    contract_id: str
    column: str
    title: str
    unit: str


SERIES = (
    Series("tax_taxable_sales_cny", "taxation.tax_filing", "taxable_sales_cny", "应税销售额", "元"),
    Series("tax_vat_paid_cny", "taxation.tax_filing", "vat_paid_cny", "实缴增值税", "元"),
    Series("invoice_out_amount_cny", "taxation.invoice_summary", "out_amount_cny", "开票金额", "元"),
    Series("invoice_in_amount_cny", "taxation.invoice_summary", "in_amount_cny", "取得发票金额", "元"),
    Series(
        "social_insured_headcount_count",
        "human_resources.social_insurance",
        "insured_headcount",
        "参保人数",
        "人",
    ),
    Series("utility_electricity_kwh", "utilities.utility_usage", "electricity_kwh", "用电量", "千瓦时"),
)
