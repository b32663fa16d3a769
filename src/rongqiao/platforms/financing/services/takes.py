"""Takes: an institution grabs a demand, or lets it go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from rongqiao.accounts.services import record_audit
from rongqiao.kernel.errors import NotAllowedError
from rongqiao.platforms.financing import clocks
from rongqiao.platforms.financing.models import Demand, Push, Quote, Take
from rongqiao.platforms.financing.services.access import lock, lock_with_demand, require_bank
from rongqiao.platforms.financing.services.demands import reopen_if_empty
from rongqiao.rules.transitions import INITIAL, advance, can_advance

if TYPE_CHECKING:
    import datetime as dt
    import uuid

    from rongqiao.accounts.scope import Scope


@transaction.atomic
def take_demand(*, scope: Scope, demand_id: uuid.UUID, now: dt.datetime) -> Take:
    """Grab a demand: contact and quote are due from now on.

    In the first hours (catalogue ``take_window_hours``) up to ``max_takers`` institutions may; afterwards one still may
    as long as nobody has.

    Raises
    ------
    NotAllowedError
        If the caller is not of an institution it was pushed to, all places are taken, the window has closed, the
        demand has expired, or the institution took it before.
    IllegalTransitionError
        If the demand is no longer open.
    """
    require_bank(scope)
    # The row lock makes grabs queue up: each sees the count the one before left.
    demand = lock(Demand, scope, demand_id)
    status = advance("demand", demand.status, "take")
    take = Take.objects.for_scope(scope).filter(demand=demand).first()
    if take is not None and not can_advance("take", take.status, "retake"):
        raise NotAllowedError("抢单", str(demand_id), _why_not_again(take))
    _check_open(demand, now)
    if take is None:
        take = Take(
            demand=demand,
            institution_id=scope.organisation_id,
            uscc=demand.uscc,
            region_code=demand.region_code,
            status=INITIAL["take"],
        )
    else:
        take.status = advance("take", take.status, "retake")
    take.taken_by_id, take.taken_at = scope.user_id, now
    take.contact_due_at, take.quote_due_at = clocks.contact_due(now), clocks.quote_due(now)
    take.save()
    demand.status, demand.takes_count = status, demand.takes_count + 1
    demand.save(update_fields=["status", "takes_count"])
    Push.objects.for_scope(scope).filter(demand=demand, seen_at=None).update(seen_at=now)
    record_audit(
        scope=scope,
        action="demand.taken",
        object_type="take",
        object_id=take.pk,
        detail={"demand": str(demand.pk)},
    )
    return take


def _why_not_again(take: Take) -> str:
    """Tell an institution that still holds a demand from one that let it go; the second click of two is no failure."""
    if take.status == "released":
        return "本机构已释放此单，不能重复抢单。"
    return "本机构已抢过此需求，不必重复抢单。"


def _check_open(demand: Demand, now: dt.datetime) -> None:
    if demand.expires_at is not None and now >= demand.expires_at:
        raise NotAllowedError("抢单", str(demand.pk), "该需求已过有效期。")
    places = clocks.whole_number("max_takers", now)
    if demand.takes_count >= places:
        raise NotAllowedError("抢单", demand.takes_count, f"已有 {places} 家机构抢单，名额已满。")
    if demand.takes_count and demand.published_at and now >= clocks.window_end(demand.published_at):
        raise NotAllowedError("抢单", str(demand.pk), "抢单时限已过，且已有机构受理。")


@transaction.atomic
def release_take(*, scope: Scope, take_id: uuid.UUID, now: dt.datetime) -> Take:
    """Let a taken demand go; its open quote is withdrawn, and the last to let go opens the next round.

    Raises
    ------
    NotAllowedError
        If the take is another's.
    IllegalTransitionError
        If it was lost or released, or its quote was accepted.
    """
    require_bank(scope)
    take, demand = lock_with_demand(Take, scope, take_id)
    if take.status == "won":
        raise NotAllowedError("抢单", str(take_id), "报价已被接受，请在申请中作出决定。")
    end_take(scope, take, demand, now)
    record_audit(scope=scope, action="take.released", object_type="take", object_id=take.pk, detail={})
    return take


def end_take(scope: Scope, take: Take, demand: Demand, now: dt.datetime, *, by_clock: bool = False) -> None:
    """Release a take under lock and give its place back."""
    take.status = advance("take", take.status, "release")
    take.save(update_fields=["status"])
    event = "expire" if by_clock else "withdraw"
    Quote.objects.for_scope(scope).filter(take=take, status="submitted").update(
        status=advance("quote", "submitted", event)
    )
    demand.takes_count = max(demand.takes_count - 1, 0)
    demand.save(update_fields=["takes_count"])
    reopen_if_empty(demand, now)
