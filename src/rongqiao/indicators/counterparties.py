"""Main customers and suppliers of a year: from where, on both sides, related, leading a chain, in default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.enforcement import DISHONEST
from rongqiao.indicators.events import months_back
from rongqiao.indicators.network import COMMON, RELATING, codes_of, dishonest_enterprises, related_pairs
from rongqiao.indicators.profile import CHAIN, HOLDER, live, newest_year
from rongqiao.indicators.registration import REGISTRY, newest_snapshot
from rongqiao.indicators.registry import At, Source, Tie, indicator
from rongqiao.indicators.series import divide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rongqiao.indicators.registry import Direction

PARTNER = "taxation.invoice_counterparty"
CONSENT = "invoice"
#: Letters of a unified code; whoever has another kind of number is not placed.
CODE_LENGTH = 18


def _partners(tables: Mapping[str, Any], at: At) -> Any:
    """Partners of the newest year, with whether one is on both sides and since when it is traded with."""
    rows = newest_year(PARTNER, "year")(tables, at)
    same = ibis.window(group_by=["enterprise_id", "counterparty_uscc"])
    return rows.mutate(
        sells=(rows.direction == "purchase").cast("int32").max().over(same),
        tenure=months_back(rows.first_traded_on, at),
    )


def _placed(tables: Mapping[str, Any], at: At) -> Any:
    """Partners whose code tells a province; the third and fourth figure of a code, as the first two of a county's."""
    rows = _partners(tables, at)
    rows = rows.filter(rows.counterparty_uscc.length() == CODE_LENGTH)
    own = newest_snapshot(tables).select("enterprise_id", "county_code")
    joined = rows.inner_join(own, "enterprise_id")
    is_outside = joined.counterparty_uscc.substr(2, 2) != joined.county_code.substr(0, 2)
    return joined.select("enterprise_id", "direction", "amount_cny", hit=is_outside.cast("int32"))


def _hit(rows: Any, codes: Any) -> Any:
    """Mark partners by code, of everybody or of one enterprise where the codes have its id."""
    keys = [name for name in ("enterprise_id", "counterparty_uscc") if name in codes.columns]
    joined = rows.left_join(codes.distinct().mutate(found=1), keys)
    return joined.select("enterprise_id", "direction", "amount_cny", hit=joined.found.fill_null(0))


def _codes(tables: Mapping[str, Any], chosen: Any) -> Any:
    return codes_of(tables, chosen).select(counterparty_uscc="uscc")


def _related(tables: Mapping[str, Any], at: At) -> Any:
    pairs = related_pairs(tables, at)
    codes = codes_of(tables, pairs).select(other_id="enterprise_id", counterparty_uscc="uscc")
    return _hit(
        _partners(tables, at),
        pairs.inner_join(codes, "other_id").select("enterprise_id", "counterparty_uscc"),
    )


def _leading(tables: Mapping[str, Any], at: At) -> Any:
    nodes = live(CHAIN, "recognised_on", "left_on")(tables, at)
    return _hit(_partners(tables, at), _codes(tables, nodes.filter(nodes.chain_role == "core")))


def _defaulting(tables: Mapping[str, Any], at: At) -> Any:
    return _hit(_partners(tables, at), _codes(tables, dishonest_enterprises(tables, at)))


PARTNERS = Source("counterparty", (PARTNER,), "latest", _partners)
PLACED = Source("counterparty_placed", (PARTNER, REGISTRY), "latest", _placed, is_led=True)
#: A partner is known by its code.
NAMED = (Tie((PARTNER, "counterparty_uscc"), (REGISTRY, "uscc")),)
RELATED = Source(
    "counterparty_related", (PARTNER, REGISTRY, HOLDER), "latest", _related, is_across=True, ties=RELATING, common=COMMON,
)  # fmt: skip
LEADING = Source(
    "counterparty_leading", (PARTNER, REGISTRY, CHAIN), "latest", _leading, is_across=True, ties=NAMED
)
DEFAULTING = Source(
    "counterparty_default", (PARTNER, REGISTRY, DISHONEST), "latest", _defaulting, is_across=True, ties=NAMED
)


def _declare(
    source: Source, id: str, title: str, title_en: str, formula: str, hit: Callable[[Any], Any], *, side: str = "sale",
    direction: Direction = "lower_better",
) -> None:  # fmt: skip
    """Declare the share of a year's sales or purchases that goes to, or comes from, the partners that ``hit`` names."""

    def measure(t: Any) -> Any:
        own_side = t.direction == side
        return divide(
            t.amount_cny.sum(where=own_side & hit(t)).fill_null(0.0), t.amount_cny.sum(where=own_side)
        )

    indicator(
        id=id, title=title, title_en=title_en, theme=id.split("_", 1)[0], source=source, direction=direction, formula=formula, window=12,
        consent_class=CONSENT, undefined=lambda t: t.amount_cny.sum(where=t.direction == side).fill_null(0.0) <= 0,
    )(measure)  # fmt: skip


_declare(
    PARTNERS, "invoice_mutual_trade_y1_ratio", "互为购销占比", "Share of sales to own suppliers", "最近年度对同为供应商的主要客户的销售额÷对主要客户的销售额",
    lambda t: t.sells == 1,
)  # fmt: skip
_declare(
    PLACED, "invoice_out_province_y1_ratio", "省外销售占比", "Share of sales outside the province", "最近年度对外省代码客户的销售额÷对有统一代码客户的销售额",
    lambda t: t.hit == 1, direction="neutral",
)  # fmt: skip
_declare(
    RELATED, "invoice_related_party_y1_ratio", "关联方销售占比", "Share of sales to related enterprises", "最近年度对关联企业（同一法定代表人或股东，或互为股东）的销售额÷对主要客户的销售额",
    lambda t: t.hit == 1,
)  # fmt: skip
_declare(
    LEADING, "invoice_core_customer_y1_ratio", "链主客户销售占比", "Share of sales to leaders of chains", "最近年度对产业链链主企业的销售额÷对主要客户的销售额",
    lambda t: t.hit == 1, direction="higher_better",
)  # fmt: skip
_declare(
    DEFAULTING, "network_customer_default_y1_ratio", "失信客户销售占比", "Share of sales to dishonest enterprises", "最近年度对失信被执行人的销售额÷对主要客户的销售额",
    lambda t: t.hit == 1,
)  # fmt: skip
_declare(
    DEFAULTING, "network_supplier_default_y1_ratio", "失信供应商采购占比", "Share of purchases from dishonest enterprises", "最近年度向失信被执行人的采购额÷向主要供应商的采购额",
    lambda t: t.hit == 1, side="purchase",
)  # fmt: skip


@indicator(
    id="invoice_customer_tenure_months", title="主要客户合作月数中位数", title_en="Median months with main customers", theme="invoice", source=PARTNERS, direction="higher_better",
    formula="最近年度主要客户首次交易至统计月月数的中位数，首次交易日期未载明的不计", window=12, consent_class=CONSENT,
)  # fmt: skip
def _tenure(t: Any) -> Any:
    return t.tenure.median(where=t.direction == "sale")
