"""The catalogue: code lists, regions, industries and every dated number, read from ``catalog/*.yaml``.

A number that policy can change has a value, a start date, a unit and a source. Entries are appended, never edited, so
that a result of any past day can be computed again. All functions are cached and depend on their arguments alone.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, cast

import yaml

from rongqiao.kernel.errors import ContractError, InvalidValueError
from rongqiao.kernel.home import home
from rongqiao.kernel.region import check_region, region_level

if TYPE_CHECKING:
    import datetime as dt

_WAN = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Code:
    """One code with its official Chinese title and the spellings that departments use."""

    code: str
    title: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class CodeList:
    """A closed list of codes; see ``catalog/code_lists.yaml``."""

    id: str
    name: str
    source: str
    entries: tuple[Code, ...]

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """All codes, in the official order."""
        return tuple(entry.code for entry in self.entries)

    @cached_property
    def spellings(self) -> dict[str, str]:
        """Folded spelling (code, title or alias) → code; the folding is `fold`."""
        return {
            fold(spelling): entry.code
            for entry in reversed(self.entries)
            for spelling in (*entry.aliases, entry.title, entry.code)
        }

    def choices(self) -> list[tuple[str, str]]:
        """Pairs (code, title), in order, for forms."""
        return [(entry.code, entry.title) for entry in self.entries]

    def title(self, code: str) -> str:
        """Return the official Chinese title of a code.

        Raises
        ------
        InvalidValueError
            If the list has no such code.
        """
        for entry in self.entries:
            if entry.code == code:
                return entry.title
        raise InvalidValueError(f"code list {self.id}", code, f"Its codes are: {', '.join(self.codes)}.")

    def normalise(self, raw: str) -> str | None:
        """Return the code that a department's spelling stands for; ``None`` when it stands for none."""
        return self.spellings.get(fold(raw))


@dataclass(frozen=True, slots=True)
class Region:
    """Administrative region: ``level`` is province, prefecture or county; ``parent`` is ``None`` for the province."""

    code: str
    name: str
    level: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class RenamedRegion:
    """A region code that was replaced on a day, with its former name."""

    old: str
    old_name: str
    new: str
    since: dt.date


@dataclass(frozen=True, slots=True)
class Industry:
    """Class of GB/T 4754-2017: ``level`` is section, division, group or class; ``section`` its letter."""

    code: str
    name: str
    level: str
    parent: str | None
    section: str


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """Lower limits of one sector; a class needs ALL its limits, else the enterprise drops one class.

    Parameters
    ----------
    sector : str
        Id, such as ``industry`` or ``wholesale``.
    title : str
        Chinese name of the sector.
    industries : tuple of str
        Prefixes of GB/T 4754-2017 codes (section letter, or digits of division and group) that it covers.
    large, medium, small : dict
        Measure (``employees`` in persons, ``revenue_cny`` and ``total_assets_cny`` in yuan) → lower limit, inclusive.
    """

    sector: str
    title: str
    industries: tuple[str, ...]
    large: dict[str, Decimal]
    medium: dict[str, Decimal]
    small: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class ConsentClass:
    """A class of data, or a purpose, that an enterprise consents to; ``contracts`` is empty for purposes."""

    id: str
    title: str
    description: str
    contracts: tuple[str, ...] = ()


