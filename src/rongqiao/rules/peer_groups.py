"""Whom an enterprise is compared with, and where a value stands among them: industry × size × region, coarser step by step.

Nobody is compared with fewer than the catalogue's least number of peers; where the finest group is too small the next
coarser one counts, and where even the coarsest is, there is no comparison.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Shares of the peers at which a group's values are kept. Neither least nor greatest is: each would be one enterprise's.
KNOTS = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
QUARTER, MEDIAN, THREE_QUARTERS = (KNOTS.index(share) for share in (0.25, 0.5, 0.75))
#: Leading digits of a county's code that name county, prefecture and province.
REGION_LENGTHS = (6, 4, 2)
ALL_SIZES = "all"


@dataclass(frozen=True, slots=True)
class PeerKey:
    """What the members of a group share; ``size_class`` is null where sizes are not told apart."""

    section: str
    size_class: str | None
    region: str

    @property
    def id(self) -> str:
        """Name of the group, such as ``C.small.4301``."""
        return f"{self.section}.{self.size_class or ALL_SIZES}.{self.region}"


def peer_keys(section: str | None, size_class: str | None, county: str | None) -> tuple[PeerKey, ...]:
    """List the groups an enterprise can be compared with, the finest first.

    Parameters
    ----------
    section : str or None
        Letter of the industry's section.
    size_class : str or None
        Null where it is not known, or the reader may not know it: sizes are then not told apart.
    county : str or None
        Six digits.

    Returns
    -------
    tuple of PeerKey
        With a size: county, prefecture, province of this size, then the province whatever the size. Without: the three
        regions whatever the size. Nothing without section or county.
    """
    if not section or not county:
        return ()
    regions = [county[:length] for length in REGION_LENGTHS]
    sized = [PeerKey(section, size_class, region) for region in regions] if size_class else []
    return (*sized, *(PeerKey(section, None, region) for region in (regions[-1:] if sized else regions)))


def find_percentile(value: float, knots: Sequence[float]) -> float:
    """Share of the peers that lie below a value, half of those level with it included.

    Parameters
    ----------
    value : float
    knots : sequence of float
        The peers' values at :data:`KNOTS`, ascending.

    Returns
    -------
    float
        0.05 to 0.95: beyond the outermost knots nothing finer is kept. 0.5 where all peers are level with it.

    Raises
    ------
    InvalidValueError
        If the knots are not as many as :data:`KNOTS`.
    """
    if len(knots) != len(KNOTS):
        raise InvalidValueError("同类分位数", len(knots), f"须为 {len(KNOTS)} 个。")
    first, last = bisect_left(knots, value), bisect_right(knots, value)
    edges = (0.0, *KNOTS, 1.0)
    if first < last:
        # Level with knots first … last-1; a tie that reaches the outermost knot reaches the end.
        low = 0.0 if first == 0 else KNOTS[first]
        high = 1.0 if last == len(KNOTS) else KNOTS[last - 1]
        return (low + high) / 2
    if first in (0, len(KNOTS)):
        return (edges[first] + edges[first + 1]) / 2
    within = (value - knots[first - 1]) / (knots[first] - knots[first - 1])
    return edges[first] + within * (edges[first + 1] - edges[first])


def find_standing(percentile: float, direction: str) -> float | None:
    """How well a percentile speaks for the enterprise, 0 to 1; null for an indicator that is neither good nor bad.

    ``u_shaped`` is best in the middle of the peers, and worst at either end.
    """
    standings = {
        "higher_better": percentile,
        "lower_better": 1 - percentile,
        "u_shaped": 1 - 2 * abs(percentile - 0.5),
    }
    return standings.get(direction)
