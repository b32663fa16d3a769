"""Reads of the catalogue: every declared indicator with how it stands, and how it spreads, through disclosure control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.catalogue.models import IndicatorDecision, IndicatorStatus
from rongqiao.contracts.catalog import consent_data_classes, industries, regions, threshold
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.registry import load_indicators
from rongqiao.indicators.suspension import STATE_TITLES
from rongqiao.lake.suspensions import HELD_BACK
from rongqiao.rules.disclosure import suppress_cells, suppress_measure
from rongqiao.rules.peer_groups import KNOTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rongqiao.accounts.scope import Scope
    from rongqiao.indicators.registry import Indicator

#: Who may see how values spread besides the departments whose data they are: whoever works with them. All others read definitions.
READERS_OF_SPREAD = ("institution", "government", "operator")
#: Shares at which a group's values are told.
TOLD_KNOTS = (0.1, 0.25, 0.5, 0.75, 0.9)
#: Health of an indicator that was never examined.
NEVER = "never"
_HEAVY = ("bins", "groups", "editions", "changes")


@dataclass(frozen=True, slots=True)
class Entry:
    """One declared indicator and how it stands; ``status`` is null where its health was never published."""

    declared: Indicator
    status: IndicatorStatus | None

    @property
    def health(self) -> str:
        """``ok``, ``failing``, ``unknown`` or ``never``."""
        return self.status.verdict if self.status else NEVER

    @property
    def state(self) -> str:
        """A key of `indicators.suspension.STATE_TITLES`."""
        return self.status.state if self.status else "in_use"

    @property
    def data_class(self) -> str:
        """Title of the class of data that consent to it is given for."""
        found = consent_data_classes().get(self.declared.consent_class)
        return found.title if found else self.declared.consent_class


@dataclass(frozen=True, slots=True)
class Group:
    """One group of existing enterprises, as far as it may be told; null figures are withheld.

    ``quantiles`` stand at :data:`TOLD_KNOTS`; none where too few of the sample have a value.
    """

    code: str
    title: str
    enterprises: int
    applicable: int | None
    covered: int | None
    coverage: float | None
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """Share of the sample's values from one number up to another; equal ends are one value, null an open end or a withheld share."""

    low: float | None
    high: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """How an indicator spreads, for people who may not see individuals."""

    whole: Group | None
    regions: tuple[Group, ...]
    sections: tuple[Group, ...]
    bars: tuple[Bar, ...]


def held_back() -> dict[str, str]:
    """Name the indicators that nobody may rest on now: id → why, in words. One query."""
    rows = IndicatorStatus.objects.filter(state__in=HELD_BACK).values_list(
        "indicator_id", "state", "state_reason"
    )
    return {name: say_state(state, reason) for name, state, reason in rows}


def say_state(state: str, reason: str) -> str:
    """State with its reason, such as ``暂停使用：覆盖率 12.0%，低于 20%``."""
    return f"{STATE_TITLES[state]}：{reason}" if reason else STATE_TITLES[state]


def list_entries() -> list[Entry]:
    """Every declared indicator in the order of declaration; one query."""
    known = {each.indicator_id: each for each in IndicatorStatus.objects.defer(*_HEAVY)}
    return [Entry(each, known.get(each.id)) for each in load_indicators().values()]


def get_entry(indicator_id: str) -> Entry | None:
    """One indicator; null when none of this id is declared."""
    declared = load_indicators().get(indicator_id)
    if declared is None:
        return None
    return Entry(declared, IndicatorStatus.objects.filter(pk=indicator_id).first())


def may_see_spread(scope: Scope, declared: Indicator) -> bool:
    """Whether the caller may see how values spread: who works with them, and the departments that they come from."""
    if scope.kind != "department":
        return scope.kind in READERS_OF_SPREAD
    contracts = load_contracts()
    return any(
        contracts[name].department == scope.department for name in declared.sources if name in contracts
    )


def read_picture(status: IndicatorStatus) -> Picture:
    """Tell how an indicator spreads in all, by prefecture and by industry section; every count through disclosure control."""
    rows: dict[str, list[Any]] = {"all": [], "region": [], "section": []}
    for dimension, *row in status.groups:
        rows[dimension].append(row)
    cell = int(threshold("disclosure_cell_min", status.known_at))
    least = int(threshold("peer_group_min", status.known_at))
    whole = _groups(rows["all"], {"": "全省"}, cell, least)
    places = {code: each.name for code, each in regions().items()}
    sections = {code: each.name for code, each in industries().items()}
    counts = suppress_cells(
        {str(at): bar[2] for at, bar in enumerate(status.bins)}, threshold=cell, group_length=0
    )
    bars = (
        Bar(
            low,
            high,
            suppress_measure(count / status.sampled, counts[str(at)], threshold=cell) if count else 0.0,
        )
        for at, (low, high, count) in enumerate(status.bins)
    )
    return Picture(
        whole[0] if whole else None,
        _groups(rows["region"], places, cell, least),
        _groups(rows["section"], sections, cell, least),
        tuple(bars),
    )


def _groups(
    rows: Sequence[Sequence[Any]], titles: dict[str, str], cell: int, least: int
) -> tuple[Group, ...]:
    applicable = suppress_cells({row[0]: row[2] for row in rows}, threshold=cell, group_length=0)
    covered = suppress_cells({row[0]: row[3] for row in rows}, threshold=cell, group_length=0)
    return tuple(
        Group(
            code,
            titles.get(code, code) or "登记未载明",
            enterprises,
            applicable[code],
            covered[code],
            _share(covered[code], applicable[code]),
            tuple(
                value
                for share, value in zip(KNOTS, knots or (), strict=False)
                if share in TOLD_KNOTS and suppress_measure(1, sampled, threshold=least)
            ),
        )
        for code, enterprises, _, _, sampled, knots in rows
    )


def _share(covered: int | None, applicable: int | None) -> float | None:
    return None if covered is None or not applicable else covered / applicable


def list_decisions(scope: Scope, indicator_id: str) -> list[IndicatorDecision]:
    """List what operators decided about one indicator, newest first; for operators."""
    require(scope, Role.OPERATOR)
    return list(IndicatorDecision.objects.filter(indicator_id=indicator_id).select_related("decided_by"))


def pending_decisions() -> list[IndicatorDecision]:
    """Decisions that the lake does not know of yet, in the order they were made."""
    found = IndicatorDecision.objects.filter(carried_on=None).select_related("decided_by")
    return list(found.order_by("decided_at"))