def fold(text: str) -> str:
    """Fold widths, blanks and case, so that spellings can be compared."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


@lru_cache(maxsize=16)
def _document(name: str) -> dict[str, Any]:
    path = home() / "catalog" / f"{name}.yaml"
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)  # noqa: S506 (the safe loader, in C)
    except FileNotFoundError as error:
        raise ContractError("catalogue file", str(path), "Set RONGQIAO_HOME to the folder that holds catalog/.") from error
    except yaml.YAMLError as error:
        raise ContractError("catalogue file", str(path), f"It is not valid YAML: {error}.") from error
    return cast("dict[str, Any]", loaded)


def _entry(name: str, section: str | None, entry_id: str) -> Any:
    document = _document(name)
    entries = document if section is None else document[section]
    if entry_id not in entries:
        raise ContractError(
            f"catalog/{name}.yaml", entry_id, f"It has no such entry; it has: {', '.join(map(str, entries))}."
        )
    return entries[entry_id]


@lru_cache(maxsize=256)
def code_list(list_id: str) -> CodeList:
    """Return a code list.

    Raises
    ------
    ContractError
        If ``catalog/code_lists.yaml`` has no such list.
    """
    node = _entry("code_lists", None, list_id)
    entries = tuple(
        Code(code=str(code), title=entry["title"], aliases=tuple(entry.get("aliases", ())))
        for code, entry in node["codes"].items()
    )
    return CodeList(id=list_id, name=node["name"], source=node["source"], entries=entries)


@lru_cache(maxsize=1)
def code_lists() -> dict[str, CodeList]:
    """All code lists by id."""
    return {list_id: code_list(list_id) for list_id in _document("code_lists")}


@lru_cache(maxsize=1)
def regions() -> dict[str, Region]:
    """Province, prefectures and counties by code in its shortest form (43, 4301, 430102), in the order of codes."""
    names = {str(code): name for code, name in _document("regions")["regions"].items()}
    return {
        code: Region(code=code, name=names[code], level=region_level(code), parent=code[:-2] if len(code) > 2 else None)
        for code in sorted(names)
    }


@lru_cache(maxsize=1)
def renamed_regions() -> tuple[RenamedRegion, ...]:
    """Region codes that departments may still send although they were replaced."""
    return tuple(
        RenamedRegion(old=row["old"], old_name=row["old_name"], new=row["new"], since=row["since"])
        for row in _document("regions")["renamed"]
    )


def current_region(code: str) -> Region:
    """Return the region that a code, present or replaced, means today.

    Raises
    ------
    InvalidValueError
        If the code was never one of the province.
    """
    short = check_region(code)
    replaced = {row.old: row.new for row in renamed_regions()}
    found = regions().get(replaced.get(short, short))
    if found is None:
        raise InvalidValueError("行政区划代码", code, "catalog/regions.yaml 中没有此代码，请核对。")
    return found


@lru_cache(maxsize=1)
def industries() -> dict[str, Industry]:
    """All sections, divisions, groups and classes by code (``C``, ``30``, ``307``, ``3071``)."""
    found: dict[str, Industry] = {}
    for letter, section in _document("industries")["sections"].items():
        found[letter] = Industry(letter, section["name"], "section", None, letter)
        for division, node in section["divisions"].items():
            found[division] = Industry(division, node["name"], "division", letter, letter)
            for group, member in node["groups"].items():
                found[group] = Industry(group, member["name"], "group", division, letter)
                for code, name in member["classes"].items():
                    found[code] = Industry(code, name, "class", group, letter)
    return found


def industry_section(code: str) -> str:
    """Return the section letter of a code such as ``C3071``, ``3071``, ``30`` or ``C``.

    Raises
    ------
    InvalidValueError
        If the code is not in GB/T 4754-2017, or its letter contradicts its digits.
    """
    letter, digits = (code[:1], code[1:]) if code[:1].isalpha() else ("", code)
    found = industries().get(digits or letter)
    if found is None or (letter and found.section != letter):
        raise InvalidValueError("行业代码", code, "GB/T 4754-2017 中没有此代码，请核对 catalog/industries.yaml。")
    return found.section


def _effective(what: str, rows: list[dict[str, Any]], on: dt.date) -> dict[str, Any]:
    valid = [row for row in rows if row["since"] <= on]
    if not valid:
        first = min(row["since"] for row in rows)
        raise InvalidValueError(what, on.isoformat(), f"The first value is of {first.isoformat()}; ask for a later day.")
    return max(valid, key=lambda row: cast("dt.date", row["since"]))


@lru_cache(maxsize=64)
def size_class_limits(on: dt.date) -> tuple[SizeLimits, ...]:
    """Return the limits of all sectors in force on a day.

    Raises
    ------
    InvalidValueError
        If the day lies before the first standard on record.
    """
    edition = _effective("size_classes", _document("size_classes")["editions"], on)
    return tuple(
        SizeLimits(
            sector=sector,
            title=node["title"],
            industries=tuple(node["industries"]),
            large=_limits(node["large"]),
            medium=_limits(node["medium"]),
            small=_limits(node["small"]),
        )
        for sector, node in edition["sectors"].items()
    )


def _limits(node: dict[str, int]) -> dict[str, Decimal]:
    names = {"employees": ("employees", Decimal(1)), "revenue": ("revenue_cny", _WAN), "assets": ("total_assets_cny", _WAN)}
    return {names[measure][0]: Decimal(value) * names[measure][1] for measure, value in node.items()}


def size_limits_of(industry_code: str, on: dt.date) -> SizeLimits | None:
    """Return the limits for an industry code by its longest listed prefix.

    ``None`` when the standard does not cover it (railways, finance, education, health, public bodies).
    """
    letter = industry_section(industry_code)
    digits = industry_code[1:] if industry_code[:1].isalpha() else industry_code
    best, length = None, -1
    for limits in size_class_limits(on):
        for prefix in limits.industries:
            matches = prefix == letter or (prefix.isdigit() and digits.startswith(prefix))
            size = 0 if prefix.isalpha() else len(prefix)
            if matches and size > length:
                best, length = limits, size
    return best


def lpr(tenor: str, on: dt.date) -> Decimal:
    """Return the loan prime rate in force on a day, as a ratio per year.

    Parameters
    ----------
    tenor : str
        ``1Y``, or ``5Y`` for five years and more.

    Raises
    ------
    ContractError
        If the tenor is unknown.
    InvalidValueError
        If the day lies before the first quote (2019-08-20).
    """
    rows = _entry("lpr", "quotes", tenor)
    return Decimal(str(_effective(f"LPR {tenor}", rows, on)["value"]))


def threshold(threshold_id: str, on: dt.date) -> Decimal:
    """Return a single dated number of ``catalog/thresholds.yaml``; its unit stands there.

    Raises
    ------
    ContractError
        If there is no such threshold, or it is a table (see `threshold_table`).
    InvalidValueError
        If the day lies before its first value.
    """
    value = _threshold(threshold_id, on)
    if isinstance(value, dict):
        raise ContractError("catalog/thresholds.yaml", threshold_id, "It is a table; call threshold_table().")
    return Decimal(str(value))


def threshold_table(threshold_id: str, on: dt.date) -> dict[str, Decimal]:
    """Return a dated table of ``catalog/thresholds.yaml`` (such as the grade cut-offs), in its order.

    Raises
    ------
    ContractError
        If there is no such threshold, or it is a single number (see `threshold`).
    InvalidValueError
        If the day lies before its first value.
    """
    value = _threshold(threshold_id, on)
    if not isinstance(value, dict):
        raise ContractError("catalog/thresholds.yaml", threshold_id, "It is a single number; call threshold().")
    return {str(key): Decimal(str(number)) for key, number in value.items()}


def _threshold(threshold_id: str, on: dt.date) -> Any:
    node = _entry("thresholds", None, threshold_id)
    return _effective(f"threshold {threshold_id}", node["values"], on)["value"]


@lru_cache(maxsize=1)
def consent_data_classes() -> dict[str, ConsentClass]:
    """Classes of data that an enterprise can release, by id, with the contracts each one covers."""
    return _consent("data_classes")


@lru_cache(maxsize=1)
def consent_purposes() -> dict[str, ConsentClass]:
    """Purposes that data can be released for, by id."""
    return _consent("purposes")


def _consent(section: str) -> dict[str, ConsentClass]:
    return {
        key: ConsentClass(key, node["title"], node["description"], tuple(node.get("contracts", ())))
        for key, node in _document("consent")[section].items()
    }
