"""Where an enterprise is and what it does: administrative regions and industries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rongqiao.contracts.documents import document
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.region import check_region, region_level

if TYPE_CHECKING:
    import datetime as dt


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


@lru_cache(maxsize=1)
def regions() -> dict[str, Region]:
    """Province, prefectures and counties by code in its shortest form (43, 4301, 430102), in the order of codes."""
    names = {str(code): name for code, name in document("regions")["regions"].items()}
    return {
        code: Region(
            code=code, name=names[code], level=region_level(code), parent=code[:-2] if len(code) > 2 else None
        )
        for code in sorted(names)
    }


@lru_cache(maxsize=1)
def renamed_regions() -> tuple[RenamedRegion, ...]:
    """Region codes that departments may still send although they were replaced."""
    return tuple(
        RenamedRegion(old=row["old"], old_name=row["old_name"], new=row["new"], since=row["since"])
        for row in document("regions")["renamed"]
    )


@lru_cache(maxsize=1)
def functional_zones() -> dict[str, tuple[str, str]]:
    """Statistical code of a functional zone → (its name, code of the statutory county that holds it)."""
    return {
        code: (row["name"], row["county"]) for code, row in document("regions")["functional_zones"].items()
    }


def current_region(code: str) -> Region:
    """Return the region that a code means today: present, replaced, or that of a functional zone.

    Raises
    ------
    InvalidValueError
        If the code was never one of the province.
    """
    short = check_region(code)
    replaced = {row.old: row.new for row in renamed_regions()}
    replaced.update({zone: county for zone, (_, county) in functional_zones().items()})
    found = regions().get(replaced.get(short, short))
    if found is None:
        raise InvalidValueError("行政区划代码", code, "catalog/regions.yaml 中没有此代码，请核对。")
    return found


@lru_cache(maxsize=1)
def industries() -> dict[str, Industry]:
    """All sections, divisions, groups and classes by code (``C``, ``30``, ``307``, ``3071``)."""
    found: dict[str, Industry] = {}
    for letter, section in document("industries")["sections"].items():
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
        raise InvalidValueError(
            "行业代码", code, "GB/T 4754-2017 中没有此代码，请核对 catalog/industries.yaml。"
        )
    return found.section
