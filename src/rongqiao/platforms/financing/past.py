"""One line of the market's past turned into stored rows."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rongqiao.kernel.money import to_cny
from rongqiao.platforms.financing import clocks
from rongqiao.platforms.financing.models import (
    Application,
    Demand,
    Loan,
    LoanEvent,
    Push,
    Quote,
    Take,
)
from rongqiao.platforms.financing.services.quotes import rule_fees
from rongqiao.rules.pricing import all_in_cost
from rongqiao.rules.schedules import build_schedule
from rongqiao.rules.transitions import states
from rongqiao.rules.working_days import ZONE

if TYPE_CHECKING:
    from rongqiao.bases.enterprises.models import Enterprise
    from rongqiao.bases.resources.models import Product

Row = dict[str, Any]
# History knows days only; on one day a demand comes before its take, the take before the quote.
PUBLISHED_AT, TAKEN_AT, QUOTED_AT, SUBMITTED_AT, DECIDED_AT = (dt.time(hour) for hour in (9, 13, 15, 16, 17))
SPREAD_MINUTES = 50
TAKE_OF_QUOTE = {
    "accepted": "won",
    "submitted": "quoted",
    "closed": "lost",
    "withdrawn": "released",
    "expired": "released",
    "refused": "released",
}


@dataclass(slots=True)
class Past:
    """What the lines refer to, and what was built so far."""

    enterprises: dict[str, Enterprise]
    products: dict[str, Product]
    refused_quotes: set[str]
    demands: dict[str, Demand] = field(default_factory=dict)
    takes: dict[tuple[str, uuid.UUID], Take] = field(default_factory=dict)
    quotes: dict[str, Quote] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    loans: dict[str, Loan] = field(default_factory=dict)


def instant(text: str, at: dt.time, key: str) -> dt.datetime:
    """Instant of a day of history: the hour of its kind, and minutes drawn from the key."""
    minutes = uuid.UUID(key).int % SPREAD_MINUTES
    local = dt.datetime.combine(dt.date.fromisoformat(text[:10]), at, ZONE)
    return (local + dt.timedelta(minutes=minutes)).astimezone(dt.UTC)


def ratio(value: Any) -> Decimal:
    """Read a ratio."""
    return Decimal(str(value))


def money(value: Any) -> Decimal:
    """Read yuan."""
    return to_cny(str(value))


def known_status(lifecycle: str, status: str) -> str:
    """Return the status if the lifecycle has it.

    Raises
    ------
    ValueError
        Naming the states.
    """
    if status not in states(lifecycle):
        raise ValueError(f"status {status!r}; states of a {lifecycle}: {', '.join(states(lifecycle))}")
    return status


def demand_of(row: Row, past: Past) -> Demand:
    """Build a demand; the name and place are the register's, else the place is the code's own."""
    entry = past.enterprises.get(row["uscc"])
    posted_at = instant(row["published_on"], PUBLISHED_AT, row["id"])
    rate = row.get("desired_rate_ratio")
    demand = Demand(
        id=uuid.UUID(row["id"]),
        uscc=row["uscc"],
        enterprise_name=entry.name if entry else row["uscc"],
        region_code=entry.county_code if entry else row["uscc"][2:8],
        industry_code=entry.industry_code if entry else "",
        amount_cny=money(row["amount_cny"]),
        term_months=row["term_months"],
        purpose=row["purpose"],
        guarantee_kind=row["guarantee_kind"],
        desired_rate_ratio=None if rate is None else ratio(rate),
        status=known_status("demand", row["status"]),
        published_at=posted_at,
        expires_at=clocks.demand_end(posted_at),
    )
    past.demands[row["id"]] = demand
    return demand


def quote_of(row: Row, past: Past) -> Quote:
    """Build a quote with its take; an accepted quote whose application was refused is ``refused``."""
    demand, product = past.demands[row["demand_id"]], past.products[row["product_code"]]
    status = known_status("quote", row["status"])
    if status == "accepted" and row["id"] in past.refused_quotes:
        status = "refused"
    take = _take_of(row, past, demand, product.institution_id)
    take.status = TAKE_OF_QUOTE[status]
    quote = Quote(
        id=uuid.UUID(row["id"]),
        take=take,
        demand=demand,
        institution_id=product.institution_id,
        product=product,
        uscc=demand.uscc,
        region_code=demand.region_code,
        amount_cny=money(row["amount_cny"]),
        term_months=row["term_months"],
        lpr_tenor=row["lpr_tenor"],
        lpr_ratio=ratio(row["rate_ratio"]) - Decimal(row["spread_bp"]) / 10_000,
        spread_bp=row["spread_bp"],
        rate_ratio=ratio(row["rate_ratio"]),
        fees=[
            {**fee, "amount_cny": str(money(fee["amount_cny"])), "due": fee.get("due") or "upfront"}
            for fee in row.get("fees") or ()
        ],
        repayment_method=row["repayment_method"],
        quoted_at=instant(row["quoted_on"], QUOTED_AT, row["id"]),
        valid_until=instant(row["valid_until"], DECIDED_AT, row["id"]),
        status=status,
    )
    start_on = dt.date.fromisoformat(row["quoted_on"][:10])
    schedule = build_schedule(
        quote.amount_cny, quote.rate_ratio, quote.term_months, quote.repayment_method, start_on
    )
    cost = all_in_cost(quote.amount_cny, schedule, rule_fees(quote.fees))
    quote.all_in_ratio, quote.total_cost_cny = cost.xirr_ratio, cost.total_cost_cny
    past.quotes[row["id"]] = quote
    demand.quotes_count += 1
    demand.takes_count += take.status in ("quoted", "won")
    return quote


def _take_of(row: Row, past: Past, demand: Demand, institution_id: uuid.UUID) -> Take:
    """Take behind a quote; an institution's later quote on the same demand rests on its first take."""
    known = past.takes.get((row["demand_id"], institution_id))
    if known is not None:
        return known
    taken_at = instant(row["taken_on"], TAKEN_AT, row["id"])
    take = Take(
        id=uuid.uuid5(uuid.UUID(row["id"]), "take"),
        demand=demand,
        institution_id=institution_id,
        uscc=demand.uscc,
        region_code=demand.region_code,
        taken_at=taken_at,
        contact_due_at=clocks.contact_due(taken_at),
        quote_due_at=clocks.quote_due(taken_at),
    )
    past.takes[row["demand_id"], institution_id] = take
    return take


