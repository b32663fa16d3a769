"""Loan events: append-only facts; the loan's status follows from replaying them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from rongqiao.accounts.services import record_audit
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.money import format_cny, to_cny
from rongqiao.platforms.financing import clocks
from rongqiao.platforms.financing.balance import load_facts, load_schedule, loan_state
from rongqiao.platforms.financing.models import Instalment, Loan, LoanEvent
from rongqiao.platforms.financing.replay import ZERO, Fact, replay
from rongqiao.platforms.financing.services.access import MAX_AMOUNT_CNY, lock, require_bank
from rongqiao.rules.schedules import build_schedule
from rongqiao.rules.transitions import advance

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from decimal import Decimal

    from rongqiao.accounts.scope import Scope

REPORTS = {"overdue": "fall_overdue", "default": "default", "cure": "cure"}


@transaction.atomic
def record_drawdown(*, scope: Scope, loan_id: uuid.UUID, on: dt.date, now: dt.datetime) -> Loan:
    """Record that the whole principal was paid out; the schedule then counts from that day.

    Raises
    ------
    NotAllowedError
        If the loan is another's.
    InvalidValueError
        If the day lies in the future or before the contract, or the loan was drawn before.
    """
    require_bank(scope)
    loan = lock(Loan, scope, loan_id)
    status = advance("loan", loan.status, "draw")
    if loan.status != "contracted":
        raise InvalidValueError("放款", loan.contract_no, "该贷款已放款；本平台登记的贷款为一次性放款。")
    _check_day("放款日期", on, loan.start_on, now)
    if on != loan.start_on:
        _move_schedule(scope, loan, on)
    _append(scope, loan, "drawdown", on, now, principal=loan.principal_cny)
    loan.status = status
    loan.save(update_fields=["status", "start_on", "maturity_on"])
    _audit(scope, loan, "loan.drawn", on)
    return loan


@transaction.atomic
def record_repayment(
    *,
    scope: Scope,
    loan_id: uuid.UUID,
    on: dt.date,
    principal_cny: Decimal,
    interest_cny: Decimal,
    now: dt.datetime,
) -> Loan:
    """Record a repayment, also one that arrives late; it may settle, or cure, the loan.

    Raises
    ------
    NotAllowedError
        If the loan is another's.
    InvalidValueError
        If nothing or more than is outstanding is repaid, an amount is negative, or the day is impossible.
    IllegalTransitionError
        If the loan was never drawn or is repaid.
    """
    require_bank(scope)
    loan = lock(Loan, scope, loan_id)
    advance("loan", loan.status, "repay_part")
    principal, interest = to_cny(principal_cny), to_cny(interest_cny)
    if principal < 0 or interest < 0 or principal + interest == 0:
        raise InvalidValueError(
            "还款金额", f"{principal} + {interest}", "本金与利息不可为负，且至少一项大于零。"
        )
    if interest > MAX_AMOUNT_CNY:
        raise InvalidValueError("还款利息", str(interest), "不超过 100 亿元，请核对单位。")
    _check_day("还款日期", on, loan.start_on, now)
    before = loan_state(scope, loan, on=clocks.local_day(now))
    if principal > before.outstanding_cny:
        raise InvalidValueError(
            "还款本金", str(principal), f"超过未还本金 {format_cny(before.outstanding_cny)}。"
        )
    _append(scope, loan, "repayment", on, now, principal=principal, interest=interest)
    _follow(scope, loan, on, now)
    _audit(scope, loan, "loan.repaid", on)
    return loan


@transaction.atomic
def report_loan(*, scope: Scope, loan_id: uuid.UUID, kind: str, on: dt.date, now: dt.datetime) -> Loan:
    """Record the bank's report that a loan fell overdue, defaulted or was cured.

    Parameters
    ----------
    kind : str
        ``overdue``, ``default`` or ``cure``.
    on : date
        First day of the new condition.

    Raises
    ------
    NotAllowedError
        If the loan is another's.
    InvalidValueError
        If the kind is none of these or the day is impossible.
    IllegalTransitionError
        If the loan's present condition does not allow it.
    """
    require_bank(scope)
    if kind not in REPORTS:
        raise InvalidValueError("贷款事件", kind, f"可用：{'、'.join(REPORTS)}。")
    loan = lock(Loan, scope, loan_id)
    status = advance("loan", loan.status, REPORTS[kind])
    _check_day("事件日期", on, loan.start_on, now)
    _append(scope, loan, kind, on, now)
    loan.status = status
    loan.save(update_fields=["status"])
    _audit(scope, loan, f"loan.{kind}_reported", on)
    return loan


def _append(
    scope: Scope,
    loan: Loan,
    kind: str,
    on: dt.date,
    now: dt.datetime,
    *,
    principal: Decimal = ZERO,
    interest: Decimal = ZERO,
) -> LoanEvent:
    event = LoanEvent(
        loan=loan,
        institution_id=loan.institution_id,
        uscc=loan.uscc,
        region_code=loan.region_code,
        kind=kind,
        effective_on=on,
        known_on=clocks.local_day(now),
        principal_cny=principal,
        interest_cny=interest,
        reported_by_id=scope.user_id,
    )
    event.save(force_insert=True)
    return event


def _follow(scope: Scope, loan: Loan, on: dt.date, now: dt.datetime) -> None:
    """Bring the status to what the events now say."""
    today = clocks.local_day(now)
    is_late = loan.status in ("overdue", "defaulted")
    if loan_state(scope, loan, on=today).outstanding_cny == 0:
        event = "repay_late" if is_late else "repay_all"
    elif is_late and _is_current_again(scope, loan, on, today):
        _append(scope, loan, "cure", on, now)
        event = "cure"
    else:
        event = "repay_part"
    loan.status = advance("loan", loan.status, event)
    loan.save(update_fields=["status"])


def _is_current_again(scope: Scope, loan: Loan, on: dt.date, today: dt.date) -> bool:
    """Whether nothing would be due any more if the bank's report of overdue ended with this payment."""
    facts = [*load_facts(scope, [loan.pk])[loan.pk], Fact("cure", on, today)]
    schedule = load_schedule(scope, [loan.pk])[loan.pk]
    return replay(facts, schedule, on=today, limits=clocks.overdue_limits(today)).overdue_days == 0


def _move_schedule(scope: Scope, loan: Loan, on: dt.date) -> None:
    lines = build_schedule(loan.principal_cny, loan.rate_ratio, loan.term_months, loan.repayment_method, on)
    stored = list(Instalment.objects.for_scope(scope).filter(loan=loan).order_by("seq"))
    for row, line in zip(stored, lines, strict=True):
        row.due_on, row.principal_cny, row.interest_cny = line.due_on, line.principal, line.interest
    Instalment.objects.for_scope(scope).bulk_update(stored, ["due_on", "principal_cny", "interest_cny"])
    loan.start_on, loan.maturity_on = on, lines[-1].due_on


def _check_day(thing: str, on: dt.date, start_on: dt.date, now: dt.datetime) -> None:
    if not start_on <= on <= clocks.local_day(now):
        raise InvalidValueError(thing, on.isoformat(), f"应在合同起始日 {start_on.isoformat()} 与今日之间。")


def _audit(scope: Scope, loan: Loan, action: str, on: dt.date) -> None:
    record_audit(
        scope=scope, action=action, object_type="loan", object_id=loan.pk, detail={"on": on.isoformat()}
    )
