"""Figures for officials: counts and sums of their region, each with source and freshness, small cells hidden.

Nothing here names an enterprise.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Avg, Count, F, Q, Sum

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.models import SourceStatus
from rongqiao.contracts.catalog import regions
from rongqiao.government.counts import (
    by_month,
    demands_by_county,
    enterprises_by_county,
    loans_by_county,
    people_served,
)
from rongqiao.government.disclosure import cell_minimum, is_small, suppress, suppress_cells, suppress_measure
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from rongqiao.kernel.region import check_region, is_within
from rongqiao.platforms.financing.clocks import local_day
from rongqiao.platforms.financing.figures import DRAWN_STATUSES
from rongqiao.platforms.financing.models import Demand, Loan, Push, Take

if TYPE_CHECKING:
    import uuid

    from rongqiao.accounts.scope import Scope

TREND_MONTHS = 24
SECONDS_PER_HOUR = 3600
# Figures are told by the rule in force; a stricter rule that is announced already may only hide more.
RULE_DAY = dt.date.max
FUNNEL = (
    ("registered", "注册企业"),
    ("authorised", "授权数据"),
    ("posted", "发布需求"),
    ("taken", "机构抢单"),
    ("quoted", "收到报价"),
    ("accepted", "接受报价"),
    ("drawn", "获得放款"),
)
COUNTS = ("enterprises", "demands", "loans")

REGISTRY = "market_regulation.registry"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Parameters
    ----------
    id, label, unit, source : str
        Unit ``户``, ``笔``, ``元`` or ``比率``; source in words.
    value : number or None
        Null where too few stand behind it, or nothing is known.
    freshest_on : date or None
        Day of the newest fact behind it.
    is_hidden : bool
        Whether it is null because too few stand behind it, and not because nothing is known.
    """

    id: str
    label: str
    value: Any
    unit: str
    source: str
    freshest_on: dt.date | None = None
    is_hidden: bool = False


def overview(scope: Scope) -> dict[str, Any]:
    """Everything the government's first page shows, in at most 15 queries.

    Returns
    -------
    dict
        ``region_code``, ``threshold``, ``figures`` (list of :class:`Figure`), ``funnel`` (list of ``{id, label, value,
        share_ratio}``), ``counties`` (list of ``{code, name, enterprises, demands, demand_amount_cny, loans,
        loan_amount_cny}``), ``trend`` (list of ``{month, demands, demand_amount_cny, loans, loan_amount_cny}``, oldest
        first, the last 24 months with a fact), ``institutions`` (list of ``{name, pushes, takes, taken_share_ratio,
        response_hours, loans, loan_amount_cny}``), ``sources`` (list of ``{title, department, delivered_on,
        rows_accepted, rows_quarantined}``). Null stands for a cell too small to be told.

    Raises
    ------
    NotAllowedError
        If the caller is no government official.
    """
    region = _region_of(scope)
    least = cell_minimum(RULE_DAY)
    demands, loans = demands_by_county(scope), loans_by_county(scope)
    enterprises = enterprises_by_county(region)
    totals = {
        name: sum(row[name] for row in demands.values()) for name in ("n", "taken", "quoted", "accepted")
    }
    registered, authorised = people_served(region)
    drawn = {
        name: sum(row[name] or 0 for row in loans.values()) for name in ("n", "first", "overdue", "amount")
    }
    steps = {
        "registered": registered,
        "authorised": authorised,
        "posted": totals["n"],
        "taken": totals["taken"],
        "quoted": totals["quoted"],
        "accepted": totals["accepted"],
        "drawn": drawn["n"],
    }
    sources = _sources()
    return {
        "region_code": region,
        "region_name": regions()[region].name if region in regions() else region,
        "threshold": least,
        "figures": _figures(enterprises, demands, loans, least, _registry_day(sources)),
        "funnel": _funnel(steps, least),
        "counties": _counties(region, enterprises, demands, loans, least),
        "trend": _trend(scope, least),
        "institutions": _league(scope, least),
        "sources": sources,
    }


def county_overview(scope: Scope, code: str) -> dict[str, Any]:
    """Figures of one county (or prefecture) of the official's region, with its funnel and trend.

    Raises
    ------
    NotAllowedError
        If the caller is no official of a region that holds it.
    InvalidValueError
        If there is no such region.
    """
    region = _region_of(scope)
    county = check_region(code)
    if county not in regions():
        raise InvalidValueError("行政区划代码", code, "没有此县（市、区），请从地图或列表中选择。")
    if not is_within(county, region):
        raise NotAllowedError("行政区划", code, "不在您负责的区域内。")
    least = cell_minimum(RULE_DAY)
    demands = {code: row for code, row in demands_by_county(scope).items() if is_within(code, county)}
    loans = {code: row for code, row in loans_by_county(scope).items() if is_within(code, county)}
    enterprises = enterprises_by_county(county)
    return {
        "region_code": county,
        "region_name": regions()[county].name,
        "threshold": least,
        "figures": _figures(enterprises, demands, loans, least, _registry_day(_sources())),
        "counties": _counties(county, enterprises, demands, loans, least),
        "trend": _trend(scope, least, county),
        "industries": _industries(scope, county, least),
    }


