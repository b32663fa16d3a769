"""Carries a correction forward: indicators, ratings, portraits, and word to those who were given the old figures."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from config.attempts import PASSING
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.bases.enterprises.objections.settling import (
    is_accepted,
    note_stalled,
    settle_correction,
    unsettled_corrections,
)
from rongqiao.bases.enterprises.publication import republish
from rongqiao.indicators.amendment import amend_indicators
from rongqiao.indicators.computation import TARGET, compute
from rongqiao.indicators.lineage import indicators_of
from rongqiao.lake.engine import ibis_connection
from rongqiao.platforms.credit.notices import Recomputed, notify_recipients, reported_months
from rongqiao.rules.working_days import ZONE
from rongqiao.scoring.card import DEFAULT_MODEL, card_path, load_card
from rongqiao.scoring.rating import amend_ratings

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from rongqiao.bases.enterprises.objections.models import Objection
    from rongqiao.lake.tables import Lake

logger = logging.getLogger(__name__)


def flow_forward(lake: Lake, *, now: dt.datetime) -> list[Exception]:
    """Carry every correction that landed through to pages and readers, then end its objection.

    It may be killed at any instant: what was done is found again by the objection's id, and the objection ends last.

    Returns
    -------
    list of Exception
        What kept single objections from being carried, each with a note that names its objection. They wait for the next run, which the
        job of each minute asks for; the others are not kept waiting.
    """
    known_at = now.astimezone(ZONE).date()
    troubles: list[Exception] = []
    for objection in unsettled_corrections():
        try:
            if is_accepted(objection):
                _carry(lake, objection, known_at, now)
            settle_correction(objection_id=objection.pk, now=now)
        except Exception as trouble:
            trouble.add_note(f"objection {objection.pk}")
            logger.exception("The correction of objection %s could not be carried forward.", objection.pk)
            troubles.append(trouble)
            if not isinstance(trouble, PASSING):
                note_stalled(objection_id=objection.pk, now=now)
    return troubles


def amend_enterprises(
    lake: Lake, *, contract_id: str, enterprise_ids: Sequence[str], known_at: dt.date, cause: str
) -> None:
    """Compute anew what rests on a corrected table of a few enterprises, and renew their portraits; twice is once.

    Parameters
    ----------
    cause : str
        Names the correction; what was amended for it is found again by it.
    """
    with system_scope() as scope:
        found = Portrait.objects.for_scope(scope).filter(pk__in=enterprise_ids)
        months: dict[int, list[str]] = {}
        for uscc, as_of in found.values_list("pk", "as_of"):
            months.setdefault(as_of, []).append(uscc)
    if not lake.exists(TARGET):
        return
    for as_of, enterprises in sorted(months.items()):
        rows = amend_indicators(
            lake,
            as_of=as_of,
            known_at=known_at,
            contract_ids=[contract_id],
            enterprise_ids=sorted(enterprises),
            cause=cause,
        )
        amend_ratings(lake, rows, card=load_card(card_path(DEFAULT_MODEL)), cause=cause)
        republish(lake=lake, enterprise_ids=sorted(enterprises), as_of=as_of, known_at=known_at)


def _carry(lake: Lake, objection: Objection, known_at: dt.date, now: dt.datetime) -> None:
    owners = _owners(lake, objection)
    amend_enterprises(
        lake,
        contract_id=objection.contract_id,
        enterprise_ids=owners,
        known_at=known_at,
        cause=str(objection.pk),
    )
    if not lake.exists(TARGET):
        return
    with system_scope():
        recomputed = {
            as_of: _recompute(lake, objection, as_of, known_at)
            for as_of in reported_months(objection.subject_uscc)
        }
        notify_recipients(objection=objection, recomputed=recomputed, now=now)


def _owners(lake: Lake, objection: Objection) -> list[str]:
    """Enterprises that the correction concerns: whom the fact was held against, and to whom it belongs now."""
    table = f"published/{objection.contract_id}"
    batch = objection.correction.batch_id if objection.correction else ""
    rows = ibis_connection(lake, [table]).table(table)
    now = rows.filter(rows.batch_id == batch).select("enterprise_id").distinct().to_pyarrow()
    return sorted({objection.subject_uscc, *(now.column("enterprise_id").to_pylist())} - {None})


def _recompute(lake: Lake, objection: Objection, as_of: int, known_at: dt.date) -> Recomputed:
    """Figures of the enterprise for a month that was reported, with the correction known."""
    names = [found.id for found in indicators_of(objection.contract_id)]
    if not names:
        return {}
    subject = [objection.subject_uscc]
    own = compute(lake, as_of=as_of, known_at=known_at, only=names, enterprise_ids=subject).to_pylist()
    return {name: (own[0][name], own[0][f"{name}__status"]) for name in names} if own else {}
