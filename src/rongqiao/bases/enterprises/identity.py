"""Who an enterprise is, for one reader: size class with what would settle it, titles held, ties, coverage of sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.portraits import GUARDED_FACTS, NOT_AUTHORISED, SUSPENDED, readable_contracts
from rongqiao.bases.enterprises.ties import RELATION_KINDS
from rongqiao.contracts.catalog import consent_data_classes, size_limits_of
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.facts import SIZE_INPUTS
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.period import last_day
from rongqiao.rules.size_class import TITLES, classify_size

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from rongqiao.bases.enterprises.figures import ThemeFigures
    from rongqiao.bases.enterprises.portraits import PortraitView

CLASS_BASIS = "统计上大中小微型企业划分办法（工信部联企业〔2011〕300号）"


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Size class in words.

    ``status``: ``ok``; ``missing`` where the data leave several classes possible; ``not_applicable`` outside the standard;
    ``not_authorised``. ``settles`` names the items that would decide it.
    """

    status: str
    text: str
    settles: tuple[str, ...] = ()
    basis: str = CLASS_BASIS


@dataclass(frozen=True, slots=True)
class Tag:
    """A title held, from one or several sources; ``until`` null is open-ended."""

    title: str
    since: str | None
    until: str | None
    sources: tuple[str, ...]
    is_valid: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """One source of a portrait: when it was last delivered, and how many of the figures it feeds have a value.

    ``delivered_on`` is null when it never was; ``known`` is null where the reader may not see its data.
    """

    contract_id: str
    title: str
    department: str
    data_class: str
    delivered_on: dt.date | None
    known: int | None
    total: int


def find_size_class(view: PortraitView) -> SizeClass:
    """Classify by the rule, three-valued; see `rules.size_class`."""
    if GUARDED_FACTS["size_class"] not in readable_contracts(view.data_classes):
        return SizeClass(NOT_AUTHORISED, "未授权")
    on = last_day(view.as_of)
    try:
        limits = size_limits_of(view.enterprise.industry_code, on) if view.enterprise.industry_code else None
    except InvalidValueError:
        limits = None
    if limits is None:
        return SizeClass("not_applicable", "行业缺失或不在划型标准内，不划型")
    employees, revenue, assets = (view.indicators[name]["value"] for name in SIZE_INPUTS)
    found = classify_size(limits, employees=employees, revenue_cny=revenue, total_assets_cny=assets)
    if found.size_class:
        return SizeClass("ok", TITLES[found.size_class])
    settles = dict.fromkeys(reason.settles for reason in found.reasons if reason.settles)
    possible = f"未能定型，可能为{'、'.join(TITLES[each] for each in found.possible)}"
    if SUSPENDED in {view.indicators[name]["status"] for name in SIZE_INPUTS}:
        # Nothing that the enterprise could supply would settle it.
        return SizeClass("missing", f"{possible}；划型所用指标暂停使用")
    return SizeClass(
        "missing",
        possible,
        tuple(settles),
    )


def list_tags(view: PortraitView) -> list[Tag]:
    """Titles held, valid ones first; the same title from several sources is one."""
    found: dict[tuple[str, str | None, str | None], list[str]] = {}
    for each in view.tags:
        found.setdefault((each["title"], each["since"], each["until"]), []).append(_title(each["source"]))
    tags = [
        Tag(title, since, until, tuple(sources), not until or until >= view.known_at.isoformat())
        for (title, since, until), sources in found.items()
    ]
    return sorted(tags, key=lambda tag: not tag.is_valid)


def list_relations(view: PortraitView) -> list[dict[str, Any]]:
    """Ties of the enterprise, by kind, present ones before past ones; each with ``kind_title``, ``is_past``, ``source_title``."""
    order = list(RELATION_KINDS)
    known = view.known_at.isoformat()
    rows = [
        {
            **each,
            "kind_title": RELATION_KINDS[each["kind"]],
            "is_past": bool(each["until"]) and each["until"] <= known,
            "source_title": _title(each["source"]),
        }
        for each in view.relations
    ]
    return sorted(rows, key=lambda row: (row["is_past"], order.index(row["kind"])))


def list_coverage(
    view: PortraitView, groups: Sequence[ThemeFigures], delivered: Mapping[str, dt.date | None]
) -> list[Coverage]:
    """Every source that feeds figures of the portrait: freshness, and figures with a value of all that rest on it."""
    # Few lists of sources serve all figures.
    figures = [(figure.sources, figure.value is not None) for theme in groups for figure in theme.figures]
    known: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for (names, is_known), count in Counter(figures).items():
        for name in names:
            total[name] += count
            known[name] += count * is_known
    readable = readable_contracts(view.data_classes)
    classes = {
        contract: each.title for each in consent_data_classes().values() for contract in each.contracts
    }
    return [
        Coverage(
            contract.id,
            contract.title,
            contract.department_title,
            classes.get(contract.id, ""),
            delivered.get(contract.id),
            known[contract.id] if contract.id in readable else None,
            total[contract.id],
        )
        for contract in load_contracts().values()
        if total[contract.id]
    ]


def _title(contract_id: str) -> str:
    contract = load_contracts().get(contract_id)
    return f"{contract.title}（{contract.department_title}）" if contract else contract_id
