"""Shows how a figure came about: formula, items with their roles, rows, files, digests and places in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.portal.ledger_proofs import prove_places
from rongqiao.portal.lineage import quality_words
from rongqiao.portal.templatetags.figures import moment

if TYPE_CHECKING:
    from rongqiao.bases.enterprises.tracing import IndicatorTrace, SourceRow, SourceTrace


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
    """Title, role and value of every item of a row: codes by their titles, amounts with separators."""
    return [
        (item.title, item.role_title, moment(value) if value == row.valid else value)
        for item, value in zip(source.items, row.values, strict=False)
    ]
