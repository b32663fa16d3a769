"""Shows how a figure came about: formula, items with their roles, rows, files, digests and places in the ledger."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rongqiao.portal.ledger_proofs import prove_places
from rongqiao.portal.lineage import quality_words
from rongqiao.portal.templatetags.figures import moment

if TYPE_CHECKING:
    from rongqiao.bases.enterprises.tracing import IndicatorTrace, SourceRow, SourceTrace

AMOUNT = re.compile(r"-?\d+(\.\d+)?")


def trace_context(found: IndicatorTrace) -> dict[str, Any]:
    """Everything that ``portal/components/trace.html`` shows."""
    return {
        "trace": found,
        "proofs": prove_places(found.ledger_places),
        "sources": [(source, [_shown(source, row) for row in source.rows]) for source in found.sources],
    }


def _shown(source: SourceTrace, row: SourceRow) -> dict[str, Any]:
    return {"row": row, "pairs": _pairs(source, row), "quality": quality_words(row.quality)}


def _pairs(source: SourceTrace, row: SourceRow) -> list[tuple[str, str, Any]]:
    """Title, role and value of every item of a row: amounts with separators, its period as a month, all else as delivered."""
    return [
        (item.title, item.role_title, _value(item.title, str(value), row.valid))
        for item, value in zip(source.items, row.values, strict=False)
    ]


def _value(title: str, value: str, valid: str) -> object:
    if value == valid:
        return moment(value)
    if title.endswith("（元）") and AMOUNT.fullmatch(value):
        return f"{Decimal(value):,.2f}"
    return value
