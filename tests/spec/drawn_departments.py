"""The drawn input of all departments but the tax office: usage by month, the registry, and what happened on a day."""

from __future__ import annotations

import datetime as dt

from drawn_cast import BIAN, CODES, FOUNDED, WU, XIN, YUAN, Row, day, months

from rongqiao.kernel.period import last_day


def social_insurance() -> list[Row]:
    rows = []
    for back, period in months(24):
        heads = 12 if back < 12 else 10
        rows.append(
            {
                "enterprise_id": YUAN,
                "period": period,
                "insured_headcount": heads,
                "contribution_base_cny": heads * 5000,
                "contribution_due_cny": 1000,
                "contribution_paid_cny": 1000,
            }
        )
        heads = 4 if back < 3 else 8
        rows.append(
            {
                "enterprise_id": BIAN,
                "period": period,
                "insured_headcount": heads,
                "contribution_base_cny": heads * 4000,
                "contribution_due_cny": 500,
                "contribution_paid_cny": 0 if back < 4 else 500,
            }
        )
        if back < 5:
            rows.append(
                {
                    "enterprise_id": XIN,
                    "period": period,
                    "insured_headcount": 2,
                    "contribution_base_cny": 8000,
                    "contribution_due_cny": 100,
                    "contribution_paid_cny": 100,
                }
            )
    return rows


def utility_usage() -> list[Row]:
    rows = []
    for back, period in months(24):
        used = 1200 if back < 12 else 1000
        rows.append(
            {
                "enterprise_id": YUAN,
                "period": period,
                "account_no": "1",
                "electricity_kwh": used,
                "water_m3": 20,
                "gas_m3": 10,
                "arrears_cny": 0,
            }
        )
        rows.append(
            {
                "enterprise_id": BIAN,
                "period": period,
                "account_no": "2",
                "electricity_kwh": 0 if back < 4 else 300,
                "water_m3": 0,
                "gas_m3": None,
                "arrears_cny": 80 if back < 2 else 0,
            }
        )
        if back < 5:
            rows.append(
                {
                    "enterprise_id": XIN,
                    "period": period,
                    "account_no": "3",
                    "electricity_kwh": 100,
                    "water_m3": 1,
                    "gas_m3": 0,
                    "arrears_cny": 0,
                }
            )
    return rows


def judicial_case() -> list[Row]:
    def case(
        name: str,
        number: str,
        role: str,
        cause: str,
        amount: int,
        filed: str,
        closed: str | None = None,
        bad: bool = False,
    ) -> Row:
        return {
            "enterprise_id": name,
            "case_no": number,
            "role": role,
            "cause": cause,
            "amount_cny": amount,
            "filed_on": day(filed),
            "closed_on": day(closed) if closed else None,
            "is_dishonest": bad,
        }

    return [
        case(YUAN, "1", "plaintiff", "买卖合同纠纷", 100, "2026-03-02", "2026-06-01"),
        case(BIAN, "2", "defendant", "金融借款合同纠纷", 300, "2026-02-10"),
        case(BIAN, "3", "defendant", "劳动争议", 20, "2024-05-01", "2024-09-01"),
        case(BIAN, "4", "executed", "金融借款合同纠纷", 300, "2026-08-10", bad=True),
        case(BIAN, "5", "executed", "劳动争议", 20, "2025-01-05", "2026-11-02"),
        # Filed after the month: not yet true.
        case(YUAN, "6", "defendant", "买卖合同纠纷", 999, "2026-11-03"),
        case(XIN, "7", "plaintiff", "买卖合同纠纷", 5, "2022-10-31"),
    ]


def penalty() -> list[Row]:
    def entry(name: str, number: str, kind: str, severity: str, amount: int, decided: str, until: str) -> Row:
        return {
            "enterprise_id": name,
            "document_no": number,
            "kind": kind,
            "severity": severity,
            "amount_cny": amount,
            "decided_on": day(decided),
            "published_until": day(until),
        }

    return [
        entry(BIAN, "1", "environment", "serious", 500, "2026-01-10", "2029-01-10"),
        entry(BIAN, "2", "safety", "serious", 10, "2024-02-01", "2027-02-01"),
        entry(BIAN, "3", "fire", "serious", 40, "2023-12-01", "2026-12-01"),
        entry(BIAN, "5", "labour", "serious", 2, "2025-11-01", "2027-11-01"),
        entry(XIN, "10", "other", "serious", 6, "2026-07-01", "2029-07-01"),
        entry(BIAN, "6", "customs", "serious", 3, "2025-10-31", "2027-10-31"),
        # Serves for the last day: a general one for a year at most, whatever its source says.
        entry(BIAN, "8", "quality", "general", 4, "2025-11-20", "2027-01-01"),
        # Serve no more: the term ended, a repair ended it, the longest term for a minor one is over.
        entry(BIAN, "4", "quality", "serious", 1, "2023-10-31", "2026-10-31"),
        entry(BIAN, "7", "environment", "general", 7, "2025-12-01", "2026-06-01"),
        entry(BIAN, "9", "safety", "minor", 8, "2026-08-01", "2027-08-01"),
    ]


def listing() -> list[Row]:
    return [
        {"enterprise_id": BIAN, "list_kind": "abnormal", "listed_on": day("2026-10-01"), "removed_on": None},
        {"enterprise_id": BIAN, "list_kind": "serious_illegal", "listed_on": day("2026-06-01"), "removed_on": day("2026-11-05")},
        {"enterprise_id": YUAN, "list_kind": "abnormal", "listed_on": day("2023-10-22"), "removed_on": day("2023-12-01")},
        # Removed more than three years ago: on file, and no longer held against anybody.
        {"enterprise_id": YUAN, "list_kind": "abnormal", "listed_on": day("2021-07-01"), "removed_on": day("2021-07-11")},
    ]  # fmt: skip


