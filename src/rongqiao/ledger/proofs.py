"""Proofs that travel: a page of JSON that shows an entry to be in the ledger, checkable without the ledger."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.entries import Entry
from rongqiao.ledger.heads import SignedHead
from rongqiao.ledger.tree import HASH_BYTES, verify_consistency, verify_inclusion


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """An entry, the path to the root of a tree of ``size`` entries, and that tree's signed head.

    ``head`` is null when no head of that size was signed: the proof then shows only that entry and root fit.
    """

    entry: Entry
    size: int
    path: tuple[str, ...]
    root: str
    head: SignedHead | None

    def to_json(self) -> str:
        """Readable JSON."""
        return json.dumps({"proof": "inclusion"} | asdict(self), ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: str) -> InclusionProof:
        """Read what `to_json` writes.

        Raises
        ------
        InvalidValueError
            If a part is missing or is not of its form.
        """
        try:
            parts = json.loads(text)
            if parts.pop("proof") != "inclusion":
                raise ValueError
            head = parts.pop("head")
            parts["entry"] = Entry(**parts["entry"])
            parts["path"] = tuple(parts["path"])
            proof = cls(head=SignedHead(**head) if head is not None else None, **parts)
            for value in (*proof.path, proof.root):
                _check_hash(value)
            # A second reading, by the strict readers of the ledger's own lines.
            Entry.from_bytes(proof.entry.to_bytes())
            if proof.head is not None:
                SignedHead.from_bytes(proof.head.to_bytes())
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise InvalidValueError(
                "inclusion proof", text[:80], "Give the unchanged output of `rongqiao ledger prove`."
            ) from None
        return proof

    def problems(self, *public_keys: str) -> list[str]:
        """Say in words what is wrong with the proof; empty when the entry is shown to be in the ledger.

        Parameters
        ----------
        *public_keys : str
            Keys the reader trusts, from elsewhere than the proof.
        """
        found = []
        path = [bytes.fromhex(step) for step in self.path]
        if not verify_inclusion(
            self.entry.leaf(), self.entry.index, self.size, path, bytes.fromhex(self.root)
        ):
            found.append(f"路径不成立：第 {self.entry.index} 条与根 {self.root[:16]}… 不符")
        if self.head is None:
            found.append(f"规模 {self.size} 的树头未签名")
        elif (self.head.size, self.head.root) != (self.size, self.root):
            found.append(f"签名树头说的是另一棵树（规模 {self.head.size}）")
        elif not any(self.head.is_signed_by(key) for key in public_keys):
            found.append(f"树头签名不成立，或签名密钥 {self.head.key_id} 不受信任")
        return found


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """Path that shows the tree of ``new`` entries to begin with the tree of ``old`` entries."""

    old: int
    new: int
    path: tuple[str, ...]

    def holds(self, old_root: str, new_root: str) -> bool:
        """Whether the path joins the two roots, given as hexadecimal digits."""
        path = [bytes.fromhex(step) for step in self.path]
        return verify_consistency(self.old, self.new, path, bytes.fromhex(old_root), bytes.fromhex(new_root))


def _check_hash(value: object) -> None:
    if not isinstance(value, str) or len(bytes.fromhex(value)) != HASH_BYTES:
        raise ValueError
