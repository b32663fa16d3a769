"""Measures what is caught: each fault in a delivery of each contract, the steps run on it, and what they say that they do not say of the clean one."""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from config.mutations import cell_faults, file_faults  # noqa: F401  (they declare the kinds)
from config.mutations.draft import draw, drawable, known_enterprises
from config.mutations.kinds import KINDS
from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.batch import Delivery
from rongqiao.governance.rehearsal import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from config.mutations.draft import Draft
    from config.mutations.kinds import Kind, Planted
    from rongqiao.governance.inventory import Baselines
    from rongqiao.governance.rehearsal import Rehearsed

Result = Literal["caught", "survived", "harmless", "read_as_meant"]
_RANK = {"not_run": 0, "passed": 0, "warned": 1, "failed": 2}
#: Says that the very bytes have a receipt: the file is not governed again.
RECEIVED = "collection.received"


@dataclass(frozen=True, slots=True)
class Pair:
    """What became of one kind of fault in one contract.

    Parameters
    ----------
    contract_id, kind_id : str
    result : str
        ``caught``, ``survived``; not counted: ``harmless`` by declaration, ``read_as_meant`` where the accepted rows equal the clean ones.
    where : str
        Item or place that was touched.
    by : tuple of str
        Rules that objected, without the contract's name; the reason for a harmless pair.
    """

    contract_id: str
    kind_id: str
    result: Result
    where: str
    by: tuple[str, ...] = ()


def measured_contracts() -> tuple[str, ...]:
    """Contracts that are measured: of every department the one with the most written rules and the one with the fewest."""
    contracts = load_contracts()
    of: dict[str, list[tuple[int, str]]] = {}
    for contract_id in drawable():
        contract = contracts[contract_id]
        written = sum(not rule.is_implied for rule in contract.rules)
        of.setdefault(contract.department, []).append((written, contract_id))
    return tuple(sorted({name for found in of.values() for _, name in (min(found), max(found))}))


def measure(contract_ids: Iterable[str], kind_ids: Iterable[str] | None = None) -> Iterator[Pair]:
    """Plant every kind of fault in a delivery of each contract, and yield what became of it.

    Parameters
    ----------
    contract_ids : iterable of str
    kind_ids : iterable of str or None
        ``None`` for all.

    Yields
    ------
    Pair
        In the order of contracts and kinds; none where a contract has no place for a fault. The same on every run.
    """
    chosen = [KINDS[name] for name in (KINDS if kind_ids is None else kind_ids)]
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder))
        for contract_id in contract_ids:
            yield from bench.pairs(contract_id, chosen)


class _Bench:
    """A stage with a folder for files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stage = Stage(folder / "landing", known_enterprises())

    def pairs(self, contract_id: str, kinds: Iterable[Kind]) -> Iterator[Pair]:
        before = self._run(draw(contract_id, before=True), None)
        known = (before.rows_in, before.baselines)
        draft = draw(contract_id)
        clean = self._run(draft, known)
        for kind in kinds:
            # The place is drawn anew for each pair, so that a new kind moves no other.
            chance = random.Random(f"{contract_id}:{kind.id}")  # noqa: S311  (repeatable, not secret)
            planted = kind.plant(draft, chance)
            if planted is None:
                continue
            if planted.harmless:
                yield Pair(contract_id, kind.id, "harmless", planted.where, (planted.harmless,))
                continue
            yield self._judge(draft, kind, planted, (clean, known))

    def _run(self, draft: Draft, known: tuple[int, Baselines] | None) -> Rehearsed:
        path = self.folder / f"{draft.delivered_on.isoformat()}.csv"
        path.write_bytes(draft.as_csv())
        delivery = Delivery(draft.contract.id, path, draft.delivered_on)
        return self.stage.rehearse(draft.contract, delivery, known)

    def _judge(
        self, draft: Draft, kind: Kind, planted: Planted, told: tuple[Rehearsed, tuple[int, Baselines]]
    ) -> Pair:
        clean, known = told
        path = self.folder / f"{planted.delivered_on.isoformat()}.{planted.suffix}"
        path.write_bytes(planted.content)
        delivery = Delivery(draft.contract.id, path, planted.delivered_on)
        found = self.stage.rehearse(draft.contract, delivery, known)
        by = tuple(sorted(set(_objections(clean, found, draft.contract.id, kind))))
        if kind.is_read_as_meant and found.accepted.equals(clean.accepted):
            return Pair(draft.contract.id, kind.id, "read_as_meant", planted.where)
        return Pair(draft.contract.id, kind.id, "caught" if by else "survived", planted.where, by)


def _objections(clean: Rehearsed, found: Rehearsed, contract_id: str, kind: Kind) -> Iterator[str]:
    """Name what the steps say of a file beyond what they say of the clean one."""
    prefix = f"{contract_id}."
    if found.batch_id == clean.batch_id and kind.id == "same_file_again":
        yield RECEIVED
    for rule_id, rows in found.quarantined.items():
        if rows > clean.quarantined.get(rule_id, 0):
            yield rule_id.removeprefix(prefix)
    for rule_id, (outcome, rows) in found.outcomes.items():
        before, rows_before = clean.outcomes.get(rule_id, ("not_run", 0))
        is_worse = _RANK[outcome] > _RANK[before] or (_RANK[outcome] and rows > rows_before)
        if is_worse:
            yield rule_id.removeprefix(prefix)
    for method, rows in found.mended.items():
        if rows > clean.mended.get(method, 0):
            yield f"cleaning.{method}"