def registry() -> list[Row]:
    def entry(
        name: str,
        status: str,
        capital: int,
        paid: int | None,
        address: str,
        phone: str | None,
        person: str,
        scope: str | None,
    ) -> Row:
        return {
            "enterprise_id": name,
            "uscc": CODES[name],
            "status": status,
            "legal_form": "有限责任公司",
            "industry_code": "C3511",
            "county_code": "430281",
            "address": address,
            "registered_capital_cny": capital,
            "paid_in_capital_cny": paid,
            "established_on": FOUNDED[name],
            "legal_rep_name": "某",
            "legal_rep_id_hmac": person,
            "phone_hmac": phone,
            "business_scope": scope,
            "snapshot_on": day("2026-10-31"),
        }

    return [
        entry(YUAN, "存续", 1000, 500, "甲路1号", "p1", "h1", "陶瓷制造；陶瓷销售"),
        entry(BIAN, "吊销", 0, 0, "乙路2号", "p1", "h2", "批发"),
        entry(XIN, "存续", 200, None, "乙路2号", None, "h2", None),
        entry(WU, "注销", 300, 300, "丙路3号", "p4", "h4", "零售、批发、餐饮"),
    ]


def change() -> list[Row]:
    made = [
        (YUAN, "capital", "2025-12-01"), (YUAN, "name", "2024-11-01"), (YUAN, "scope", "2026-01-01"),
        (BIAN, "legal_rep", "2026-08-01"), (BIAN, "address", "2026-03-01"), (BIAN, "shareholder", "2024-10-31"),
    ]  # fmt: skip
    return [{"enterprise_id": name, "change_item": item, "changed_on": day(on)} for name, item, on in made]


def annual_report() -> list[Row]:
    def report(
        name: str, year: int, employees: int, revenue: int, assets: int, liabilities: int, profit: int
    ) -> Row:
        return {
            "enterprise_id": name,
            "report_year": year,
            "employees": employees,
            "revenue_cny": revenue,
            "main_revenue_cny": revenue * 9 // 10,
            "total_assets_cny": assets,
            "total_liabilities_cny": liabilities,
            "net_profit_cny": profit,
            "tax_total_cny": revenue // 20,
            "rd_expense_cny": revenue // 25,
            "reported_on": dt.date(year + 1, 5, 1),
        }

    return [
        report(YUAN, 2025, 24, 1440, 2000, 800, 144), report(YUAN, 2024, 20, 1200, 1600, 800, 60), report(YUAN, 2023, 20, 1000, 1500, 800, 10),
        report(BIAN, 2025, 0, 0, 0, 100, -50), report(BIAN, 2022, 9, 500, 500, 100, 5),
        # Too old to speak of the present.
        report(WU, 2020, 5, 100, 100, 10, 1),
    ]  # fmt: skip


def ip_right() -> list[Row]:
    def right(name: str, number: str, kind: str, granted: str, expires: str, pledged: bool = False) -> Row:
        return {
            "enterprise_id": name,
            "right_no": number,
            "kind": kind,
            "granted_on": day(granted),
            "expires_on": day(expires),
            "is_pledged": pledged,
        }

    return [
        right(YUAN, "1", "invention", "2025-01-01", "2026-11-10", pledged=True),
        right(YUAN, "2", "utility_model", "2020-01-01", "2026-11-20"),
        right(YUAN, "3", "design", "2019-01-01", "2029-01-01"), right(YUAN, "4", "trademark", "2018-01-01", "2028-01-01"),
        right(YUAN, "5", "software", "2024-02-01", "2074-01-01"),
        right(BIAN, "6", "invention", "2006-05-01", "2026-10-31", pledged=True),
    ]  # fmt: skip


def title() -> list[Row]:
    kinds = ("high_tech", "tech_sme", "innovative", "srdi", "little_giant")
    return [
        *({"enterprise_id": YUAN, "title_kind": kind, "granted_on": day("2024-12-01"), "expires_on": dt.date(2027, 2 + n, 1)} for n, kind in enumerate(kinds)),
        {"enterprise_id": BIAN, "title_kind": "high_tech", "granted_on": day("2023-10-01"), "expires_on": day("2026-10-01")},
    ]  # fmt: skip


def loan_performance() -> list[Row]:
    def report(name: str, loan: str, bank: str, left: int, overdue: int, kind: str, month: int) -> Row:
        return {
            "enterprise_id": name,
            "loan_no": loan,
            "institution_code": bank,
            "product_code": "P",
            "principal_cny": 1000,
            "annual_rate_ratio": 0.04 if loan != "L2" else 0.06,
            "drawn_on": day("2026-01-10"),
            "maturity_on": day("2027-01-10"),
            "outstanding_cny": left,
            "overdue_days": overdue,
            "five_class": kind,
            "is_first_loan": loan != "L2",
            "reported_on": last_day(month),
        }

    return [
        report(YUAN, "L1", "B1", 800, 0, "normal", 202609), report(YUAN, "L1", "B1", 600, 0, "normal", 202610),
        report(YUAN, "L2", "B2", 500, 0, "normal", 202610),
        report(BIAN, "L3", "B1", 900, 65, "special_mention", 202609), report(BIAN, "L3", "B1", 900, 96, "substandard", 202610),
        report(XIN, "L4", "B1", 0, 0, "normal", 202610),
    ]  # fmt: skip
