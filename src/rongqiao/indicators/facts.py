"""What eligibility criteria read: indicators, and attributes of the enterprise and its rating."""

# ruff: noqa: S608  (names are declared in this repository and are quoted; values are written by `literal`)
from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa

from rongqiao.contracts.catalog import industry_section, size_limits_of
from rongqiao.indicators.computation import ENTERPRISES, TARGET
from rongqiao.indicators.registry import At, load_indicators
from rongqiao.kernel.errors import ContractError, InvalidValueError
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection, literal, quote
from rongqiao.lake.suspensions import held_back
from rongqiao.rules.levels import TAX_GRADES
from rongqiao.rules.size_class import classify_size

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Container, Sequence

    from rongqiao.contracts.catalog import SizeLimits
    from rongqiao.lake.tables import Lake

RATINGS = "analytics/ratings"
ATTRIBUTES = {
    "county_code": "所在县（市、区）行政区划代码，六位",
    "industry_code": "行业代码（GB/T 4754-2017，门类字母加四位数字）",
    "industry_section": "行业门类字母",
    "legal_form": "组织形式",
    "status": "登记状态",
    "age_months": "成立月数",
    "registered_capital_cny": "注册资本（元）",
    "size_class": "企业规模：large、medium、small、micro；数据不足以定型为未知",
    "tax_grade_now": "最近纳税缴费信用级别：A、B、M、C、D",
    "grade": "平台信用等级：AAA 至 D；未评级为未知",
    "score": "平台信用分，0 至 1000",
}
SIZE_INPUTS = ("finance_employees_y1_count", "finance_revenue_y1_cny", "finance_total_assets_y1_cny")
#: Indicator that the tax grade is read from.
GRADE_INPUT = "tax_grade_now_level"


def criteria_facts() -> dict[str, str]:
    """Ids that criteria may name, with their Chinese meaning: attributes first, then all indicators."""
    return {**ATTRIBUTES, **{name: found.title for name, found in load_indicators().items()}}


def enterprise_facts(
    lake: Lake,
    *,
    as_of: int,
    known_at: dt.date,
    enterprise_ids: Sequence[str] | None = None,
    between: tuple[str, str] | None = None,
    indicators: Sequence[str] | None = None,
) -> pa.Table:
    """Collect the facts of enterprises from the registry, the kept indicators and the kept ratings.

    Parameters
    ----------
    lake : Lake
        Holds ``published/enterprises`` and ``analytics/indicators``; ``analytics/ratings`` may be absent.
    as_of : int
        Month of the indicators.
    known_at : date
        Of several computations of that month the last not after this day counts.
    enterprise_ids : sequence of str or None
        All enterprises when ``None``.
    between : tuple of str or None
        First and last id of a span of enterprises; cheaper than to list them.
    indicators : sequence of str or None
        Ids wanted; all when ``None``. Size class and tax grade are unknown where what they rest on is not among them.

    Returns
    -------
    pa.Table
        One row per enterprise, ordered by ``enterprise_id``; columns as :func:`criteria_facts`. Null is not
        known; an indicator that is held back from use (`lake.suspensions`) is null for all. Feed it to ``rules.criteria.to_expression`` whole, or row by row to ``rules.criteria.evaluate``.

    Raises
    ------
    ContractError
        If the indicators of that month were never computed.
    """
    if not lake.exists(TARGET):
        raise ContractError("指标", as_of, f"Run `rongqiao indicators compute --as-of {as_of}` first.")
    kept = [ENTERPRISES, TARGET, *([RATINGS] if lake.exists(RATINGS) else [])]
    connection = ibis_connection(lake, kept)
    at = At(as_of, known_at)
    registry = asof.latest(connection.table(ENTERPRISES), ["enterprise_id"], known_at=known_at)
    facts = _attributes(registry, at)
    if RATINGS in kept:
        ratings = connection.table(RATINGS)
        ratings = asof.latest(ratings.filter(ratings.as_of == as_of), ["enterprise_id"], known_at=known_at)
        ratings = ratings.select("enterprise_id", "grade", "score")
        facts = facts.left_join(ratings, "enterprise_id").drop("enterprise_id_right")
    else:
        facts = facts.mutate(grade=ibis.null("string"), score=ibis.null("float64"))
    if enterprise_ids is not None:
        facts = facts.filter(facts.enterprise_id.isin(list(enterprise_ids)))
    if between is not None:
        facts = facts.filter(facts.enterprise_id.between(*between))
    present = set(connection.con.sql(f"FROM {quote(TARGET)} LIMIT 0").columns)
    names = [name for name in (load_indicators() if indicators is None else indicators) if name in present]
    hidden = held_back(lake, known_at=known_at)
    values = [f"NULL::DOUBLE AS {quote(name)}" if name in hidden else f"c.{quote(name)}" for name in names]
    columns = ", ".join((*(f"f.{name}" for name in ATTRIBUTES_OF_REGISTRY), *values, "f.grade", "f.score"))
    query = f"""SELECT {columns} FROM ({connection.compile(facts)}) f
        LEFT JOIN ({month_query(present, at, between)}) c USING (enterprise_id) ORDER BY f.enterprise_id"""
    return _with_classes(connection.con.sql(query).to_arrow_table(), at)


