"""The market's past, brought in at once: demands, takes, quotes, applications, loans and what became of them."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Exists, OuterRef

from rongqiao.accounts.consent_text import current_text_version, load_consent_text
from rongqiao.accounts.models import Consent
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit
from rongqiao.bases.enterprises.catalogue.selectors import held_back
from rongqiao.bases.enterprises.models import Enterprise, Portrait
from rongqiao.bases.enterprises.portraits import known_facts
from rongqiao.bases.resources.models import Product
from rongqiao.bases.resources.selectors import serves_region
from rongqiao.kernel.decision import Outcome
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.platforms.financing import past as lines
from rongqiao.platforms.financing.balance import planned_instalments
from rongqiao.platforms.financing.bulk import insert_new
from rongqiao.platforms.financing.matching import judge_products, products_on_sale, reasons_to_json
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
from rongqiao.platforms.financing.services.demands import PURPOSE, default_data_classes
from rongqiao.rules import matching as rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from rongqiao.accounts.scope import Scope
    from rongqiao.platforms.financing.past import Past

FILES = ("demands", "quotes", "applications", "loans", "loan_events")
OPEN = ("published", "taken", "quoted")
CONSENT_DAYS = 180
REFUSED = "refused"
# Denormalised places stand in every table of the market, because row security compares them per row.
_PLACED = ("push", "take", "quote", "application", "loan", "loanevent")
NAMING = (
    """UPDATE financing_demand d SET enterprise_name = e.name, region_code = e.county_code,
         industry_code = e.industry_code
       FROM enterprises_enterprise e WHERE e.uscc = d.uscc AND d.enterprise_name = d.uscc""",
    """UPDATE financing_loan l SET enterprise_name = e.name
       FROM enterprises_enterprise e WHERE e.uscc = l.uscc AND l.enterprise_name = l.uscc""",
    *(
        f"""UPDATE financing_{table} t SET region_code = e.county_code
            FROM enterprises_enterprise e WHERE e.uscc = t.uscc AND t.region_code <> e.county_code"""  # noqa: S608
        for table in _PLACED
    ),
)


def import_history(*, folder: Path) -> dict[str, int]:
    """Bring in ``demands``, ``quotes``, ``applications``, ``loans`` and ``loan_events`` (``.jsonl``) of a folder.

    Takes, pushes, schedules and consents follow from them; open demands are matched. Rows whose key is known already
    are left as they are, so a second run changes nothing.

    Returns
    -------
    dict
        New rows per kind.

    Raises
    ------
    InvalidValueError
        Naming file and line of the first row that cannot be read or refers to nothing; nothing lands then.
    """
    read = {name: list(_lines(folder / f"{name}.jsonl")) for name in FILES}
    with system_scope() as scope:
        past = _open_past(read)
        _build(read, past)
        counts = _store(read, past) | complete_history(scope=scope)
        record_audit(
            scope=scope,
            action="market.history_imported",
            object_type="market",
            object_id=folder.name,
            detail=counts,
        )
    return counts


def _lines(path: Path) -> Iterator[tuple[str, lines.Row]]:
    """Rows of a file with the place each stands at."""
    if not path.is_file():
        raise InvalidValueError("市场历史", str(path), "缺少此文件（每行一个 JSON 对象）。")
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            place = f"{path.name} 第 {number} 行"
            try:
                yield place, json.loads(text)
            except ValueError as error:
                raise InvalidValueError(place, text[:80], str(error)) from None


def _open_past(read: dict[str, list[tuple[str, lines.Row]]]) -> Past:
    uscc = {row.get("uscc") for _, row in read["demands"]}
    refused = {row.get("quote_id") for _, row in read["applications"] if row.get("status") == REFUSED}
    return lines.Past(
        enterprises=Enterprise.objects.in_bulk(list(uscc)),
        products={product.code: product for product in Product.objects.all()},
        refused_quotes={key for key in refused if key},
    )


def _build(read: dict[str, list[tuple[str, lines.Row]]], past: Past) -> None:
    builders: tuple[tuple[str, Callable[[lines.Row, Past], Any]], ...] = (
        ("demands", lines.demand_of),
        ("quotes", lines.quote_of),
        ("applications", lines.application_of),
        ("loans", lines.loan_of),
    )
    for name, build in builders:
        for place, row in read[name]:
            _attempt(build, place, row, past)


def _attempt(build: Callable[[lines.Row, Past], Any], place: str, row: lines.Row, past: Past) -> Any:
    try:
        return build(row, past)
    except KeyError as error:
        raise InvalidValueError(place, error.args[0], "缺少此字段，或它指向的行不存在。") from None
    except (TypeError, ValueError) as error:
        raise InvalidValueError(place, str(row)[:120], str(error)) from None


def _store(read: dict[str, list[tuple[str, lines.Row]]], past: Past) -> dict[str, int]:
    """Insert everything in the order of its references."""
    events = [_attempt(lines.event_of, place, row, past) for place, row in read["loan_events"]]
    pushed = _pushed(past)
    return {
        "demands": insert_new(Demand, past.demands.values()),
        "pushes": insert_new(
            Push,
            (lines.push_of(past.demands[key], who) for key, all_who in pushed.items() for who in all_who),
        ),
        "takes": insert_new(Take, past.takes.values()),
        "quotes": insert_new(Quote, past.quotes.values()),
        "applications": insert_new(Application, past.applications.values()),
        "loans": insert_new(Loan, past.loans.values()),
        "instalments": insert_new(
            Instalment, (line for loan in past.loans.values() for line in planned_instalments(loan))
        ),
        "events": insert_new(LoanEvent, events),
        "consents": insert_new(Consent, _consents(past, pushed)),
    }


def _pushed(past: Past) -> dict[str, list[uuid.UUID]]:
    """Institutions each demand was brought before: those with a product of its terms, and all that took it."""
    products = list(past.products.values())
    pushed = {key: dict.fromkeys(_fitting(demand, products)) for key, demand in past.demands.items()}
    for quote in past.quotes.values():
        pushed[str(quote.demand_id)][quote.institution_id] = None
    return {key: list(institutions) for key, institutions in pushed.items()}


def _fitting(demand: Demand, products: Iterable[Product]) -> Iterator[uuid.UUID]:
    for product in products:
        if (
            product.min_amount_cny <= demand.amount_cny <= product.max_amount_cny
            and product.min_term_months <= demand.term_months <= product.max_term_months
            and demand.guarantee_kind in product.guarantee_kinds
            and demand.purpose in product.purposes
            and serves_region(product, demand.region_code)
        ):
            yield product.institution_id


def _consents(past: Past, pushed: dict[str, list[uuid.UUID]]) -> Iterator[Consent]:
    """Consents that went with publication: to all who saw an open demand, to those who took a closed one."""
    takers: dict[str, dict[uuid.UUID, None]] = {}
    for quote in past.quotes.values():
        takers.setdefault(str(quote.demand_id), {})[quote.institution_id] = None
    for key, demand in past.demands.items():
        given_at = lines.published_at(demand)
        text = load_consent_text(_text_version(given_at.date()))
        for institution_id in pushed[key] if demand.status in OPEN else takers.get(key, ()):
            yield Consent(
                id=uuid.uuid5(demand.pk, f"consent:{institution_id}"),
                subject_uscc=demand.uscc,
                recipient_id=institution_id,
                purpose=PURPOSE,
                data_classes=list(default_data_classes()),
                valid_from=given_at,
                valid_until=given_at + dt.timedelta(days=CONSENT_DAYS),
                text_version=text.version,
                text_digest=text.digest,
            )


def _text_version(day: dt.date) -> str:
    """Version in force; history older than the first text is filed under that one."""
    try:
        return current_text_version(day)
    except InvalidValueError:
        return current_text_version(dt.date.max)


def complete_history(*, scope: Scope) -> dict[str, int]:
    """Give demands and loans the names and places of the register, and open demands their matches.

    To be called again after enterprises were published: history may have come first. Changes nothing that is complete.

    Parameters
    ----------
    scope : Scope
        A job's.

    Returns
    -------
    dict
        ``named`` rows and new ``matches``.
    """
    named = 0
    with connection.cursor() as cursor:
        for statement in NAMING:
            cursor.execute(statement)
            named += cursor.rowcount
    return {"named": named, "matches": insert_new(Match, _matches(scope))}


def _matches(scope: Scope) -> Iterator[Match]:
    """Verdicts for open demands that have none and whose enterprise has a portrait, so that banks see how each fits."""
    judged_already = Exists(Match.objects.for_scope(scope).filter(demand=OuterRef("pk")))
    still_open = list(Demand.objects.for_scope(scope).filter(~judged_already, status__in=OPEN))
    known = Portrait.objects.for_scope(scope).filter(enterprise_id__in={demand.uscc for demand in still_open})
    stopped = held_back()
    facts = {portrait.enterprise_id: known_facts(portrait, stopped=stopped) for portrait in known}
    products = products_on_sale()
    for demand in (each for each in still_open if each.uscc in facts):
        wanted = rule.Demand(
            amount_cny=demand.amount_cny,
            term_months=demand.term_months,
            county_code=demand.region_code or None,
            purpose=demand.purpose,
            guarantee_kind=demand.guarantee_kind,
            desired_rate_ratio=demand.desired_rate_ratio,
        )
        for judged in judge_products(wanted, products, facts[demand.uscc]):
            # What is ruled out is kept for new demands, where the enterprise reads why; here it would be bulk.
            if judged.decision.outcome is not Outcome.UNMET:
                yield Match(
                    demand=demand,
                    product=judged.product,
                    uscc=demand.uscc,
                    institution_id=judged.product.institution_id,
                    outcome=judged.decision.outcome.value,
                    fit=judged.fit,
                    reasons=reasons_to_json(judged.decision),
                )
