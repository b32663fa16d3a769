"""Where an enterprise stands among its peers, for one reader: by theme, in plain words, and as a band of its series.

Only what the reader may see is compared, and only with a group that the reader may know of: who may not see the size class
is shown groups that do not tell sizes apart. Every figure of peers goes through disclosure control.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rongqiao.bases.enterprises.figures import format_figure
from rongqiao.bases.enterprises.models import PeerGroup
from rongqiao.contracts.catalog import industries, regions, threshold
from rongqiao.indicators.registry import load_indicators
from rongqiao.indicators.value_words import STATUSES
from rongqiao.kernel.period import last_day
from rongqiao.rules.disclosure import suppress_measures
from rongqiao.rules.peer_groups import MEDIAN, PeerKey, find_percentile, find_standing, peer_keys
from rongqiao.rules.size_class import TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rongqiao.bases.enterprises.figures import Figure, ThemeFigures
    from rongqiao.bases.enterprises.portraits import PortraitView

#: Statements of each kind that are shown, and how many of them may come from one theme.
CLAIMS, CLAIMS_OF_THEME = 5, 2
#: Beyond the outermost knots nothing finer is known.
TOP_PERCENTILE = 0.9
#: What a statement says of the peers, by the family of the indicator (its unit); the rest speak of size.
FAMILIES = {
    "flag": "{title}：{text}，同类中多数{others}",
    "level": "{title}为 {text}，{place}（同类居中为 {median}）",
    "days": "{title}为 {text}，{place}（同类居中为 {median}）",
    "months": "{title}为 {text}，{place}（同类居中为 {median}）",
}
SIZES = "{title} {text}，{place}（同类中位数 {median}）"
#: A measure's window, which tells statements about one and the same thing apart.
WINDOW = re.compile(r"_[my]\d+(?=_)")


@dataclass(frozen=True, slots=True)
class Group:
    """A peer group as people read it."""

    id: str
    title: str
    members: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure among peers.

    ``percentile`` is the share of peers below it, ``standing`` how well that speaks for the enterprise (0 to 1),
    ``known_count`` the peers with a value. The group is coarser than the portrait's where too few have one.
    """

    figure: Figure
    percentile: float
    standing: float
    median: float
    known_count: int
    group: Group

    @property
    def median_text(self) -> str:
        """The peers' median with its unit."""
        return format_figure(self.figure.id, self.median)


@dataclass(frozen=True, slots=True)
class ThemeStanding:
    """Mean standing of a theme's figures; null where none can be compared, and ``reason`` then says why."""

    id: str
    title: str
    standing: float | None
    compared: int
    comparable: int
    reason: str

    @property
    def score(self) -> int | None:
        """The standing in points of a hundred."""
        return None if self.standing is None else round(self.standing * 100)


