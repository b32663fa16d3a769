"""Reads of the market: interfaces, applications and what changed in them, grants, keys, calls, usage, questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.db.models.functions import TruncDate

from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.interfaces.finding import find_by_words
from rongqiao.bases.enterprises.interfaces.models import (
    AccessQuestion,
    Authorisation,
    DataCall,
    Delegation,
    InterfaceKey,
    Maintenance,
    Submission,
    Webhook,
    WebhookAttempt,
    WebhookEvent,
)
from rongqiao.bases.enterprises.register_names import register_name
from rongqiao.contracts.catalog import consent_purposes
from rongqiao.contracts.interfaces import Interface, load_interfaces
from rongqiao.contracts.standards import load_contract, load_contracts

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope

CONSUMERS = (Role.BANK_OFFICER, Role.BANK_RISK, Role.GOVERNMENT_OFFICIAL)
REVIEWERS = (Role.DEPARTMENT_CLERK, Role.OPERATOR)
VENDORS = (Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK)


@dataclass(frozen=True, slots=True)
class Offer:
    """One interface with what the caller has of it: ``none``, ``submitted``, ``granted``, ``returned`` or ``refused``."""

    interface: Interface
    standing: str
    authorisation: Authorisation | None
    submission: Submission | None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of what differs between an application and the one before; ``before`` is empty in a first one."""

    field: str
    title: str
    before: str
    after: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls of one day, provider, interface and consumer; refused ones cost nothing."""

    day: dt.date
    provider: str
    interface_id: str
    consumer: str
    calls: int
    answered: int
    enterprises: int
    records: int
    price_cny: Any


def list_interfaces(
    scope: Scope,
    *,
    now: dt.datetime,
    query: str = "",
    provider: str = "",
    purpose: str = "",
    standing: str = "",
) -> list[Offer]:
    """List interfaces that match all filters, each with the caller's standing; anybody may look."""
    grants: dict[str, Authorisation] = {}
    latest: dict[str, Submission] = {}
    if scope.role in CONSUMERS:
        grants = {each.interface_id: each for each in live_authorisations(scope, now=now)}
        for each in my_submissions(scope).order_by("created_at"):
            latest[each.interface_id] = each
    offers = [
        _offer(each, grants.get(each.id), latest.get(each.id))
        for each in find_by_words(load_interfaces().values(), query)
        if provider in ("", each.provider) and (not purpose or purpose in each.purposes)
    ]
    return [each for each in offers if not standing or each.standing == standing]


def get_interface(scope: Scope, interface_id: str, *, now: dt.datetime) -> Offer | None:
    """One interface with the caller's standing; null when there is none of this name."""
    return next((each for each in list_interfaces(scope, now=now) if each.interface.id == interface_id), None)


def _offer(interface: Interface, grant: Authorisation | None, latest: Submission | None) -> Offer:
    standings = {"submitted": "submitted", "changes_requested": "returned", "refused": "refused"}
    standing = "granted" if grant else standings.get(latest.status if latest else "", "none")
    return Offer(interface, standing, grant, latest)


def my_submissions(scope: Scope) -> QuerySet[Submission]:
    """Applications of the caller's organisation, newest first."""
    require(scope, *CONSUMERS)
    found: QuerySet[Submission] = Submission.objects.for_scope(scope).select_related("created_by", "previous")
    return found


def to_review(scope: Scope) -> QuerySet[Submission]:
    """Applications that wait for the department, or for the operator all; oldest first."""
    return reviewed(scope).filter(status="submitted").order_by("created_at")


def reviewed(scope: Scope) -> QuerySet[Submission]:
    """All applications that the department or the operator may judge or has judged, newest first."""
    require(scope, *REVIEWERS)
    found: QuerySet[Submission] = Submission.objects.for_scope(scope).select_related("consumer", "created_by")
    return found


def get_submission(scope: Scope, submission_id: uuid.UUID) -> Submission | None:
    """One application; null when unknown, or neither the caller's nor for the caller to judge."""
    require(scope, *CONSUMERS, *REVIEWERS)
    found = Submission.objects.for_scope(scope).select_related(
        "consumer", "created_by", "previous", "reviewed_by_organisation"
    )
    submission: Submission | None = found.filter(pk=submission_id).first()
    return submission


def submission_diff(submission: Submission) -> list[Change]:
    """List what differs from the application before, or everything in a first one; unchanged lines are left out."""
    return _diff(submission.previous.terms if submission.previous else {}, submission.terms)


def submission_terms(submission: Submission) -> list[Change]:
    """List everything that is asked for, changed or not."""
    return _diff({}, submission.terms)


