"""The drawn input of yearly statements and returns: YUAN's two even years, BIAN's bad one, WU's that are too old."""

from __future__ import annotations

import datetime as dt

from drawn_cast import BIAN, WU, XIN, YUAN, Row, day, months


def _statement(
    items: tuple[str, ...], drawn: dict[tuple[str, int], tuple[int | None, ...]], filed: str
) -> list[Row]:
    return [
        {
            "enterprise_id": name, "fiscal_year": year, filed: dt.date(year + 1, 5, 20),
            **{f"{item}_cny": value for item, value in zip(items, values, strict=True)},
        }
        for (name, year), values in drawn.items()
    ]  # fmt: skip


def balance_sheet() -> list[Row]:
    """BIAN delivered neither intangible assets nor long loans; it owes more than it has."""
    items = (
        "cash", "receivables", "notes_receivable", "prepayments", "other_receivables", "inventory", "current_assets", "fixed_assets",
        "intangible_assets", "total_assets", "short_loans", "payables", "current_liabilities", "long_loans", "total_liabilities",
        "retained_earnings", "equity",
    )  # fmt: skip
    drawn: dict[tuple[str, int], tuple[int | None, ...]] = {
        (YUAN, 2025): (200, 300, 10, 50, 40, 200, 800, 900, 100, 2000, 200, 216, 500, 300, 800, 400, 1200),
        (YUAN, 2024): (100, 250, 0, 50, 40, 160, 600, 900, 100, 1600, 200, 150, 500, 300, 800, 250, 800),
        (BIAN, 2025): (0, 8, 0, 1, 1, 0, 10, 0, None, 10, 100, 60, 200, None, 200, -300, -190),
        (WU, 2020): (10, 10, 0, 0, 0, 10, 30, 70, 0, 100, 0, 5, 10, 0, 10, 20, 90),
    }
    return _statement(items, drawn, "filed_on")


def income_statement() -> list[Row]:
    items = (
        "revenue", "operating_cost", "selling_expense", "admin_expense", "finance_expense", "interest_expense", "total_profit",
    )  # fmt: skip
    drawn: dict[tuple[str, int], tuple[int | None, ...]] = {
        (YUAN, 2025): (1500, 1200, 60, 90, 30, 24, 168),
        (YUAN, 2024): (1200, 960, 50, 80, 20, 20, 80),
        (BIAN, 2025): (0, 0, 5, 40, 5, 0, -50),
        (WU, 2020): (100, 80, 1, 1, 1, 1, 10),
    }
    return _statement(items, drawn, "filed_on")


def cash_flow_statement() -> list[Row]:
    """BIAN is small enough to file none."""
    items = ("sales_received", "operating_net")
    return _statement(items, {(YUAN, 2025): (1650, 180), (YUAN, 2024): (1200, -60)}, "submitted_on")


def cit_return() -> list[Row]:
    drawn = ((YUAN, 2025, 1500, 75), (YUAN, 2024, 1200, 12), (BIAN, 2025, 0, None), (WU, 2022, 100, None))
    return [
        {
            "enterprise_id": name, "tax_year": year, "operating_revenue_cny": revenue, "rd_super_deduction_cny": deducted,
            "filed_on": dt.date(year + 1, 5, 31),
        }
        for name, year, revenue, deducted in drawn
    ]  # fmt: skip


def vat_return() -> list[Row]:
    """YUAN has input for three quarters of its output; BIAN sells nothing and amends; WU files by the quarter."""
    rows = []
    for back, period in months(24):
        drawn = {YUAN: (20, 15, 30, 0), BIAN: (0, 4, 0, 1 if back in (2, 11, 12) else 0)}
        if back < 5:
            drawn[XIN] = (5, 4, 0, 0)
        if period % 100 % 3 == 0:
            drawn[WU] = (6, 0, 0, 0)
        rows += [
            {
                "enterprise_id": name, "period": period, "output_tax_cny": output, "input_tax_cny": deducted,
                "sales_export_cny": exported, "amended_times": amended,
            }
            for name, (output, deducted, exported, amended) in drawn.items()
        ]  # fmt: skip
    return rows


def wage_withholding() -> list[Row]:
    """YUAN pays fifteen and replaces one a month; of BIAN's last three months one was not delivered."""
    rows = []
    for back, period in months(24):
        drawn = {YUAN: (15, 1, 1)}
        if back != 1:
            drawn[BIAN] = (6 if back < 3 else 12, 0, 6 if back == 2 else 0)
        if back < 5:
            drawn[XIN] = (2, 0, 0)
        rows += [
            {
                "enterprise_id": name, "period": period, "persons": persons, "joined": joined, "left_persons": left,
                "wages_cny": persons * 6000,
            }
            for name, (persons, joined, left) in drawn.items()
        ]  # fmt: skip
    return rows


def export_refund() -> list[Row]:
    """YUAN rose a class; its newest batch, and one refund, lie after the month."""
    drawn = (
        (YUAN, "1", "c2", "2025-10-10", 40, "2025-11-01"), (YUAN, "2", "c1", "2026-08-10", 30, "2026-09-01"),
        (YUAN, "3", "c1", "2026-10-12", 20, "2026-11-02"), (YUAN, "4", "c4", "2026-11-02", 9, None),
        (BIAN, "5", None, "2025-09-10", 70, "2025-10-31"),
    )  # fmt: skip
    return [
        {
            "enterprise_id": name, "batch_no": number, "management_class": kind, "declared_on": day(declared),
            "declared_cny": amount, "refunded_cny": amount if refunded else None, "refunded_on": day(refunded) if refunded else None,
        }
        for name, number, kind, declared, amount, refunded in drawn
    ]  # fmt: skip


BOOKS = {
    "taxation.balance_sheet": balance_sheet, "taxation.income_statement": income_statement,
    "taxation.cash_flow_statement": cash_flow_statement, "taxation.cit_return": cit_return, "taxation.vat_return": vat_return,
    "taxation.wage_withholding": wage_withholding, "taxation.export_refund": export_refund,
}  # fmt: skip
