"""What a region or industry code meant on a day: counties were renamed, and GB/T 4754 has editions that give the same digits new meanings."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache

from rongqiao.contracts.documents import document
from rongqiao.contracts.places import industries, regions, renamed_regions
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.region import check_region


@dataclass(frozen=True, slots=True)
class NamedOn:
    """A code as it stood on a day.

    Parameters
    ----------
    code, name : str
        As they were then.
    valid_from, valid_to : datetime.date or None
        First and last day of this code and name; ``None`` is without bound in the catalogue.
    now : tuple of str
        Codes that stand in its place today; the code itself where nothing changed.
    edition : str
        Edition of the standard for industries; empty for regions.
    """

    code: str
    name: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    now: tuple[str, ...]
    edition: str = ""


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition of GB/T 4754, with the days between which records are coded by it."""

    id: str
    title: str
    valid_from: dt.date
    valid_to: dt.date | None = None


def region_on(code: str, on: dt.date) -> NamedOn:
    """Return what a region code meant on a day.

    Raises
    ------
    InvalidValueError
        If it was not in force that day; the error names the code that was.
    """
    short = check_region(code)
    for row in renamed_regions():
        before = NamedOn(row.old, row.old_name, None, row.since - dt.timedelta(days=1), (row.new,))
        if short == row.old and on < row.since:
            return before
        if short == row.old:
            raise InvalidValueError(
                "行政区划代码",
                code,
                f"{row.old_name}自 {row.since} 起改用 {row.new}{regions()[row.new].name}。",
            )
        if short == row.new and on < row.since:
            raise InvalidValueError(
                "行政区划代码", code, f"{on} 时尚未启用，当时为 {row.old}{row.old_name}。"
            )
    found = regions().get(short)
    if found is None:
        raise InvalidValueError("行政区划代码", code, "catalog/regions.yaml 中没有此代码，请核对。")
    since = next((row.since for row in renamed_regions() if row.new == short), None)
    return NamedOn(short, found.name, since, None, (short,))


@lru_cache(maxsize=1)
def industry_editions() -> tuple[Edition, ...]:
    """All editions, the oldest first."""
    return tuple(
        Edition(edition_id, **node) for edition_id, node in document("industry_editions")["editions"].items()
    )


def industry_edition(on: dt.date) -> Edition:
    """Return the edition that records of a day are coded by.

    Raises
    ------
    InvalidValueError
        If the day lies before the oldest edition of the catalogue.
    """
    for edition in industry_editions():
        if edition.valid_from <= on <= (edition.valid_to or on):
            return edition
    oldest = industry_editions()[0]
    raise InvalidValueError(
        "行业分类版本", on.isoformat(), f"目录中最早的是 {oldest.title}（{oldest.valid_from} 起）。"
    )


@lru_cache(maxsize=1)
def _became() -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    return {
        (row["from"], row["code"]): (row["name"], tuple(row["to"]))
        for row in document("industry_editions")["became"]
    }


def industry_on(code: str, on: dt.date) -> NamedOn | None:
    """Return what an industry class meant on a day, and what it is called in the present edition.

    Parameters
    ----------
    code : str
        Class of four digits; a section letter before it is ignored.
    on : datetime.date
        Day of the record.

    Returns
    -------
    NamedOn or None
        ``None`` where the catalogue does not know what the older edition's class became: unknown, never taken as unchanged.

    Raises
    ------
    InvalidValueError
        If the present edition has no such code, or no edition covers the day.
    """
    digits = code[1:] if code[:1].isalpha() else code
    edition = industry_edition(on)
    if edition.id == industry_editions()[-1].id:
        found = industries().get(digits)
        if found is None:
            raise InvalidValueError("行业代码", code, f"{edition.title} 中没有此代码，请核对。")
        return NamedOn(digits, found.name, edition.valid_from, edition.valid_to, (digits,), edition.id)
    known = _became().get((edition.id, digits))
    if known is None:
        return None
    return NamedOn(digits, known[0], edition.valid_from, edition.valid_to, known[1], edition.id)