def month_query(columns: Container[str], at: At, between: tuple[str, str] | None = None) -> str:
    """Write the query of a month's kept indicators, each enterprise's as last computed by ``known_at``: one that was amended has a later one.

    Written as text, for so wide a table: to build an expression of all its columns takes longer than to run it.

    Parameters
    ----------
    columns : container of str
        Of the table of indicators.
    at : At
    between : tuple of str or None
        First and last id of a span of enterprises.
    """
    span = f"AND enterprise_id BETWEEN {literal(between[0])} AND {literal(between[1])}" if between else ""
    return f"""SELECT * FROM {quote(TARGET)}
        WHERE as_of = {at.as_of} AND known_at <= DATE {literal(at.known_at.isoformat())} {span}
        QUALIFY row_number() OVER (PARTITION BY enterprise_id ORDER BY {asof.newest_first(columns)}) = 1"""


ATTRIBUTES_OF_REGISTRY = (
    "enterprise_id",
    "county_code",
    "industry_code",
    "legal_form",
    "status",
    "age_months",
    "registered_capital_cny",
)


def _attributes(registry: Any, at: At) -> Any:
    age = at.index - (registry.established_on.year() * 12 + registry.established_on.month() - 1)
    capital = registry.registered_capital_cny.cast("float64")
    return registry.mutate(age_months=age.cast("int64"), registered_capital_cny=capital).select(
        *ATTRIBUTES_OF_REGISTRY
    )


def _with_classes(facts: pa.Table, at: At) -> pa.Table:
    codes = facts.column("industry_code").to_pylist()
    sections = [_known_industry(code) for code in codes]
    measures = [_column(facts, name) for name in SIZE_INPUTS]
    sizes = [_size(code, at, *values) for code, *values in zip(codes, *measures, strict=True)]
    levels = [None if level is None else TAX_GRADES.get(int(level)) for level in _column(facts, GRADE_INPUT)]
    for name, values in (("industry_section", sections), ("size_class", sizes), ("tax_grade_now", levels)):
        facts = facts.append_column(name, pa.array(values, pa.string()))
    return facts


def _column(facts: pa.Table, name: str) -> list[float | None]:
    if name not in facts.column_names:
        return [None] * facts.num_rows
    values: list[float | None] = facts.column(name).to_pylist()
    return values


@lru_cache(maxsize=4096)
def _known_industry(code: str | None) -> str | None:
    """Section letter, or null where the code is missing or not in the classification."""
    try:
        return industry_section(code) if code else None
    except InvalidValueError:
        return None


@lru_cache(maxsize=4096)
def _limits(code: str, on: dt.date) -> SizeLimits | None:
    return size_limits_of(code, on)


def _size(
    code: str | None, at: At, employees: float | None, revenue: float | None, assets: float | None
) -> str | None:
    if not code or _known_industry(code) is None:
        return None
    limits = _limits(code, at.end_on)
    found = classify_size(limits, employees=employees, revenue_cny=revenue, total_assets_cny=assets)
    return found.size_class
