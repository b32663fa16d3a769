"""The kept measurement: ``standards/mutations.json``, renewed by ``rongqiao standards mutate`` and refused by the check once it is stale."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.mutations.crossing import CROSS_KINDS, TABLES, measure_cross
from config.mutations.kinds import KINDS
from config.mutations.measurement import Pair, measure, measured_contracts
from rongqiao.contracts.code_lists import code_list
from rongqiao.contracts.cross import load_cross_rules
from rongqiao.contracts.standards import load_contract, standards_root
from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rongqiao.contracts.model import Contract

#: Stands for the rules between tables where contracts stand for their own.
CROSS = "cross"
_REMEDY = "请运行 rongqiao standards mutate 重新测定（只测有变化的数据标准）。"


@dataclass(frozen=True, slots=True)
class Score:
    """How much is caught; pairs that are not counted are told apart.

    Parameters
    ----------
    kinds, pairs, caught : int
        Kinds of faults, pairs of kind and contract that count, and those that were caught.
    harmless, read_as_meant : int
        Pairs that do not count: harmless by declaration, or undone by the steps.
    ratio : float
        Caught of counted.
    """

    kinds: int
    pairs: int
    caught: int
    harmless: int
    read_as_meant: int
    ratio: float


def record_path() -> Path:
    """Place of the measurement."""
    return standards_root() / "mutations.json"


def digests() -> dict[str, str]:
    """Digest what each measurement rests on, by contract: its items, rules and code lists, and the faults that are planted."""
    planting = _digest_of_planting()
    found = {name: _digest(_basis(load_contract(name)), planting) for name in measured_contracts()}
    tables = [_basis(load_contract(name)) for name in TABLES]
    found[CROSS] = _digest([repr(load_cross_rules()), *tables], planting)
    return found


def _basis(contract: Contract) -> list[str]:
    lists = [repr(code_list(item.code_list)) for item in contract.items if item.code_list]
    return [repr((contract.key, contract.valid_on, contract.valid_kind, contract.update_cycle)), repr(contract.items), repr(contract.rules), *lists]  # fmt: skip


def _digest_of_planting() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    planting = [path.read_text(encoding="utf-8") for path in files if path.stem not in ("record", "document")]
    return _digest(planting, "")


def _digest(parts: object, more: str) -> str:
    return hashlib.sha256(f"{parts!r}{more}".encode()).hexdigest()[:16]


def load_pairs() -> list[Pair]:
    """Read the kept pairs, in order of contracts and kinds.

    Raises
    ------
    ContractError
        If there is no measurement.
    """
    return [_to_pair(name, node) for name, kept in _load().items() for node in kept["pairs"]]


def _load() -> dict[str, Any]:
    path = record_path()
    if not path.exists():
        raise ContractError("变异测定", str(path), f"还没有测定结果。{_REMEDY}")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _to_pair(contract_id: str, node: Sequence[Any]) -> Pair:
    kind_id, result, where, by, *other = node
    return Pair(other[0] if other else contract_id, kind_id, result, where, tuple(by))


def stale() -> list[str]:
    """Contracts whose kept measurement does not rest on what stands now."""
    try:
        kept = _load()
    except ContractError:
        kept = {}
    current = digests()
    return [name for name in {**current, **kept} if kept.get(name, {}).get("digest") != current.get(name)]


def check_record() -> list[str]:
    """Return one line per fault of the measurement; empty when it is current."""
    names = stale()
    return (
        [
            f"变异评分已过期：{'、'.join(names[:5])}{f' 等 {len(names)} 处' if len(names) > 5 else ''}；{_REMEDY}"
        ]
        if names
        else []
    )


def renew(on_progress: Callable[[str, int, int], None] | None = None, *, everything: bool = False) -> int:
    """Measure anew what is stale and keep it; return how many contracts were measured.

    Parameters
    ----------
    on_progress : callable or None
        Called with each contract, how many are done, and how many there are to do.
    everything : bool
        Measure the current ones too.
    """
    current = digests()
    kept = _load() if record_path().exists() else {}
    due = [name for name in current if everything or kept.get(name, {}).get("digest") != current[name]]
    kept = {name: node for name, node in kept.items() if name in current}
    for done, name in enumerate(due):
        if on_progress:
            on_progress(name, done, len(due))
        pairs = measure_cross() if name == CROSS else measure([name])
        kept[name] = {"digest": current[name], "pairs": [_to_node(pair, name) for pair in pairs]}
        _write(kept)
    _write(kept)
    return len(due)


def _to_node(pair: Pair, name: str) -> list[Any]:
    node = asdict(pair)
    plain = [node["kind_id"], node["result"], node["where"], list(node["by"])]
    return plain if pair.contract_id == name else [*plain, pair.contract_id]


def _write(kept: dict[str, Any]) -> None:
    """Write one line per pair: a change of what is caught then shows as that pair's own line."""
    parts = []
    for name, node in sorted(kept.items()):
        pairs = ",\n".join(json.dumps(pair, ensure_ascii=False) for pair in node["pairs"])
        parts.append(
            f'{json.dumps(name)}: {{"digest": {json.dumps(node["digest"])}, "pairs": [\n{pairs}\n]}}'
        )
    draft = record_path().with_suffix(".draft")
    draft.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    draft.replace(record_path())


def score(pairs: Iterable[Pair]) -> Score:
    """Count pairs; a contract without a place for a fault has no pair of it."""
    known = list(pairs)
    tally = Counter(pair.result for pair in known)
    counted = tally["caught"] + tally["survived"]
    ratio = round(tally["caught"] / counted, 4) if counted else 0.0
    kinds = len({pair.kind_id for pair in known})
    return Score(kinds, counted, tally["caught"], tally["harmless"], tally["read_as_meant"], ratio)


def kind_titles() -> dict[str, str]:
    """Chinese title of every kind, those between tables last."""
    return {kind.id: kind.title for kind in KINDS.values()} | {kind.id: kind.title for kind in CROSS_KINDS}


def survivors(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Pairs that no rule caught."""
    return (pair for pair in pairs if pair.result == "survived")