def _diff(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    changes = []
    for field, title in (
        ("purposes", "用途"),
        ("justification", "申请理由"),
        ("valid_days", "期限（天）"),
        ("version", "接口版本"),
    ):
        if before.get(field) != after.get(field):
            changes.append(_change(field, title, before.get(field), after.get(field)))
    tables = dict.fromkeys([*before.get("fields", {}), *after.get("fields", {})])
    for table in tables:
        old, new = before.get("fields", {}).get(table, []), after.get("fields", {}).get(table, [])
        if set(old) != set(new):
            contract = load_contract(table)
            titles = {each: contract.item(each).title for each in [*old, *new]}
            changes.append(
                _change(
                    f"fields.{table}",
                    f"字段：{contract.title}",
                    [titles[e] for e in old],
                    [titles[e] for e in new],
                )
            )
    return changes


def _change(field: str, title: str, before: Any, after: Any) -> Change:
    if isinstance(before, list) or isinstance(after, list):
        old, new = _named(field, before or []), _named(field, after or [])
        added = tuple(each for each in new if each not in old)
        removed = tuple(each for each in old if each not in new)
        return Change(field, title, "、".join(old), "、".join(new), added, removed)
    return Change(
        field, title, "" if before is None else str(before), "" if after is None else str(after), (), ()
    )


def _named(field: str, values: list[str]) -> list[str]:
    if field != "purposes":
        return values
    known = consent_purposes()
    return [known[each].title if each in known else each for each in values]


def list_authorisations(scope: Scope) -> QuerySet[Authorisation]:
    """Grants, past ones too: a consumer's own, those on a department's interfaces, or all; newest first."""
    require(scope, *CONSUMERS, *REVIEWERS)
    found: QuerySet[Authorisation] = Authorisation.objects.for_scope(scope).select_related(
        "consumer", "submission"
    )
    return found


def live_authorisations(scope: Scope, *, now: dt.datetime) -> QuerySet[Authorisation]:
    """Grants in force."""
    return list_authorisations(scope).filter(ended_at=None, valid_until__gt=now)


def get_authorisation(scope: Scope, authorisation_id: uuid.UUID) -> Authorisation | None:
    """One grant; null when unknown, or not for the caller to see."""
    return list_authorisations(scope).filter(pk=authorisation_id).first()


def granted_items(grant: Authorisation) -> list[tuple[str, list[str]]]:
    """Title of each table of a grant with the titles of the items granted; ids stand for what the contracts no longer have."""
    contracts = load_contracts()
    found = []
    for table, items in grant.fields.items():
        contract = contracts.get(table)
        titles = {each.id: each.title for each in contract.items} if contract else {}
        found.append((contract.title if contract else table, [titles.get(each, each) for each in items]))
    return found


def list_keys(scope: Scope) -> QuerySet[InterfaceKey]:
    """Keys of a consumer (its vendors' too), or a vendor's own; ``last_called_at`` is null for one never used."""
    require(scope, *CONSUMERS, *VENDORS, Role.OPERATOR)
    keys: QuerySet[InterfaceKey] = InterfaceKey.objects.for_scope(scope).select_related(
        "holder", "consumer", "created_by"
    )
    # By the index of calls of a consumer and key: the newest of each, not all that were ever made.
    calls = DataCall.objects.for_scope(scope).filter(consumer=OuterRef("consumer"), key=OuterRef("pk"))
    return keys.annotate(last_called_at=Subquery(calls.order_by("-at").values("at")[:1]))


def list_calls(
    scope: Scope,
    *,
    interface_id: str = "",
    consumer_id: uuid.UUID | None = None,
    key_id: uuid.UUID | None = None,
    code: str = "",
    subject_uscc: str = "",
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> QuerySet[DataCall]:
    """List calls, newest first, by what the caller is.

    Returns
    -------
    QuerySet of DataCall
        A consumer's own, a provider department's, an enterprise's about itself (refused ones too), a vendor's, or all.
        Departments and enterprises see no keys, so ``key`` may only be read for the others.
    """
    require(scope, *CONSUMERS, *REVIEWERS, *VENDORS)
    calls: QuerySet[DataCall] = DataCall.objects.for_scope(scope).select_related("consumer", "holder")
    # A join with keys that the caller may not see would drop the calls themselves.
    if scope.kind in ("institution", "government", "operator"):
        calls = calls.select_related("key")
    wanted = {
        "interface_id": interface_id,
        "consumer_id": consumer_id,
        "key_id": key_id,
        "code": code,
        "subject_uscc": subject_uscc,
        "at__gte": since,
        "at__lt": until,
    }
    return calls.filter(**{name: value for name, value in wanted.items() if value})


def with_names(calls: QuerySet[DataCall]) -> QuerySet[DataCall]:
    """Give each call ``subject_name``, the register's name of the enterprise; null for the sandbox and unknown codes."""
    named: QuerySet[DataCall] = calls.annotate(subject_name=register_name("subject_uscc"))
    return named


def usage_by_day(scope: Scope, *, since: dt.date, until: dt.date) -> list[Usage]:
    """Sum calls up per day, provider, interface and consumer, ``until`` included; newest day first."""
    calls = list_calls(scope).exclude(basis="sandbox").annotate(day=TruncDate("at"))
    rows = (
        calls.filter(day__gte=since, day__lte=until)
        .values("day", "provider", "interface_id", "consumer__name")
        .annotate(
            calls=Count("id"),
            answered=Count("id", filter=Q(code="ok")),
            enterprises=Count("subject_uscc", distinct=True, filter=Q(code="ok")),
            read=Sum("records"),
            price=Sum("price_cny"),
        )
        .order_by("-day", "provider", "interface_id", "consumer__name")
    )
    return [
        Usage(
            row["day"], row["provider"], row["interface_id"], row["consumer__name"], row["calls"], row["answered"],
            row["enterprises"], row["read"], row["price"],
        )
        for row in rows
    ]  # fmt: skip


def codes_by_count(scope: Scope, *, since: dt.datetime) -> list[tuple[str, int]]:
    """Codes of refused calls and how often each came, most frequent first."""
    rows = list_calls(scope, since=since).exclude(code="ok").order_by().values_list("code")
    return list(rows.annotate(calls=Count("id")).order_by("-calls", "code"))


def list_webhooks(scope: Scope) -> QuerySet[Webhook]:
    """Subscriptions of the caller's organisation, ended ones too."""
    require(scope, *CONSUMERS, Role.OPERATOR)
    found: QuerySet[Webhook] = Webhook.objects.for_scope(scope)
    return found


def list_events(scope: Scope, *, webhook_id: uuid.UUID | None = None) -> QuerySet[WebhookEvent]:
    """List changes told or to be told, newest first, perhaps of one webhook."""
    require(scope, *CONSUMERS, Role.OPERATOR)
    events: QuerySet[WebhookEvent] = WebhookEvent.objects.for_scope(scope).select_related("webhook")
    return events.filter(webhook_id=webhook_id) if webhook_id else events


def list_attempts(scope: Scope, event_id: uuid.UUID) -> QuerySet[WebhookAttempt]:
    """List attempts to tell of one change, newest first."""
    require(scope, *CONSUMERS, Role.OPERATOR)
    attempts: QuerySet[WebhookAttempt] = WebhookAttempt.objects.for_scope(scope)
    return attempts.filter(event_id=event_id)


def list_delegations(scope: Scope) -> QuerySet[Delegation]:
    """List what a consumer lets vendors call, or a vendor may call for others; newest first."""
    require(scope, *CONSUMERS, *VENDORS, Role.OPERATOR)
    found: QuerySet[Delegation] = Delegation.objects.for_scope(scope).select_related("consumer", "vendor")
    return found


def call_fields(call: DataCall) -> list[tuple[str, list[str]]] | None:
    """Title of each table with the items that the grant behind an answered call let the caller read.

    Null where no grant stands behind the call. Whoever may see the call may see this: it is what was read, not by which terms.
    """
    with system_scope() as system:
        grant = Authorisation.objects.for_scope(system).filter(pk=call.authorisation_id).first()
    if grant is None or call.code != "ok":
        return None
    found = []
    for table, items in grant.fields.items():
        contract = load_contract(table)
        found.append((contract.title, [contract.item(each).title for each in items]))
    return found


def list_questions(scope: Scope, *, status: str = "") -> QuerySet[AccessQuestion]:
    """List accesses to be explained: asked of a consumer, by a department, or about the enterprise; riskiest first.

    Each carries ``subject_name``, the register's name of the enterprise; null where it has none.
    """
    require(scope, *CONSUMERS, *REVIEWERS, *VENDORS)
    found: QuerySet[AccessQuestion] = AccessQuestion.objects.for_scope(scope).select_related(
        "call", "consumer"
    )
    found = found.annotate(subject_name=register_name("subject_uscc"))
    return found.filter(status=status) if status else found


def get_question(scope: Scope, question_id: uuid.UUID) -> AccessQuestion | None:
    """One question; null when unknown, or not for the caller to see."""
    return list_questions(scope).filter(pk=question_id).first()


def list_maintenance(*, now: dt.datetime, provider: str = "") -> QuerySet[Maintenance]:
    """Windows that run or are to come, the next first; public."""
    found = Maintenance.objects.filter(ends_at__gt=now).order_by("starts_at")
    return found.filter(provider=provider) if provider else found
