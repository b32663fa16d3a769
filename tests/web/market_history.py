"""A drawn past of the market, small or large, whose lines refer to each other."""

import datetime as dt
import random
import uuid

from tests.web.market_place import write_lines

SPACE = uuid.UUID(int=43)
FATES = ("repaid_on_time", "late_then_cured", "defaulted")


def key(*parts):
    return str(uuid.uuid5(SPACE, ":".join(map(str, parts))))


def write_history(folder, *, enterprises, products, demands=30, first=dt.date(2025, 11, 3)):
    """Write ``demands`` demands, a day apart; two of three quoted, every second of those a loan."""
    draw = random.Random(43)
    lines = {name: [] for name in ("demands", "quotes", "applications", "loans", "loan_events")}
    for n in range(demands):
        on = first + dt.timedelta(days=n % 300)
        demand = {
            "id": key("demand", n),
            "uscc": enterprises[n % len(enterprises)],
            "amount_cny": "600000.00",
            "term_months": 12,
            "purpose": "working_capital",
            "guarantee_kind": "credit",
            "desired_rate_ratio": "0.0450",
            "published_on": on.isoformat(),
            "status": "expired",
        }
        lines["demands"].append(demand)
        if n % 3:
            _quote_all(lines, demand, n, on, products, draw)
    for name, rows in lines.items():
        write_lines(folder / f"{name}.jsonl", rows)
    return folder


def _quote_all(lines, demand, n, on, products, draw):
    becomes_loan = n % 2 == 0
    is_refused = n % 7 == 1
    demand["status"] = "fulfilled" if becomes_loan else "published" if is_refused else "quoted"
    for position, (code, institution) in enumerate(products):
        is_first = position == 0
        status = "closed" if becomes_loan or is_refused else "submitted"
        lines["quotes"].append(
            {
                "id": key("quote", n, position),
                "demand_id": demand["id"],
                "institution_code": institution,
                "product_code": code,
                "taken_on": on.isoformat(),
                "quoted_on": (on + dt.timedelta(days=2)).isoformat(),
                "amount_cny": "600000.00",
                "lpr_tenor": "1Y",
                "spread_bp": 100,
                "rate_ratio": "0.0400",
                "fees": [
                    {"kind": "guarantee_fee", "amount_cny": "3000.00", "payee": "省担保", "due": "per_year"}
                ],
                "term_months": 12,
                "repayment_method": "equal_principal",
                "valid_until": (on + dt.timedelta(days=17)).isoformat(),
                "status": "accepted" if is_first and (becomes_loan or is_refused) else status,
            }
        )
    if becomes_loan or is_refused:
        lines["applications"].append(
            {
                "id": key("application", n),
                "quote_id": key("quote", n, 0),
                "submitted_on": (on + dt.timedelta(days=4)).isoformat(),
                "status": "contracted" if becomes_loan else "refused",
                "refusal_reason": "" if becomes_loan else "high_debt",
                "decided_on": (on + dt.timedelta(days=9)).isoformat(),
            }
        )
    if becomes_loan:
        _lend(lines, n, on + dt.timedelta(days=10), FATES[draw.randrange(3)])


def _lend(lines, n, start_on, fate):
    status = {"repaid_on_time": "drawn", "late_then_cured": "drawn", "defaulted": "defaulted"}[fate]
    lines["loans"].append(
        {
            "id": key("loan", n),
            "application_id": key("application", n),
            "contract_no": f"LS-{n:06d}",
            "principal_cny": "600000.00",
            "rate_ratio": "0.0400",
            "term_months": 12,
            "repayment_method": "equal_principal",
            "start_on": start_on.isoformat(),
            "maturity_on": (start_on + dt.timedelta(days=365)).isoformat(),
            "status": status,
            "is_first_loan": n % 4 == 0,
        }
    )
    events = [("drawdown", 0, "600000.00", "0.00")]
    events += [("repayment", 31 * m, "50000.00", "2000.00") for m in (1, 2)]
    if fate == "late_then_cured":
        events += [("overdue", 95, "0.00", "0.00"), ("cure", 130, "0.00", "0.00")]
        events += [("repayment", 130, "100000.00", "4000.00")]
    if fate == "defaulted":
        events += [("overdue", 95, "0.00", "0.00"), ("default", 186, "0.00", "0.00")]
    for position, (kind, after, principal, interest) in enumerate(events):
        on = start_on + dt.timedelta(days=after)
        lines["loan_events"].append(
            {
                "id": key("event", n, position),
                "loan_id": key("loan", n),
                "kind": kind,
                "effective_on": on.isoformat(),
                "known_on": (on + dt.timedelta(days=5)).isoformat(),
                "principal_cny": principal,
                "interest_cny": interest,
            }
        )
