"""The province-wide pass: every product's criteria over every enterprise at once, counted per county."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit
from rongqiao.bases.resources.models import Eligibility, Product
from rongqiao.indicators.facts import enterprise_facts
from rongqiao.rules.criteria import Criteria, facts_used, parse_criteria, to_expression

if TYPE_CHECKING:
    import pyarrow as pa

    from rongqiao.lake.tables import Lake

COUNTED_STATUS = "存续"
WORDS = {"met": 1, "unknown": 0, "unmet": -1}
ALL_KNOWN = dt.date.max


def refresh_eligibility(*, lake: Lake, as_of: int, known_at: dt.date = ALL_KNOWN) -> int:
    """Judge all products on sale for all existing enterprises in one pass of the engine.

    Parameters
    ----------
    lake : Lake
        With ``published/enterprises`` and ``analytics/indicators``; ratings where they exist.
    as_of : int
        Month of the indicators.
    known_at : date
        Of several computations of that month the last not after this day counts.

    Returns
    -------
    int
        Rows (product × county) that stand now; the former pass is replaced.

    Raises
    ------
    ContractError
        If the indicators of that month were never computed.
    """
    products = list(Product.objects.filter(status="published").order_by("code"))
    judged = [(product, parse_criteria(product.criteria, path=product.code)) for product in products]
    facts = enterprise_facts(lake, as_of=as_of, known_at=known_at)
    rows = count_outcomes(facts, {product.code: tree for product, tree in judged})
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


def count_outcomes(facts: pa.Table, criteria: dict[str, Criteria]) -> list[dict[str, Any]]:
    """Count met, unknown and unmet per product and county, by one statement of the engine.

    Parameters
    ----------
    facts : pa.Table
        One row per enterprise, columns by fact id; those that do not exist any more are left out.
    criteria : dict
        Product code → its conditions.

    Returns
    -------
    list of dict
        ``code``, ``county_code``, ``met``, ``unknown``, ``unmet``.
    """
    if not criteria:
        return []
    wanted = frozenset({"county_code", "status"}).union(*(facts_used(tree) for tree in criteria.values()))
    connection = ibis.duckdb.connect()
    table = connection.create_table("facts", facts.select([c for c in facts.column_names if c in wanted]))
    table = table.filter(table.status == COUNTED_STATUS, table.county_code.notnull())
    judged = table.select(
        "county_code", **{f"o{i}": to_expression(tree, table) for i, tree in enumerate(criteria.values())}
    )
    # Kept as a table: else the engine would judge anew for each of the three counts.
    judged = connection.create_table("judged", judged)
    counts = {
        f"o{i}_{word}": (judged[f"o{i}"] == value).sum()
        for i in range(len(criteria))
        for word, value in WORDS.items()
    }
    summed = (
        judged.group_by("county_code").aggregate(**counts).order_by("county_code").to_pyarrow().to_pylist()
    )
    return [
        {"code": code, "county_code": row["county_code"]} | {word: int(row[f"o{i}_{word}"]) for word in WORDS}
        for i, code in enumerate(criteria)
        for row in summed
    ]
