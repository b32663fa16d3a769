"""The drawn input of trade with named partners, and of debt beside the banks'."""

from __future__ import annotations

from drawn_assets import spell
from drawn_cast import BIAN, CODES, XIN, YUAN, Row, day

#: Of another province, and of the own one.
CANTON, CHANGSHA = "91440300MA5LCANT05", "91430100MA4LCHAN06"


def invoice_counterparty() -> list[Row]:
    """YUAN also buys from two of its customers; persons are one row without a code; the year before is not read."""
    drawn = (
        (YUAN, 2025, "sale", CODES[BIAN], 300, "2024-10-01"), (YUAN, 2025, "sale", CODES[XIN], 200, "2025-10-01"),
        (YUAN, 2025, "sale", CANTON, 100, "2022-10-01"), (YUAN, 2025, "sale", CHANGSHA, 350, None), (YUAN, 2025, "sale", "个人", 50, None),
        (YUAN, 2025, "purchase", CODES[BIAN], 50, None), (YUAN, 2025, "purchase", CHANGSHA, 150, None),
        (YUAN, 2024, "sale", CODES[XIN], 9999, None),
        (BIAN, 2025, "sale", CODES[YUAN], 90, "2025-04-01"), (BIAN, 2025, "sale", "个人", 10, None),
    )  # fmt: skip
    return [
        {
            "enterprise_id": name, "year": year, "direction": side, "counterparty_uscc": code, "amount_cny": amount,
            "first_traded_on": day(first) if first else None,
        }
        for name, year, side, code, amount, first in drawn
    ]  # fmt: skip


def guarantee_contract() -> list[Row]:
    drawn = (
        (YUAN, "1", 500, None),
        (YUAN, "2", 100, "2026-10-31"),
        (BIAN, "3", 70, "2026-11-05"),
        (BIAN, "4", None, None),
    )
    return [
        spell(name, "started_on", "2025-01-01", "released_on", released, contract_no=number, outstanding_cny=outstanding)
        for name, number, outstanding, released in drawn
    ]  # fmt: skip


def microloan() -> list[Row]:
    drawn = ((YUAN, "1", 300, "2026-01-01"), (BIAN, "2", 40, None), (BIAN, "3", 5, "2026-11-01"))
    return [
        spell(name, "started_on", "2025-01-01", "settled_on", settled, contract_no=number, balance_cny=balance)
        for name, number, balance, settled in drawn
    ]  # fmt: skip


NETWORK = {
    "taxation.invoice_counterparty": invoice_counterparty, "local_finance.guarantee_contract": guarantee_contract,
    "local_finance.microloan": microloan,
}  # fmt: skip
