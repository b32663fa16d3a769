"""What an interface answers: records of an enterprise as granted, masked by purpose, with what is known about the data."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.models import SourceStatus
from rongqiao.contracts.standards import load_contract
from rongqiao.lake.serving import ServingStore

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from rongqiao.contracts.interfaces import Dataset, Interface
    from rongqiao.contracts.model import Contract

Row = dict[str, Any]
BANDS = (100_000, 500_000, 1_000_000, 5_000_000, 10_000_000, 50_000_000)
STATUS_SECONDS = 60.0
_SAMPLES = {"integer": 12, "decimal": "1234.00", "date": "2026-09-30", "month": 202609, "boolean": False}
_state: dict[str, Any] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Answer:
    """Body of an answer, how many records it holds, and the classes of data read."""

    body: dict[str, Any]
    records: int
    data_classes: tuple[str, ...]


def store() -> ServingStore:
    """Return the serving store of this process, opened on first use."""
    with _lock:
        if "store" not in _state:
            _state["store"] = ServingStore()
        found: ServingStore = _state["store"]
        return found


def forget_store() -> None:
    """Close the store, so that the next call opens the one that stands there then."""
    with _lock:
        if opened := _state.pop("store", None):
            opened.environment.close()
        _state.pop("status", None)


def sample_rows(contract: Contract, uscc: str, as_of: int, known_at: dt.date) -> list[Row]:
    """Return one sample record of the sandbox, drawn from types and code lists alone; no enterprise's data."""
    row: Row = {"known_at": known_at.isoformat(), "batch_id": "sandbox", "line": 1, "enterprise_id": uscc}
    for item in contract.items:
        row[item.id] = _SAMPLES.get(item.type, "示例")
    return [row]


def answer_from_store(
    interface: Interface,
    *,
    uscc: str,
    name: str,
    purpose: str,
    released: set[str],
    granted: Mapping[str, Sequence[str]],
    as_of: int,
    known_at: dt.date,
    page: int,
    rows: Callable[[Contract, str, int, dt.date], list[Row]] | None = None,
) -> Answer:
    """Compose the answer. A list that is not released or empty says so in ``meta``; it is never silently short."""
    data: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    total = 0
    read: list[str] = []
    for dataset in interface.datasets:
        items = [each for each in dataset.fields if each in granted.get(dataset.contract_id, ())]
        about: dict[str, Any] = {"title": dataset.title} | _status(dataset.contract_id)
        if dataset.data_class not in released or not items:
            meta[dataset.contract_id] = about | {"status": "not_authorised", "data_class": dataset.data_class}
            continue
        contract = load_contract(dataset.contract_id)
        found = (
            rows(contract, uscc, as_of, known_at)
            if rows
            else store().rows(contract, uscc, as_of=as_of, known_at=known_at)
        )
        found = _in_years(found, contract, interface.years_held, as_of)
        shown = _page(_ordered(found, dataset), dataset.rows, page)
        data[dataset.contract_id] = [
            {
                each: _mask(row.get(each), interface.mask_of(dataset.contract_id, each, purpose))
                for each in items
            }
            for row in shown
        ]
        meta[dataset.contract_id] = about | _meta(found, shown, items, dataset.rows, page)
        total += len(shown)
        read.append(dataset.data_class)
    head = {"interface": interface.id, "version": interface.version, "as_of": as_of}
    body = {"uscc": uscc, "name": name, "data": data, "meta": head | {"datasets": meta}}
    return Answer(body, total, tuple(dict.fromkeys(read)))


def _meta(found: list[Row], shown: list[Row], items: list[str], rows: int, page: int) -> dict[str, Any]:
    missing = [each for each in items if found and all(row.get(each) is None for row in found)]
    filled = sum(row.get(each) is not None for row in found for each in items)
    return {
        "status": "ok" if found else "missing",
        "count": len(found),
        "page": page,
        "has_next": page * rows < len(found),
        "completeness_ratio": round(filled / (len(found) * len(items)), 4) if found else None,
        "missing_items": missing,
        "known_at": max((row["known_at"] for row in shown), default=None),
    }


def _status(contract_id: str) -> dict[str, Any]:
    """Freshness and quality of a source, at most a minute old."""
    held = _state.get("status")
    if held is None or time.monotonic() - held[0] > STATUS_SECONDS:
        held = _state["status"] = (
            time.monotonic(),
            {each.contract_id: each for each in SourceStatus.objects.all()},
        )
    status = held[1].get(contract_id)
    if status is None:
        return {"delivered_on": None, "quality": None}
    quality = {key: getattr(status, f"rules_{key}") for key in ("passed", "warned", "failed", "not_run")}
    return {"delivered_on": status.delivered_on and status.delivered_on.isoformat(), "quality": quality}


def _in_years(rows: list[Row], contract: Contract, years: int | None, as_of: int) -> list[Row]:
    if years is None or contract.valid_on is None:
        return rows
    first = as_of // 100 - years
    return [
        row for row in rows if (value := row.get(contract.valid_on)) is None or int(str(value)[:4]) >= first
    ]


def _ordered(rows: list[Row], dataset: Dataset) -> list[Row]:
    if dataset.order is None:
        return rows
    order = dataset.order
    known = [row for row in rows if row.get(order) is not None]
    known.sort(key=lambda row: row[order], reverse=dataset.is_descending)
    return known + [row for row in rows if row.get(order) is None]


def _page(rows: list[Row], size: int, page: int) -> list[Row]:
    return rows[(page - 1) * size : page * size]


def _mask(value: Any, rule: str) -> Any:
    if value is None or rule == "none":
        return value
    if rule == "tail4":
        text = str(value)
        return "*" * max(0, len(text) - 4) + text[-4:] if len(text) > 4 else "****"
    if rule == "surname":
        return str(value)[:1] + "**"
    return band(Decimal(str(value)))


def band(amount: Decimal) -> str:
    """Band of an amount of yuan, in 万元."""
    if amount < 0:
        return "负数"
    lower = 0
    for upper in BANDS:
        if amount < upper:
            return f"{lower // 10_000}万元（含）至{upper // 10_000}万元"
        lower = upper
    return f"{lower // 10_000}万元以上"
