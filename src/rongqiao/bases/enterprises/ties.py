"""What a portrait shows of titles held and of firms and persons tied to an enterprise: SQL per contract.

Names and posts only, as the register publishes them; identity digests join rows and never leave.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.contracts.catalog import code_list
from rongqiao.lake.engine import literal

if TYPE_CHECKING:
    from collections.abc import Collection

#: Events and ties that a portrait keeps, the newest and the nearest first; a page that reaches the number says so.
MOST_EVENTS, MOST_TIES = 120, 60
PERSONNEL = "market_regulation.key_personnel"
RELATION_KINDS = {
    "shareholder": "股东",
    "investment": "对外投资",
    "branch": "分支机构",
    "personnel": "主要人员",
    "elsewhere": "主要人员的其他任职企业",
}


def coded(column: str, list_id: str) -> str:
    """Write SQL that shows a code by its Chinese title, and an unlisted code as it is."""
    cases = " ".join(
        f"WHEN {literal(code)} THEN {literal(title)}" for code, title in code_list(list_id).choices()
    )
    return f"CASE {column} {cases} ELSE {column} END"


def tag_queries() -> dict[str, tuple[str, str, str, str]]:
    """Contract → (SQL title, first day, last day, condition); a tag without last day holds until it is withdrawn."""
    passed = "outcome IS NULL OR outcome = 'passed'"
    node = f"concat({coded('chain', 'industrial_chains')}, ' · ', node_name, coalesce('（' || {coded('chain_role', 'chain_roles')} || '）', ''))"
    return {
        "science.title": (coded("title_kind", "title_kinds"), "granted_on", "expires_on", "true"),
        "science.hitech_certificate": ("'高新技术企业'", "certified_on", "least(expires_on, revoked_on)", "true"),
        "science.tech_sme": ("concat('科技型中小企业（', register_year, ' 年度入库）')", "registered_on", "revoked_on", "true"),
        "industry.srdi_evaluation": (coded("tier", "srdi_tiers"), "announced_on", "expires_on", passed),
        "industry.single_champion": ("concat('制造业单项冠军（', champion_product, '）')", "announced_on", "expires_on", passed),
        "industry.green_manufacturing": (coded("list_kind", "green_list_kinds"), "announced_on", "removed_on", "true"),
        "industry.digital_level": (f"concat('数字化水平', {coded('level', 'digital_levels')})", "assessed_on", "NULL::DATE", "true"),
        "industry.chain_node": (node, "recognised_on", "left_on", "true"),
        "intellectual_property.ip_enterprise": (coded("honour_kind", "ip_enterprise_kinds"), "announced_on", "expires_on", passed),
    }  # fmt: skip


def relation_queries() -> dict[str, tuple[str, str, str, str, str, str]]:
    """Contract → (kind, name, code or null, what it is, first day, last day), all but the kind in SQL."""
    percent = "'持股 ' || round(share_ratio * 100, 2) || '%'"
    return {
        "market_regulation.shareholder": (
            "shareholder", "shareholder_name", "shareholder_uscc",
            f"concat_ws(' · ', {coded('shareholder_kind', 'shareholder_kinds')}, {percent})", "invested_on", "exited_on",
        ),
        "market_regulation.outward_investment": (
            "investment", "investee_name", "investee_uscc", f"concat_ws(' · ', {percent}, investee_status)", "invested_on", "exited_on",
        ),
        "market_regulation.branch": (
            "branch", "branch_name", "branch_uscc", "coalesce(status, '')", "established_on", "cancelled_on",
        ),
        PERSONNEL: (
            "personnel", "person_name", "NULL::VARCHAR", coded("position", "positions"), "appointed_on", "dismissed_on",
        ),
    }  # fmt: skip


def tags_sql(present: Collection[str]) -> str:
    """One row per enterprise: its tags as JSON, the newest first."""
    return _listed(
        "tags",
        [
            f"""SELECT enterprise_id, {literal(name)} AS source, {title} AS title, {since} AS since, {until} AS until
            FROM "current_{name}" WHERE {condition}"""
            for name, (title, since, until, condition) in tag_queries().items()
            if name in present
        ],
        "source := source, title := title, since := since, until := until",
        "since DESC NULLS LAST, source, title, until DESC NULLS FIRST",
    )


def relations_sql(present: Collection[str]) -> str:
    """One row per enterprise: firms and persons tied to it as JSON, by kind."""
    parts = [
        f"""SELECT enterprise_id, {literal(name)} AS source, {literal(kind)} AS kind, {label} AS name, {code} AS code,
        {detail} AS detail, NULL::VARCHAR AS through, {since} AS since, {until} AS until FROM "current_{name}"
        WHERE {label} IS NOT NULL"""
        for name, (kind, label, code, detail, since, until) in relation_queries().items()
        if name in present
    ]
    if PERSONNEL in present:
        parts.append(_ELSEWHERE.format(source=literal(PERSONNEL), position=coded("o.position", "positions")))
    fields = ("source", "kind", "name", "code", "detail", "through", "since", "until")
    return _listed(
        "relations",
        parts,
        ", ".join(f"{name} := {name}" for name in fields),
        "kind, until IS NOT NULL, since DESC NULLS LAST, name, code, detail, through, until DESC",
    )


# The same person is who has the same identity digest and the same name; one of the two alone is not enough.
_ELSEWHERE = """SELECT DISTINCT p.enterprise_id, {source} AS source, 'elsewhere' AS kind, o.name AS name, o.enterprise_id AS code,
    {position} AS detail, p.person_name AS through, o.appointed_on AS since, NULL::DATE AS until
    FROM "current_market_regulation.key_personnel" p JOIN everybodys_posts o
    ON o.person_id_hmac = p.person_id_hmac AND o.person_name = p.person_name AND o.enterprise_id <> p.enterprise_id
    WHERE p.dismissed_on IS NULL"""


def _listed(column: str, parts: list[str], fields: str, order: str) -> str:
    if not parts:
        return f"SELECT NULL::VARCHAR AS enterprise_id, NULL::VARCHAR AS {column} WHERE false"
    return f"""SELECT enterprise_id, to_json(list(struct_pack({fields}) ORDER BY {order})[:{MOST_TIES}]) AS {column}
        FROM ({" UNION ALL ".join(parts)}) GROUP BY enterprise_id"""
