"""Loans' states from their stored events and schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.platforms.financing import clocks
from rongqiao.platforms.financing.models import Instalment, LoanEvent
from rongqiao.platforms.financing.replay import Due, Fact, LoanState, replay
from rongqiao.rules.schedules import build_schedule

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Sequence

    from rongqiao.accounts.scope import Scope
    from rongqiao.platforms.financing.models import Loan


def load_facts(scope: Scope, loan_ids: Sequence[uuid.UUID] | None = None) -> dict[uuid.UUID, list[Fact]]:
    """Events per loan; every asked loan has an entry. ``None`` loads those of all visible loans."""
    rows = LoanEvent.objects.for_scope(scope).values_list(
        "loan_id", "kind", "effective_on", "known_on", "principal_cny", "interest_cny", "pk"
    )
    found = _grouped(loan_ids)
    for loan_id, kind, effective_on, known_on, principal, interest, key in _narrowed(rows, loan_ids):
        fact = Fact(kind, effective_on, known_on, principal, interest, str(key))
        found.setdefault(loan_id, []).append(fact)
    return found


def load_schedule(scope: Scope, loan_ids: Sequence[uuid.UUID] | None = None) -> dict[uuid.UUID, list[Due]]:
    """Schedule per loan in order; every asked loan has an entry. ``None`` loads all visible ones."""
    rows = (
        Instalment.objects.for_scope(scope)
        .order_by("loan_id", "seq")
        .values_list("loan_id", "seq", "due_on", "principal_cny", "interest_cny")
    )
    found = _grouped(loan_ids)
    for loan_id, *values in _narrowed(rows, loan_ids):
        found.setdefault(loan_id, []).append(Due(*values))
    return found


def planned_instalments(loan: Loan) -> list[Instalment]:
    """Schedule of a loan by the house's rule, not stored yet; the bank's own may differ by cents."""
    lines = build_schedule(
        loan.principal_cny, loan.rate_ratio, loan.term_months, loan.repayment_method, loan.start_on
    )
    return [
        Instalment(
            loan=loan,
            institution_id=loan.institution_id,
            uscc=loan.uscc,
            seq=line.seq,
            due_on=line.due_on,
            principal_cny=line.principal,
            interest_cny=line.interest,
        )
        for line in lines
    ]


def _grouped(loan_ids: Sequence[uuid.UUID] | None) -> dict[uuid.UUID, list[Any]]:
    return {loan_id: [] for loan_id in loan_ids or ()}


def _narrowed(rows: Any, loan_ids: Sequence[uuid.UUID] | None) -> Any:
    return rows if loan_ids is None else rows.filter(loan_id__in=loan_ids)


def loan_states(scope: Scope, loans: Sequence[Loan], *, on: dt.date) -> dict[uuid.UUID, LoanState]:
    """States of several loans at the end of a day, in two queries."""
    keys = [loan.pk for loan in loans]
    facts, schedules, limits = load_facts(scope, keys), load_schedule(scope, keys), clocks.overdue_limits(on)
    return {key: replay(facts[key], schedules[key], on=on, limits=limits) for key in keys}


def loan_state(scope: Scope, loan: Loan, *, on: dt.date) -> LoanState:
    """State of one loan at the end of a day."""
    return loan_states(scope, [loan], on=on)[loan.pk]
