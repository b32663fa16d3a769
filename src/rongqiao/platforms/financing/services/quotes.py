"""Sealed quotes: submit, withdraw, accept."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db import transaction

from rongqiao.accounts.services import record_audit, record_in_ledger
from rongqiao.bases.resources.models import Product
from rongqiao.contracts.catalog import lpr
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from rongqiao.kernel.money import format_cny, to_cny
from rongqiao.kernel.rate import format_rate
from rongqiao.kernel.texts import whole_text
from rongqiao.platforms.financing import clocks
from rongqiao.platforms.financing.models import Application, Quote, Take
from rongqiao.platforms.financing.services.access import (
    MAX_TEXT_LENGTH,
    check_code,
    check_range,
    lock_with_demand,
    require_bank,
    require_owner,
)
from rongqiao.platforms.financing.services.demands import close_round
from rongqiao.rules.pricing import DUE, Fee, all_in_cost, quote_rate
from rongqiao.rules.schedules import build_schedule
from rongqiao.rules.transitions import INITIAL, advance

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from rongqiao.accounts.scope import Scope

MAX_SPREAD_BP = 2400
# Far above any lawful cost: what exceeds it is a slip of the pen.
MAX_ALL_IN_RATIO = 1


@transaction.atomic
def submit_quote(
    *,
    scope: Scope,
    take_id: uuid.UUID,
    product_code: str,
    amount_cny: Decimal,
    term_months: int,
    lpr_tenor: str,
    spread_bp: int,
    fees: Iterable[Mapping[str, Any]] = (),
    repayment_method: str,
    valid_days: int,
    note: str = "",
    now: dt.datetime,
) -> Quote:
    """Quote on a taken demand; the rate is LPR ± basis points, the all-in cost is computed here.

    Parameters
    ----------
    fees : iterable of mapping
        ``{"kind", "amount_cny", "payee", "due"}``; ``due`` is a key of ``rules.pricing.DUE``.

    Raises
    ------
    NotAllowedError
        If the take is another's, its time to quote is over, or a quote is open already.
    InvalidValueError
        If a value breaks what the institution published of the product, or is out of range.
    IllegalTransitionError
        If take or demand is no longer open.
    """
    require_bank(scope)
    take, demand = lock_with_demand(Take, scope, take_id)
    take_status, demand_status = (
        advance("take", take.status, "quote"),
        advance("demand", demand.status, "quote"),
    )
    if take.status == "active" and now >= take.quote_due_at:
        raise NotAllowedError("报价", str(take_id), "报价时限已过，此单已释放。")
    if Quote.objects.for_scope(scope).filter(take=take, status="submitted").exists():
        raise NotAllowedError("报价", str(take_id), "已有一份有效报价；请先撤回再重新报价。")
    product = _own_product(scope, product_code)
    ratio = lpr(check_code("lpr_tenors", lpr_tenor), clocks.local_day(now))
    quote = Quote(
        take=take,
        demand=demand,
        institution_id=take.institution_id,
        product=product,
        uscc=demand.uscc,
        region_code=demand.region_code,
        amount_cny=to_cny(amount_cny),
        term_months=term_months,
        lpr_tenor=lpr_tenor,
        lpr_ratio=ratio,
        spread_bp=check_range("加点（BP）", spread_bp, -MAX_SPREAD_BP, MAX_SPREAD_BP),
        rate_ratio=quote_rate(ratio, spread_bp),
        fees=[_fee(fee) for fee in fees],
        repayment_method=check_code("repayment_methods", repayment_method),
        note=whole_text("对企业的说明", note, MAX_TEXT_LENGTH),
        quoted_by_id=scope.user_id,
        quoted_at=now,
        valid_until=now + dt.timedelta(days=_check_validity(valid_days, now)),
        status=INITIAL["quote"],
    )
    _check_promise(quote, product)
    _price(quote, clocks.local_day(now))
    quote.save(force_insert=True)
    take.status, demand.status, demand.quotes_count = take_status, demand_status, demand.quotes_count + 1
    take.save(update_fields=["status"])
    demand.save(update_fields=["status", "quotes_count"])
    record_audit(
        scope=scope,
        action="quote.submitted",
        object_type="quote",
        object_id=quote.pk,
        detail={"demand": str(demand.pk)},
    )
    record_in_ledger(kind="quote", subject=f"quote:{quote.pk}", payload=quote_evidence(quote))
    return quote


@transaction.atomic
def withdraw_quote(*, scope: Scope, quote_id: uuid.UUID, now: dt.datetime) -> Quote:
    """Take an open quote back; the take stays, and a better quote may follow.

    Raises
    ------
    NotAllowedError
        If it is another's.
    IllegalTransitionError
        If it was accepted, closed, withdrawn or expired.
    """
    require_bank(scope)
    quote, _ = lock_with_demand(Quote, scope, quote_id)
    quote.status = advance("quote", quote.status, "withdraw")
    quote.save(update_fields=["status"])
    record_audit(
        scope=scope,
        action="quote.withdrawn",
        object_type="quote",
        object_id=quote.pk,
        detail={"at": now.isoformat()},
    )
    return quote


@transaction.atomic
def accept_quote(*, scope: Scope, quote_id: uuid.UUID, now: dt.datetime) -> Application:
    """Accept one quote: it becomes an application, all others close.

    Raises
    ------
    NotAllowedError
        If the caller is not the owner of the demand's enterprise, or the quote has run out.
    IllegalTransitionError
        If another was accepted before, or the quote is no longer open.
    """
    require_owner(scope)
    quote, demand = lock_with_demand(Quote, scope, quote_id)
    demand.status = advance("demand", demand.status, "accept")
    quote.status = advance("quote", quote.status, "accept")
    if now >= quote.valid_until:
        raise NotAllowedError("报价", str(quote_id), "报价已过有效期，请联系该机构重新报价。")
    close_round(scope, demand, except_quote=quote)
    quote.save(update_fields=["status"])
    demand.save(update_fields=["status"])
    take = Take.objects.for_scope(scope).select_for_update(of=("self",)).get(pk=quote.take_id)
    take.status = advance("take", take.status, "win")
    take.save(update_fields=["status"])
    application = Application.objects.create(
        quote=quote,
        institution_id=quote.institution_id,
        uscc=quote.uscc,
        region_code=quote.region_code,
        submitted_at=now,
        decision_due_at=clocks.decision_due(now),
        prepared_by_id=quote.quoted_by_id,
    )
    record_audit(
        scope=scope,
        action="quote.accepted",
        object_type="quote",
        object_id=quote.pk,
        detail={"application": str(application.pk)},
    )
    record_in_ledger(
        kind="acceptance",
        subject=f"quote:{quote.pk}",
        payload={
            "quote": quote_evidence(quote),
            "accepted_by": scope.user_id,
            "accepted_at": now.isoformat(),
        },
    )
    return application


def quote_evidence(quote: Quote) -> dict[str, object]:
    """Return what the ledger's digest of a quote is taken over."""
    return {
        "id": str(quote.pk),
        "demand": str(quote.demand_id),
        "institution": str(quote.institution_id),
        "product": str(quote.product_id),
        "amount_cny": str(quote.amount_cny),
        "term_months": quote.term_months,
        "rate_ratio": f"{quote.rate_ratio:.6f}",
        "fees": list(quote.fees),
        "repayment_method": quote.repayment_method,
        "valid_until": quote.valid_until.astimezone(dt.UTC).isoformat(),
    }


