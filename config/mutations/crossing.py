"""Faults that no table shows by itself: what one department says of an enterprise against what another says."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.mutations.draft import AS_OF, draw_history
from config.mutations.measurement import Pair
from rongqiao.contracts.standards import load_contract
from rongqiao.governance.cross_checks import run_cross_checks
from rongqiao.governance.pipeline import govern
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config.mutations.draft import Draft

#: Tables that are governed together; the register first.
TABLES = (
    "market_regulation.registry",
    "market_regulation.annual_report",
    "taxation.tax_filing",
    "taxation.invoice_summary",
    "human_resources.social_insurance",
)
#: Few enterprises over whole years, for most rules between tables need whole years.
ENTERPRISES, WINDOW = 150, 26
KNOWN_AT = dt.date(2027, 12, 31)


@dataclass(frozen=True, slots=True)
class CrossKind:
    """A fault between tables: one item of one table is multiplied in every row."""

    id: str
    title: str
    contract_id: str
    item_id: str
    factor: float


CROSS_KINDS = (
    CrossKind("declared_not_invoiced", "申报销售远低于开票金额", "taxation.tax_filing", "taxable_sales_cny", 0.04),
    CrossKind("invoiced_not_declared", "开票金额虚增，申报没有跟上", "taxation.invoice_summary", "out_amount_cny", 25),
    CrossKind("report_not_declared", "年报营业收入与申报销售相差悬殊", "market_regulation.annual_report", "revenue_cny", 30),
    CrossKind("insured_not_reported", "参保人数与年报从业人数相差悬殊", "human_resources.social_insurance", "insured_headcount", 40),
)  # fmt: skip


def measure_cross() -> Iterator[Pair]:
    """Govern clean tables and run the cross rules, then again with each fault; yield what they say beyond the clean run."""
    drafts = [
        draft for name in TABLES for draft in draw_history(name, enterprises=ENTERPRISES, window=WINDOW)
    ]
    clean = _failed(drafts)
    for kind in CROSS_KINDS:
        faulty = [
            _multiplied(draft, kind) if draft.contract.id == kind.contract_id else draft for draft in drafts
        ]
        found = _failed(faulty)
        by = tuple(sorted(rule for rule, count in found.items() if count > clean.get(rule, 0)))
        title = load_contract(kind.contract_id).item(kind.item_id).title
        yield Pair(kind.contract_id, kind.id, "caught" if by else "survived", title, by)


def _multiplied(draft: Draft, kind: CrossKind) -> Draft:
    item = draft.contract.item(kind.item_id)
    places = 0 if item.type == "integer" else 2
    return draft.changed(item, lambda cell: cell and f"{float(cell) * kind.factor:.{places}f}")


def _failed(drafts: Sequence[Draft]) -> dict[str, int]:
    """Cross rule → enterprises and periods that break it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for draft in drafts:
            file = place / "deliveries" / draft.contract.id / f"{draft.delivered_on.isoformat()}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(draft.as_csv())
        lake = Lake(place / "lake")
        govern(place / "deliveries", lake, None)
        results = run_cross_checks(lake, as_of=AS_OF, known_at=KNOWN_AT)
        return {result.rule_id: result.failed for result in results if result.outcome != "not_run"}
