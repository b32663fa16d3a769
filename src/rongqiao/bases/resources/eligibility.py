"""The province-wide pass: every product's criteria over every enterprise at once, counted per county."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit
from rongqiao.bases.resources.models import Eligibility, Product
from rongqiao.contracts.catalog import size_class_limits
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.period import last_day, month_index
from rongqiao.lake.asof import latest
from rongqiao.lake.engine import ibis_connection
from rongqiao.rules.criteria import Criteria, facts_used, parse_criteria, to_expression

if TYPE_CHECKING:
    from rongqiao.contracts.catalog import SizeLimits
    from rongqiao.lake.tables import Lake

ENTERPRISES = "published/enterprises"
INDICATORS = "analytics/indicators"
RATINGS = "analytics/ratings"
ANNUAL_REPORTS = "published/market_regulation.annual_report"
TAX_GRADES = {5: "A", 4: "B", 3: "M", 2: "C", 1: "D"}
COUNTED_STATUS = "存续"
ALL_KNOWN = dt.date.max


def refresh_eligibility(*, lake: Lake, as_of: int) -> int:
    """Judge all products on sale for all existing enterprises in one pass of the engine.

    Parameters
    ----------
    lake : Lake
        With ``published/enterprises`` and ``analytics/indicators``; ratings and annual reports where they exist.
    as_of : int
        Month of the indicators.

    Returns
    -------
    int
        Rows (product × county) that stand now; the former pass is replaced.

    Raises
    ------
    ContractError
        If the lake has no enterprises or no indicators yet.
    """
    products = list(Product.objects.filter(status="published").order_by("code"))
    judged = [(product, parse_criteria(product.criteria, path=product.code)) for product in products]
    rows = count_outcomes(lake, as_of=as_of, criteria={product.code: tree for product, tree in judged})
    keys = {product.code: product.pk for product in products}
    fresh = [
        Eligibility(
            product_id=keys[row["code"]],
            county_code=row["county_code"],
            met=row["met"],
            unknown=row["unknown"],
            unmet=row["unmet"],
            as_of=as_of,
        )
        for row in rows
    ]
    with system_scope() as scope:
        Eligibility.objects.all().delete()
        Eligibility.objects.bulk_create(fresh, batch_size=5000)
        detail = {"as_of": as_of, "products": len(products), "rows": len(fresh)}
        record_audit(
            scope=scope,
            action="eligibility.refreshed",
            object_type="eligibility",
            object_id=str(as_of),
            detail=detail,
        )
    return len(fresh)


def count_outcomes(lake: Lake, *, as_of: int, criteria: dict[str, Criteria]) -> list[dict[str, Any]]:
    """Count met, unknown and unmet per product code and county, by one statement of the engine."""
    if not criteria:
        return []
    facts = facts_table(lake, as_of=as_of)
    wanted = frozenset().union(*(facts_used(tree) for tree in criteria.values()))
    columns = ["county_code", *sorted(wanted & set(facts.columns) - {"county_code"})]
    # Materialised: 156 expressions read the joined table once, not 156 times.
    facts = facts.select(columns).cache()
    outcomes = {f"o{i}": to_expression(tree, facts) for i, tree in enumerate(criteria.values())}
    judged = facts.select("county_code", **outcomes)
    counts = {
        f"{name}_{word}": (judged[name] == value).sum()
        for name in outcomes
        for word, value in (("met", 1), ("unknown", 0), ("unmet", -1))
    }
    table = (
        judged.group_by("county_code").aggregate(**counts).order_by("county_code").to_pyarrow().to_pylist()
    )
    return [
        {"code": code, "county_code": row["county_code"]}
        | {word: int(row[f"o{i}_{word}"]) for word in ("met", "unknown", "unmet")}
        for i, code in enumerate(criteria)
        for row in table
    ]


def facts_table(lake: Lake, *, as_of: int) -> Any:
    """One row per existing enterprise: attributes and indicators by fact id, null where not known.

    Raises
    ------
    ContractError
        If the lake has no enterprises or no indicators yet.
    """
    optional = [name for name in (RATINGS, ANNUAL_REPORTS) if lake.exists(name)]
    for name in (ENTERPRISES, INDICATORS):
        if not lake.exists(name):
            raise ContractError("数据湖表", name, "请先运行治理与指标计算，再计算产品可及企业数。")
    connection = ibis_connection(lake, [ENTERPRISES, INDICATORS, *optional])
    indicators = connection.table(INDICATORS)
    indicators = indicators.filter(indicators.as_of == as_of)
    indicators = latest(indicators, ["enterprise_id"], known_at=ALL_KNOWN)
    indicators = indicators.drop(
        [c for c in indicators.columns if c.endswith("__status")], "as_of", "known_at"
    )
    facts = _attributes(connection.table(ENTERPRISES), as_of).left_join(indicators, "enterprise_id")
    facts = facts.drop("enterprise_id_right")
    if "tax_grade_now_level" in facts.columns:
        level = facts.tax_grade_now_level.cast("int32")
        facts = facts.mutate(
            tax_grade_now=ibis.cases(*((level == n, grade) for n, grade in TAX_GRADES.items()))
        )
    if RATINGS in optional:
        ratings = connection.table(RATINGS)
        ratings = latest(ratings.filter(ratings.as_of == as_of), ["enterprise_id"], known_at=ALL_KNOWN)
        facts = facts.left_join(ratings.select("enterprise_id", "score", "grade"), "enterprise_id")
        facts = facts.drop("enterprise_id_right")
    if ANNUAL_REPORTS in optional:
        facts = _with_size_class(facts, connection.table(ANNUAL_REPORTS), as_of)
    return facts


def _attributes(enterprises: Any, as_of: int) -> Any:
    """Attributes of enterprises that exist, as last known."""
    kept = latest(enterprises, ["enterprise_id"], known_at=ALL_KNOWN)
    kept = kept.filter(kept.status == COUNTED_STATUS, kept.county_code.notnull())
    began = kept.established_on
    age = month_index(as_of) - (began.year() * 12 + began.month() - 1)
    return kept.select(
        "enterprise_id",
        "county_code",
        "industry_code",
        industry_section=kept.industry_code.left(1),
        age_months=age.cast("int32"),
    )


def _with_size_class(facts: Any, reports: Any, as_of: int) -> Any:
    """Size class by the dated standard from the latest annual report; null where the data leave it open.

    Mirrors ``rules.size_class.classify_size``: a class needs all its limits, and what is not known decides nothing.
    """
    kept = latest(
        reports.filter(reports.report_year <= as_of // 100),
        ["enterprise_id", "report_year"],
        known_at=ALL_KNOWN,
    )
    window = ibis.window(group_by=kept.enterprise_id, order_by=ibis.desc(kept.report_year))
    kept = kept.mutate(_newest=ibis.row_number().over(window))
    kept = kept.filter(kept["_newest"] == 0).select(
        "enterprise_id", "employees", "revenue_cny", "total_assets_cny"
    )
    joined = facts.left_join(kept, "enterprise_id").drop("enterprise_id_right")
    sectors = sorted(
        ((prefix, limits) for limits in size_class_limits(last_day(as_of)) for prefix in limits.industries),
        key=lambda pair: -1 if pair[0].isalpha() else -len(pair[0]) - 1,
    )
    branches = [(_in_industry(joined, prefix), _size_of(joined, limits)) for prefix, limits in sectors]
    sized = joined.mutate(size_class=ibis.cases(*branches, else_=None).cast("string"))
    return sized.drop("employees", "revenue_cny", "total_assets_cny")


def _in_industry(table: Any, prefix: str) -> Any:
    column = table.industry_section if prefix.isalpha() else table.industry_code.substr(1)
    return column.startswith(prefix).fill_null(False)


def _size_of(table: Any, limits: SizeLimits) -> Any:
    answer: Any = ibis.literal("micro")
    for name, bounds in (("small", limits.small), ("medium", limits.medium), ("large", limits.large)):
        is_met = ibis.and_(*(table[measure] >= bound for measure, bound in bounds.items()))
        # SQL's own three-valued "and": false wins over null, null is neither branch.
        answer = ibis.cases((is_met, name), (~is_met, answer), else_=None)
    return answer
