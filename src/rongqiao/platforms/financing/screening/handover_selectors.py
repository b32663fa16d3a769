"""Reads of lists that government bodies handed to banks: the giver sees counts through disclosure control, the bank its own names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Case, F, Value, When

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.resources.selectors import list_institutions
from rongqiao.platforms.financing.clocks import local_day
from rongqiao.platforms.financing.screening import counting
from rongqiao.platforms.financing.screening.handovers import handed_criteria, is_live
from rongqiao.platforms.financing.screening.models import ScreeningHandover, ScreeningMember
from rongqiao.platforms.financing.screening.selectors import STEPS, market_steps, show_members

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope
    from rongqiao.platforms.financing.screening.models import ScreeningList
    from rongqiao.platforms.financing.screening.selectors import Named, Performance


@dataclass(frozen=True, slots=True)
class Told:
    """How a handed-over list did, as its giver is told: near the truth, null below the least figure, zero included.

    Each includes those further on: enterprises named to the bank, contacted, quoted, drawn.
    """

    named: int | None = None
    contacted: int | None = None
    quoted: int | None = None
    drawn: int | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """A list in one bank's hands, with how it did."""

    handover: ScreeningHandover
    state: str
    told: Told


def banks_without(scope: Scope, screening: ScreeningList) -> list[tuple[str, str]]:
    """Key and name of the institutions that do not hold the list now."""
    held = ScreeningHandover.objects.for_scope(scope).filter(screening=screening, status="handed")
    holding = set(held.values_list("recipient_id", flat=True))
    rows = list_institutions().order_by("organisation__name")
    return [(str(each.pk), each.organisation.name) for each in rows if each.pk not in holding]


def list_given(scope: Scope, screening: ScreeningList, now: dt.datetime) -> tuple[list[Given], Told]:
    """Banks that were handed a list, newest first, and how the list did with all of them; the same queries however many."""
    rows = list(
        ScreeningHandover.objects.for_scope(scope)
        .filter(screening=screening)
        .select_related("recipient", "handed_by")
    )
    members: dict[uuid.UUID, list[ScreeningMember]] = {each.pk: [] for each in rows}
    # The giver counts those named, and never reads who they are.
    with system_scope() as system:
        every = list(ScreeningMember.objects.for_scope(system).filter(handover__in=list(members)))
        steps = market_steps(system, every)
    for member in every:
        members[member.handover_id].append(member)
    day = local_day(now)
    given = [
        Given(each, state_of(each, now), _tell(members[each.pk], steps, f"handover {each.pk}", day))
        for each in rows
    ]
    return given, _tell(every, steps, f"handovers of {screening.pk}", day)


def _tell(members: Sequence[ScreeningMember], reached: dict[int, int], question: str, day: dt.date) -> Told:
    """Tell how far members came; an enterprise that several banks were told counts once, with the one that came furthest."""
    steps: dict[str, int] = {}
    for member in members:
        steps[member.uscc] = max(reached[member.pk], steps.get(member.uscc, 0))
    return Told(
        **{
            name: counting.tell_number(
                [uscc for uscc, step in steps.items() if step >= at], question=f"{question}|{name}", day=day
            )
            for at, name in enumerate(STEPS)
        }
    )


def state_of(handover: ScreeningHandover, now: dt.datetime) -> str:
    """``handed``, ``withdrawn`` or ``expired`` at an instant."""
    return "expired" if handover.status == "handed" and not is_live(handover, now) else str(handover.status)


def with_state(handovers: QuerySet[ScreeningHandover], now: dt.datetime) -> QuerySet[ScreeningHandover]:
    """Give each handover its ``state`` as :func:`state_of` tells it, to filter and to order by."""
    is_over = When(status="handed", expires_on__lt=local_day(now), then=Value("expired"))
    return handovers.annotate(state=Case(is_over, default=F("status")))


def list_received(scope: Scope) -> QuerySet[ScreeningHandover]:
    """Return what government bodies handed to the caller's bank, newest first."""
    found: QuerySet[ScreeningHandover] = (
        ScreeningHandover.objects.for_scope(scope)
        .select_related("organisation", "recipient", "handed_by")
        .order_by("-handed_at")
    )
    return found


def get_received(scope: Scope, handover_id: uuid.UUID | str) -> ScreeningHandover | None:
    """Return one of them; null where there is none the caller may see."""
    found: ScreeningHandover | None = list_received(scope).filter(pk=handover_id).first()
    return found


def count_waiting(scope: Scope, now: dt.datetime) -> int:
    """How many lists the caller's bank holds and never asked the names of."""
    live = list_received(scope).filter(status="handed", expires_on__gte=local_day(now))
    return live.filter(named_at=None).count()


def list_received_names(
    scope: Scope, handover: ScreeningHandover, now: dt.datetime
) -> tuple[list[Named], Performance]:
    """Enterprises that a received list named to the caller's bank, less those whose agreement ended, and how they did."""
    rows = ScreeningMember.objects.for_scope(scope).filter(handover=handover)
    members: Sequence[ScreeningMember] = list(rows.order_by("uscc"))
    return show_members(
        scope,
        members,
        handed_criteria(handover),
        now,
        is_over=not is_live(handover, now),
        by_government=True,
    )
