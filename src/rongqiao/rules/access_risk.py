"""How suspicious a reading of an enterprise's data is, and whether a key behaves otherwise than it used to.

Points only decide what a person is asked about first; nothing is refused by them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.rules.working_days import SATURDAY, ZONE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Access:
    """One answered reading.

    Parameters
    ----------
    id : str
        Names the call.
    basis : str
        ``consent``, ``public`` or ``statutory_duty``.
    is_first : bool
        Whether the consumer never read this enterprise before.
    repeats : int
        Readings of this enterprise by the same consumer on the same day.
    hour_calls : int
        Answered calls of the key in the same hour.
    is_vendor, is_flagged : bool
        Whether a vendor's key asked, and whether the key behaves otherwise than it used to.
    """

    id: str
    at: dt.datetime
    basis: str
    is_first: bool
    repeats: int
    hour_calls: int
    is_vendor: bool
    is_flagged: bool


@dataclass(frozen=True, slots=True)
class Risk:
    """Points of one access and what they are for, gravest first."""

    access: Access
    points: int
    reasons: tuple[str, ...]


def judge_access(access: Access, weights: Mapping[str, Decimal]) -> Risk:
    """Add up the points of what is unusual about a reading.

    Parameters
    ----------
    weights : Mapping
        ``interface_access_points`` of the catalogue: points of each reason, and where repeats and bursts begin.
    """
    local = access.at.astimezone(ZONE)
    is_open = weights["hour_from"] <= local.hour < weights["hour_to"]
    found = {
        "flagged_key": access.is_flagged,
        "statutory_duty": access.basis == "statutory_duty",
        "out_of_hours": not is_open or local.weekday() >= SATURDAY,
        "repeated": access.repeats >= weights["repeats_from"],
        "burst": access.hour_calls >= weights["burst_from"],
        "first_time": access.is_first,
        "vendor": access.is_vendor,
    }
    points = {reason: int(weights[reason]) for reason, holds in found.items() if holds}
    return Risk(access, sum(points.values()), tuple(sorted(points, key=lambda each: (-points[each], each))))


def draw_sample(risks: Sequence[Risk], *, size: int, random_share: Decimal, seed: str) -> list[Risk]:
    """Draw whom to ask: the riskiest first, and a share by lot, so that nobody can be sure not to be asked.

    Parameters
    ----------
    seed : str
        Secret of the drawing; the same seed draws the same sample, and without it nobody can foretell it.
    """
    lots = {
        risk.access.id: hashlib.new("sm3", f"{seed}|{risk.access.id}".encode()).digest() for risk in risks
    }
    by_lot = min(len(risks), int(size * random_share))
    ranked = sorted(risks, key=lambda risk: (-risk.points, lots[risk.access.id]))
    chosen = ranked[: max(0, size - by_lot)]
    rest = sorted(ranked[len(chosen) :], key=lambda risk: lots[risk.access.id])
    return chosen + rest[: size - len(chosen)]


@dataclass(frozen=True, slots=True)
class KeyDay:
    """What a key did: calls, refused ones, enterprises read and addresses used, of a day or an average day."""

    calls: int
    refused: int
    enterprises: int
    new_addresses: int


def judge_key(day: KeyDay, usual: KeyDay | None, numbers: Mapping[str, Decimal]) -> list[str]:
    """Name what is unusual about a key's day: ``burst``, ``refusals``, ``sweep``, ``new_address``.

    Parameters
    ----------
    usual : KeyDay or None
        The average day before; null for a new key, which has no habits to depart from.
    numbers : Mapping
        ``interface_key_anomaly`` of the catalogue.
    """
    found = []
    if day.calls >= numbers["calls_min"] and usual and day.calls >= usual.calls * numbers["calls_ratio"]:
        found.append("burst")
    if day.calls >= numbers["refusals_min"] and day.refused >= day.calls * numbers["refusals_share"]:
        found.append("refusals")
    if (
        usual
        and day.enterprises >= numbers["enterprises_min"]
        and day.enterprises >= usual.enterprises * numbers["calls_ratio"]
    ):
        found.append("sweep")
    if usual and day.new_addresses:
        found.append("new_address")
    return found
