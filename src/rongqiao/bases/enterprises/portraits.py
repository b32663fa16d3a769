"""A portrait as one reader may see it: what is not authorised has no value, and says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.catalogue.selectors import held_back
from rongqiao.bases.enterprises.objections.marks import FactMark, mark_events
from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.indicators.registry import load_indicators
from rongqiao.indicators.shown_series import SERIES
from rongqiao.rules.criteria import Withheld

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping

    from rongqiao.accounts.models import Consent
    from rongqiao.bases.enterprises.models import Enterprise, Portrait

NOT_AUTHORISED = "not_authorised"
#: Status of an indicator that is held back from use; its cell says why.
SUSPENDED = "suspended"
#: Facts that are no indicators but rest on data that need consent.
GUARDED_FACTS = {"size_class": "market_regulation.annual_report", "tax_grade_now": "taxation.tax_grade"}
RATING_FACTS = ("grade", "score")
#: What an official looks an enterprise up for; kept with the record of the reading.
DUTY_MATTERS = {
    "policy": "政策兑现核验",
    "service": "受理融资诉求",
    "rescue": "风险处置与纾困",
    "supervision": "依法监督检查",
}


@dataclass(frozen=True, slots=True)
class PortraitView:
    """One enterprise's governed data, masked for one reader.

    Parameters
    ----------
    enterprise : Enterprise
        Public register entry.
    as_of, known_at : int, datetime.date
        The two times the portrait was published for.
    indicators : dict
        Id → ``{"value": number|None, "status": ok|missing|not_applicable|stale|not_authorised|suspended}``; of a suspended one
        ``reason`` says why it is not used.
    facts, series, events, tags, relations : dict, dict, list, list, list
        As in the model, less what is not authorised.
    rating_status : str
        ``ok``; ``missing`` when the model abstained; ``not_authorised`` when the rating rests on data that the reader
        may not see. Score, grade, probability and reasons are then empty.
    data_classes : tuple of str
        Classes the reader may see, public ones included.
    basis : str
        ``own``, ``preview`` (an enterprise sees what it would release), ``consent`` or ``statutory_duty``.
    consent : Consent or None
        The consent it rests on.
    marks : tuple of FactMark
        Facts of it that are in dispute; disputed events carry theirs too.
    """

    enterprise: Enterprise
    region_code: str
    as_of: int
    known_at: dt.date
    indicators: dict[str, dict[str, Any]]
    facts: dict[str, Any]
    series: dict[str, list[list[Any]]]
    events: list[dict[str, Any]]
    score: float | None
    grade: str
    default_probability: float | None
    coverage_ratio: float
    reasons: list[dict[str, Any]]
    model: str
    rating_status: str
    data_classes: tuple[str, ...]
    basis: str
    consent: Consent | None = None
    marks: tuple[FactMark, ...] = ()
    tags: tuple[dict[str, Any], ...] = ()
    relations: tuple[dict[str, Any], ...] = ()


def public_classes() -> frozenset[str]:
    """Classes of data that need no consent."""
    return frozenset(key for key, each in consent_data_classes().items() if each.is_public)


def duty_classes() -> frozenset[str]:
    """Classes of data that an official may read of one enterprise for a statutory duty: those the law makes public.

    Notes
    -----
    What departments hold beyond that stays with them: tax data are confidential to the tax authority (税收征收管理法第八条),
    social insurance data to its administration (社会保险法第八十一条), annual figures that the enterprise did not choose to
    publish to the registrar (企业信息公示暂行条例第九条), and credit information needs consent (征信业管理条例第十八条). A body
    whose own law gives it more takes it from the department, by a data interface. Of all this, officials see counts.
    """
    return public_classes()


def readable_contracts(data_classes: Collection[str]) -> frozenset[str]:
    """Contracts that a reader authorised for the classes may see, public ones included."""
    return _contracts_of(frozenset(data_classes) | public_classes())


@lru_cache(maxsize=256)
def _contracts_of(allowed: frozenset[str]) -> frozenset[str]:
    return frozenset(
        contract
        for key, each in consent_data_classes().items()
        if key in allowed
        for contract in each.contracts
    )


@lru_cache(maxsize=4096)
def indicator_contracts(indicator_id: str) -> tuple[str, ...] | None:
    """Contracts an indicator rests on, the resolved registry left out; null for an unknown indicator."""
    found = load_indicators().get(indicator_id)
    return None if found is None else tuple(name for name in found.sources if name != "enterprises")


def is_readable(indicator_id: str, contracts: frozenset[str]) -> bool:
    """Whether all an indicator rests on may be read; an indicator nobody declared may not."""
    return indicator_id in _readable_indicators(contracts)


# A portrait asks of seven hundred indicators, and few sets of contracts are ever released.
@lru_cache(maxsize=256)
def _readable_indicators(contracts: frozenset[str]) -> frozenset[str]:
    return frozenset(key for key in load_indicators() if contracts.issuperset(indicator_contracts(key) or ()))


def known_facts(portrait: Portrait, *, stopped: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Everything criteria can judge that is known of an enterprise: indicators with a value, and attributes.

    Parameters
    ----------
    portrait : Portrait
    stopped : mapping or None
        `catalogue.selectors.held_back`, for who reads many portraits; read here when ``None``. Such an indicator's value is not
        told: `rules.criteria.Withheld` stands for it.
    """
    reasons = held_back() if stopped is None else stopped
    values = {
        key: cell["value"] for key, cell in portrait.indicators.items() if cell.get("value") is not None
    }
    withheld = {key: Withheld(f"{reason}，恢复使用后再判断。") for key, reason in reasons.items()}
    return {**values, **portrait.facts, **withheld}


