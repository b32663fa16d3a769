"""The public API: products, figures and the prime rate. Read only; nothing about a single enterprise."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - ninja reads the annotations
import re
from decimal import Decimal  # noqa: TC003 - ninja reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

from django.core.paginator import Paginator
from django.http import Http404
from django.utils import timezone
from ninja import NinjaAPI, Query
from ninja.errors import ValidationError
from pydantic import BeforeValidator

from rongqiao.bases.enterprises.selectors import province_figures
from rongqiao.bases.resources import selectors as resources
from rongqiao.kernel.errors import NotAllowedError, NotFoundError, RongqiaoError
from rongqiao.platforms.financing.selectors import market_figures
from rongqiao.portal import api_schemas as schemas
from rongqiao.portal.bank_quotes import primes

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

MAX_PAGE_SIZE = 100

api = NinjaAPI(
    title="融桥开放接口",
    version="1.0.0",
    description="融资产品、市场数字与 LPR。只读；不含任何单个企业的数据。数量过少的统计单元为 null。",
    # The docs page would load scripts from elsewhere; the description alone is served.
    docs_url=None,
    urls_namespace="api",
)

Size = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)]
Number = Annotated[int, Query(ge=1)]
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_day(value: Any) -> Any:
    """Let only written days through: a bare number would be taken for seconds since 1970."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("请填日期，如 2026-09-30。")
    return value


PROBLEMS = {404: schemas.Problem, 422: schemas.Problem}


@api.get(
    "/products",
    response={200: schemas.Page[schemas.Product], 422: schemas.Problem},
    url_name="products",
    summary="在售融资产品",
)
def list_products(
    request: HttpRequest,
    kind: str = "",
    amount_cny: Annotated[Decimal | None, Query(gt=0)] = None,
    term_months: Annotated[int | None, Query(ge=1, le=480)] = None,
    guarantee: str = "",
    region: str = "",
    purpose: str = "",
    institution: str = "",
    max_rate_ratio: Annotated[Decimal | None, Query(gt=0, lt=1)] = None,
    first_loan: bool | None = None,
    query: Annotated[str, Query(max_length=60)] = "",
    sort: Literal["rate", "amount", "speed", "newest"] = "rate",
    page: Number = 1,
    page_size: Size = 20,
) -> dict[str, Any]:
    """Products on sale that fit the filters; an empty filter lets all through."""
    found = resources.list_products(
        kind=kind,
        amount=amount_cny,
        term_months=term_months,
        guarantee=guarantee,
        region=region,
        purpose=purpose,
        institution=institution,
        max_rate=max_rate_ratio,
        first_loan=first_loan,
        query=query,
        sort=sort,
    )
    shown = Paginator(found, page_size)
    items = list(shown.page(page).object_list) if page <= shown.num_pages else []
    return {"items": items, "count": shown.count, "page": page, "page_size": page_size}


@api.get(
    "/products/{code}",
    response={200: schemas.ProductDetail} | PROBLEMS,
    url_name="product",
    summary="一个产品",
)
def show_product(request: HttpRequest, code: str) -> Any:
    """One product with criteria, materials and how many enterprises of each prefecture meet them."""
    product = resources.get_product(code)
    if product is None or product.status != "published":
        raise Http404(code)
    return product


@api.get("/figures", response=schemas.Figures, url_name="figures", summary="公开数字")
def show_figures(request: HttpRequest) -> dict[str, Any]:
    """Public figures of market and enterprise base, through disclosure control."""
    return {"market": market_figures(), "base": province_figures()}


@api.get(
    "/lpr",
    response={200: list[schemas.Lpr], 422: schemas.Problem},
    url_name="lpr",
    summary="贷款市场报价利率",
)
def show_lpr(
    request: HttpRequest, on: Annotated[dt.date | None, BeforeValidator(read_day)] = None
) -> list[Any]:
    """Loan prime rates in force on a day, today by default."""
    return list(primes(on or timezone.localdate()))


@api.exception_handler(Http404)
def answer_missing(request: HttpRequest, error: Http404) -> HttpResponse:
    """Nothing of that key."""
    return _problem(request, 404, "not_found", "没有找到", f"没有“{error}”，请核对代码。")


@api.exception_handler(ValidationError)
def answer_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Parameters that cannot be read: each is named."""
    wrong = "；".join(f"{each['loc'][-1]}：{each['msg']}" for each in error.errors)
    return _problem(request, 422, "invalid", "参数有误", wrong)


@api.exception_handler(RongqiaoError)
def answer_refused(request: HttpRequest, error: RongqiaoError) -> HttpResponse:
    """Refusals and bad values, with the remedy."""
    status, code = 422, "invalid"
    if isinstance(error, NotAllowedError):
        status, code = (404, "not_found") if isinstance(error, NotFoundError) else (403, "refused")
    return _problem(request, status, code, error.thing, error.remedy)


def _problem(request: HttpRequest, status: int, code: str, title: str, detail: str) -> HttpResponse:
    return api.create_response(request, {"code": code, "title": title, "detail": detail}, status=status)
