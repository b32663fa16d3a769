"""Reads of the market; each sees what its scope may see."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Case, IntegerField, Value, When

from rongqiao.platforms.financing import clocks
from rongqiao.platforms.financing.balance import loan_state, loan_states
from rongqiao.platforms.financing.figures import market_figures
from rongqiao.platforms.financing.matching import Judged, judge_criteria, own_facts, products_on_sale
from rongqiao.platforms.financing.models import (
    Application,
    Demand,
    Instalment,
    Loan,
    LoanEvent,
    Match,
    Push,
    Quote,
    Take,
)
from rongqiao.platforms.financing.withholding import visible_proposal, withhold_reasons
from rongqiao.rules.schedules import build_schedule
from rongqiao.rules.transitions import events_from

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope
    from rongqiao.bases.resources.models import Institution
    from rongqiao.platforms.financing.replay import LoanState

__all__ = [
    "InboxItem",
    "LoanPage",
    "LoanRow",
    "QuoteComparison",
    "bank_inbox",
    "compare_quotes",
    "demand_events",
    "demand_matches",
    "eligible_products",
    "get_application",
    "get_demand",
    "get_loan",
    "get_quote",
    "get_take",
    "list_applications",
    "list_demands",
    "list_loans",
    "list_quotes",
    "list_takes",
    "loan_rows",
    "market_figures",
    "visible_proposal",
]

OPEN_STATUSES = ("published", "taken", "quoted")
BY_OUTCOME = Case(
    When(outcome="met", then=Value(0)),
    When(outcome="unknown", then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)
MONTHS_PER_YEAR = 12


@dataclass(frozen=True, slots=True)
class QuoteComparison:
    """One quote beside the others.

    Parameters
    ----------
    all_in_ratio : Decimal
        Annualised cost of all cash flows.
    total_cost_cny, interest_cny, fees_cny : Decimal
        Yuan over the whole term; total = interest + fees.
    monthly_payment_cny : Decimal
        First instalment; for ``bullet`` there is one only, at the end.
    highest_payment_cny : Decimal
        Highest instalment: what must be at hand on the worst day.
    is_expired : bool
        Whether it can no longer be accepted because its time ran out.
    is_cheapest : bool
        Lowest all-in cost among those that can still be accepted.
    """

    quote: Quote
    institution: Institution
    all_in_ratio: Decimal
    total_cost_cny: Decimal
    interest_cny: Decimal
    fees_cny: Decimal
    monthly_payment_cny: Decimal
    highest_payment_cny: Decimal
    is_expired: bool
    is_cheapest: bool


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One demand before an institution.

    Parameters
    ----------
    take, quote : Take, Quote or None
        The institution's own; null before.
    deadline : datetime
        What runs out first for this institution.
    deadline_kind : str
        ``take`` (window closes), ``quote`` (quote is due), ``validity`` (quote ends) or ``demand`` (demand ends).
    takes_count : int
        Institutions that hold it, rivals included; who they are is not told.
    best_match : Match or None
        The institution's best product for it.
    is_late : bool
        Whether the deadline has passed.
    """

    demand: Demand
    push: Push
    take: Take | None
    quote: Quote | None
    deadline: dt.datetime
    deadline_kind: str
    takes_count: int
    best_match: Match | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class LoanRow:
    """A loan with its state on a day."""

    loan: Loan
    state: LoanState


@dataclass(frozen=True, slots=True)
class LoanPage:
    """A loan with its state on a day, schedule and events."""

    loan: Loan
    state: LoanState
    instalments: list[Instalment]
    events: list[LoanEvent]


def list_demands(scope: Scope) -> QuerySet[Demand]:
    """Demands, newest first."""
    found: QuerySet[Demand] = Demand.objects.for_scope(scope).order_by("-published_at", "-created_at")
    return found


def get_demand(scope: Scope, demand_id: uuid.UUID | str) -> Demand | None:
    """Return a demand; null where there is none, or none the caller may see."""
    found: Demand | None = Demand.objects.for_scope(scope).filter(pk=demand_id).first()
    return found


def demand_events(demand: Demand) -> tuple[str, ...]:
    """Events the demand's status allows, for pages that show only what can be done."""
    return events_from("demand", demand.status)


