"""Facts that a condition may name, in the units and words that people use."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.portraits import GUARDED_FACTS, RATING_FACTS, indicator_contracts
from rongqiao.contracts.catalog import code_list, consent_data_classes, industries, regions
from rongqiao.indicators.facts import criteria_facts
from rongqiao.indicators.registry import load_indicators
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.money import WAN
from rongqiao.rules.screening import NUMBER_OPS, read_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBER, FLAG, CHOICE, REGION = "number", "flag", "choice", "region"
#: Attributes with a list of values: the code list, or the attribute itself where its values are known otherwise.
CHOICES = {
    "industry_section": "industry",
    "size_class": "size_classes",
    "legal_form": "legal_forms",
    "tax_grade_now": "tax_grades",
    "grade": "grades",
}
NUMBERS = {"age_months": "个月", "registered_capital_cny": "万元", "score": "分"}
TITLES = {
    "county_code": "所在地区",
    "industry_section": "行业门类",
    "size_class": "企业规模",
    "legal_form": "组织形式",
    "tax_grade_now": "纳税缴费信用级别",
    "grade": "平台信用等级",
    "age_months": "成立月数",
    "registered_capital_cny": "注册资本",
    "score": "平台信用分",
}
UNITS = {"_cny": "万元", "_ratio": "%", "_days": "天", "_months": "个月", "_kwh": "千瓦时"}
SIGNS = {">=": "不低于", "<=": "不高于"}
FOUND_MOST = 12


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact that a condition may name.

    Parameters
    ----------
    kind : str
        ``number``, ``flag``, ``choice`` or ``region``.
    unit : str
        In which people type its bound.
    choices : tuple of (str, str)
        Values with their titles.
    """

    id: str
    title: str
    kind: str
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()


@lru_cache(maxsize=1)
def facts() -> dict[str, Fact]:
    """All facts that a condition may name: attributes first, then indicators."""
    known = criteria_facts()
    named = [_attribute(name) for name in TITLES if name in known]
    indicators = [_indicator(name, title) for name, title in known.items() if not _is_attribute(name)]
    return {fact.id: fact for fact in (*named, *indicators)}


def _is_attribute(name: str) -> bool:
    return name in TITLES or name in ("industry_code", "status")


def _attribute(name: str) -> Fact:
    if name == "county_code":
        return Fact(name, TITLES[name], REGION, choices=_region_choices())
    if name in NUMBERS:
        return Fact(name, TITLES[name], NUMBER, NUMBERS[name])
    return Fact(name, TITLES[name], CHOICE, choices=_choices(name))


def _choices(name: str) -> tuple[tuple[str, str], ...]:
    if name == "industry_section":
        return tuple((code, each.name) for code, each in industries().items() if len(code) == 1)
    listed = code_list(CHOICES[name])
    if name == "legal_form":
        return tuple((each.title, each.title) for each in listed.entries)
    return tuple((each.code, each.title) for each in listed.entries)


def _region_choices() -> tuple[tuple[str, str], ...]:
    found = regions()
    return tuple(
        (
            code,
            f"{found[each.parent].name}{each.name}" if each.level == "county" and each.parent else each.name,
        )
        for code, each in found.items()
        if each.level in ("prefecture", "county")
    )


def _indicator(name: str, title: str) -> Fact:
    if name.endswith("_flag"):
        return Fact(name, title, FLAG)
    unit = load_indicators()[name].unit if name.endswith("_count") else ""
    return Fact(name, title, NUMBER, unit or next((u for end, u in UNITS.items() if name.endswith(end)), ""))


#: What a refusal calls a fact that no condition may name.
UNKNOWN_FACT = "筛选项"


def get_fact(name: str) -> Fact:
    """Return one fact.

    Raises
    ------
    InvalidValueError
        If no condition may name it.
    """
    found = facts().get(name)
    if found is None:
        raise InvalidValueError(UNKNOWN_FACT, name, "请用名称搜索，并从列出的筛选项中选一个。")
    return found


def find_facts(text: str) -> list[Fact]:
    """Facts whose title holds all words, shortest title first; attributes where nothing is asked."""
    words = text.split()
    if not words:
        return [fact for fact in facts().values() if _is_attribute(fact.id)]
    hits = [fact for fact in facts().values() if all(word in fact.title for word in words)]
    return sorted(hits, key=lambda fact: (len(fact.title), fact.id))[:FOUND_MOST]


def build_condition(name: str, op: str, values: Sequence[str]) -> dict[str, Any]:
    """Make a condition of what a person typed or ticked, with its words.

    Raises
    ------
    InvalidValueError
        If the fact, the comparison or the value cannot be; the remedy says what can.
    """
    fact = get_fact(name)
    if fact.kind == NUMBER:
        return _number(fact, op, values[0] if values else "")
    if fact.kind == FLAG:
        if op not in ("is_true", "is_false"):
            raise InvalidValueError(fact.title, op, "请选“是”或“否”。")
        return {"fact": name, "op": op, "text": f"{fact.title}：{'是' if op == 'is_true' else '否'}"}
    titles = dict(fact.choices)
    if not values or any(value not in titles for value in values):
        raise InvalidValueError(fact.title, list(values), "请从列出的选项中至少选一个。")
    chosen = sorted(set(values))
    text = f"{fact.title}：{'、'.join(titles[value] for value in chosen)}"
    return {
        "fact": name,
        "op": "within_region" if fact.kind == REGION else "in",
        "value": chosen,
        "text": text,
    }


def _number(fact: Fact, op: str, text: str) -> dict[str, Any]:
    if op not in NUMBER_OPS:
        raise InvalidValueError(fact.title, op, "请选“不低于”或“不高于”。")
    bound = read_bound(text, title=fact.title)
    scale = _scale(fact)
    words = f"{fact.title} {SIGNS[op]} {bound:f} {fact.unit}".rstrip()
    return {"fact": fact.id, "op": op, "value": float(bound * scale), "text": words}


def _scale(fact: Fact) -> Decimal:
    """Units of the fact in one unit that people type."""
    return {"万元": Decimal(WAN), "%": Decimal("0.01")}.get(fact.unit, Decimal(1))


def show_bound(fact: Fact, value: float | str) -> str:
    """Write a bound as people type it: the other way of :func:`build_condition`."""
    shown = f"{Decimal(str(value)) / _scale(fact):f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def guarded_classes(names: frozenset[str]) -> set[str]:
    """Classes of data, other than public ones, that conditions on these facts rest on; the rating is judged apart."""
    classes = consent_data_classes()
    owner = {contract: key for key, each in classes.items() for contract in each.contracts}
    contracts: set[str] = set()
    for name in names - set(RATING_FACTS):
        guarded = GUARDED_FACTS.get(name)
        contracts.update([guarded] if guarded else indicator_contracts(name) or ())
    return {owner[name] for name in contracts if name in owner and not classes[owner[name]].is_public}
