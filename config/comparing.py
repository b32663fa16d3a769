"""Comparison between departments after a publication: where it fails, deliveries are told of all the same, the operator of the failure."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.resolution import selectors, services
from rongqiao.governance.conflicts import find_conflicts
from rongqiao.kernel.errors import RongqiaoError

if TYPE_CHECKING:
    from rongqiao.lake.tables import Lake

logger = logging.getLogger(__name__)


def compare(lake: Lake) -> list[Exception]:
    """Compare what departments say as of today; returns what went wrong, which the operator's page of conflicts shows until it went well."""
    today = timezone.localdate()
    troubles: list[Exception] = []
    problem = ""
    try:
        find_conflicts(lake, as_of=today.year * 100 + today.month, known_at=today)
    except Exception as error:
        logger.exception("Departments could not be compared.")
        troubles.append(error)
        problem = (
            f"{error.thing}：{error.remedy}" if isinstance(error, RongqiaoError) else type(error).__name__
        )
    with system_scope() as scope, transaction.atomic():
        services.record_comparison(scope=scope, problem=problem)
    return troubles


def is_due() -> bool:
    """Whether the last comparison failed, so that the next run makes up for it though nothing new came."""
    with system_scope() as scope:
        return selectors.comparison_trouble(scope) is not None
