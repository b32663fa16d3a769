"""The drawn input of monthly tables whose only indicators are the statistics of a series, edges included."""

from __future__ import annotations

from drawn_cast import BIAN, XIN, YUAN, Row, months


def housing_fund() -> list[Row]:
    """BIAN pays nothing in three months around one that was not delivered: one run of three zeros."""
    rows = []
    for back, period in months(24):
        heads = 10 if back < 12 else 8
        drawn = {YUAN: (heads, heads * 100)}
        if back != 3:
            drawn[BIAN] = (5, 0 if back in (1, 2, 4) else 250)
        if back < 5:
            drawn[XIN] = (2, 60)
        rows += [
            {
                "enterprise_id": name,
                "period": period,
                "depositor_count": depositors,
                "deposit_due_cny": depositors * (30 if name == XIN else 100 if name == YUAN else 50),
                "deposit_paid_cny": paid,
                "arrears_months": 3 if name == BIAN and back < 2 else 0,
            }
            for name, (depositors, paid) in drawn.items()
        ]
    return rows


def trade() -> list[Row]:
    """YUAN exports every other month and never imports; BIAN began a year ago, with one month missing, and imports more and more."""
    rows = []
    for back, period in months(24):
        drawn = {YUAN: (300 if back % 2 == 0 else 0, 0)}
        if back < 12 and back != 5:
            drawn[BIAN] = (None if back == 0 else 50, 10 * (12 - back))
        if back < 5:
            drawn[XIN] = (0, 7)
        rows += [
            {"enterprise_id": name, "period": period, "export_cny": exported, "import_cny": imported}
            for name, (exported, imported) in drawn.items()
        ]
    return rows


def cash_flow() -> list[Row]:
    """BIAN has nine months of the last twelve only, too few for a year; what there is falls."""
    rows = []
    for back, period in months(24):
        drawn = {YUAN: (200 if back < 12 else 160, 150, 500 + 10 * (11 - back))}
        if back not in (7, 8, 9):
            drawn[BIAN] = (40 if back < 6 else 100, 0 if back < 2 else 90, 0 if back < 4 else 30)
        if back < 5:
            drawn[XIN] = (20 + back, 10, 5)
        rows += [
            {
                "enterprise_id": name,
                "period": period,
                "inflow_cny": inflow,
                "outflow_cny": outflow,
                "month_end_balance_cny": balance,
            }
            for name, (inflow, outflow, balance) in drawn.items()
        ]
    return rows
