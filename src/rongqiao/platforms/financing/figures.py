"""Public figures of the market, each through disclosure control."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Avg, Count, Exists, Max, OuterRef, Q, Sum

from rongqiao.accounts.scope import system_scope
from rongqiao.contracts.catalog import threshold
from rongqiao.platforms.financing.clocks import local_day
from rongqiao.platforms.financing.models import Demand, Loan, Take
from rongqiao.rules.disclosure import suppress, suppress_measure

DRAWN_STATUSES = ("drawn", "overdue", "defaulted", "repaid", "written_off")


def market_figures() -> dict[str, Any]:
    """Count demands and loans of the whole market for anybody.

    Returns
    -------
    dict
        ``demands``, ``demand_amount_cny``, ``taken_share_ratio``, ``enterprises`` (served with a loan), ``loans``,
        ``loan_amount_cny``, ``average_rate_ratio`` (mean over contracts), ``first_loans``,
        ``freshest_on`` (day of the newest demand). Null where too few stand behind it.
    """
    with system_scope() as scope:
        has_take = Exists(Take.objects.for_scope(scope).filter(demand=OuterRef("pk")))
        demands = (
            Demand.objects.for_scope(scope)
            .exclude(published_at=None)
            .aggregate(
                n=Count("pk"),
                amount=Sum("amount_cny"),
                taken=Count("pk", filter=Q(has_take)),
                newest=Max("published_at"),
            )
        )
        loans = (
            Loan.objects.for_scope(scope)
            .filter(status__in=DRAWN_STATUSES)
            .aggregate(
                n=Count("pk"),
                enterprises=Count("uscc", distinct=True),
                amount=Sum("principal_cny"),
                rate=Avg("rate_ratio"),
                first=Count("pk", filter=Q(is_first_loan=True)),
            )
        )
    least = int(threshold("disclosure_cell_min", dt.date.max))
    posted = demands["n"]
    share = demands["taken"] / posted if posted else None
    return {
        "demands": suppress(posted, threshold=least),
        "demand_amount_cny": suppress_measure(demands["amount"], posted, threshold=least),
        "taken_share_ratio": suppress_measure(share, posted, threshold=least),
        "enterprises": suppress(loans["enterprises"], threshold=least),
        "loans": suppress(loans["n"], threshold=least),
        "loan_amount_cny": suppress_measure(loans["amount"], loans["n"], threshold=least),
        "average_rate_ratio": suppress_measure(loans["rate"], loans["n"], threshold=least),
        "first_loans": suppress(loans["first"], threshold=least),
        "freshest_on": local_day(demands["newest"]) if demands["newest"] else None,
    }