def map_cells(scope: Scope) -> list[dict[str, Any]]:
    """Cells of the map: the counties of :func:`overview`, in four queries."""
    region = _region_of(scope)
    return _counties(
        region,
        enterprises_by_county(region),
        demands_by_county(scope),
        loans_by_county(scope),
        cell_minimum(RULE_DAY),
    )


def _region_of(scope: Scope) -> str:
    require(scope, Role.GOVERNMENT_OFFICIAL)
    if not scope.region:
        raise NotAllowedError("行政区划", scope.region, "您的单位未设定所辖区域，请联系平台运营方。")
    return scope.region


def _figures(
    enterprises: dict[str, int],
    demands: dict[str, Any],
    loans: dict[str, Any],
    least: int,
    registry_day: dt.date | None,
) -> list[Figure]:
    posted, lent = sum(r["n"] for r in demands.values()), sum(r["n"] for r in loans.values())
    wanted, paid = sum(r["amount"] for r in demands.values()), sum(r["amount"] for r in loans.values())
    first, late = sum(r["first"] for r in loans.values()), sum(r["overdue"] for r in loans.values())
    rate = sum(r["rate"] * r["n"] for r in loans.values()) / lent if lent else None
    newest_demand = max((local_day(r["newest"]) for r in demands.values()), default=None)
    newest_loan = max((r["newest"] for r in loans.values()), default=None)

    def from_demands(id: str, label: str, value: Any, unit: str) -> Figure:
        is_hidden = is_small(posted, threshold=least)
        return Figure(id, label, value, unit, "平台融资需求", newest_demand, is_hidden)

    def from_loans(id: str, label: str, value: Any, unit: str, behind: int = lent) -> Figure:
        is_hidden = is_small(behind, threshold=least)
        return Figure(id, label, value, unit, "金融机构放款登记", newest_loan, is_hidden)

    registered = sum(enterprises.values())
    late_share = suppress_measure(late / lent if lent else None, lent, threshold=least)
    return [
        Figure(
            "enterprises",
            "存续企业",
            suppress(registered, threshold=least),
            "户",
            "市场监管登记",
            registry_day,
            is_small(registered, threshold=least),
        ),
        from_demands("demands", "融资需求", suppress(posted, threshold=least), "笔"),
        from_demands("demand_amount", "需求金额", suppress_measure(wanted, posted, threshold=least), "元"),
        from_loans("loans", "放款", suppress(lent, threshold=least), "笔"),
        from_loans("loan_amount", "放款金额", suppress_measure(paid, lent, threshold=least), "元"),
        from_loans("average_rate", "平均年利率", suppress_measure(rate, lent, threshold=least), "比率"),
        from_loans("first_loans", "首贷", suppress(first, threshold=least), "笔", first),
        # A share of few late loans tells their number, so it is hidden with them.
        from_loans(
            "overdue_share",
            "逾期笔数占比",
            None if suppress(late, threshold=least) is None else late_share,
            "比率",
            late if is_small(late, threshold=least) else lent,
        ),
    ]


def _registry_day(sources: list[dict[str, Any]]) -> dt.date | None:
    """Day of the registry's newest delivery; null before the first."""
    return next((row["delivered_on"] for row in sources if row["contract_id"] == REGISTRY), None)


def _funnel(steps: dict[str, int], least: int) -> list[dict[str, Any]]:
    """List steps with the share of published demands that came that far; enterprises have no such share."""
    rows = []
    for name, label in FUNNEL:
        is_people = name in ("registered", "authorised")
        told, posted = suppress(steps[name], threshold=least), suppress(steps["posted"], threshold=least)
        share = None if is_people or told is None or not posted else told / posted
        rows.append(
            {
                "id": name,
                "label": label,
                "value": told,
                "unit": "户" if is_people else "笔",
                "share_ratio": share,
            }
        )
    return rows


