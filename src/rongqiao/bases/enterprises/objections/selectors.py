"""Reads of objections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Case, DateTimeField, F, Q, When

from rongqiao.accounts.models import User
from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.objections.models import OPEN, Objection, ObjectionStep
from rongqiao.bases.enterprises.register_names import register_name

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope

#: Grounds and statuses with their titles, for forms and filters.
GROUNDS, STATUSES = tuple(Objection.GROUNDS), tuple(Objection.STATUSES)
READERS = (Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK, Role.DEPARTMENT_CLERK, Role.OPERATOR)


def list_objections(scope: Scope) -> QuerySet[Objection]:
    """Objections that the enterprise raised, that the department must answer, or all for the operator; newest first.

    Each carries ``subject_name``, null where the register does not know the enterprise, and ``next_due_at``, the clock
    that runs out first; null when nobody owes anything.
    """
    require(scope, *READERS)
    found: QuerySet[Objection] = Objection.objects.for_scope(scope).select_related(
        "raised_by_organisation", "answered_by_organisation"
    )
    return found.annotate(subject_name=register_name("subject_uscc"), next_due_at=_next_due())


def _next_due() -> Case:
    """Deadline as in `Objection.due_at`, so that the database can order by it."""
    return Case(
        When(~Q(status__in=OPEN), then=None),
        When(forwarded_at=None, then=F("forward_due_at")),
        When(checked_at=None, then=F("check_due_at")),
        default=F("answer_due_at"),
        output_field=DateTimeField(null=True),
    )


def list_open(scope: Scope) -> QuerySet[Objection]:
    """Objections that wait for somebody, the one answered soonest first."""
    return list_objections(scope).filter(status__in=OPEN).order_by("answer_due_at", "pk")


def get_objection(scope: Scope, objection_id: uuid.UUID) -> Objection | None:
    """One objection; null when unknown, or not the caller's."""
    return list_objections(scope).select_related("correction").filter(pk=objection_id).first()


def list_for_operator(scope: Scope) -> QuerySet[Objection]:
    """List open objections that the operator has to act on: their department has nobody here, or a clock was missed."""
    require(scope, Role.OPERATOR)
    staffed = User.objects.filter(is_active=True, organisation__kind="department")
    known = list(staffed.values_list("organisation__department_code", flat=True).distinct())
    own = Q(raised_by_organisation__department_code=F("department"))
    return list_open(scope).filter(~Q(department__in=known) | Q(escalated_at__isnull=False) | own)


def list_steps(scope: Scope, objection: Objection) -> QuerySet[ObjectionStep]:
    """Tell what happened to an objection, in order."""
    found: QuerySet[ObjectionStep] = ObjectionStep.objects.for_scope(scope).select_related("by_organisation")
    return found.filter(objection_id=objection.pk)


def has_people(department: str) -> bool:
    """Whether anybody of the department can sign in; otherwise the operator acts for it."""
    return User.objects.filter(
        is_active=True, organisation__kind="department", organisation__department_code=department
    ).exists()


def may_answer(scope: Scope, objection: Objection) -> bool:
    """Whether the caller may judge: the owning department; the operator for one without people or in default.

    Never the organisation that raised it.
    """
    if scope.organisation_id == objection.raised_by_organisation_id:
        return False
    if scope.kind == "department":
        return scope.department == objection.department
    if scope.kind != "operator":
        return False
    is_own = objection.raised_by_organisation.department_code == objection.department
    return is_own or objection.escalated_at is not None or not has_people(objection.department)
