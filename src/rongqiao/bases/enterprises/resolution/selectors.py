"""Reads of conflicts, of what people decided on them, and of rows whose enterprise a person has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, F, OuterRef, Q, Subquery

from rongqiao.accounts.models import AuditRecord
from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.intake.models import RepairedRow
from rongqiao.bases.enterprises.models import Enterprise
from rongqiao.bases.enterprises.resolution.models import (
    FactComparison,
    FactConflict,
    IdentityDecision,
    Merge,
    Settlement,
    WaitingRow,
)
from rongqiao.contracts.shared_facts import load_shared_facts

if TYPE_CHECKING:
    import datetime as dt

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope

REGISTRY = "market_regulation.registry"
#: Line of the only row in a file by which a matched row is sent again.
MATCHED_LINE = 1
#: Audited when a comparison fails, and when one goes well after it.
COMPARISON_FAILED, COMPARISON_RECOVERED = "comparison.failed", "comparison.recovered"
OPEN, ASKED, SETTLED, CLOSED = "open", "asked", "settled", "closed"


@dataclass(frozen=True, slots=True)
class Dissent:
    """A fact of the register that not all departments state alike; what the others say is theirs to show."""

    fact: str
    title: str
    since: dt.date


def list_conflicts(scope: Scope) -> QuerySet[Any]:
    """Conflicts that concern the caller's department, the operator's all; each with ``decision`` of its newest settlement, null if none."""
    require(scope, Role.OPERATOR, Role.DEPARTMENT_CLERK)
    newest = Settlement.objects.for_scope(scope).filter(
        conflict_id=OuterRef("conflict_id"), version=OuterRef("version")
    )
    rows: QuerySet[Any] = FactConflict.objects.for_scope(scope).annotate(
        decision=Subquery(newest.order_by("-decided_at").values("decision")[:1]),
        decided_for=Subquery(newest.order_by("-decided_at").values("contract_id")[:1]),
    )
    return rows.order_by("-known_at", "conflict_id")


def narrow(rows: QuerySet[Any], standing: str) -> QuerySet[Any]:
    """Keep the conflicts that stand so: ``open``, ``asked``, ``settled`` or ``closed``."""
    if standing == CLOSED:
        return rows.filter(state="closed")
    wanted = {OPEN: Q(decision=None), ASKED: Q(decision="ask"), SETTLED: Q(decision="prevail")}
    return rows.filter(wanted.get(standing, Q()), state="open")


def standing_of(conflict: Any) -> str:
    """How a conflict of :func:`list_conflicts` stands."""
    if conflict.state == "closed":
        return CLOSED
    return {None: OPEN, "ask": ASKED, "prevail": SETTLED}[conflict.decision]


def count_open_conflicts(scope: Scope) -> int:
    """Count the conflicts of the caller that nobody settled."""
    return list_conflicts(scope).filter(Q(decision=None) | Q(decision="ask"), state="open").count()


def get_conflict(scope: Scope, conflict_id: str) -> Any:
    """One conflict; null when unknown or of no concern to the caller."""
    return list_conflicts(scope).filter(pk=conflict_id).first()


def settlements_of(scope: Scope, conflict_id: str) -> QuerySet[Settlement]:
    """Everything that was decided on a conflict, newest first, earlier versions included."""
    rows: QuerySet[Settlement] = Settlement.objects.for_scope(scope).filter(conflict_id=conflict_id)
    return rows.order_by("-decided_at")


def list_comparisons() -> list[FactComparison]:
    """How each shared fact came out; facts never compared are ``not_run``. Counts only."""
    found = {row.fact: row for row in FactComparison.objects.all()}
    return [
        found.get(fact) or FactComparison(fact=fact, outcome="not_run", compared=0, disagreeing=0)
        for fact in load_shared_facts()
    ]


def comparison_trouble(scope: Scope) -> AuditRecord | None:
    """Give the failure of the last comparison, with ``problem`` in its detail; null where it went well or none was made."""
    told = AuditRecord.objects.for_scope(scope).filter(action__in=[COMPARISON_FAILED, COMPARISON_RECOVERED])
    newest: AuditRecord | None = told.order_by("-at", "-pk").first()
    return newest if newest is not None and newest.action == COMPARISON_FAILED else None


def dissents_of(scope: Scope, uscc: str) -> list[Dissent]:
    """List the register's facts of an enterprise that are in conflict, for whoever may read its portrait.

    Facts that come from data under consent are left out: that they are in conflict would tell of them.
    """
    facts = {name: fact for name, fact in load_shared_facts().items() if fact.contracts[0] == REGISTRY}
    rows = FactConflict.objects.for_scope(scope).filter(enterprise_id=uscc, state="open", fact__in=facts)
    return [Dissent(row.fact, facts[row.fact].title, row.since) for row in rows.order_by("fact")]


# -- who is meant ----------------------------------------------------------------------------------------------------


def list_waiting_rows(scope: Scope) -> QuerySet[Any]:
    """Rows that wait for a person, the likeliest first, each with ``decision`` and ``reason`` of the newest decision.

    Rows that were matched, or mended by their department, wait no more.
    """
    require(scope, Role.OPERATOR, Role.DEPARTMENT_CLERK)
    place = {"batch_id": OuterRef("batch_id"), "line": OuterRef("line")}
    newest = IdentityDecision.objects.for_scope(scope).filter(**place).order_by("-decided_at")
    mended = RepairedRow.objects.for_scope(scope).filter(**place)
    rows: QuerySet[Any] = (
        WaitingRow.objects.for_scope(scope)
        .filter(~Exists(mended))
        .annotate(
            decision=Subquery(newest.values("decision")[:1]), reason=Subquery(newest.values("reason")[:1])
        )
    )
    return rows.order_by("-probability", "batch_id", "line")


def get_waiting_row(scope: Scope, row_id: int) -> Any:
    """One row that waits; null when unknown, decided or another department's."""
    return list_waiting_rows(scope).filter(pk=row_id).first()


