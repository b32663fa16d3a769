"""The market's clocks: what has run out is closed, released or reopened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef

from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit
from rongqiao.platforms.financing.models import Demand, Quote, Take
from rongqiao.platforms.financing.services.access import lock_with_demand
from rongqiao.platforms.financing.services.takes import end_take
from rongqiao.rules.transitions import advance, can_advance

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.accounts.scope import Scope


def expire_due(*, now: dt.datetime) -> dict[str, int]:
    """Expire quotes past their validity, release takes that never came to a quote, expire demands nobody took.

    Harmless when run again. Returns how many of each.
    """
    with system_scope() as scope:
        counts = {
            "quotes": _expire_quotes(scope, now),
            "takes": _release_takes(scope, now),
            "demands": _expire_demands(scope, now),
        }
        if any(counts.values()):
            record_audit(
                scope=scope,
                action="market.clocks_run",
                object_type="market",
                object_id="clocks",
                detail=counts,
            )
    return counts


def _expire_quotes(scope: Scope, now: dt.datetime) -> int:
    ended = Quote.objects.for_scope(scope).filter(status="submitted", valid_until__lte=now)
    # Demand before quote, as everybody locks: an enterprise that accepts at this moment must not wait for us while we
    # wait for it.
    demands = Demand.objects.for_scope(scope).filter(pk__in=ended.values("demand_id")).order_by("pk")
    list(demands.select_for_update(of=("self",)).values_list("pk", flat=True))
    return ended.update(status=advance("quote", "submitted", "expire"))


def _release_takes(scope: Scope, now: dt.datetime) -> int:
    """Release takes past their quoting time that have no open quote; the last one gone reopens the demand."""
    has_open_quote = Exists(Quote.objects.for_scope(scope).filter(take=OuterRef("pk"), status="submitted"))
    idle = Take.objects.for_scope(scope).filter(
        ~has_open_quote, status__in=["active", "quoted"], quote_due_at__lte=now
    )
    keys = list(idle.order_by("demand_id", "pk").values_list("pk", flat=True))
    released = 0
    for key in keys:
        take, demand = lock_with_demand(Take, scope, key)
        # A taker may have quoted between the two statements.
        if can_advance("take", take.status, "release") and not _has_open_quote(scope, take):
            end_take(scope, take, demand, now, by_clock=True)
            released += 1
    return released


def _has_open_quote(scope: Scope, take: Take) -> bool:
    return Quote.objects.for_scope(scope).filter(take=take, status="submitted").exists()


def _expire_demands(scope: Scope, now: dt.datetime) -> int:
    ended = Demand.objects.for_scope(scope).filter(status="published", expires_at__lte=now)
    return ended.update(status=advance("demand", "published", "expire"))
