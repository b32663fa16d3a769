"""Dated numbers: size-class limits, loan prime rate, thresholds. Value, start date, unit and source stand in the files."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from rongqiao.contracts.documents import document, entry
from rongqiao.contracts.places import industry_section
from rongqiao.kernel.errors import ContractError, InvalidValueError

if TYPE_CHECKING:
    import datetime as dt

_WAN = Decimal(10_000)


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


def _effective(what: str, rows: list[dict[str, Any]], on: dt.date) -> dict[str, Any]:
    valid = [row for row in rows if row["since"] <= on]
    if not valid:
        first = min(row["since"] for row in rows)
        raise InvalidValueError(
            what, on.isoformat(), f"The first value is of {first.isoformat()}; ask for a later day."
        )
    return max(valid, key=lambda row: cast("dt.date", row["since"]))


@lru_cache(maxsize=64)
def size_class_limits(on: dt.date) -> tuple[SizeLimits, ...]:
    """Return the limits of all sectors in force on a day.

    Raises
    ------
    InvalidValueError
        If the day lies before the first standard on record.
    """
    edition = _effective("size_classes", document("size_classes")["editions"], on)
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
    names = {
        "employees": ("employees", Decimal(1)),
        "revenue": ("revenue_cny", _WAN),
        "assets": ("total_assets_cny", _WAN),
    }
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
    rows = entry("lpr", "quotes", tenor)
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
        raise ContractError(
            "catalog/thresholds.yaml", threshold_id, "It is a single number; call threshold()."
        )
    return {str(key): Decimal(str(number)) for key, number in value.items()}


def _threshold(threshold_id: str, on: dt.date) -> Any:
    node = entry("thresholds", None, threshold_id)
    return _effective(f"threshold {threshold_id}", node["values"], on)["value"]


@dataclass(frozen=True, slots=True)
class DatedValue:
    """A number, or a table of numbers, in force since a day, with its source."""

    since: dt.date
    value: Decimal | dict[str, Decimal]
    source: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """One entry of ``catalog/thresholds.yaml`` with its whole history, for the page that shows the rules.

    ``basis`` is ``regulation`` (read in the source), ``practice`` (generally known, not checked against the original) or
    ``design`` (default of this platform, to be set by the operator).
    """

    id: str
    title: str
    unit: str
    basis: str
    values: tuple[DatedValue, ...]


def lpr_quotes(tenor: str) -> tuple[DatedValue, ...]:
    """Return all changes of the loan prime rate of a tenor, oldest first.

    Raises
    ------
    ContractError
        If the tenor is unknown.
    """
    source = str(document("lpr")["source"])
    rows = entry("lpr", "quotes", tenor)
    return tuple(DatedValue(row["since"], Decimal(str(row["value"])), source) for row in rows)


@lru_cache(maxsize=1)
def thresholds() -> dict[str, Threshold]:
    """All thresholds by id, with title, unit, basis and history."""
    return {
        key: Threshold(
            id=key,
            title=node["title"],
            unit=node["unit"],
            basis=node["basis"],
            values=tuple(
                DatedValue(row["since"], _number(row["value"]), node["source"]) for row in node["values"]
            ),
        )
        for key, node in document("thresholds").items()
    }


def _number(value: Any) -> Decimal | dict[str, Decimal]:
    if isinstance(value, dict):
        return {str(key): Decimal(str(number)) for key, number in value.items()}
    return Decimal(str(value))