def demand_matches(scope: Scope, demand_id: uuid.UUID | str, now: dt.datetime | None = None) -> list[Match]:
    """Verdicts on all products (a bank: on its own): met, unknown, unmet; within each the best fit first.

    Parameters
    ----------
    now : datetime or None
        Instant by which a bank's consent bounds the reasons it sees; null takes the transaction's.
    """
    found = _ranked(Match.objects.for_scope(scope).filter(demand_id=demand_id))
    matches = found.select_related("product", "institution__organisation")
    return withhold_reasons(scope, matches, now or _transaction_instant())


def _ranked(matches: Any) -> Any:
    return matches.annotate(rank=BY_OUTCOME).order_by("rank", "-fit", "product__code")


def compare_quotes(
    scope: Scope, demand_id: uuid.UUID | str, now: dt.datetime | None = None
) -> list[QuoteComparison]:
    """Quotes on a demand side by side, cheapest all-in cost first; withdrawn ones are left out.

    Parameters
    ----------
    now : datetime or None
        Null takes the transaction's instant.
    """
    found = Quote.objects.for_scope(scope).filter(demand_id=demand_id).exclude(status="withdrawn")
    quotes = list(
        found.select_related("institution__organisation", "product").order_by(
            "all_in_ratio", "total_cost_cny", "pk"
        )
    )
    instant = now or _transaction_instant()
    cheapest = next((q.pk for q in quotes if q.status == "submitted" and instant < q.valid_until), None)
    return [_compared(quote, instant, is_cheapest=quote.pk == cheapest) for quote in quotes]


def _compared(quote: Quote, now: dt.datetime, *, is_cheapest: bool) -> QuoteComparison:
    day = clocks.local_day(quote.quoted_at)
    schedule = build_schedule(
        quote.amount_cny, quote.rate_ratio, quote.term_months, quote.repayment_method, day
    )
    interest = sum((line.interest for line in schedule), Decimal("0.00"))
    is_over = quote.status == "expired" or (quote.status == "submitted" and now >= quote.valid_until)
    return QuoteComparison(
        quote=quote,
        institution=quote.institution,
        all_in_ratio=quote.all_in_ratio,
        total_cost_cny=quote.total_cost_cny,
        interest_cny=interest,
        fees_cny=quote.total_cost_cny - interest,
        monthly_payment_cny=schedule[0].total,
        highest_payment_cny=max(line.total for line in schedule),
        is_expired=is_over,
        is_cheapest=is_cheapest,
    )


def bank_inbox(scope: Scope, now: dt.datetime) -> list[InboxItem]:
    """Open demands before the institution, the clock that runs out first on top; four queries however many.

    A demand whose places are all taken by others is left out.
    """
    pushes = list(
        Push.objects.for_scope(scope).filter(demand__status__in=OPEN_STATUSES).select_related("demand")
    )
    keys = [push.demand_id for push in pushes]
    takes = {take.demand_id: take for take in Take.objects.for_scope(scope).filter(demand_id__in=keys)}
    quotes = Quote.objects.for_scope(scope).filter(demand_id__in=keys, status="submitted")
    open_quotes = {quote.demand_id: quote for quote in quotes.select_related("product")}
    best: dict[uuid.UUID, Match] = {}
    for match in _ranked(Match.objects.for_scope(scope).filter(demand_id__in=keys)).select_related("product"):
        best.setdefault(match.demand_id, match)
    items = [
        _inbox_item(
            push, takes.get(push.demand_id), open_quotes.get(push.demand_id), best.get(push.demand_id), now
        )
        for push in pushes
    ]
    return sorted((item for item in items if item), key=lambda item: (item.deadline, str(item.demand.pk)))


def _inbox_item(
    push: Push, take: Take | None, quote: Quote | None, match: Match | None, now: dt.datetime
) -> InboxItem | None:
    demand = push.demand
    holds = take is not None and take.status in ("active", "quoted")
    if take is not None and not holds and take.status != "lost":
        return None
    if quote is not None:
        clock: tuple[dt.datetime, str] | None = (quote.valid_until, "validity")
    elif take is not None and holds:
        clock = (take.quote_due_at, "quote")
    else:
        clock = _open_until(demand, now)
    if clock is None:
        return None
    deadline, kind = clock
    return InboxItem(
        demand=demand,
        push=push,
        take=take if holds else None,
        quote=quote,
        deadline=deadline,
        deadline_kind=kind,
        takes_count=demand.takes_count,
        best_match=match,
        is_late=now >= deadline,
    )


