"""What the public API answers with; every field says its unit and what null means."""

from __future__ import annotations

# Pydantic reads the annotations when the classes are built.
import datetime as dt  # noqa: TC003
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from ninja import Schema
from pydantic import Field

from rongqiao.bases.resources.reach import eligibility_by_prefecture

Ratio = Annotated[Decimal, Field(description="年利率，小数（0.0385 即 3.85%）")]
Money = Annotated[Decimal, Field(description="人民币元，两位小数")]
Entry = TypeVar("Entry")


class Problem(Schema):
    """An error: what happened and what to do."""

    code: str = Field(description="not_found、invalid 或 refused")
    title: str = Field(description="事项")
    detail: str = Field(description="怎么办")


class Page(Schema, Generic[Entry]):
    """One page of a list."""

    items: list[Entry]
    count: int = Field(description="全部条数")
    page: int = Field(description="第几页，从 1 开始")
    page_size: int


class Lpr(Schema):
    """Loan prime rate of one tenor in force."""

    tenor: str = Field(description="1Y：1 年期；5Y：5 年期以上")
    ratio: Ratio
    since: dt.date = Field(description="自何日起执行")
    source: str


class Product(Schema):
    """A financing product on sale."""

    code: str
    name: str
    summary: str
    institution_code: str
    institution_name: str
    kind: str = Field(description="产品类型代码，见 code_lists product_kinds")
    min_amount_cny: Money
    max_amount_cny: Money
    min_term_months: int
    max_term_months: int
    rate_min_ratio: Ratio
    rate_max_ratio: Ratio
    guarantee_kinds: list[str]
    repayment_methods: list[str]
    purposes: list[str]
    region_codes: list[str] = Field(description="服务区域代码；空为不限")
    processing_days: int = Field(description="办理时限，工作日")
    is_first_loan_friendly: bool
    published_on: dt.date
    version: int

    @staticmethod
    def resolve_institution_code(product: object) -> str:
        """Return the code of the institution."""
        return str(product.institution.code)  # type: ignore[attr-defined]

    @staticmethod
    def resolve_institution_name(product: object) -> str:
        """Return the registered name of the institution."""
        return str(product.institution.organisation.name)  # type: ignore[attr-defined]


class Eligibility(Schema):
    """Enterprises of a prefecture that meet a product's criteria; null where too few to be told, zero included; blurred and rounded."""

    region_code: str
    name: str
    met: int | None
    unknown: int | None = Field(description="数据不足，待确认；不当作不符合")
    unmet: int | None
    as_of: int = Field(description="数据月份 YYYYMM")


class ProductDetail(Product):
    """A product with its criteria, materials and reach."""

    materials: list[str]
    criteria: dict[str, Any] = Field(
        description="准入条件树：all、any、not 与条件 {fact, op, value, text, settles}"
    )
    eligibility: list[Eligibility]

    @staticmethod
    def resolve_eligibility(product: object) -> list[dict[str, Any]]:
        """Count, per prefecture, the enterprises that meet the criteria."""
        return eligibility_by_prefecture(product)  # type: ignore[arg-type]


class MarketFigures(Schema):
    """Figures of the market; null where too few stand behind one."""

    demands: int | None
    demand_amount_cny: Money | None
    taken_share_ratio: float | None = Field(description="有机构抢单的需求占比，0 至 1")
    enterprises: int | None = Field(description="获得贷款的企业")
    loans: int | None
    loan_amount_cny: Money | None
    average_rate_ratio: Decimal | None = Field(description="合同年利率均值，小数")
    first_loans: int | None
    freshest_on: dt.date | None = Field(description="最近一笔需求的日期")


class BaseFigures(Schema):
    """Figures of the enterprise base; null before the first publication."""

    enterprises: int
    records: int | None = Field(description="已入库记录")
    sources: int = Field(description="已有报送的数据源")
    sources_listed: int = Field(description="目录中的数据源")
    freshest_on: dt.date | None


class Figures(Schema):
    """Public figures."""

    market: MarketFigures
    base: BaseFigures
