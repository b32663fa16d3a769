"""The province-wide pass, kept fresh: which products have to be judged anew, their counts per county, and how they are told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit
from rongqiao.bases.resources.judging import (
    PLACE,
    judge_province,
    read_facts,
    requirements,
    requirements_digest,
)
from rongqiao.bases.resources.models import Eligibility, EligibilityRun, Product
from rongqiao.contracts.catalog import threshold
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.lake.columns import FactColumns
from rongqiao.lake.verdicts import VerdictFiles
from rongqiao.rules.criteria_arrays import decide
from rongqiao.rules.disclosure import Blur, blur

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping, Sequence

    from rongqiao.rules.criteria import Criteria

OUTCOMES = ("unmet", "unknown", "met")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a pass did.

    Parameters
    ----------
    products : int
        Judged; zero where everything was fresh.
    enterprises : int
        Over which each was judged.
    rows : int
        Product × county, that were written.
    problems : tuple of str
        Products that cannot be judged, and why.
    """

    products: int
    enterprises: int
    rows: int
    problems: tuple[str, ...] = ()


def refresh_eligibility(
    *,
    now: dt.datetime,
    withheld: Collection[str] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> Refreshed:
    """Judge all existing enterprises by every product on sale whose conditions or whose facts changed since it was last judged.

    Parameters
    ----------
    now : datetime
        When the pass begins.
    withheld : Collection of str
        Facts that are held back from use; another set of them makes every verdict old.
    on_progress : callable or None
        Told enterprises judged and enterprises in all.

    Raises
    ------
    ContractError
        If the columns of facts were never published.
    OSError
        If the verdicts cannot be kept; the run says so, and what was kept before stands.
    """
    columns = FactColumns.current()
    products = list(Product.objects.filter(status="published").order_by("code"))
    digests = {product.code: requirements_digest(product) for product in products}
    build = _build_of(columns, withheld)
    stale = _stale(columns, build, products, digests)
    if not stale:
        Eligibility.objects.exclude(product__in=products).delete()
        return Refreshed(0, columns.size, 0)
    asked, problems = _judgeable(columns, stale, digests)
    if not asked:
        return Refreshed(0, columns.size, 0, problems)
    with system_scope():
        run = EligibilityRun.objects.create(
            started_at=now,
            as_of=columns.described["as_of"],
            products=len(stale) - len(problems),
            total=columns.size,
            problem="；".join(problems)[:300],
        )

    def tell(done: int, total: int) -> None:
        EligibilityRun.objects.filter(pk=run.pk).update(done=done)
        if on_progress is not None:
            on_progress(done, total)

    try:
        counted = judge_province(columns, asked, withheld=withheld, on_progress=tell)
    except OSError as error:
        stopped = f"{EligibilityRun.STOPPED}：{error.strerror or error}，下一次运行会重新核对"
        EligibilityRun.objects.filter(pk=run.pk).update(problem=stopped[:300])
        raise
    totals = dict(zip(asked, counted, strict=True))
    counties = columns.words(PLACE) or ("",)
    fresh = [
        Eligibility(
            product=product,
            county_code=code,
            **dict(zip(OUTCOMES, (int(count) for count in cell), strict=True)),
            as_of=columns.described["as_of"],
            digest=digests[product.code],
            build=build,
            judged_at=now,
        )
        for product in stale
        if digests[product.code] in totals
        for code, cell in zip(counties, totals[digests[product.code]], strict=True)
        if code or cell.any()
    ]
    _replace(products, stale, fresh, run)
    VerdictFiles(columns).keep_only(digests.values())
    return Refreshed(len(stale) - len(problems), columns.size, len(fresh), problems)


def _build_of(columns: FactColumns, withheld: Collection[str]) -> str:
    """Name what is judged: the build of the columns, and what of it is held back."""
    stopped = sorted(name for name in withheld if name in columns)
    if not stopped:
        return columns.mark
    return f"{columns.mark}-{hashlib.sha256(','.join(stopped).encode()).hexdigest()[:12]}"


def _stale(
    columns: FactColumns, build: str, products: Sequence[Product], digests: Mapping[str, str]
) -> list[Product]:
    """Products without a verdict on this build's facts and today's conditions, or without its counts."""
    judged = set(Eligibility.objects.filter(build=build).values_list("product_id", "digest").distinct())
    kept = VerdictFiles(columns).names()
    return [
        product
        for product in products
        if (digest := digests[product.code]) not in kept or (product.pk, digest) not in judged
    ]


def _judgeable(
    columns: FactColumns, products: Sequence[Product], digests: Mapping[str, str]
) -> tuple[dict[str, Criteria], tuple[str, ...]]:
    """Criteria by digest; and what is wrong with the others, which must not keep an enterprise from the rest."""
    asked: dict[str, Criteria] = {}
    problems = []
    for product in products:
        try:
            criteria = requirements(product)
            none = {name: fact.part(0, 0) for name, fact in read_facts(columns, [criteria]).items()}
            decide(criteria, none, 0)
        except InvalidValueError as error:
            problems.append(f"{product.code} {error.thing}：{error.remedy}")
        else:
            asked[digests[product.code]] = criteria
    return asked, tuple(problems)


def _replace(
    products: Sequence[Product], stale: Sequence[Product], fresh: list[Eligibility], run: EligibilityRun
) -> None:
    with system_scope() as scope:
        Eligibility.objects.exclude(product__in=products).delete()
        Eligibility.objects.filter(product__in=stale).delete()
        Eligibility.objects.bulk_create(fresh, batch_size=5000)
        EligibilityRun.objects.filter(pk=run.pk).update(done=run.total, finished_at=timezone.now())
        detail = {
            "as_of": run.as_of,
            "products": run.products,
            "rows": len(fresh),
            "problem": run.problem,
        }
        record_audit(
            scope=scope,
            action="eligibility.refreshed",
            object_type="eligibility",
            object_id=str(run.as_of),
            detail=detail,
        )


def blur_rule(day: dt.date) -> Blur:
    """Disclosure control of free questions as of a day; conditions that banks choose themselves are such questions."""
    names = ("screening_cell_min", "screening_noise_max", "screening_step")
    return Blur(*(int(threshold(name, day)) for name in names))


def tell(count: int, *, question: str, rule: Blur) -> int | None:
    """Tell a kept count through disclosure control; null where it is small, zero included.

    The deviation is drawn from the installation's secret, the question and the count, so that the same state of affairs
    always has the same answer.
    """
    secret = hashlib.sha256(f"eligibility.cell_keys|{settings.SECRET_KEY}|{count}".encode()).digest()
    return blur(count, key=int.from_bytes(secret[:8], "big"), question=question, rule=rule)
