"""Demands: draft, publish (match, consent, push) and withdraw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from rongqiao.accounts.consent_text import current_text_version
from rongqiao.accounts.services import give_consent, record_audit, record_in_ledger
from rongqiao.bases.enterprises.models import Enterprise
from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.kernel.decision import Outcome
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.money import to_cny
from rongqiao.kernel.texts import whole_text
from rongqiao.platforms.financing import clocks
from rongqiao.platforms.financing.matching import judge_products, own_facts, products_on_sale, reasons_to_json
from rongqiao.platforms.financing.models import Application, Demand, Loan, Match, Push, Quote, Take
from rongqiao.platforms.financing.services.access import (
    MAX_AMOUNT_CNY,
    MAX_TEXT_LENGTH,
    check_code,
    check_range,
    lock,
    require_enterprise,
    require_owner,
)
from rongqiao.rules import matching as rule
from rongqiao.rules.transitions import advance, can_advance

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from rongqiao.accounts.scope import Scope
    from rongqiao.platforms.financing.matching import Judged

PURPOSE = "pre_loan"
MAX_TERM_MONTHS = 360


def default_data_classes() -> tuple[str, ...]:
    """Classes of data that a pre-loan consent covers unless the form showed fewer: all that are not public anyway."""
    return tuple(key for key in consent_data_classes() if not key.startswith("public_"))


@transaction.atomic
def draft_demand(
    *,
    scope: Scope,
    amount_cny: Decimal,
    term_months: int,
    purpose: str,
    guarantee_kind: str,
    desired_rate_ratio: Decimal | None = None,
    note: str = "",
    prefilled: Mapping[str, Any] | None = None,
    now: dt.datetime,
) -> Demand:
    """Keep a demand that nobody else sees yet; the clerk may do it.

    Raises
    ------
    NotAllowedError
        If the caller is not of an enterprise.
    InvalidValueError
        If a value is out of range or no code of its list.
    """
    require_enterprise(scope)
    demand = _build(
        scope, amount_cny, term_months, purpose, guarantee_kind, desired_rate_ratio, note, prefilled or {}
    )
    demand.save(force_insert=True)
    record_audit(
        scope=scope,
        action="demand.drafted",
        object_type="demand",
        object_id=demand.pk,
        detail={"at": now.isoformat()},
    )
    return demand


@transaction.atomic
def publish_demand(
    *,
    scope: Scope,
    amount_cny: Decimal,
    term_months: int,
    purpose: str,
    guarantee_kind: str,
    desired_rate_ratio: Decimal | None = None,
    note: str = "",
    consent_days: int,
    now: dt.datetime,
    data_classes: Sequence[str] | None = None,
    text_version: str = "",
    prefilled: Mapping[str, Any] | None = None,
    demand_id: uuid.UUID | None = None,
) -> Demand:
    """Publish a demand: judge all products, push it to the institutions that fit, let each of them read the data.

    Parameters
    ----------
    consent_days : int
        How long each institution may read.
    data_classes : sequence of str, optional
        Classes the form showed; none gives :func:`default_data_classes`.
    text_version : str
        Version of the consent text that was read; empty is the one in force.
    prefilled : mapping, optional
        What governed data proposed.
    demand_id : UUID, optional
        The draft that is published with these values; none starts a new one.

    Raises
    ------
    NotAllowedError
        If the caller is not the owner of a certified enterprise, or the draft is not theirs.
    IllegalTransitionError
        If the draft was published before.
    InvalidValueError
        If a value is out of range or no code of its list, or no product on sale can be met or is open.
    """
    require_owner(scope)
    demand = _build(
        scope, amount_cny, term_months, purpose, guarantee_kind, desired_rate_ratio, note, prefilled or {}
    )
    if demand_id is not None:
        draft = lock(Demand, scope, demand_id)
        demand.pk, demand.status, demand.created_at = draft.pk, draft.status, draft.created_at
        demand.prefilled = demand.prefilled or draft.prefilled
    demand.status = advance("demand", demand.status, "publish")
    demand.published_at, demand.expires_at = now, clocks.demand_end(now)
    demand.save(force_insert=demand_id is None, force_update=demand_id is not None)
    judged = judge_products(_wanted(scope, demand), products_on_sale(), own_facts(scope))
    institutions = _store_matches(demand, judged)
    if not institutions:
        raise InvalidValueError(
            "融资需求",
            str(demand.amount_cny),
            "目前没有产品能满足此需求：请按各产品的原因调整金额、期限、用途或担保方式。",
        )
    _push(demand, institutions, now)
    for institution_id in institutions:
        give_consent(
            scope=scope,
            recipient_id=institution_id,
            purpose=PURPOSE,
            data_classes=default_data_classes() if data_classes is None else data_classes,
            valid_days=consent_days,
            text_version=text_version or current_text_version(clocks.local_day(now)),
            now=now,
        )
    record_audit(
        scope=scope,
        action="demand.published",
        object_type="demand",
        object_id=demand.pk,
        detail={"institutions": len(institutions), "products": len(judged)},
    )
    record_in_ledger(kind="application", subject=f"demand:{demand.pk}", payload=demand_evidence(demand))
    return demand


@transaction.atomic
def withdraw_demand(*, scope: Scope, demand_id: uuid.UUID, now: dt.datetime) -> Demand:
    """Take a demand back; open quotes close, takes are lost, and an application not yet under contract ends.

    Raises
    ------
    NotAllowedError
        If it is not the caller's.
    IllegalTransitionError
        If it is fulfilled, expired or withdrawn already.
    """
    require_enterprise(scope)
    demand = lock(Demand, scope, demand_id)
    demand.status = advance("demand", demand.status, "withdraw")
    close_round(scope, demand)
    _withdraw_application(scope, demand)
    demand.takes_count = 0
    demand.save(update_fields=["status", "takes_count"])
    record_audit(
        scope=scope,
        action="demand.withdrawn",
        object_type="demand",
        object_id=demand.pk,
        detail={"at": now.isoformat()},
    )
    return demand


def close_round(scope: Scope, demand: Demand, *, except_quote: Quote | None = None) -> None:
    """Close all open quotes of a demand and end its takes, but for the winner's."""
    quotes = Quote.objects.for_scope(scope).filter(demand=demand, status="submitted")
    takes = Take.objects.for_scope(scope).filter(demand=demand, status__in=["active", "quoted"])
    if except_quote is not None:
        quotes, takes = quotes.exclude(pk=except_quote.pk), takes.exclude(pk=except_quote.take_id)
    quotes.update(status=advance("quote", "submitted", "close"))
    takes.update(status=advance("take", "active", "lose"))