@dataclass(frozen=True, slots=True)
class Claim:
    """A strength or a gap in plain words, and the figure behind it."""

    text: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Band:
    """The middle half of the peers in each month of a series: month → (lower quarter, median, upper quarter)."""

    group: Group
    months: dict[int, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything a portrait says of peers; without a group ``reason`` says why there is no comparison."""

    group: Group | None
    reason: str
    themes: tuple[ThemeStanding, ...]
    strengths: tuple[Claim, ...] = ()
    gaps: tuple[Claim, ...] = ()
    bands: dict[str, Band] = field(default_factory=dict)


def read_standing(view: PortraitView, groups: Sequence[ThemeFigures]) -> Standing:
    """Compare a portrait with its peers, as far as its reader may see.

    Parameters
    ----------
    view : PortraitView
        Masked for the reader.
    groups : sequence of ThemeFigures
        Its figures, `figures.group_figures`.
    """
    on = last_day(view.as_of)
    least = int(threshold("peer_group_min", on))
    facts = view.facts
    keys = peer_keys(facts.get("industry_section"), facts.get("size_class"), facts.get("county_code"))
    groups_of_month = PeerGroup.objects.filter(as_of=view.as_of, group_id__in=[key.id for key in keys])
    kept = {group.group_id: group for group in groups_of_month} if keys else {}
    found = [kept[key.id] for key in keys if key.id in kept]
    compared = {
        figure.id: comparison
        for theme in groups
        for figure in theme.figures
        if (comparison := _compare(figure, found, least)) is not None
    }
    claims = sorted(compared.values(), key=lambda each: (-abs(each.standing - 0.5), each.figure.id))
    strong, weak = threshold("peer_strength_ratio_min", on), threshold("peer_gap_ratio_max", on)
    return Standing(
        group=_group(found[0]) if found else None,
        reason="" if found else _why_none(keys, least),
        themes=tuple(_theme(theme, compared, bool(found)) for theme in groups),
        strengths=_claims([each for each in claims if each.standing >= strong]),
        gaps=_claims([each for each in claims if each.standing <= weak]),
        bands=_bands(view, found, least),
    )


def _why_none(keys: Sequence[PeerKey], least: int) -> str:
    if not keys:
        return "登记信息缺少行业或所在区县，无法确定同类企业，不作比较。"
    if not PeerGroup.objects.exists():
        return f"同类企业不足{least}户，或本期同类分布尚未计算，不作比较。"
    return f"同类企业不足{least}户，不作比较。"


def _group(found: PeerGroup) -> Group:
    section = industries().get(found.section)
    region = regions().get(found.region_code)
    return Group(
        found.group_id,
        " · ".join(
            (
                section.name if section else found.section,
                TITLES.get(found.size_class, "不分规模"),
                region.name if region else "全省",
            )
        ),
        found.members,
    )


def _compare(figure: Figure, groups: Sequence[PeerGroup], least: int) -> Comparison | None:
    """Compare an ok figure with the finest group in which enough have a value; null where there is none."""
    if figure.status != "ok" or figure.value is None or figure.direction == "neutral":
        return None
    for group in groups:
        count, *kept = group.indicators.get(figure.id) or (None,)
        knots = suppress_measures(kept, count, threshold=least)
        told = [value for value in knots if value is not None]
        if count is None or not told or len(told) < len(knots):
            continue
        percentile = find_percentile(figure.value, told)
        standing = find_standing(percentile, figure.direction)
        if standing is None:
            return None
        return Comparison(figure, percentile, standing, told[MEDIAN], int(count), _group(group))
    return None


def _theme(theme: ThemeFigures, compared: dict[str, Comparison], has_peers: bool) -> ThemeStanding:
    comparable = [figure for figure in theme.figures if figure.direction != "neutral"]
    standings = [compared[figure.id].standing for figure in comparable if figure.id in compared]
    reason = "" if standings else _why_empty(comparable, has_peers)
    mean = sum(standings) / len(standings) if standings else None
    return ThemeStanding(theme.id, theme.title, mean, len(standings), len(comparable), reason)


def _why_empty(comparable: Sequence[Figure], has_peers: bool) -> str:
    statuses = Counter(figure.status for figure in comparable)
    if statuses and statuses["not_authorised"] == len(comparable):
        return STATUSES["not_authorised"]
    if statuses["suspended"] and statuses["suspended"] == len(comparable) - statuses["not_authorised"]:
        return STATUSES["suspended"]
    if statuses["ok"]:
        return "同类有值的企业不足" if has_peers else "没有同类可比"
    return STATUSES["stale"] if statuses["stale"] else STATUSES["missing"]


def _claims(comparisons: Sequence[Comparison]) -> tuple[Claim, ...]:
    """Tell the most telling ones, each measure once and no theme too often."""
    told: list[Claim] = []
    measures: set[str] = set()
    themes: Counter[str] = Counter()
    for each in comparisons:
        measure, theme = WINDOW.sub("", each.figure.id), load_indicators()[each.figure.id].theme
        if measure in measures or themes[theme] >= CLAIMS_OF_THEME:
            continue
        measures.add(measure)
        themes[theme] += 1
        told.append(Claim(describe_claim(each), each))
    return tuple(told[:CLAIMS])


def describe_claim(comparison: Comparison) -> str:
    """Say in plain words where a figure stands, by the family of its indicator."""
    figure, percentile = comparison.figure, comparison.percentile
    share = max(percentile, 1 - percentile)
    peers = "九成以上的同类" if share >= TOP_PERCENTILE else f"约 {share:.0%} 的同类"
    place = f"{'高于' if percentile >= 1 / 2 else '低于'}{peers}"
    if figure.direction == "u_shaped" and comparison.standing > 1 / 2:
        place = "接近同类居中水平"
    return FAMILIES.get(figure.id.rsplit("_", 1)[-1], SIZES).format(
        title=figure.title,
        text=figure.text,
        place=place,
        median=comparison.median_text,
        others="没有" if figure.value else "有",
    )


def _bands(view: PortraitView, groups: Sequence[PeerGroup], least: int) -> dict[str, Band]:
    bands = {}
    for series in view.series:
        group = next((each for each in groups if each.series.get(series)), None)
        if group is not None:
            bands[series] = Band(
                _group(group),
                {
                    month: tuple(suppress_measures(quarters, count, threshold=least))
                    for month, count, *quarters in group.series[series]
                },
            )
    return bands
