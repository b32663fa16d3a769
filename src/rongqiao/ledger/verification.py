"""Verification from raw entries: trusts no stored hash, and names the first entry that does not hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.entries import Entry, check_instant
from rongqiao.ledger.errors import LedgerDamagedError
from rongqiao.ledger.heads import SignedHead
from rongqiao.ledger.proofs import ConsistencyProof
from rongqiao.ledger.signing import check_public_key
from rongqiao.ledger.store import RECORD, key_mark
from rongqiao.ledger.tree import HASH_BYTES, Frontier, consistency_path, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import BufferedIOBase

    from rongqiao.ledger.store import Store


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not hold.

    Parameters
    ----------
    code : str
        ``entry_altered``, ``entry_malformed``, ``entry_misplaced``, ``entry_missing``, ``entry_repeated``,
        ``node_altered``, ``node_missing``, ``index_altered``, ``head_altered``, ``head_signature``, ``head_root``, ``head_order``,
        ``head_inconsistent`` or ``witness``.
    index : int or None
        Of the entry, counted from 0; for heads, of the head. Null when it is not about one.
    text : str
        What is wrong and where, for a person.
    """

    code: str
    index: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Outcome of a verification.

    Parameters
    ----------
    size : int
        Entries read.
    root : str
        Root recomputed over them, hexadecimal.
    heads : tuple of SignedHead
        Heads that are whole, properly signed, and whose root was recomputed.
    sealed_size : int
        Entries under the last of these; the rest, ``unsealed``, no signature answers for yet.
    problems : tuple of Problem
        Entries first, in their order.
    """

    size: int
    root: str
    heads: tuple[SignedHead, ...]
    sealed_size: int
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong. What is unsealed is not wrong, but not proven either."""
        return not self.problems

    @property
    def unsealed(self) -> int:
        """Entries that no signed head covers."""
        return self.size - self.sealed_size

    @property
    def first_bad_entry(self) -> int | None:
        """Lowest index of an entry that does not hold; null when none is known."""
        found = [
            problem.index
            for problem in self.problems
            if problem.code.startswith("entry_") and problem.index is not None
        ]
        return min(found, default=None)


