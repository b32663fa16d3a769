"""Keeps the match of every product with every enterprise fresh: first the facts as columns, then the verdicts on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from rongqiao.bases.enterprises.catalogue.selectors import held_back
from rongqiao.bases.resources.eligibility import Refreshed, refresh_eligibility
from rongqiao.indicators.fact_columns import fact_versions
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.columns import FactColumns
from rongqiao.platforms.financing.clocks import local_day
from rongqiao.platforms.financing.screening.counting import publish_columns

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from rongqiao.lake.tables import Lake


def publish_and_match(*, lake: Lake, as_of: int, known_at: dt.date) -> Refreshed:
    """Lay out the facts of a month as columns, and judge all products by them."""
    publish_columns(lake=lake, as_of=as_of, known_at=known_at)
    return refresh_eligibility(now=timezone.now(), withheld=held_back())


def refresh_matching(
    *, lake: Lake, now: dt.datetime, on_progress: Callable[[int, int], None] | None = None
) -> Refreshed:
    """Renew the columns if the lake moved on since they were written, then judge what is not judged by them.

    The month stays that of the last publication: a new one begins with `rongqiao database publish`. Before the first publication
    there is nothing to do.
    """
    try:
        columns = FactColumns.current()
    except ContractError:
        return Refreshed(0, 0, 0)
    present = fact_versions(lake)
    if present and columns.described.get("versions") != present:
        publish_columns(lake=lake, as_of=int(columns.described["as_of"]), known_at=local_day(now))
    return refresh_eligibility(now=now, withheld=held_back(), on_progress=on_progress)
