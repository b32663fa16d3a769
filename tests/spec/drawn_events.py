"""The drawn input of registers: what began on a day and may have ended on another, at the edges of each window.

BIAN's spells lie on both sides of each edge as of October 2026: within 12 months from 2025-11-01 on, within 36 from 2023-11-01 on,
open if it ends in November only. YUAN's one spell begins after the month: not yet true. WU stands in no register.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drawn_cast import BIAN, XIN, YUAN, Row, day

if TYPE_CHECKING:
    from collections.abc import Iterable

Spell = tuple[str, str, str | None]
#: Open at the edges of 12 months, ended at those of 36.
EDGES: tuple[Spell, ...] = (
    (BIAN, "2026-10-31", None), (BIAN, "2025-11-01", "2026-11-02"), (BIAN, "2025-10-31", "2025-12-01"),
    (BIAN, "2023-11-01", "2024-01-01"), (BIAN, "2023-10-31", "2023-12-31"),
    (XIN, "2026-08-15", "2026-10-31"), (YUAN, "2026-11-03", None),
)  # fmt: skip
#: One old spell that never ended.
OLD: tuple[Spell, ...] = (
    (BIAN, "2021-05-01", None),
    (BIAN, "2024-02-10", "2024-03-01"),
    (XIN, "2026-06-30", None),
)


def register(begins: str, ends: str | None, *spells: Spell, numbered: str = "", **constant: Any) -> list[Row]:
    """One row per spell; ``numbered`` names the item that tells one row from another."""
    rows = []
    for number, (name, began, ended) in enumerate(spells):
        row: Row = {"enterprise_id": name, begins: day(began), **constant}
        if ends:
            row[ends] = day(ended) if ended else None
        if numbered:
            # Numbers are an enterprise's own in some registers and everybody's in others.
            row[numbered] = f"{constant.get('mark', '')}{number}"
        rows.append({item: value for item, value in row.items() if item != "mark"})
    return rows


def _with_period(rows: Iterable[Row], date: str) -> list[Row]:
    return [{**row, "period": row[date].year * 100 + row[date].month} for row in rows]


def tax_arrears() -> list[Row]:
    rows = register("due_on", "cleared_on", *EDGES, tax_kind="vat", arrears_cny=100)
    # Paid down to nothing without a day of clearing: owed no more.
    rows += register("due_on", "cleared_on", (BIAN, "2026-05-15", None), tax_kind="stamp", arrears_cny=0)
    return _with_period(rows, "due_on")


def late_filing() -> list[Row]:
    return _with_period(register("due_on", "filed_on", *EDGES, tax_kind="vat"), "due_on")


def tax_violation() -> list[Row]:
    """Three kinds of decision; serious ones are published for three years."""
    return [
        *register("decided_on", "settled_on", *EDGES, numbered="document_no", severity="serious", fine_cny=10, is_major=False),
        *register(
            "decided_on", "settled_on", (BIAN, "2026-09-01", None), (XIN, "2026-07-01", "2026-08-01"), numbered="document_no",
            mark="i", severity="serious", evaded_tax_cny=900, fine_cny=0, is_major=False,
        ),
        *register(
            "decided_on", "settled_on", (BIAN, "2025-01-20", None), numbered="document_no", mark="m", severity="serious",
            evaded_tax_cny=5000, fine_cny=2500, is_major=True,
        ),
    ]  # fmt: skip


def taxpayer() -> list[Row]:
    """YUAN was never abnormal, BIAN is, XIN was found so on a day and cleared the next month."""
    return [
        {
            "enterprise_id": YUAN, "taxpayer_status": "normal", "vat_kind": "general", "invoice_limit_cny": 150, "changed_on": day("2017-01-01"),
        },
        {"enterprise_id": BIAN, "taxpayer_status": "abnormal", "vat_kind": "small", "abnormal_on": day("2025-08-08"), "changed_on": day("2025-08-08")},
        {
            "enterprise_id": XIN, "taxpayer_status": "normal", "abnormal_on": day("2026-08-01"),
            "abnormal_lifted_on": day("2026-09-10"), "changed_on": day("2026-09-10"),
        },
    ]  # fmt: skip


def equity_pledge() -> list[Row]:
    return register(
        "registered_on", "cancelled_on", *EDGES, numbered="registration_no", status="valid"
    ) + register(
        "registered_on",
        None,
        (YUAN, "2026-01-05", None),
        numbered="registration_no",
        mark="c",
        status="cancelled",
    )


def chattel_mortgage() -> list[Row]:
    return register("registered_on", "cancelled_on", *OLD[:1], (YUAN, "2020-06-01", "2021-06-01"), numbered="registration_no",
                    collateral_kind="equipment", secured_claim_cny=10)  # fmt: skip


def receivable_pledge() -> list[Row]:
    """Of the movable-property register, equipment that the enterprise itself gave counts; one has run out without being cancelled."""
    own: dict[str, Any] = {"party_role": "provider", "security_kind": "equipment", "claim_cny": 90}
    return [
        *register("registered_on", "cancelled_on", *EDGES, numbered="registration_no", **own),
        *register("registered_on", "expires_on", (BIAN, "2024-05-05", "2026-05-05"), numbered="registration_no", mark="e", **own),
        *register("registered_on", None, (YUAN, "2026-09-09", None), numbered="registration_no", mark="h",
                  party_role="holder", security_kind="equipment", claim_cny=7),
        *register("registered_on", None, (YUAN, "2026-09-09", None), numbered="registration_no", mark="r",
                  party_role="provider", security_kind="receivable_pledge", claim_cny=60),
    ]  # fmt: skip


def deregistration() -> list[Row]:
    return [
        *register("announced_on", "ends_on", (BIAN, "2026-10-20", "2026-11-09"), (XIN, "2026-09-01", "2026-09-21"),
                  numbered="notice_no", notice_kind="simple"),
        *register("announced_on", "ends_on", (YUAN, "2026-10-25", "2026-11-14"), numbered="notice_no", mark="w", notice_kind="simple",
                  outcome="withdrawn"),
        *register("announced_on", "ends_on", (YUAN, "2026-10-25", "2026-12-14"), numbered="notice_no", mark="l",
                  notice_kind="liquidation"),
    ]  # fmt: skip


def asset_freeze() -> list[Row]:
    return [
        *register("frozen_on", "lifted_on", *EDGES, numbered="document_no", asset_kind="equity"),
        *register("frozen_on", "frozen_until_on", *OLD, numbered="document_no", asset_kind="account"),
    ]


def dishonest_person() -> list[Row]:
    return register(
        "published_on", "removed_on", *EDGES, numbered="case_no", conduct="able_refuses", performance="none"
    )


def consumption_restriction() -> list[Row]:
    return register("issued_on", "lifted_on", *OLD, numbered="order_no")


def bankruptcy() -> list[Row]:
    return register("filed_on", "closed_on", (BIAN, "2026-02-01", None), (XIN, "2026-07-07", "2026-10-30"), numbered="case_no",
                    procedure="liquidation")  # fmt: skip


def executed_person() -> list[Row]:
    """Ended without result, in part after the month; one ended because it was performed."""
    nothing: dict[str, Any] = {"closing_kind": "terminated_procedure", "filed_on": day("2020-02-02")}
    return [
        *register("closed_on", None, (BIAN, "2026-01-15", None), (BIAN, "2023-10-31", None), numbered="case_no", unperformed_cny=70,
                  **nothing),
        *register("closed_on", None, (BIAN, "2026-11-05", None), numbered="case_no", mark="n", unperformed_cny=8, **nothing),
        *register("closed_on", None, (XIN, "2026-09-09", None), numbered="case_no", mark="p", unperformed_cny=0, **nothing),
        *register("closed_on", None, (YUAN, "2026-03-03", None), numbered="case_no", mark="d", unperformed_cny=0,
                  filed_on=day("2025-02-02"), closing_kind="performed"),
    ]  # fmt: skip


def own_penalty() -> list[Row]:
    """The form of the departments' own registers of penalties: a general one is published for a year at most."""
    return [
        *register("decided_on", "settled_on", *EDGES, numbered="document_no", severity="serious"),
        *register(
            "decided_on",
            "settled_on",
            (BIAN, "2025-11-01", None),
            numbered="document_no",
            mark="g",
            severity="general",
        ),
    ]


