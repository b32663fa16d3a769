"""Applications: decided by somebody other than the quote's author, then put under contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from rongqiao.accounts.services import record_audit, record_in_ledger
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from rongqiao.kernel.texts import whole_text
from rongqiao.platforms.financing.balance import planned_instalments
from rongqiao.platforms.financing.models import Application, Demand, Instalment, Loan, Quote, Take
from rongqiao.platforms.financing.services.access import (
    MAX_TEXT_LENGTH,
    check_code,
    find,
    lock,
    require_bank,
    require_risk,
)
from rongqiao.platforms.financing.services.demands import reopen
from rongqiao.rules.schedules import build_schedule
from rongqiao.rules.transitions import INITIAL, advance

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from rongqiao.accounts.scope import Scope

OTHER = "other"
CONTRACT_NO_LENGTH = 40


@transaction.atomic
def decide_application(
    *,
    scope: Scope,
    application_id: uuid.UUID,
    approve: bool,
    refusal_reason: str = "",
    refusal_note: str = "",
    now: dt.datetime,
) -> Application:
    """Approve or refuse; a refusal names a listed reason and opens the demand's next round.

    Raises
    ------
    NotAllowedError
        If the caller is no risk person of the institution, or wrote the quote.
    InvalidValueError
        If a refusal gives no listed reason, or ``other`` without a note.
    IllegalTransitionError
        If it was decided before.
    """
    require_risk(scope)
    application, quote, demand = _lock(scope, application_id)
    if application.prepared_by_id is not None and application.prepared_by_id == scope.user_id:
        raise NotAllowedError("审批", str(application_id), "报价人不得审批同一笔业务，请由其他风险经理决定。")
    application.status = advance("application", application.status, "approve" if approve else "refuse")
    application.decided_by_id, application.decided_at = scope.user_id, now
    if not approve:
        application.refusal_reason = check_code("refusal_reasons", refusal_reason)
        application.refusal_note = whole_text("拒绝说明", refusal_note, MAX_TEXT_LENGTH)
        if refusal_reason == OTHER and not application.refusal_note:
            raise InvalidValueError("拒绝原因", refusal_reason, "选择“其他”时须写明原因。")
    application.save()
    if not approve:
        _open_next_round(scope, quote, demand, now)
    word = "approved" if approve else "refused"
    record_audit(
        scope=scope,
        action=f"application.{word}",
        object_type="application",
        object_id=application.pk,
        detail={"refusal_reason": application.refusal_reason},
    )
    record_in_ledger(
        kind="application",
        subject=f"application:{application.pk}",
        payload={
            "id": str(application.pk),
            "status": application.status,
            "refusal_reason": application.refusal_reason,
            "decided_at": now.isoformat(),
        },
    )
    return application


@transaction.atomic
def sign_contract(
    *,
    scope: Scope,
    application_id: uuid.UUID,
    contract_no: str,
    start_on: dt.date,
    now: dt.datetime,
    is_first_loan: bool = False,
) -> Loan:
    """Put an approved application under contract: the loan and its schedule stand, nothing is drawn yet.

    Parameters
    ----------
    is_first_loan : bool
        The bank's statement that the borrower had no loan record in the credit system when it decided.

    Raises
    ------
    NotAllowedError
        If the application is another's.
    InvalidValueError
        If the contract number is empty, too long or in use, be it by another institution.
    IllegalTransitionError
        If the application is not approved, or under contract already.
    """
    require_bank(scope)
    application, quote, demand = _lock(scope, application_id)
    application.status = advance("application", application.status, "contract")
    number = contract_no.strip()
    if not 0 < len(number) <= CONTRACT_NO_LENGTH:
        raise InvalidValueError("合同编号", contract_no, f"请填写 1 至 {CONTRACT_NO_LENGTH} 个字符。")
    if Loan.objects.for_scope(scope).filter(contract_no=number).exists():
        raise InvalidValueError("合同编号", number, "本机构已有此编号的合同，请核对。")
    application.save(update_fields=["status"])
    schedule = build_schedule(
        quote.amount_cny, quote.rate_ratio, quote.term_months, quote.repayment_method, start_on
    )
    loan = Loan(
        application=application,
        institution_id=application.institution_id,
        product_id=quote.product_id,
        uscc=application.uscc,
        enterprise_name=demand.enterprise_name,
        region_code=application.region_code,
        contract_no=number,
        principal_cny=quote.amount_cny,
        rate_ratio=quote.rate_ratio,
        term_months=quote.term_months,
        repayment_method=quote.repayment_method,
        start_on=start_on,
        maturity_on=schedule[-1].due_on,
        is_first_loan=is_first_loan,
        status=INITIAL["loan"],
    )
    _store(loan)
    Instalment.objects.bulk_create(planned_instalments(loan))
    demand.status = advance("demand", demand.status, "fulfil")
    demand.save(update_fields=["status"])
    record_audit(
        scope=scope,
        action="loan.contracted",
        object_type="loan",
        object_id=loan.pk,
        detail={"application": str(application.pk), "at": now.isoformat()},
    )
    record_in_ledger(
        kind="loan",
        subject=f"loan:{loan.pk}",
        payload={
            "id": str(loan.pk),
            "contract_no": number,
            "principal_cny": str(loan.principal_cny),
            "rate_ratio": f"{loan.rate_ratio:.6f}",
            "start_on": start_on,
            "maturity_on": loan.maturity_on,
        },
    )
    return loan


def _store(loan: Loan) -> None:
    """Store a new loan; row security hides other institutions' numbers, so that only the table itself knows them."""
    try:
        with transaction.atomic():
            loan.save(force_insert=True)
    except IntegrityError as error:
        if "contract_no" not in str(error):
            raise
        raise InvalidValueError(
            "合同编号", loan.contract_no, "平台上已有此编号，请加上本机构简称等前缀以作区分。"
        ) from None


def _lock(scope: Scope, application_id: uuid.UUID) -> tuple[Application, Quote, Demand]:
    """Lock demand, quote and application, in this order."""
    quote_id = find(Application, scope, application_id).quote_id
    demand = lock(Demand, scope, find(Quote, scope, quote_id).demand_id)
    return lock(Application, scope, application_id), lock(Quote, scope, quote_id), demand


def _open_next_round(scope: Scope, quote: Quote, demand: Demand, now: dt.datetime) -> None:
    quote.status = advance("quote", quote.status, "refuse")
    quote.save(update_fields=["status"])
    take = lock(Take, scope, quote.take_id)
    take.status = advance("take", take.status, "release")
    take.save(update_fields=["status"])
    reopen(demand, now)
