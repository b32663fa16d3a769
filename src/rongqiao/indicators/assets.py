"""What an enterprise owns and what of it secures debt: real estate, equipment, receivables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.events import declare_events
from rongqiao.indicators.liens import MORTGAGE, SECURITY
from rongqiao.indicators.profile import live
from rongqiao.indicators.registry import At, Source, indicator
from rongqiao.indicators.series import divide

if TYPE_CHECKING:
    from collections.abc import Mapping

RIGHT, CHARGE, SEIZURE = (
    "natural_resources.real_estate_right", "natural_resources.real_estate_mortgage", "natural_resources.real_estate_seizure",
)  # fmt: skip
CONSENT = "real_estate"
#: Rights to land and what stands on it; forests and fields secure other loans.
SITES = ("land_use", "land_and_building", "collective_land", "structure")


def _prepare_property(tables: Mapping[str, Any], at: At) -> Any:
    rows = live(RIGHT, "registered_on", "cancelled_on")(tables, at)
    return rows.filter(rows.right_kind.isin(SITES))


def _prepare_charged(tables: Mapping[str, Any], at: At) -> Any:
    """Mark certificates under a mortgage; several on one certificate count once."""
    rows = _prepare_property(tables, at).select("enterprise_id", "certificate_no")
    charged = live(CHARGE, "registered_on", "cancelled_on")(tables, at)
    charged = charged.select("enterprise_id", "certificate_no").distinct().mutate(charged=1)
    joined = rows.left_join(charged, ["enterprise_id", "certificate_no"])
    return joined.select("enterprise_id", is_charged=joined.charged.fill_null(0))


PROPERTY = Source("real_estate_right", (RIGHT,), "event", _prepare_property)
declare_events(
    PROPERTY, id="assets_building_area_m2", title="自有房屋建筑面积", title_en="Floor area owned", formula="统计月末有效的土地房屋权利登记建筑面积合计，只登记土地的不计",
    amount="building_area_m2", direction="higher_better", consent_class=CONSENT,
)  # fmt: skip

# Whoever owns nothing has no price either, so that absence is no zero here.
PRICED = Source("real_estate_price", (RIGHT,), "latest", _prepare_property)


@indicator(
    id="assets_property_price_cny", title="自有不动产登记取得价格", title_en="Registered price of real estate owned", theme="assets", source=PRICED, direction="higher_better",
    formula="统计月末有效的土地房屋权利登记取得价格合计；有一处未载明价格即为缺失", consent_class=CONSENT,
)  # fmt: skip
def _price(t: Any) -> Any:
    return ibis.ifelse(t.price_cny.count() == t.count(), t.price_cny.sum(), None)


CHARGED = Source("real_estate_charged", (RIGHT, CHARGE), "event", _prepare_charged)


@indicator(
    id="assets_property_mortgaged_ratio", title="自有不动产抵押比例", title_en="Share of real estate under mortgage", theme="assets", source=CHARGED, direction="lower_better",
    formula="有未注销抵押的不动产权证数÷有效不动产权证数；没有不动产为不适用", null_policy="missing", consent_class=CONSENT,
)  # fmt: skip
def _mortgaged(t: Any) -> Any:
    return t.is_charged.mean()


CHARGES = Source("real_estate_mortgage", (CHARGE,), "event", live(CHARGE, "registered_on", "cancelled_on"))
declare_events(
    CHARGES, id="assets_property_secured_open_cny", title="不动产抵押担保债权余额", title_en="Claims secured by real estate", formula="未注销抵押的被担保债权数额合计，未载明的不计",
    amount="secured_claim_cny", consent_class=CONSENT,
)  # fmt: skip

SEIZED = Source(
    "real_estate_seizure", (SEIZURE,), "event", live(SEIZURE, "seized_on", "lifted_on", "seized_until_on")
)
declare_events(
    SEIZED, id="assets_property_seized_flag", title="不动产被查封", title_en="Real estate seized", formula="统计月末有未解封、未到期的查封（含轮候）为1", flag=True,
    where=lambda t: t.certificate_no.notnull(), consent_class=CONSENT,
)  # fmt: skip


def _prepare_equipment(tables: Mapping[str, Any], at: At) -> Any:
    """Claims secured by equipment: the registrar's until 2020, the credit reference centre's since."""
    before = live(MORTGAGE, "registered_on", "cancelled_on")(tables, at)
    before = before.filter(before.collateral_kind == "equipment")
    since = live(SECURITY, "registered_on", "cancelled_on", "expires_on")(tables, at)
    since = since.filter((since.party_role == "provider") & (since.security_kind == "equipment"))
    return before.select("enterprise_id", claim_cny=before.secured_claim_cny).union(
        since.select("enterprise_id", "claim_cny")
    )


EQUIPMENT = Source("equipment_secured", (MORTGAGE, SECURITY), "event", _prepare_equipment)
declare_events(
    EQUIPMENT, id="assets_equipment_secured_open_cny", title="设备抵押担保债权余额", title_en="Claims secured by equipment", formula="未注销、未到期的设备抵押主债权金额合计，未载明的不计",
    amount="claim_cny", consent_class=CONSENT,
)  # fmt: skip

SECURITIES = Source(
    "receivable_secured", (SECURITY,), "event", live(SECURITY, "registered_on", "cancelled_on", "expires_on")
)
declare_events(
    SECURITIES, id="assets_receivable_secured_open_cny", title="应收账款质押转让债权余额", title_en="Claims secured by receivables", formula="本企业出质或转让应收账款、未注销未到期的主债权金额合计，未载明的不计",
    where=lambda t: (t.party_role == "provider") & t.security_kind.isin(("receivable_pledge", "factoring")),
    amount="claim_cny", consent_class=CONSENT,
)  # fmt: skip

DERIVED = Source("derived_assets", (), "derived", lambda tables, at: next(iter(tables.values())))


@indicator(
    id="assets_equipment_secured_ratio", title="设备抵押债权与固定资产之比", title_en="Claims secured by equipment over fixed assets", theme="assets", source=DERIVED, direction="lower_better",
    formula="设备抵押担保债权余额÷最近年度固定资产；没有固定资产为不适用", consent_class=CONSENT, bounds=(0.0, None),
    inputs=("assets_equipment_secured_open_cny", "finance_fixed_assets_y1_cny"), undefined=lambda t: t.finance_fixed_assets_y1_cny <= 0,
)  # fmt: skip
def _equipment_share(t: Any) -> Any:
    return divide(t.assets_equipment_secured_open_cny, t.finance_fixed_assets_y1_cny)


@indicator(
    id="assets_receivable_secured_ratio", title="应收账款质押转让债权与应收账款之比", title_en="Claims secured by receivables over receivables", theme="assets", source=DERIVED, direction="lower_better",
    formula="应收账款质押转让债权余额÷最近年度应收账款；没有应收账款为不适用", consent_class=CONSENT, bounds=(0.0, None),
    inputs=("assets_receivable_secured_open_cny", "finance_receivables_y1_cny"), undefined=lambda t: t.finance_receivables_y1_cny <= 0,
)  # fmt: skip
def _receivable_share(t: Any) -> Any:
    return divide(t.assets_receivable_secured_open_cny, t.finance_receivables_y1_cny)
