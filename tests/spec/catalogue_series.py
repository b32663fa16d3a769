"""The 23 monthly series of the catalogue: where each is drawn, and which of its statistics were argued away (ADR 0024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drawn_departments import social_insurance, utility_usage
from drawn_monthly import cash_flow, housing_fund, trade
from drawn_taxation import invoice_summary, tax_filing
from oracle import STATISTICS, answer, months_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drawn_cast import Row
    from oracle import Answer

UNITS = {"yoy_m12": "ratio", "yoy_m3": "ratio", "qoq_m3": "ratio", "cv_m12": "ratio", "slope_m12": "ratio",
         "zero_m12": "count", "gap_m24": "months", "recent_m12": "ratio"}  # fmt: skip


@dataclass(frozen=True)
class Series:
    """A series: its name in ids and in the catalogue, its unit, and its value in a drawn row."""

    catalogue: str
    id: str
    unit: str
    draw: Callable[[], list[Row]]
    value: Callable[[Row], float | None]
    without: tuple[str, ...] = ()


def item(name: str) -> Callable[[Row], Any]:
    return lambda row: row[name]


SERIES = (
    Series("taxable_sales", "tax_taxable_sales", "cny", tax_filing, item("taxable_sales_cny")),
    Series("vat_payable", "tax_vat_payable", "cny", tax_filing, item("vat_payable_cny")),
    Series("vat_paid", "tax_vat_paid", "cny", tax_filing, item("vat_paid_cny")),
    Series("cit_paid", "tax_cit_paid", "cny", tax_filing, item("cit_paid_cny")),
    Series("total_tax_paid", "tax_total_paid", "cny", tax_filing, lambda row: row["vat_paid_cny"] + row["cit_paid_cny"]),
    Series("out_amount", "invoice_out_amount", "cny", invoice_summary, item("out_amount_cny")),
    Series("out_count", "invoice_out_issued", "count", invoice_summary, item("out_count")),
    Series("in_amount", "invoice_in_amount", "cny", invoice_summary, item("in_amount_cny")),
    Series("in_count", "invoice_in_received", "count", invoice_summary, item("in_count")),
    Series("margin_proxy", "invoice_margin", "cny", invoice_summary, lambda row: row["out_amount_cny"] - row["in_amount_cny"],
           without=("zero_m12", "gap_m24")),
    Series("insured_headcount", "social_insured_headcount", "count", social_insurance, item("insured_headcount")),
    Series("contribution_base", "social_contribution_base", "cny", social_insurance, item("contribution_base_cny")),
    Series("contribution_paid", "social_contribution_paid", "cny", social_insurance, item("contribution_paid_cny")),
    Series("depositor_count", "hpf_depositor", "count", housing_fund, item("depositor_count")),
    Series("deposit_paid", "hpf_deposit_paid", "cny", housing_fund, item("deposit_paid_cny")),
    Series("electricity_kwh", "utility_electricity", "kwh", utility_usage, item("electricity_kwh")),
    Series("water_m3", "utility_water", "m3", utility_usage, item("water_m3")),
    Series("gas_m3", "utility_gas", "m3", utility_usage, item("gas_m3")),
    Series("export_amount", "customs_export", "cny", trade, item("export_cny")),
    Series("import_amount", "customs_import", "cny", trade, item("import_cny")),
    Series("inflow", "cashflow_inflow", "cny", cash_flow, item("inflow_cny")),
    Series("outflow", "cashflow_outflow", "cny", cash_flow, item("outflow_cny")),
    Series("month_end_balance", "cashflow_balance", "cny", cash_flow, item("month_end_balance_cny"), without=("sum_m12",)),
)  # fmt: skip


def series_answers(names: tuple[str, ...]) -> Iterator[tuple[str, list[Answer]]]:
    """Indicator id and what the oracle says for each enterprise, in the order of the catalogue."""
    for series in SERIES:
        rows = series.draw()
        months = {name: months_of(rows, name, series.value) for name in names}
        for statistic in STATISTICS:
            if statistic not in series.without:
                suffix = UNITS.get(statistic, series.unit)
                yield (
                    f"{series.id}_{statistic}_{suffix}",
                    [answer(statistic, months[name], name) for name in names],
                )