def rule_fees(fees: Iterable[Mapping[str, Any]]) -> list[Fee]:
    """Turn stored fees into the pricing rule's values."""
    return [Fee(fee["kind"], to_cny(str(fee["amount_cny"])), fee["payee"], fee["due"]) for fee in fees]


def _own_product(scope: Scope, code: str) -> Product:
    product = Product.objects.filter(
        code=code, institution_id=scope.organisation_id, status="published"
    ).first()
    if product is None:
        raise InvalidValueError("产品", code, "请从本机构在售产品中选择。")
    return product


def _check_promise(quote: Quote, product: Product) -> None:
    """Refuse what is outside what the institution published of its product."""
    if not product.min_amount_cny <= quote.amount_cny <= product.max_amount_cny:
        low, high = format_cny(product.min_amount_cny), format_cny(product.max_amount_cny)
        raise InvalidValueError("报价金额", str(quote.amount_cny), f"该产品公布的额度为 {low} 至 {high}。")
    check_range("期限（月）", quote.term_months, product.min_term_months, product.max_term_months)
    if quote.rate_ratio > product.rate_max_ratio:
        raise InvalidValueError(
            "报价利率",
            format_rate(quote.rate_ratio),
            f"高于该产品公布的最高利率 {format_rate(product.rate_max_ratio)}。",
        )
    if product.repayment_methods and quote.repayment_method not in product.repayment_methods:
        raise InvalidValueError("还款方式", quote.repayment_method, "不在该产品公布的还款方式之内。")


def _price(quote: Quote, start_on: dt.date) -> None:
    schedule = build_schedule(
        quote.amount_cny, quote.rate_ratio, quote.term_months, quote.repayment_method, start_on
    )
    cost = all_in_cost(quote.amount_cny, schedule, rule_fees(quote.fees))
    if cost.xirr_ratio >= MAX_ALL_IN_RATIO:
        raise InvalidValueError("综合融资成本", f"{cost.xirr_ratio:.2%}", "年化超过 100%，请核对费用。")
    quote.all_in_ratio, quote.total_cost_cny = cost.xirr_ratio, cost.total_cost_cny


def _fee(fee: Mapping[str, Any]) -> dict[str, str]:
    due = str(fee.get("due") or "upfront")
    if due not in DUE:
        raise InvalidValueError("费用支付方式", due, f"可用：{'、'.join(DUE)}。")
    amount = to_cny(fee["amount_cny"])
    if amount < 0:
        raise InvalidValueError("费用金额", str(amount), "不可为负；贴息请单独列示。")
    kind = check_code("fee_kinds", str(fee["kind"]))
    return {"kind": kind, "amount_cny": str(amount), "payee": str(fee.get("payee") or ""), "due": due}


def _check_validity(valid_days: int, now: dt.datetime) -> int:
    return check_range("报价有效期（天）", valid_days, 1, clocks.whole_number("demand_valid_days", now))
