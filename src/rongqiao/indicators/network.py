"""Who an enterprise is tied to: by persons and holders, by trade, by a chain, by what it stands surety for.

Related is whoever shares a legal representative or a holder, holds or is held: one step, from the register alone. A person or body
that ties more than :data:`MOST` enterprises (an agent, a state holding) says nothing of any two of them, and is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.enforcement import DISHONEST
from rongqiao.indicators.events import declare_events
from rongqiao.indicators.profile import CHAIN, DISCLOSED, HOLDER, NODES, live
from rongqiao.indicators.registration import REGISTRY, newest_snapshot
from rongqiao.indicators.registry import At, Source, Tie, indicator, shared
from rongqiao.indicators.series import divide

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLIC = "public_registration"
MOST = 100
#: Related are those who share a person or a code, as legal representative, holder, or themselves.
RELATING = shared((REGISTRY, "legal_rep_id_hmac"), (HOLDER, "shareholder_id_hmac")) + shared(
    (REGISTRY, "uscc"), (HOLDER, "shareholder_uscc")
)


#: Name of the pairs among the tables that a source is given.
PAIRS = "related_pairs"


def related_pairs(tables: Mapping[str, Any], at: At) -> Any:
    """Pairs ``enterprise_id``, ``other_id`` of related enterprises, each pair in both orders."""
    return tables[PAIRS] if PAIRS in tables else _pair(tables, at)


def _pair(tables: Mapping[str, Any], at: At) -> Any:
    registered = newest_snapshot(tables)
    held = live(HOLDER, "invested_on", "exited_on")(tables, at)
    # An enterprise's own code ties it to nobody unless somebody is held under it.
    named = registered.semi_join(held, registered.uscc == held.shareholder_uscc)
    ties = ibis.union(
        registered.select("enterprise_id", tie=ibis.literal("person ") + registered.legal_rep_id_hmac),
        named.select("enterprise_id", tie=ibis.literal("enterprise ") + named.uscc),
        held.select("enterprise_id", tie=ibis.literal("person ") + held.shareholder_id_hmac),
        held.select("enterprise_id", tie=ibis.literal("enterprise ") + held.shareholder_uscc),
    )
    ties = ties.filter(ties.tie.notnull())
    # Most persons stand for one enterprise only: what ties nobody is dropped before anything is paired. Codes of ties tell most of
    # it, and are compared faster.
    ties = ties.mutate(code=ties.tie.hash())
    spread = ties.group_by("code").aggregate(
        first_id=ties.enterprise_id.min(), last_id=ties.enterprise_id.max()
    )
    ties = ties.semi_join(spread.filter(spread.first_id != spread.last_id), "code").drop("code").distinct()
    ties = ties.mutate(size=ties.count().over(ibis.window(group_by="tie")))
    ties = ties.filter(ties["size"] <= MOST).select("enterprise_id", "tie")
    others = ties.select("tie", other_id=ties.enterprise_id)
    pairs = ties.inner_join(others, "tie")
    return pairs.filter(pairs.enterprise_id != pairs.other_id).select("enterprise_id", "other_id").distinct()


def codes_of(tables: Mapping[str, Any], chosen: Any) -> Any:
    """Unified codes ``enterprise_id``, ``uscc`` of the chosen enterprises, of every snapshot of the register."""
    return tables[REGISTRY].semi_join(chosen, "enterprise_id").select("enterprise_id", "uscc").distinct()


COMMON = {PAIRS: _pair}
RELATED = Source(
    "related", (REGISTRY, HOLDER), "event", related_pairs, is_across=True, ties=RELATING, common=COMMON
)
declare_events(
    RELATED, id="network_related_count", title="关联企业数", title_en="Related enterprises", formula="同一法定代表人或股东，或互为股东的其他企业数；连结超过100家的个人或机构不计",
    where=lambda t: t.other_id.notnull(), direction="neutral", consent_class=PUBLIC,
)  # fmt: skip


def dishonest_enterprises(tables: Mapping[str, Any], at: At) -> Any:
    """Enterprises with an open entry on the list of dishonest judgment debtors, each once."""
    listed = live(DISHONEST, "published_on", "removed_on")(tables, at)
    return listed.select("enterprise_id").distinct()


def _prepare_dishonest(tables: Mapping[str, Any], at: At) -> Any:
    listed = dishonest_enterprises(tables, at).select(other_id="enterprise_id").mutate(hit=1)
    pairs = related_pairs(tables, at).left_join(listed, "other_id")
    return pairs.select("enterprise_id", is_dishonest=pairs.hit.fill_null(0))


RELATED_DISHONEST = Source(
    "related_dishonest", (REGISTRY, HOLDER, DISHONEST), "event", _prepare_dishonest, is_across=True, ties=RELATING, common=COMMON,
)  # fmt: skip


@indicator(
    id="network_related_dishonest_ratio", title="关联企业失信占比", title_en="Dishonest share of related enterprises", theme="network", source=RELATED_DISHONEST, direction="lower_better",
    formula="关联企业中统计月末在失信被执行人名单上的占比；没有关联企业为不适用", null_policy="missing", consent_class=PUBLIC,
)  # fmt: skip
def _related_dishonest(t: Any) -> Any:
    return t.is_dishonest.mean()


@indicator(
    id="network_chain_dependence_ratio", title="对链主的供货依赖", title_en="Dependence on the leader of a chain", theme="network", source=NODES, direction="lower_better",
    formula="未退出的产业链中对链主的销售占比的最大值；不是配套企业为不适用", null_policy="missing", consent_class="public_technology",
)  # fmt: skip
def _dependence(t: Any) -> Any:
    return t.supply_share_ratio.max()


def _prepare_suppliers(tables: Mapping[str, Any], at: At) -> Any:
    """Pairs of the leader of a chain and who names it, each once."""
    nodes = live(CHAIN, "recognised_on", "left_on")(tables, at)
    nodes = nodes.select(supplier_id="enterprise_id", uscc="core_enterprise_uscc").distinct()
    registered = tables[REGISTRY]
    leaders = registered.semi_join(nodes, "uscc").select("enterprise_id", "uscc").distinct()
    return leaders.inner_join(nodes, "uscc").select("enterprise_id", "supplier_id")


SUPPLIERS = Source(
    "chain_supplier", (CHAIN, REGISTRY), "event", _prepare_suppliers, is_across=True,
    ties=(Tie((REGISTRY, "uscc"), (CHAIN, "core_enterprise_uscc")),),
)  # fmt: skip
declare_events(
    SUPPLIERS, id="network_chain_supplier_count", title="配套企业数", title_en="Enterprises that supply it in a chain", formula="未退出的产业链节点中以本企业为链主的企业数",
    where=lambda t: t.supplier_id.notnull(), direction="higher_better", consent_class="public_technology",
)  # fmt: skip


@indicator(
    id="network_guarantee_out_y1_cny", title="对外担保金额", title_en="Guarantees given to others", theme="network", source=DISCLOSED, direction="lower_better",
    formula="最近年报公示的对外担保主债权金额合计；选择不公示为缺失", window=12, consent_class="annual_report", version="2",
)  # fmt: skip
def _guarantees(t: Any) -> Any:
    return t.guarantee_cny.max()


DERIVED = Source("derived_network", (), "derived", lambda tables, at: next(iter(tables.values())))


@indicator(
    id="network_guarantee_out_ratio", title="对外担保与净资产之比", title_en="Guarantees given over net worth", theme="network", source=DERIVED, direction="lower_better",
    formula="对外担保金额÷最近年报净资产，截断于[0,100]；净资产不为正为不适用", window=12, consent_class="annual_report", bounds=(0.0, 100.0),
    inputs=("network_guarantee_out_y1_cny", "finance_net_worth_y1_cny"), undefined=lambda t: t.finance_net_worth_y1_cny <= 0,
)  # fmt: skip
def _guarantee_ratio(t: Any) -> Any:
    return divide(t.network_guarantee_out_y1_cny, t.finance_net_worth_y1_cny).clip(0.0, 100.0)