def _counties(
    region: str, enterprises: dict[str, int], demands: dict[str, Any], loans: dict[str, Any], least: int
) -> list[dict[str, Any]]:
    """All counties of the region; counts and the sums over them hidden together."""
    codes = [code for code, each in regions().items() if each.level == "county" and is_within(code, region)]
    raw = {
        "enterprises": {code: enterprises.get(code, 0) for code in codes},
        "demands": {code: demands[code]["n"] if code in demands else 0 for code in codes},
        "loans": {code: loans[code]["n"] if code in loans else 0 for code in codes},
    }
    told = {name: suppress_cells(cells, threshold=least) for name, cells in raw.items()}
    return [
        {
            "code": code,
            "name": regions()[code].name,
            **{name: told[name][code] for name in COUNTS},
            "demand_amount_cny": demands[code]["amount"] if told["demands"][code] else None,
            "loan_amount_cny": loans[code]["amount"] if told["loans"][code] else None,
        }
        for code in codes
    ]


def _trend(scope: Scope, least: int, region: str = "") -> list[dict[str, Any]]:
    """Demands by month of publication, loans by month of start; two queries."""
    posted = Demand.objects.for_scope(scope).exclude(published_at=None).filter(region_code__startswith=region)
    lent = Loan.objects.for_scope(scope).filter(status__in=DRAWN_STATUSES, region_code__startswith=region)
    demands = by_month(posted, "published_at", "amount_cny")
    loans = by_month(lent, "start_on", "principal_cny")
    nothing = (0, None)
    rows = []
    for month in sorted({*demands, *loans})[-TREND_MONTHS:]:
        (n, wanted), (m, paid) = demands.get(month, nothing), loans.get(month, nothing)
        rows.append(
            {
                "month": month,
                "demands": suppress(n, threshold=least),
                "demand_amount_cny": suppress_measure(wanted, n, threshold=least),
                "loans": suppress(m, threshold=least),
                "loan_amount_cny": suppress_measure(paid, m, threshold=least),
            }
        )
    return rows


def _league(scope: Scope, least: int) -> list[dict[str, Any]]:
    """Institutions by how they respond: pushed, taken, hours until then; three queries."""
    pushes = Push.objects.for_scope(scope).values_list("institution_id", "institution__short_name")
    names: dict[uuid.UUID, tuple[str, int]] = {
        key: (name, n) for key, name, n in pushes.annotate(n=Count("pk")).order_by("institution_id")
    }
    waited = F("taken_at") - F("demand__published_at")
    takes = {
        key: (n, wait)
        for key, n, wait in Take.objects.for_scope(scope)
        .values_list("institution_id")
        .annotate(n=Count("pk"), wait=Avg(waited, filter=Q(taken_at__gte=F("demand__published_at"))))
        .order_by("institution_id")
    }
    lent = Loan.objects.for_scope(scope).filter(status__in=DRAWN_STATUSES).values_list("institution_id")
    loans = {
        key: (n, total)
        for key, n, total in lent.annotate(n=Count("pk"), total=Sum("principal_cny")).order_by(
            "institution_id"
        )
    }
    rows = []
    for key, (name, pushed) in names.items():
        (taken, wait), (count, amount) = takes.get(key, (0, None)), loans.get(key, (0, None))
        hours = wait.total_seconds() / SECONDS_PER_HOUR if wait is not None else None
        rows.append(
            {
                "name": name,
                "pushes": suppress(pushed, threshold=least),
                "takes": suppress(taken, threshold=least),
                "taken_share_ratio": None
                if suppress(taken, threshold=least) is None
                else suppress_measure(taken / pushed, pushed, threshold=least),
                "response_hours": suppress_measure(hours, taken, threshold=least),
                "loans": suppress(count, threshold=least),
                "loan_amount_cny": suppress_measure(amount, count, threshold=least),
            }
        )
    return sorted(rows, key=lambda row: (-(row["taken_share_ratio"] or 0), row["name"]))


def _industries(scope: Scope, county: str, least: int) -> list[dict[str, Any]]:
    """Demands of a county per section of industry; one query."""
    rows = Demand.objects.for_scope(scope).exclude(published_at=None).filter(region_code__startswith=county)
    counts: dict[str, int] = {}
    for code, n in rows.values_list("industry_code").annotate(n=Count("pk")).order_by("industry_code"):
        counts[code[:1]] = counts.get(code[:1], 0) + n
    told = suppress_cells(counts, threshold=least, group_length=0)
    return [
        {"section": section, "demands": told[section]}
        for section in sorted(counts, key=lambda s: (-counts[s], s))
    ]


def _sources() -> list[dict[str, Any]]:
    """Freshness of every source, the most outdated first; one query."""
    columns = (
        "contract_id",
        "title",
        "department",
        "delivered_on",
        "rows_accepted",
        "rows_quarantined",
        "enterprises",
    )
    return list(
        SourceStatus.objects.order_by(F("delivered_on").asc(nulls_first=True), "title").values(*columns)
    )