def quality_inspection() -> list[Row]:
    return [
        *register("sampled_on", None, *OLD, numbered="report_no", result="failed"),
        *register(
            "sampled_on", None, (BIAN, "2026-01-01", None), numbered="report_no", mark="q", result="problem"
        ),
        *register(
            "sampled_on", None, (YUAN, "2026-01-01", None), numbered="report_no", mark="p", result="passed"
        ),
    ]


def wage_arrears() -> list[Row]:
    return register("listed_on", "removed_on", *EDGES, numbered="decision_no")


def electricity_arrears() -> list[Row]:
    """Three notices to BIAN: power cut and back, cut and not back, not cut."""
    rows = register("notified_on", "cut_off_on", (BIAN, "2026-03-01", "2026-03-20"), (BIAN, "2026-10-01", "2026-10-20"),
                    (BIAN, "2024-10-01", None), (XIN, "2026-10-15", "2026-11-10"), numbered="notice_no", arrears_cny=50)  # fmt: skip
    rows[0]["restored_on"] = day("2026-03-25")
    return rows


def bill() -> list[Row]:
    """Bills of water and gas: each has until the end of the month after the billed one."""
    drawn: tuple[tuple[str, int, str | None], ...] = (
        (YUAN, 202609, "2026-10-05"), (YUAN, 202608, "2026-09-30"), (YUAN, 202610, None),
        (BIAN, 202608, None), (BIAN, 202607, "2026-09-02"), (BIAN, 202609, "2026-10-31"), (BIAN, 202610, None),
        (BIAN, 202510, "2026-01-05"), (BIAN, 202509, "2025-12-01"), (BIAN, 202310, "2024-01-05"),
        (XIN, 202608, "2026-11-05"), (XIN, 202609, None),
    )  # fmt: skip
    return [
        {"enterprise_id": name, "account_no": "1", "period": period, "billed_m3": 3, "paid_on": day(paid) if paid else None}
        for name, period, paid in drawn
    ]  # fmt: skip