def list_merges(scope: Scope) -> QuerySet[Any]:
    """How rows came to their enterprises where their code alone did not say it, newest first; ``is_undone`` where it was taken back.

    ``enterprise_name`` is as the register has it now, null where it does not.
    """
    require(scope, Role.OPERATOR)
    undone = Merge.objects.for_scope(scope).filter(
        batch_id=OuterRef("batch_id"), line=OuterRef("line"), method="withdrawn"
    )
    registered = Enterprise.objects.filter(pk=OuterRef("enterprise_id"))
    rows: QuerySet[Any] = Merge.objects.for_scope(scope).annotate(
        is_undone=Exists(undone), enterprise_name=Subquery(registered.values("name")[:1])
    )
    return rows.order_by(F("known_at").desc(), "batch_id", "line", "pk")


def history_of_row(scope: Scope, batch_id: str, line: int) -> tuple[list[Any], list[IdentityDecision]]:
    """Everything that governance and people decided about one row's enterprise, oldest first."""
    require(scope, Role.OPERATOR)
    merges = list_merges(scope).filter(batch_id=batch_id, line=line).order_by("known_at", "pk")
    decisions = IdentityDecision.objects.for_scope(scope).filter(batch_id=batch_id, line=line)
    return list(merges), list(decisions.order_by("decided_at"))


def list_decisions(scope: Scope) -> QuerySet[IdentityDecision]:
    """List what people decided about rows, newest first."""
    require(scope, Role.OPERATOR)
    rows: QuerySet[IdentityDecision] = IdentityDecision.objects.for_scope(scope).select_related("delivery")
    return rows.order_by("-decided_at")


def asked_undos(scope: Scope) -> list[IdentityDecision]:
    """List assignments that are to be taken back, oldest first; for the job."""
    rows = IdentityDecision.objects.for_scope(scope).filter(decision="undo", state="asked")
    return list(rows.order_by("decided_at"))


@dataclass(frozen=True, slots=True)
class Assignment:
    """An assignment that stands: a row's place, and the enterprise it was held to mean."""

    department: str
    contract_id: str
    batch_id: str
    line: int
    enterprise_id: str


def find_assignment(scope: Scope, batch_id: str, line: int) -> tuple[Assignment, dict[str, Any]] | None:
    """Find the assignment of one row and what the row said of itself; null where none stands, or it is being taken back."""
    place = {"batch_id": batch_id, "line": line}
    decisions = IdentityDecision.objects.for_scope(scope)
    if decisions.filter(**place, decision="undo", state__in=["asked", "done"]).exists():
        return None
    merge = list_merges(scope).filter(**place, is_undone=False).first()
    if merge is not None:
        told = {"uscc": merge.raw_uscc, "name": merge.raw_name}
        return Assignment(merge.department, merge.contract_id, batch_id, line, merge.enterprise_id), told
    # A row that a person matched was sent again alone, under a right code: the log of merges has nothing to say of it.
    matched = decisions.filter(decision="match", delivery__isnull=False).select_related("delivery")
    digest = batch_id.partition("@")[2].partition(".")[0]
    found = (
        matched.filter(delivery__digest__startswith=digest, delivery__status="landed").first()
        if digest
        else None
    )
    if found is None or line != MATCHED_LINE:
        return None
    return Assignment(found.department, found.contract_id, batch_id, line, found.enterprise_id), found.told