def _withdraw_application(scope: Scope, demand: Demand) -> None:
    """End the application of the accepted quote, and let its bank go."""
    running = Application.objects.for_scope(scope).filter(
        quote__demand=demand, status__in=["submitted", "approved"]
    )
    for application in running.select_for_update(of=("self",)).select_related("quote"):
        application.status = advance("application", application.status, "withdraw")
        application.save(update_fields=["status"])
        take = lock(Take, scope, application.quote.take_id)
        take.status = advance("take", take.status, "release")
        take.save(update_fields=["status"])


def reopen(demand: Demand, now: dt.datetime) -> None:
    """Start the next round: open to all who were pushed and have not been refused or let go."""
    demand.status = advance("demand", demand.status, "reopen")
    demand.takes_count = 0
    # The clocks of a round start with it; when the demand was first posted stays in `created_at` and the audit.
    demand.published_at, demand.expires_at = now, clocks.demand_end(now)
    demand.save(update_fields=["status", "takes_count", "published_at", "expires_at"])


def reopen_if_empty(demand: Demand, now: dt.datetime) -> None:
    """Start the next round if the last taker let go; a demand past its own end expires instead."""
    if demand.takes_count or not can_advance("demand", demand.status, "reopen"):
        return
    if demand.expires_at is not None and now >= demand.expires_at:
        demand.status = advance("demand", demand.status, "expire")
        demand.save(update_fields=["status"])
    else:
        reopen(demand, now)