def insurance_arrears() -> list[Row]:
    rows = register("due_on", "cleared_on", *EDGES, insurance_kind="pension", arrears_cny=100)
    return _with_period(rows, "due_on")


def compensation() -> list[Row]:
    paid: dict[str, Any] = {"numbered": "record_no", "payer_kind": "guarantor", "principal_cny": 100}
    return [
        *register("paid_on", "written_off_on", *EDGES, **paid),
        *register(
            "paid_on", None, (BIAN, "2026-04-01", None), mark="r", interest_cny=5, recovered_cny=105, **paid
        ),
        *register(
            "paid_on", None, (BIAN, "2026-04-01", None), mark="i", interest_cny=5, recovered_cny=100, **paid
        ),
        *register("paid_on", None, (YUAN, "2024-04-01", None), mark="n", recovered_cny=100, **paid),
    ]


def bridging_record() -> list[Row]:
    return register("lent_on", "repaid_on", *EDGES, numbered="record_no", amount_cny=100)


def fiscal_subsidy() -> list[Row]:
    return register("paid_on", None, (YUAN, "2026-03-31", None), (YUAN, "2024-01-31", None), (YUAN, "2022-01-31", None),
                    (BIAN, "2025-10-31", None), numbered="voucher_no", amount_cny=10)  # fmt: skip


def procurement_contract() -> list[Row]:
    return register("signed_on", "accepted_on", (YUAN, "2026-03-31", None), (YUAN, "2025-11-01", "2026-11-11"),
                    (YUAN, "2023-11-01", "2024-01-31"), (BIAN, "2021-10-31", None), numbered="contract_no", amount_cny=10)  # fmt: skip


def science_award() -> list[Row]:
    return register("awarded_on", None, (YUAN, "2026-01-08", None), (YUAN, "2024-01-08", None), (BIAN, "2019-01-08", None),
                    numbered="award_no")  # fmt: skip


REGISTERS = {
    "taxation.tax_arrears": tax_arrears, "taxation.late_filing": late_filing, "taxation.tax_violation": tax_violation,
    "taxation.taxpayer": taxpayer, "market_regulation.equity_pledge": equity_pledge,
    "market_regulation.chattel_mortgage": chattel_mortgage, "central_bank.receivable_pledge": receivable_pledge,
    "market_regulation.deregistration": deregistration, "court.asset_freeze": asset_freeze,
    "court.dishonest_person": dishonest_person, "court.consumption_restriction": consumption_restriction,
    "court.bankruptcy": bankruptcy, "court.executed_person": executed_person, "ecology.environment_penalty": own_penalty,
    "customs.customs_penalty": own_penalty, "market_regulation.quality_inspection": quality_inspection,
    "human_resources.wage_arrears": wage_arrears, "power_grid.electricity_arrears": electricity_arrears,
    "utilities.water_bill": bill, "utilities.gas_bill": bill, "human_resources.insurance_arrears": insurance_arrears,
    "local_finance.compensation": compensation, "local_finance.bridging_record": bridging_record,
    "finance.fiscal_subsidy": fiscal_subsidy, "finance.procurement_contract": procurement_contract,
    "science.science_award": science_award,
}  # fmt: skip