def published_at(demand: Demand) -> dt.datetime:
    """Instant of publication, which every demand of the past has."""
    if demand.published_at is None:
        raise ValueError(f"demand {demand.pk} was never published")
    return demand.published_at


def push_of(demand: Demand, institution_id: uuid.UUID) -> Push:
    """Build the push of a demand to an institution at the instant of publication."""
    return Push(
        demand=demand,
        institution_id=institution_id,
        uscc=demand.uscc,
        region_code=demand.region_code,
        pushed_at=published_at(demand),
    )


def application_of(row: Row, past: Past) -> Application:
    """Build an application on its quote."""
    quote = past.quotes[row["quote_id"]]
    submitted_at = instant(row["submitted_on"], SUBMITTED_AT, row["id"])
    decided_on = row.get("decided_on")
    application = Application(
        id=uuid.UUID(row["id"]),
        quote=quote,
        institution_id=quote.institution_id,
        uscc=quote.uscc,
        region_code=quote.region_code,
        submitted_at=submitted_at,
        decision_due_at=clocks.decision_due(submitted_at),
        status=known_status("application", row["status"]),
        decided_at=instant(decided_on, DECIDED_AT, row["id"]) if decided_on else None,
        refusal_reason=row.get("refusal_reason") or "",
    )
    past.applications[row["id"]] = application
    return application


def loan_of(row: Row, past: Past) -> Loan:
    """Build a loan on its application."""
    application = past.applications[row["application_id"]]
    loan = Loan(
        id=uuid.UUID(row["id"]),
        application=application,
        institution_id=application.institution_id,
        product_id=application.quote.product_id,
        uscc=application.uscc,
        enterprise_name=application.quote.demand.enterprise_name,
        region_code=application.region_code,
        contract_no=row["contract_no"],
        principal_cny=money(row["principal_cny"]),
        rate_ratio=ratio(row["rate_ratio"]),
        term_months=row["term_months"],
        repayment_method=row["repayment_method"],
        start_on=dt.date.fromisoformat(row["start_on"]),
        maturity_on=dt.date.fromisoformat(row["maturity_on"]),
        is_first_loan=bool(row.get("is_first_loan")),
        status=known_status("loan", row["status"]),
    )
    past.loans[row["id"]] = loan
    return loan


def event_of(row: Row, past: Past) -> LoanEvent:
    """Build a loan event."""
    loan = past.loans[row["loan_id"]]
    return LoanEvent(
        id=uuid.UUID(row["id"]),
        loan=loan,
        institution_id=loan.institution_id,
        uscc=loan.uscc,
        region_code=loan.region_code,
        kind=row["kind"],
        effective_on=dt.date.fromisoformat(row["effective_on"]),
        known_on=dt.date.fromisoformat(row["known_on"]),
        principal_cny=money(row.get("principal_cny") or 0),
        interest_cny=money(row.get("interest_cny") or 0),
    )
