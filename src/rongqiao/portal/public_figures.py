"""Figures of the public pages, each with its source; what is not there yet is null, never zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PublicFigure:
    """One figure on the home page."""

    label: str
    value: Any
    unit: str
    source: str
    fresh: Any = None


def home_figures() -> list[PublicFigure]:
    """Figures of the home page."""
    return []


def source_rows() -> list[Any]:
    """List sources with their freshness."""
    return []
