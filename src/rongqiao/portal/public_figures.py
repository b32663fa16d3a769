"""Figures of the public pages, each with its source; what is not there yet is null, never zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.selectors import province_figures
from rongqiao.platforms.financing.selectors import market_figures

if TYPE_CHECKING:
    import datetime as dt

REGISTER, MARKET = "市场监管登记", "平台撮合记录"


@dataclass(frozen=True, slots=True)
class PublicFigure:
    """One figure on the home page: ``unit`` ``cny`` picks 元, 万元 or 亿元; ``fresh`` is the day of the newest data."""

    label: str
    value: Any
    unit: str
    source: str
    fresh: dt.date | None = None


def home_figures() -> list[PublicFigure]:
    """Say what the base holds and what the market has done; small counts are suppressed to null by their selectors."""
    base, market = province_figures(), market_figures()
    data_day, market_day = base["freshest_on"], market["freshest_on"]
    rate = market["average_rate_ratio"]
    return [
        PublicFigure("入库企业", base["enterprises"] or None, "家", REGISTER, data_day),
        PublicFigure("归集记录", base["records"], "条", f"{base['sources']} 个来源", data_day),
        PublicFigure("融资需求", market["demands"], "笔", MARKET, market_day),
        PublicFigure("已放款", market["loan_amount_cny"], "cny", MARKET, market_day),
        PublicFigure(
            "平均年利率", None if rate is None else f"{float(rate) * 100:.2f}", "%", MARKET, market_day
        ),
    ]
