"""Reads of screening; each sees its own organisation's lists."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, F, Q, Sum, Value, When
from django.db.models.functions import Coalesce

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.models import Enterprise
from rongqiao.contracts.catalog import threshold
from rongqiao.platforms.financing.clocks import local_day
from rongqiao.platforms.financing.figures import DRAWN_STATUSES
from rongqiao.platforms.financing.models import Loan, Quote, Take
from rongqiao.platforms.financing.screening import counting
from rongqiao.platforms.financing.screening.models import (
    FindableConsent,
    ScreeningList,
    ScreeningMember,
    ScreeningQuestion,
    ScreeningVersion,
)
from rongqiao.platforms.financing.screening.services import (
    BUDGETS,
    COUNT,
    conditions_of,
    covered_by,
    open_consent,
    spend,
)
from rongqiao.rules.screening import differing, question_digest

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope
    from rongqiao.rules.criteria import Group


@dataclass(frozen=True, slots=True)
class Named:
    """An enterprise of a list that was handed over, and how far the bank has come with it since.

    Parameters
    ----------
    name, uscc : str
        Empty where the enterprise took its agreement back.
    step : str
        ``named``, ``contacted`` (its demand was taken), ``quoted`` or ``drawn``.
    """

    name: str
    uscc: str
    county_code: str
    industry_code: str
    step: str
    named_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Performance:
    """How a list did: enterprises named, and of them contacted, quoted and drawn, each including those further on."""

    named: int
    contacted: int
    quoted: int
    drawn: int
    withdrawn: int


STEPS = ("named", "contacted", "quoted", "drawn")


def list_screenings(scope: Scope) -> QuerySet[ScreeningList]:
    """Return the lists of the caller's organisation (the operator: of all), newest first."""
    found: QuerySet[ScreeningList] = (
        ScreeningList.objects.for_scope(scope)
        .select_related("organisation", "created_by")
        .order_by("-created_at")
    )
    return found


def oversee_screenings(scope: Scope) -> QuerySet[ScreeningList]:
    """Return the lists with ``banks_count`` (to how many banks each was handed) and ``told_count`` (how many names banks were told in all)."""
    return list_screenings(scope).annotate(
        banks_count=Count("handovers__recipient", distinct=True),
        told_count=F("named_count") + Coalesce(Sum("handovers__named_count"), 0),
    )


def get_screening(scope: Scope, list_id: uuid.UUID | str) -> ScreeningList | None:
    """Return a list; null where there is none the caller may see."""
    found: ScreeningList | None = list_screenings(scope).filter(pk=list_id).first()
    return found


def state_of(screening: ScreeningList, now: dt.datetime) -> str:
    """State of a list at an instant: its day may be over before the nightly job has run."""
    return "expired" if local_day(now) > screening.expires_on else str(screening.status)


def with_state(screenings: QuerySet[ScreeningList], now: dt.datetime) -> QuerySet[ScreeningList]:
    """Give each list its ``state`` as :func:`state_of` tells it, to filter and to order by."""
    is_over = When(expires_on__lt=local_day(now), then=Value("expired"))
    return screenings.annotate(state=Case(is_over, default=F("status")))


