"""Bank workspace: quote on a taken demand, with its all-in cost while it is written."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from rongqiao.bases.resources import changes
from rongqiao.contracts.catalog import lpr, lpr_quotes
from rongqiao.kernel.errors import NotAllowedError, RongqiaoError
from rongqiao.kernel.money import WAN
from rongqiao.platforms.financing import selectors as market
from rongqiao.platforms.financing import services
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.bank_forms import FeeFormSet, QuoteForm
from rongqiao.rules.pricing import Fee, all_in_cost, quote_rate
from rongqiao.rules.schedules import build_schedule

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Iterable, Mapping, Sequence

    from django.http import HttpRequest, HttpResponse

LONG_TERM_MONTHS = 60
#: States of a take in which a quote may be written.
QUOTABLE = ("active", "quoted")


@dataclass(frozen=True, slots=True)
class Prime:
    """Loan prime rate of a tenor in force, the day it has held since, and who publishes it."""

    tenor: str
    ratio: Decimal
    since: dt.date
    source: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a quote would cost the enterprise: ratios per year, CNY over the whole term."""

    rate_ratio: Decimal
    all_in_ratio: Decimal
    total_cost_cny: Decimal
    interest_cny: Decimal
    fees_cny: Decimal
    first_payment_cny: Decimal
    last_due_on: dt.date


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(*BANK)
def quote(request: HttpRequest, take_id: uuid.UUID) -> HttpResponse:
    """Quote form of a take; on success the demand's page."""
    scope = request_scope(request)
    taken, products = _taken(request, take_id)
    if request.method != "POST" and taken.status not in QUOTABLE:
        messages.warning(request, "此单已释放或已有结果，不能再报价。")
        return redirect("portal:bank_demand", demand_id=taken.demand_id)
    form, fees = _bind(request, taken.demand, products)
    error = None
    if request.method == "POST" and form.is_valid() and fees.is_valid():
        try:
            services.submit_quote(
                scope=scope, take_id=take_id, fees=given_fees(fees), now=timezone.now(), **form.terms()
            )
        except NotAllowedError:
            raise
        except RongqiaoError as refused:
            error = refused
        else:
            messages.success(request, "报价已密封提交，只有企业和本行可见。")
            return redirect("portal:bank_demand", demand_id=taken.demand_id)
    is_wrong = error is not None or form.is_bound
    return render(
        request,
        "portal/bank/quote.html",
        {
            "take": taken,
            "demand": taken.demand,
            "products": products,
            "form": form,
            "fees": fees,
            "error": error,
            "primes": primes(timezone.localdate()),
            "preview": _preview(form, fees) if form.is_bound else _first_preview(form),
            "now": timezone.now(),
        },
        status=422 if is_wrong else 200,
    )


@require_POST
@for_roles(*BANK)
def preview(request: HttpRequest, take_id: uuid.UUID) -> HttpResponse:
    """Fragment: cost of the quote as typed so far; nothing is stored."""
    taken, products = _taken(request, take_id)
    form, fees = _bind(request, taken.demand, products)
    return render(request, "portal/bank/quote_preview.html", {"preview": _preview(form, fees)})


@require_POST
@for_roles(*BANK)
def withdraw(request: HttpRequest, quote_id: uuid.UUID) -> HttpResponse:
    """Take an open quote back; a better one may follow."""
    withdrawn = services.withdraw_quote(scope=request_scope(request), quote_id=quote_id, now=timezone.now())
    messages.success(request, "报价已撤回，可在时限内重新报价。")
    return redirect("portal:bank_demand", demand_id=withdrawn.demand_id)


def _taken(request: HttpRequest, take_id: uuid.UUID) -> tuple[Any, list[Any]]:
    """Return the take and our products that were judged for its demand, best first; all on sale where none was."""
    scope = request_scope(request)
    taken = market.get_take(scope, take_id)
    if taken is None:
        raise Http404(str(take_id))
    judged = [match.product for match in market.demand_matches(scope, taken.demand_id)]
    return taken, judged or [each for each in changes.own_products(scope) if each.status == "published"]


def _bind(request: HttpRequest, demand: Any, products: Sequence[Any]) -> tuple[QuoteForm, Any]:
    if request.method == "POST":
        return QuoteForm(request.POST, products=products), FeeFormSet(request.POST, prefix="fees")
    return QuoteForm(initial=_proposal(demand, products), products=products), FeeFormSet(prefix="fees")


def _proposal(demand: Any, products: Sequence[Any]) -> dict[str, Any]:
    """Propose what was asked, on our best product, at its lowest rate or the rate wished for."""
    initial: dict[str, Any] = {
        "amount": f"{(demand.amount_cny / WAN).normalize():f}",
        "term": demand.term_months,
        "tenor": "5Y" if demand.term_months > LONG_TERM_MONTHS else "1Y",
    }
    if not products:
        return initial
    product = products[0]
    rate = max(product.rate_min_ratio, demand.desired_rate_ratio or product.rate_min_ratio)
    prime = next(each for each in primes(timezone.localdate()) if each.tenor == initial["tenor"])
    methods = product.repayment_methods or ["equal_principal"]
    return initial | {
        "product": product.code,
        "amount": f"{(min(demand.amount_cny, product.max_amount_cny) / WAN).normalize():f}",
        "spread": int((min(rate, product.rate_max_ratio) - prime.ratio) * 10_000),
        "repayment": methods[0],
    }


def given_fees(fees: Any) -> list[dict[str, Any]]:
    """Fees of the filled lines."""
    return [fee for fee in (form.fee() for form in fees) if fee]


def _preview(form: QuoteForm, fees: Any) -> Preview | None:
    if not (form.is_valid() and fees.is_valid()):
        return None
    return price(form.terms(), given_fees(fees), timezone.localdate())


def _first_preview(form: QuoteForm) -> Preview | None:
    initial = form.initial
    if "spread" not in initial:
        return None
    terms = {
        "amount_cny": Decimal(initial["amount"]) * WAN,
        "term_months": initial["term"],
        "lpr_tenor": initial["tenor"],
        "spread_bp": initial["spread"],
        "repayment_method": initial["repayment"],
    }
    return price(terms, (), timezone.localdate())


def price(terms: Mapping[str, Any], fees: Iterable[Mapping[str, Any]], on: dt.date) -> Preview | None:
    """Cost of a quote by the rules that the service applies too; null where the rules refuse the values."""
    prime = next(each for each in primes(on) if each.tenor == terms["lpr_tenor"])
    given = [Fee(fee["kind"], Decimal(fee["amount_cny"]), fee["payee"], fee["due"]) for fee in fees]
    try:
        rate = quote_rate(prime.ratio, terms["spread_bp"])
        schedule = build_schedule(
            terms["amount_cny"], rate, terms["term_months"], terms["repayment_method"], on
        )
        cost = all_in_cost(terms["amount_cny"], schedule, given)
    except RongqiaoError:
        return None
    return Preview(
        rate,
        cost.xirr_ratio,
        cost.total_cost_cny,
        cost.interest_cny,
        cost.fees_cny,
        schedule[0].total,
        schedule[-1].due_on,
    )


def primes(on: dt.date) -> list[Prime]:
    """Loan prime rates in force on a day."""
    found = []
    for tenor in ("1Y", "5Y"):
        held = [row for row in lpr_quotes(tenor) if row.since <= on]
        if held:
            found.append(Prime(tenor, lpr(tenor, on), held[-1].since, held[-1].source))
    return found