def demand_evidence(demand: Demand) -> dict[str, object]:
    """Return what the ledger's digest of a demand is taken over."""
    return {
        "id": str(demand.pk),
        "uscc": demand.uscc,
        "amount_cny": str(demand.amount_cny),
        "term_months": demand.term_months,
        "purpose": demand.purpose,
        "guarantee_kind": demand.guarantee_kind,
        "published_at": demand.published_at.isoformat() if demand.published_at else None,
    }


def _build(
    scope: Scope,
    amount_cny: Decimal,
    term_months: int,
    purpose: str,
    guarantee_kind: str,
    desired_rate_ratio: Decimal | None,
    note: str,
    prefilled: Mapping[str, Any],
) -> Demand:
    """Check the values and put the public facts of the enterprise beside them."""
    amount = to_cny(amount_cny)
    if not 0 < amount <= MAX_AMOUNT_CNY:
        raise InvalidValueError("融资金额", str(amount), "应大于零，以元为单位，不超过100亿元。")
    if desired_rate_ratio is not None and not 0 < desired_rate_ratio < 1:
        raise InvalidValueError(
            "期望年利率", str(desired_rate_ratio), "应为 0 到 1 之间的小数，3.85% 写作 0.0385。"
        )
    entry = Enterprise.objects.filter(pk=scope.uscc).first()
    if entry is None:
        raise InvalidValueError(
            "企业", scope.uscc, "登记库中没有本企业，请联系平台运营方核对统一社会信用代码。"
        )
    return Demand(
        uscc=scope.uscc,
        enterprise_name=entry.name,
        region_code=entry.county_code,
        industry_code=entry.industry_code,
        amount_cny=amount,
        term_months=check_range("期限（月）", term_months, 1, MAX_TERM_MONTHS),
        purpose=check_code("loan_purposes", purpose),
        guarantee_kind=check_code("guarantee_kinds", guarantee_kind),
        desired_rate_ratio=desired_rate_ratio,
        note=whole_text("补充说明", note, MAX_TEXT_LENGTH),
        prefilled=dict(prefilled),
        created_by_id=scope.user_id,
    )


def _wanted(scope: Scope, demand: Demand) -> rule.Demand:
    has_loan = Loan.objects.for_scope(scope).exists()
    return rule.Demand(
        amount_cny=demand.amount_cny,
        term_months=demand.term_months,
        county_code=demand.region_code or None,
        purpose=demand.purpose,
        guarantee_kind=demand.guarantee_kind,
        desired_rate_ratio=demand.desired_rate_ratio,
        # No loan here says nothing about loans elsewhere: only the bank's credit query can tell.
        is_first_loan=False if has_loan else None,
    )


def _store_matches(demand: Demand, judged: Iterable[Judged]) -> list[uuid.UUID]:
    """Store every verdict; return the institutions with a met or open one, best first."""
    rows: list[Match] = []
    institutions: dict[uuid.UUID, None] = {}
    for each in judged:
        rows.append(
            Match(
                demand=demand,
                product=each.product,
                uscc=demand.uscc,
                institution_id=each.product.institution_id,
                outcome=each.decision.outcome.value,
                fit=each.fit,
                reasons=reasons_to_json(each.decision),
            )
        )
        if each.decision.outcome is not Outcome.UNMET:
            institutions.setdefault(each.product.institution_id, None)
    Match.objects.bulk_create(rows)
    return list(institutions)


def _push(demand: Demand, institutions: Iterable[uuid.UUID], now: dt.datetime) -> None:
    Push.objects.bulk_create(
        Push(
            demand=demand,
            institution_id=institution_id,
            uscc=demand.uscc,
            region_code=demand.region_code,
            pushed_at=now,
        )
        for institution_id in institutions
    )