def changes(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Conditions in words that a later version dropped, and that it added."""
    return differing(before, after)


def differing_conditions(first: ScreeningList, second: ScreeningList) -> tuple[list[str], list[str]]:
    """Conditions in words that only the first, and only the second list has."""
    return differing(first.conditions, second.conditions)


def list_versions(scope: Scope, list_id: uuid.UUID | str) -> list[ScreeningVersion]:
    """Versions of a list, newest first."""
    return list(
        ScreeningVersion.objects.for_scope(scope).filter(screening_id=list_id).select_related("saved_by")
    )


def budgets_left(scope: Scope, now: dt.datetime) -> dict[str, tuple[int, int]]:
    """Kind of question → how many the caller has left today, and of how many."""
    day = local_day(now)
    asked = dict(
        ScreeningQuestion.objects.for_scope(scope)
        .filter(user_id=scope.user_id, asked_on=day)
        .values_list("kind")
        .annotate(n=Count("pk"))
    )
    return {kind: (max(0, limit - asked.get(kind, 0)), limit) for kind, limit in _limits(day).items()}


def list_spending(scope: Scope) -> list[dict[str, Any]]:
    """Questions, names and exports per person and day, newest first; ``limits`` says how many of each the day allows."""
    rows = ScreeningQuestion.objects.for_scope(scope).values(
        "asked_on", "user__full_name", "user__username", "organisation__name"
    )
    counted = rows.annotate(**{kind: Count("pk", filter=Q(kind=kind)) for kind in BUDGETS})
    found = list(counted.order_by("-asked_on", "organisation__name", "user__username"))
    limits = {day: _limits(day) for day in {row["asked_on"] for row in found}}
    return [row | {"limits": limits[row["asked_on"]]} for row in found]


def _limits(day: dt.date) -> dict[str, int]:
    return {kind: int(threshold(limit_id, day)) for kind, (limit_id, _) in BUDGETS.items()}


def list_named(scope: Scope, screening: ScreeningList, now: dt.datetime) -> tuple[list[Named], Performance]:
    """Enterprises that a list named, less those that took their agreement back, and how the list did.

    Names vanish with the agreement and with the list's last day; counts stay. An agreement that no longer covers all
    classes of data that the list's conditions rest on is as good as none.
    """
    members = list(ScreeningMember.objects.for_scope(scope).filter(screening=screening).order_by("uscc"))
    # Read by the limits of the day on which the list was handed over.
    criteria = conditions_of(screening.conditions, local_day(screening.handed_over_at or now))
    is_over = local_day(now) > screening.expires_on
    return show_members(scope, members, criteria, now, is_over=is_over)


def show_members(
    scope: Scope,
    members: Sequence[ScreeningMember],
    criteria: Group,
    now: dt.datetime,
    *,
    is_over: bool,
    by_government: bool = False,
) -> tuple[list[Named], Performance]:
    """Show those of a bank's named enterprises whose agreement still covers the conditions, and how all of them did.

    Parameters
    ----------
    is_over : bool
        Whether the list's time is up: no name shows then.
    by_government : bool
        Whether a government body's list named them.
    """
    steps = market_steps(scope, members)
    with system_scope() as system:
        agreed = FindableConsent.objects.for_scope(system).filter(
            open_consent(now, by_government=by_government), uscc__in=[member.uscc for member in members]
        )
        live = covered_by(system, criteria, dict(agreed.values_list("uscc", "data_classes")))
    entries = {} if is_over else Enterprise.objects.in_bulk(live)
    shown = [
        Named(
            entry.name,
            entry.uscc,
            entry.county_code,
            entry.industry_code,
            STEPS[steps[member.pk]],
            member.named_at,
        )
        for member in members
        if (entry := entries.get(member.uscc)) is not None
    ]
    contacted, quoted, drawn = (sum(step >= at for step in steps.values()) for at in (1, 2, 3))
    performance = Performance(len(members), contacted, quoted, drawn, len(members) - len(live))
    return shown, performance


def market_steps(scope: Scope, members: Sequence[ScreeningMember]) -> dict[int, int]:
    """Member's key → how far the bank that was told has come with the enterprise since; three queries however many."""
    asked = Q(
        uscc__in={member.uscc for member in members},
        institution_id__in={member.organisation_id for member in members},
    )
    about = ("institution_id", "uscc")
    taken = Take.objects.for_scope(scope).filter(asked).values_list(*about, "taken_at")
    quoted = Quote.objects.for_scope(scope).filter(asked).values_list(*about, "quoted_at")
    lent = Loan.objects.for_scope(scope).filter(asked, status__in=DRAWN_STATUSES)
    reached: dict[tuple[Any, str], list[tuple[int, dt.date]]] = {}
    for at, rows in ((1, taken), (2, quoted)):
        for bank, uscc, when in rows:
            reached.setdefault((bank, uscc), []).append((at, when))
    for bank, uscc, on in lent.values_list(*about, "start_on"):
        reached.setdefault((bank, uscc), []).append((3, on))
    return {
        member.pk: max(
            (
                at
                for at, when in reached.get((member.organisation_id, member.uscc), ())
                if _is_since(when, member.named_at)
            ),
            default=0,
        )
        for member in members
    }


def _is_since(when: dt.date, named_at: dt.datetime) -> bool:
    """Whether something happened after the enterprise was named; of a loan only its day is known."""
    return when >= named_at if isinstance(when, dt.datetime) else when >= local_day(named_at)


def compare_lists(
    scope: Scope, first: ScreeningList, second: ScreeningList, now: dt.datetime
) -> dict[str, int | None]:
    """How many enterprises two lists hold, and share; a question of the day's budget."""
    day, build = local_day(now), counting.province().build
    sides = [
        question_digest(each.conditions, region=each.region_code, build=build) for each in (first, second)
    ]
    question = question_digest(
        [{"fact": "overlap", "op": "of", "value": sorted(sides)}], region=scope.region, build=build
    )
    spend(scope, first, kind=COUNT, digest=question, now=now)
    asked = [
        (conditions_of(each.conditions, day), side) for each, side in zip((first, second), sides, strict=True)
    ]
    return counting.tell_overlap(*asked, region=scope.region, question=question, day=day)
