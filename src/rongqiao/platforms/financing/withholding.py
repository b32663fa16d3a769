"""What an institution may see of how a demand was judged: reasons tell enterprise data, so the consent bounds them.

The verdict on a product stays: by publishing, an enterprise asks to be brought before institutions that fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.accounts.selectors import live_consent
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.bases.enterprises.portraits import is_fact_readable, is_rating_readable, readable_contracts
from rongqiao.bases.enterprises.selectors import SALES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from rongqiao.accounts.scope import Scope
    from rongqiao.platforms.financing.models import Demand, Match

PURPOSE = "pre_loan"
WITHHELD = "企业未授权本机构查看此项数据，或授权已失效。"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller may see of one enterprise at an instant; ``contracts`` is null where all is its own."""

    contracts: frozenset[str] | None
    is_rating_shown: bool

    def covers(self, fact: str) -> bool:
        """Whether the fact may be told."""
        return self.contracts is None or is_fact_readable(fact, self.contracts, self.is_rating_shown)


def sight_of(scope: Scope, uscc: str, now: dt.datetime) -> Sight:
    """Tell what the caller may see: an institution what its live pre-loan consent covers, public data without one."""
    if scope.kind != "institution":
        return Sight(None, is_rating_shown=True)
    consent = live_consent(
        scope, subject_uscc=uscc, recipient_id=scope.organisation_id, now=now, purpose=PURPOSE
    )
    contracts = readable_contracts(consent.data_classes if consent else ())
    portrait = Portrait.objects.for_scope(scope).filter(pk=uscc).first() if consent else None
    return Sight(contracts, portrait is not None and is_rating_readable(portrait, contracts))


def withhold_reasons(scope: Scope, matches: Iterable[Match], now: dt.datetime) -> list[Match]:
    """Replace each reason that rests on data the caller may not see; the condition's own words stay."""
    kept, sights = list(matches), dict[str, Sight]()
    for match in kept:
        if match.uscc not in sights:
            sights[match.uscc] = sight_of(scope, match.uscc, now)
        sight = sights[match.uscc]
        match.reasons = [
            reason if sight.covers(str(reason.get("fact", ""))) else _withheld(reason)
            for reason in match.reasons
        ]
    return kept


def visible_proposal(scope: Scope, demand: Demand, now: dt.datetime) -> dict[str, Any]:
    """Return what governed data proposed for a demand, less the amount where sales and rating may not be told."""
    sight = sight_of(scope, demand.uscc, now)
    is_told = sight.covers(SALES) and sight.covers("grade")
    return {key: entry for key, entry in demand.prefilled.items() if is_told or key != "amount_cny"}


def _withheld(reason: dict[str, Any]) -> dict[str, Any]:
    return {**reason, "outcome": "unknown", "value": None, "settles": WITHHELD}
