"""The drawn input of the tax office: filings, grades, monthly sums of invoices, and single invoices."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from drawn_cast import BIAN, XIN, YUAN, Row, day, months

from rongqiao.kernel.period import last_day


def tax_filing() -> list[Row]:
    rows = []
    for back, period in months(24):
        # YUAN sells 120 a month in the last year and 100 in the year before; tax is a tenth.
        sales = 120 if back < 12 else 100
        due = last_day(period) + dt.timedelta(days=15)
        common = {"period": period, "due_on": due}
        rows.append(
            {
                **common,
                "enterprise_id": YUAN,
                "taxable_sales_cny": sales,
                "vat_payable_cny": sales / 10,
                "vat_paid_cny": sales / 10,
                "cit_paid_cny": 2,
                "filed_on": due,
                "arrears_cny": 0,
            }
        )
        # BIAN sells nothing in the last three months, 90 before; pays half; files late by 4 days; owes 45.
        sales = 0 if back < 3 else 90
        rows.append(
            {
                **common,
                "enterprise_id": BIAN,
                "taxable_sales_cny": sales,
                "vat_payable_cny": 10,
                "vat_paid_cny": 5,
                "cit_paid_cny": 0,
                "filed_on": None if back == 0 else due + dt.timedelta(days=4),
                "arrears_cny": 45 if back < 6 else 0,
            }
        )
        if back < 5:
            rows.append(
                {
                    **common,
                    "enterprise_id": XIN,
                    "taxable_sales_cny": 50,
                    "vat_payable_cny": 1,
                    "vat_paid_cny": 1,
                    "cit_paid_cny": 0,
                    "filed_on": due,
                    "arrears_cny": 0,
                }
            )
    return rows


def tax_grade() -> list[Row]:
    years = {
        YUAN: {2025: "A", 2024: "B", 2023: "M"},
        BIAN: {2025: "D", 2024: "D", 2020: "A"},
        XIN: {2025: "M"},
    }
    return [
        {"enterprise_id": name, "grade_year": year, "grade": grade, "published_on": dt.date(year + 1, 4, 20)}
        for name, grades in years.items()
        for year, grade in grades.items()
    ]


def invoice_summary() -> list[Row]:
    rows = []
    for back, period in months(24):
        amount = 120 if back < 12 else 100
        rows.append(
            {
                "enterprise_id": YUAN,
                "period": period,
                "out_amount_cny": amount,
                "out_count": 10,
                "out_void_count": 1,
                "out_red_amount_cny": -30,
                "in_amount_cny": 90,
                "in_count": 8,
                "customer_count": 6,
                "supplier_count": 3,
                "top_customer_amount_cny": 60,
                "top5_customer_amount_cny": 96,
            }
        )
        amount = 0 if back in (0, 5, 6) else 90
        rows.append(
            {
                "enterprise_id": BIAN,
                "period": period,
                "out_amount_cny": amount,
                "out_count": 0 if back < 3 else 4,
                "out_void_count": 0 if back < 3 else 2,
                "out_red_amount_cny": 0,
                "in_amount_cny": 180,
                "in_count": 5,
                "customer_count": 1,
                "supplier_count": 4,
                "top_customer_amount_cny": amount,
                "top5_customer_amount_cny": amount,
            }
        )
        if back < 5:
            rows.append(
                {
                    "enterprise_id": XIN,
                    "period": period,
                    "out_amount_cny": 50,
                    "out_count": 5,
                    "out_void_count": 0,
                    "out_red_amount_cny": 0,
                    "in_amount_cny": 40,
                    "in_count": 2,
                    "customer_count": 2,
                    "supplier_count": 2,
                    "top_customer_amount_cny": 30,
                    "top5_customer_amount_cny": 50,
                }
            )
    return rows


def vat_invoice() -> list[Row]:
    rows: list[Row] = []

    def add(name: str, side: str, on: str, partner: str, amount: int, status: str = "valid") -> None:
        rows.append(
            {
                "enterprise_id": name,
                "direction": side,
                "invoice_no": str(len(rows)),
                "issued_on": day(on),
                "counterparty_no": partner,
                "amount_cny": amount,
                "tax_cny": Decimal(amount) / 10,
                "total_cny": amount * Decimal("1.1"),
                "status": status,
            }
        )

    # YUAN: in each of 24 months one sale of 60 to K1 and one of 40 to K2, one purchase of 70 from S1.
    for _, period in months(24):
        first = last_day(period).replace(day=10).isoformat()
        add(YUAN, "out", first, "K1", 60)
        add(YUAN, "out", first, "K2", 40)
        add(YUAN, "in", first, "S1", 70)
    # BIAN: two months of life, then silence; one void, one red, one at the end of the month.
    add(BIAN, "out", "2026-02-10", "K1", 100)
    add(BIAN, "out", "2026-02-10", "K1", -50)
    add(BIAN, "out", "2026-05-30", "K3", 150)
    add(BIAN, "out", "2026-05-31", "K3", 400, "void")
    add(BIAN, "in", "2026-05-31", "S2", 300)
    return rows
