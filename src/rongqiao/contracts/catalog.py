"""The catalogue: code lists, regions, industries and every dated number, read from ``catalog/*.yaml``.

A number that policy can change has a value, a start date, a unit and a source. Entries are appended, never edited, so
that a result of any past day can be computed again. All functions are cached and depend on their arguments alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.code_lists import (
    Code,
    CodeList,
    code_list,
    code_lists,
    fold,
)
from rongqiao.contracts.documents import document
from rongqiao.contracts.numbers import (
    DatedValue,
    SizeLimits,
    Threshold,
    lpr,
    lpr_quotes,
    size_class_limits,
    size_limits_of,
    threshold,
    threshold_table,
    thresholds,
)
from rongqiao.contracts.places import (
    Industry,
    Region,
    RenamedRegion,
    current_region,
    functional_zones,
    industries,
    industry_section,
    regions,
    renamed_regions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Code",
    "CodeList",
    "ConsentClass",
    "DatedValue",
    "Industry",
    "Region",
    "RenamedRegion",
    "SizeLimits",
    "Threshold",
    "code_list",
    "code_lists",
    "consent_data_classes",
    "consent_purposes",
    "current_region",
    "fold",
    "functional_zones",
    "industries",
    "industry_section",
    "lpr",
    "lpr_quotes",
    "regions",
    "renamed_regions",
    "size_class_limits",
    "size_limits_of",
    "threshold",
    "threshold_table",
    "thresholds",
]


@dataclass(frozen=True, slots=True)
class ConsentClass:
    """A class of data, or a purpose, that an enterprise consents to.

    ``contracts`` is empty for purposes; a class that ``is_public`` needs no consent.
    """

    id: str
    title: str
    description: str
    contracts: tuple[str, ...] = ()
    is_public: bool = False


@lru_cache(maxsize=1)
def consent_data_classes() -> dict[str, ConsentClass]:
    """Classes of data that an enterprise can release, by id, with the contracts that name each."""
    # Contracts name code lists of this catalogue, so they are read when asked for, not on import.
    from rongqiao.contracts.standards import load_contracts

    covered: dict[str, list[str]] = {}
    for contract in load_contracts().values():
        covered.setdefault(contract.data_class, []).append(contract.id)
    return {
        key: _consent(key, node, covered.get(key, ()))
        for key, node in document("consent")["data_classes"].items()
    }


@lru_cache(maxsize=1)
def consent_purposes() -> dict[str, ConsentClass]:
    """Purposes that data can be released for, by id."""
    return {key: _consent(key, node, ()) for key, node in document("consent")["purposes"].items()}


def _consent(key: str, node: Mapping[str, Any], contracts: Sequence[str]) -> ConsentClass:
    return ConsentClass(
        id=key,
        title=node["title"],
        description=node["description"],
        contracts=tuple(contracts),
        is_public=bool(node.get("is_public")),
    )