def _open_until(demand: Demand, now: dt.datetime) -> tuple[dt.datetime, str] | None:
    """Instant until which one more institution may take a demand, and which clock it is; null if none may."""
    if demand.published_at is None or demand.expires_at is None or now >= demand.expires_at:
        return None
    window = clocks.window_end(demand.published_at)
    if now < window:
        return None if demand.takes_count >= clocks.whole_number("max_takers", now) else (window, "take")
    return None if demand.takes_count else (demand.expires_at, "demand")


def list_takes(scope: Scope) -> QuerySet[Take]:
    """List takes with their demands, newest first."""
    found: QuerySet[Take] = (
        Take.objects.for_scope(scope).select_related("demand", "institution").order_by("-taken_at")
    )
    return found


def get_take(scope: Scope, take_id: uuid.UUID | str) -> Take | None:
    """Return a take with its demand; null where there is none the caller may see."""
    found: Take | None = list_takes(scope).filter(pk=take_id).first()
    return found


def list_quotes(scope: Scope) -> QuerySet[Quote]:
    """Quotes with demand, institution and product, newest first."""
    found: QuerySet[Quote] = (
        Quote.objects.for_scope(scope)
        .select_related("demand", "institution", "product")
        .order_by("-quoted_at")
    )
    return found


def get_quote(scope: Scope, quote_id: uuid.UUID | str) -> Quote | None:
    """Return a quote; null where there is none the caller may see."""
    found: Quote | None = list_quotes(scope).filter(pk=quote_id).first()
    return found


def list_applications(scope: Scope) -> QuerySet[Application]:
    """Applications with quote, demand and people, those to be decided first, then newest first."""
    to_decide = Case(When(status="submitted", then=Value(0)), default=Value(1), output_field=IntegerField())
    found: QuerySet[Application] = (
        Application.objects.for_scope(scope)
        .select_related("quote__demand", "quote__product", "institution", "prepared_by", "decided_by")
        .order_by(to_decide, "-submitted_at")
    )
    return found


def get_application(scope: Scope, application_id: uuid.UUID | str) -> Application | None:
    """Return an application; null where there is none the caller may see."""
    found: Application | None = list_applications(scope).filter(pk=application_id).first()
    return found


def list_loans(scope: Scope) -> QuerySet[Loan]:
    """Loans with product and institution, newest first."""
    found: QuerySet[Loan] = (
        Loan.objects.for_scope(scope)
        .select_related("product", "institution")
        .order_by("-start_on", "contract_no")
    )
    return found


def loan_rows(scope: Scope, loans: list[Loan], *, on: dt.date) -> list[LoanRow]:
    """Loans of one page with their states on a day, in two queries."""
    states = loan_states(scope, loans, on=on)
    return [LoanRow(loan, states[loan.pk]) for loan in loans]


def get_loan(scope: Scope, loan_id: uuid.UUID | str, on: dt.date | None = None) -> LoanPage | None:
    """Return a loan with balance, overdue days, class and next instalment replayed to a day; null where there is none.

    Parameters
    ----------
    on : date or None
        Null takes the transaction's day.
    """
    loan = list_loans(scope).filter(pk=loan_id).first()
    if loan is None:
        return None
    day = on or clocks.local_day(_transaction_instant())
    return LoanPage(
        loan=loan,
        state=loan_state(scope, loan, on=day),
        instalments=list(Instalment.objects.for_scope(scope).filter(loan=loan).order_by("seq")),
        events=list(
            LoanEvent.objects.for_scope(scope).filter(loan=loan).order_by("effective_on", "known_on", "pk")
        ),
    )


def eligible_products(scope: Scope) -> list[Judged]:
    """All products on sale judged for the caller's enterprise by region and criteria, best first.

    Amount, term and purpose are a demand's matter; empty for callers that are no enterprise.
    """
    if not scope.uscc:
        return []
    return judge_criteria(scope.uscc, products_on_sale(), own_facts(scope))


def _transaction_instant() -> dt.datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        instant: dt.datetime = cursor.fetchone()[0]
    return instant
