"""Raw counts behind officials' figures; only :mod:`rongqiao.government.selectors` reads them, and hides what is small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Avg, Count, Exists, Max, OuterRef, Q, Sum
from django.db.models.functions import TruncMonth

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.models import Enterprise
from rongqiao.platforms.financing.figures import DRAWN_STATUSES
from rongqiao.platforms.financing.models import Demand, Loan, Take

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope
# Enterprises of the market's past may have no account yet: they were served all the same.
PEOPLE_SERVED = """
    WITH served AS (
        SELECT uscc FROM accounts_organisation WHERE kind = 'enterprise' AND region_code LIKE %(region)s
        UNION SELECT uscc FROM financing_demand WHERE region_code LIKE %(region)s)
    SELECT (SELECT count(*) FROM served),
           (SELECT count(DISTINCT subject_uscc) FROM accounts_consent WHERE subject_uscc IN (SELECT uscc FROM served))"""


def demands_by_county(scope: Scope) -> dict[str, dict[str, Any]]:
    """Count published demands per county and how far they came; one query."""
    has_take = Exists(Take.objects.for_scope(scope).filter(demand=OuterRef("pk")))
    rows = (
        Demand.objects.for_scope(scope)
        .exclude(published_at=None)
        .values("region_code")
        .annotate(
            n=Count("pk"),
            amount=Sum("amount_cny"),
            enterprises=Count("uscc", distinct=True),
            taken=Count("pk", filter=Q(has_take)),
            quoted=Count("pk", filter=Q(quotes_count__gt=0)),
            accepted=Count("pk", filter=Q(status__in=["accepted", "fulfilled"])),
            newest=Max("published_at"),
        )
        .order_by("region_code")
    )
    return {row["region_code"]: row for row in rows}


def loans_by_county(scope: Scope) -> dict[str, dict[str, Any]]:
    """Count drawn loans per county; one query."""
    rows = (
        Loan.objects.for_scope(scope)
        .filter(status__in=DRAWN_STATUSES)
        .values("region_code")
        .annotate(
            n=Count("pk"),
            amount=Sum("principal_cny"),
            rate=Avg("rate_ratio"),
            first=Count("pk", filter=Q(is_first_loan=True)),
            overdue=Count("pk", filter=Q(status__in=["overdue", "defaulted", "written_off"])),
            newest=Max("start_on"),
        )
        .order_by("region_code")
    )
    return {row["region_code"]: row for row in rows}


def enterprises_by_county(region: str) -> dict[str, int]:
    """Count existing enterprises of the public register per county; one query."""
    rows = Enterprise.objects.filter(county_code__startswith=region, status="存续").values_list("county_code")
    return dict(rows.annotate(n=Count("pk")).order_by("county_code"))


def people_served(region: str) -> tuple[int, int]:
    """Count enterprises of the region known to the platform, and those of them that ever released data.

    An official may not see who consented to what; the count is taken by a job's scope and leaves through disclosure
    control only.
    """
    with system_scope(), connection.cursor() as cursor:
        cursor.execute(PEOPLE_SERVED, {"region": f"{region}%"})
        registered, authorised = cursor.fetchone()
    return registered, authorised


def by_month(rows: Any, column: str, amount: str) -> dict[int, tuple[int, Any]]:
    """Count rows and sum an amount per month of a column; one query."""
    grouped = (
        rows.annotate(_month=TruncMonth(column)).values("_month").annotate(n=Count("pk"), total=Sum(amount))
    )
    return {
        row["_month"].year * 100 + row["_month"].month: (row["n"], row["total"])
        for row in grouped.order_by("_month")
    }
