"""What an interface answers: records of an enterprise as granted, masked by purpose, with what is known about the data."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.models import SourceStatus
from rongqiao.bases.enterprises.objections.marks import all_marks_of
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
#: Days after which a source of the cycle counts as stale; one that is delivered once never does.
CYCLE_DAYS = {"daily": 3, "weekly": 10, "monthly": 45, "quarterly": 120, "yearly": 400}
_state: dict[str, Any] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what of it may be shown.

    Parameters
    ----------
    released : set of str
        Classes of data that the enterprise, the law or the source itself opens to the caller.
    granted : Mapping
        Items granted, by contract.
    is_marked : bool
        Whether any fact of the enterprise is disputed.
    today : date
        Day of the call in China, for the freshness of sources, and for what has ended or was withdrawn since ``known_at``.
    """

    uscc: str
    name: str
    purpose: str
    released: set[str]
    granted: Mapping[str, Sequence[str]]
    as_of: int
    known_at: dt.date
    page: int
    is_marked: bool
    today: dt.date


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


def answer_from_store(
    interface: Interface,
    question: Question,
    *,
    rows: Callable[[Contract, str, int, dt.date], list[Row]] | None = None,
) -> Answer:
    """Compose the answer. A list that is not released or empty says so in ``meta``; it is never silently short.

    Parameters
    ----------
    rows : callable or None
        Where records come from; the serving store when none is given.
    """
    data: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    total = 0
    read: list[str] = []
    marks = _marks(question)
    for dataset in interface.datasets:
        items = [each for each in dataset.fields if each in question.granted.get(dataset.contract_id, ())]
        about: dict[str, Any] = {"title": dataset.title} | _status(
            dataset.contract_id, interface.ping, question
        )
        if dataset.data_class not in question.released or not items:
            meta[dataset.contract_id] = about | {"status": "not_authorised", "data_class": dataset.data_class}
            continue
        contract = _contract(dataset.contract_id)
        found = _found(contract, interface, question, rows)
        shown = _page(_ordered(found, dataset), dataset.rows, question.page)
        rules = {each: interface.mask_of(contract.id, each, question.purpose) for each in items}
        data[contract.id] = _masked(shown, items, rules)
        meta[contract.id] = (
            about
            | _meta(found, shown, items, dataset.rows, question.page)
            | {
                "masked_items": {each: rule for each, rule in rules.items() if rule != "none"},
                "not_granted_items": [each for each in dataset.fields if each not in items],
                "disputed": [mark for mark in marks if mark["contract_id"] == contract.id],
            }
        )
        total += len(shown)
        read.append(dataset.data_class)
    head = {
        "interface": interface.id,
        "version": interface.version,
        "as_of": question.as_of,
        "known_at": question.known_at.isoformat(),
        "purpose": question.purpose,
        "has_next": any(each.get("has_next") for each in meta.values()),
    }
    body = {
        "uscc": question.uscc,
        "name": question.name,
        "data": data,
        "meta": head | {"datasets": meta},
    }
    return Answer(body, total, tuple(dict.fromkeys(read)))


def _contract(contract_id: str) -> Contract:
    """Contract of a table, at most a minute old: looking for the installation's own ones reads a folder."""
    held = _state.get(contract_id)
    if held is None or time.monotonic() - held[0] > STATUS_SECONDS:
        held = _state[contract_id] = (time.monotonic(), load_contract(contract_id))
    found: Contract = held[1]
    return found


def _found(
    contract: Contract,
    interface: Interface,
    question: Question,
    rows: Callable[[Contract, str, int, dt.date], list[Row]] | None,
) -> list[Row]:
    if rows is not None:
        found = rows(contract, question.uscc, question.as_of, question.known_at)
    else:
        found = store().rows(
            contract,
            question.uscc,
            as_of=question.as_of,
            known_at=question.known_at,
            read_on=question.today,
        )
    return _in_years(found, contract, interface.years_held, question.as_of)


def _marks(question: Question) -> list[dict[str, str]]:
    """List marks on the enterprise's disputed facts; what they say is shown as far as the fact itself is."""
    if not question.is_marked:
        return []
    return [mark.as_dict() for mark in all_marks_of(question.uscc)]


def _meta(found: list[Row], shown: list[Row], items: list[str], rows: int, page: int) -> dict[str, Any]:
    held = {each: len(found) - [row.get(each) for row in found].count(None) for each in items}
    missing = [each for each in items if found and not held[each]]
    filled = sum(held.values())
    return {
        "status": "ok" if found else "missing",
        "count": len(found),
        "page": page,
        "has_next": page * rows < len(found),
        "completeness_ratio": round(filled / (len(found) * len(items)), 4) if found else None,
        "missing_items": missing,
        "known_at": max((row["known_at"] for row in shown), default=None),
    }


def status_of(contract_id: str) -> SourceStatus | None:
    """Freshness and quality of a source as last published, at most a minute old; null for one never delivered."""
    held = _state.get("status")
    if held is None or time.monotonic() - held[0] > STATUS_SECONDS:
        held = _state["status"] = (
            time.monotonic(),
            {each.contract_id: each for each in SourceStatus.objects.all()},
        )
    found: SourceStatus | None = held[1].get(contract_id)
    return found


def forget_status() -> None:
    """Ask anew for the state of the sources at the next call."""
    _state.pop("status", None)


def freshness(delivered_on: dt.date | None, cycle: str, today: dt.date) -> str:
    """``fresh``, ``stale`` when a delivery of the cycle is overdue, ``unknown`` where nothing was delivered yet."""
    if delivered_on is None:
        return "unknown"
    days = CYCLE_DAYS.get(cycle)
    return "fresh" if days is None or (today - delivered_on).days <= days else "stale"


def _status(contract_id: str, cycle: str, question: Question) -> dict[str, Any]:
    status = status_of(contract_id)
    if status is None:
        return {"delivered_on": None, "freshness": "unknown", "quality": None}
    quality = {key: getattr(status, f"rules_{key}") for key in ("passed", "warned", "failed", "not_run")}
    return {
        "delivered_on": status.delivered_on and status.delivered_on.isoformat(),
        "freshness": freshness(status.delivered_on, cycle, question.today),
        "quality": quality,
    }


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


def _masked(rows: list[Row], items: Sequence[str], rules: Mapping[str, str]) -> list[Row]:
    """Items of each record in their order, each as its rule wants it."""
    veiled = [each for each in items if rules[each] != "none"]
    shown = [{each: row.get(each) for each in items} for row in rows]
    for row in shown:
        for each in veiled:
            row[each] = _mask(row[each], rules[each])
    return shown


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