def _cell(portrait: Portrait, indicator_id: str, stopped: Mapping[str, str]) -> dict[str, Any]:
    """Value and status of an indicator; the publication leaves out what is missing."""
    if indicator_id in stopped:
        return {"value": None, "status": SUSPENDED, "reason": stopped[indicator_id]}
    return {"value": None, "status": "missing", **portrait.indicators.get(indicator_id, {})}


def mask(
    portrait: Portrait, *, data_classes: Collection[str], basis: str, consent: Consent | None = None
) -> PortraitView:
    """Show of a portrait what the classes allow."""
    contracts = readable_contracts(data_classes)
    hidden = {"value": None, "status": NOT_AUTHORISED}
    stopped, readable = held_back(), _readable_indicators(contracts)
    indicators = {
        key: _cell(portrait, key, stopped) if key in readable else dict(hidden) for key in load_indicators()
    }
    rating = _rating_status(portrait, contracts)
    shown = rating == "ok"
    guarded = {each.id: each.contract_id for each in SERIES}
    return PortraitView(
        enterprise=portrait.enterprise,
        region_code=portrait.region_code,
        as_of=portrait.as_of,
        known_at=portrait.known_at,
        indicators=indicators,
        facts={
            key: value
            for key, value in known_facts(portrait, stopped=stopped).items()
            if key not in stopped and is_fact_readable(key, contracts, shown)
        },
        series={key: value for key, value in portrait.series.items() if guarded.get(key) in contracts},
        events=[event for event in portrait.events if event["source"] in contracts],
        score=portrait.score if shown else None,
        grade=portrait.grade if shown else "",
        default_probability=portrait.default_probability if shown else None,
        coverage_ratio=portrait.coverage_ratio,
        reasons=portrait.reasons if shown else [],
        model=portrait.model,
        rating_status=rating,
        data_classes=tuple(
            key for key in consent_data_classes() if key in {*data_classes, *public_classes()}
        ),
        basis=basis,
        consent=consent,
        tags=tuple(tag for tag in portrait.tags if tag["source"] in contracts),
        relations=tuple(each for each in portrait.relations if each["source"] in contracts),
    )


def with_marks(view: PortraitView, marks: Collection[FactMark]) -> PortraitView:
    """Put the marks beside what the view shows; a mark on data it does not show is left out."""
    contracts = readable_contracts(view.data_classes)
    shown = tuple(mark for mark in marks if mark.contract_id in contracts)
    return replace(view, marks=shown, events=mark_events(view.events, shown)) if shown else view


def _rating_status(portrait: Portrait, contracts: frozenset[str]) -> str:
    if not portrait.grade:
        return "missing"
    used = (reason.get("indicator", "") for reason in portrait.reasons)
    return "ok" if all(is_readable(each, contracts) for each in used) else NOT_AUTHORISED


def is_rating_readable(portrait: Portrait, contracts: frozenset[str]) -> bool:
    """Whether there is a rating, and all it rests on may be read."""
    return _rating_status(portrait, contracts) == "ok"


def is_fact_readable(fact: str, contracts: frozenset[str], is_rating_shown: bool) -> bool:
    """Whether a fact that criteria judge may be read: an indicator, a guarded fact, the rating or a register entry."""
    if fact in RATING_FACTS:
        return is_rating_shown
    if fact in GUARDED_FACTS:
        return GUARDED_FACTS[fact] in contracts
    # What is neither guarded nor an indicator is an attribute of the public register.
    return fact not in load_indicators() or is_readable(fact, contracts)