@dataclass(slots=True)
class _Recount:
    """State of one pass over the entries, in step with the streams of nodes and index."""

    nodes: BufferedIOBase
    index: BufferedIOBase
    frontier: Frontier = field(default_factory=Frontier)
    roots: dict[int, bytes] = field(default_factory=dict)
    keys: dict[bytes, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    end: int = 0
    agreed: int = 0
    has_broken_order: bool = False

    def report(self, code: str, index: int | None, text: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(code, index, text))

    def report_once(self, cause: str, code: str, index: int | None, text: str) -> None:
        """Note a problem unless the like, or what brings it about, is noted already."""
        if not any(problem.code in (cause, code) for problem in self.problems):
            self.report(code, index, text)


def verify_store(store: Store, public_keys: Sequence[str], witness: SignedHead | None = None) -> Verification:
    """Verify the files of a ledger; reads only, and needs no lock.

    Raises
    ------
    InvalidValueError
        If a public key given by the caller is malformed.
    """
    trusted = [check_public_key(key) for key in public_keys]
    # Heads are read before entries: a head written meanwhile must not outrun what is counted below.
    head_lines = store.read_heads()
    parsed = list(_parse_heads(head_lines))
    sizes = {head.size for head, _ in parsed if head is not None} | ({witness.size} if witness else set())
    count = _recount_entries(store, sizes)
    good = _check_heads(parsed, trusted, store, count)
    if witness is not None:
        _check_witness(witness, trusted, count)
    sealed = max((head.size for head in good), default=0)
    problems = _clear_sealed(count.problems, sealed)
    return Verification(
        count.frontier.size, count.frontier.root().hex(), tuple(good), sealed, tuple(problems)
    )


def _recount_entries(store: Store, sizes: set[int]) -> _Recount:
    committed = store.size()
    with store.open_derived() as (nodes, index):
        count = _Recount(nodes, index)
        count.roots[0] = count.frontier.root()
        for place, line in enumerate(store.read_lines()):
            if place >= committed:
                break  # Not committed yet: a writer is at work, or died at it.
            _recount_line(place, line, count)
            if place + 1 in sizes:
                count.roots[place + 1] = count.frontier.root()
    held = count.frontier.size
    if held < committed:
        count.report(
            "entry_missing", held, f"第 {held} 条起缺失：应有 {committed} 条，entries.jsonl 只有 {held} 条"
        )
    return count


def _recount_line(place: int, line: bytes, count: _Recount) -> None:
    body = line.removesuffix(b"\n")
    made = count.frontier.append(leaf_hash(body))
    count.end += len(line)
    stored = count.nodes.read(len(made) * HASH_BYTES)
    record = count.index.read(RECORD.size)
    where = f"第 {place} 条（entries.jsonl 第 {place + 1} 行）"
    is_altered = stored[:HASH_BYTES] != made[0]
    if len(stored) < len(made) * HASH_BYTES:
        count.report_once("entry_altered", "node_missing", place, f"{where}起的哈希缺失（nodes.bin 过短）")
    elif is_altered and not count.has_broken_order:
        count.report("entry_altered", place, f"{where}与其叶哈希不符")
    elif not is_altered and stored != b"".join(made):
        # An altered entry shows again in every node above it; the entry is what matters then.
        count.report_once(
            "entry_altered", "node_altered", place, f"{where}之上的中间哈希与重算不符（nodes.bin）"
        )
    try:
        entry = Entry.from_bytes(body)
    except InvalidValueError:
        if not is_altered:
            count.report("entry_malformed", place, f"{where}不是规范的条目")
        return
    _check_place(entry, place, where, count)
    if record != RECORD.pack(count.end, key_mark(entry.key)):
        count.report_once("entry_altered", "index_altered", place, f"{where}与 index.bin 不符")


def _check_place(entry: Entry, place: int, where: str, count: _Recount) -> None:
    if entry.index != place and not count.has_broken_order:
        # Everything after a removed line is out of place; once is enough.
        count.has_broken_order = True
        count.report("entry_misplaced", place, f"{where}的序号是 {entry.index}：有条目被删除、插入或调换")
    mark = key_mark(entry.key)
    if mark in count.keys:
        count.report("entry_repeated", place, f"{where}与第 {count.keys[mark]} 条的键相同")
    count.keys.setdefault(mark, place)


def _parse_heads(lines: Sequence[bytes]) -> Iterator[tuple[SignedHead | None, int]]:
    for number, line in enumerate(lines):
        try:
            yield SignedHead.from_bytes(line), number
        except InvalidValueError:
            yield None, number


def _check_heads(
    parsed: Sequence[tuple[SignedHead | None, int]], trusted: Sequence[str], store: Store, count: _Recount
) -> list[SignedHead]:
    good: list[SignedHead] = []
    before: SignedHead | None = None
    for head, number in parsed:
        where = f"第 {number} 个签名树头（heads.jsonl 第 {number + 1} 行）"
        if head is None:
            count.report("head_altered", number, f"{where}不是规范的树头")
            continue
        is_good = _check_head(head, number, where, trusted, count)
        if before is not None:
            is_good = _check_order(before, head, number, where, count) and is_good
            _check_growth(before, head, number, where, store, count)
        if is_good:
            good.append(head)
        before = head
    return good


def _check_head(head: SignedHead, number: int, where: str, trusted: Sequence[str], count: _Recount) -> bool:
    problems = len(count.problems)
    if not any(head.is_signed_by(key) for key in trusted):
        count.report("head_signature", number, f"{where}的签名不成立，或密钥 {head.key_id} 不受信任")
    root = count.roots.get(head.size)
    if root is None:
        count.report(
            "entry_missing",
            count.frontier.size,
            f"{where}涵盖 {head.size} 条，现只有 {count.frontier.size} 条：其后的条目缺失，或未列入 index.bin",
        )
    elif root.hex() != head.root:
        count.report(
            "head_root",
            number,
            f"{where}的根与重算不符：第 {count.agreed} 条至第 {head.size - 1} 条之间有改动",
        )
    else:
        count.agreed = max(count.agreed, head.size)
    return len(count.problems) == problems


def _check_order(before: SignedHead, head: SignedHead, number: int, where: str, count: _Recount) -> bool:
    is_forward = head.size >= before.size and check_instant(head.at) >= check_instant(before.at)
    if not is_forward:
        count.report("head_order", number, f"{where}比前一个更小或更早")
    return is_forward


def _check_growth(
    before: SignedHead, head: SignedHead, number: int, where: str, store: Store, count: _Recount
) -> None:
    """Consistency of two heads by the proof an outsider would ask for, read from the stored nodes."""
    if not before.size <= head.size <= count.frontier.size:
        return  # Reported already: wrong order, or entries missing.
    if all(count.roots[each.size].hex() == each.root for each in (before, head)):
        return  # Both roots follow from the same entries: nothing is left to prove, whatever the nodes say.
    try:
        path = consistency_path(store.read_node, before.size, head.size)
    except LedgerDamagedError:
        return  # Reported already: hashes missing.
    proof = ConsistencyProof(before.size, head.size, tuple(step.hex() for step in path))
    if not proof.holds(before.root, head.root):
        text = f"{where}不是前一个树头的延续（{before.size} → {head.size} 条）"
        count.report("head_inconsistent", number, text)


def _clear_sealed(problems: Sequence[Problem], sealed: int) -> list[Problem]:
    """Where a signed head vouches for an entry, it is the stored hash that was altered, not the entry."""
    return [
        Problem("node_altered", problem.index, f"{problem.text}：条目有签名树头为证，被改的是 nodes.bin")
        if problem.code == "entry_altered" and problem.index is not None and problem.index < sealed
        else problem
        for problem in problems
    ]


def _check_witness(witness: SignedHead, trusted: Sequence[str], count: _Recount) -> None:
    root = count.roots.get(witness.size)
    if not any(witness.is_signed_by(key) for key in trusted):
        count.report("witness", None, "另存的树头签名不成立，或其密钥不受信任")
    elif root is None:
        count.report(
            "witness", None, f"另存的树头涵盖 {witness.size} 条，现只有 {count.frontier.size} 条：账本被截短"
        )
    elif root.hex() != witness.root:
        count.report("witness", None, f"前 {witness.size} 条与另存的树头不符：账本被改写")
