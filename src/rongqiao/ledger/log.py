"""The ledger: append once, seal, prove, verify."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.entries import Draft, Entry, check_instant
from rongqiao.ledger.errors import LedgerConflictError, LedgerDamagedError
from rongqiao.ledger.heads import Head, SignedHead, sign_head
from rongqiao.ledger.proofs import ConsistencyProof, InclusionProof
from rongqiao.ledger.store import Store, key_mark
from rongqiao.ledger.tree import consistency_path, inclusion_path, range_root
from rongqiao.ledger.verification import Verification, verify_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from rongqiao.ledger.signing import Signer


class Ledger:
    """Append-only log in a folder; any number of readers, writers one at a time, threads and processes alike.

    Parameters
    ----------
    path : Path
        Folder, by custom ``var/ledger``. Made on the first write; reading an absent one finds it empty.

    Raises
    ------
    LedgerDamagedError
        From any write, when the files contradict each other in a way no crash can bring about.

    Notes
    -----
    Tree and proofs: RFC 9162 section 2.1, hashed with SM3 (GB/T 32905). Payloads never enter, only digests.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._store = Store(path)
        self._indexes: dict[bytes, int] = {}
        self._indexed = 0
        self._mutex = threading.Lock()

    @property
    def size(self) -> int:
        """Entries so far."""
        return self._store.size()

    def append(
        self, kind: str, subject: str, digest: str, *, at: str | None = None, key: str | None = None
    ) -> int:
        """Record a fact once and return its index; durable when it returns.

        Parameters
        ----------
        kind, subject, digest, at, key
            As in `Draft`.

        Returns
        -------
        int
            Index of the new entry, or of the one that bears the key already.

        Raises
        ------
        InvalidValueError
            If a part is not of its form.
        LedgerConflictError
            If the key is taken by another kind, subject or digest. (Another ``at`` alone is no conflict: a
            retry may carry a later clock; the first stands.)
        """
        return self.append_many([Draft(kind, subject, digest, at, key)])[0]

    def append_many(self, drafts: Iterable[Draft]) -> list[int]:
        """Record many facts with one wait for the disk; if one is refused, none.

        Returns
        -------
        list of int
            Index per draft, in the order given; equal keys share one.

        Notes
        -----
        A power cut in the middle may leave the first few: the keys make it safe to hand in all of them again.
        """
        wanted = list(drafts)
        for draft in wanted:
            draft.check()
        if not wanted:
            return []
        with self._mutex, self._store.lock():
            self._store.recover()
            self._learn_keys()
            return self._place(wanted)

    def _place(self, wanted: list[Draft]) -> list[int]:
        size = self._store.size()
        fresh: list[Entry] = []
        waiting: dict[bytes, Entry] = {}
        places = []
        for draft in wanted:
            mark = key_mark(draft.effective_key)
            known = waiting.get(mark) or self._known(mark)
            if known is None:
                known = Entry(
                    size + len(fresh), draft.kind, draft.subject, draft.digest, draft.at, draft.effective_key
                )
                fresh.append(known)
                waiting[mark] = known
            elif (known.kind, known.subject, known.digest, known.key) != (
                draft.kind,
                draft.subject,
                draft.digest,
                draft.effective_key,
            ):
                raise LedgerConflictError(
                    "ledger key", draft.effective_key, f"Entry {known.index} bears it; record a correction."
                )
            places.append(known.index)
        if fresh:
            self._store.write(fresh, self._store.frontier(size))
        return places

    def _known(self, mark: bytes) -> Entry | None:
        index = self._indexes.get(mark)
        return None if index is None else self.entry(index)

    def _learn_keys(self) -> None:
        """Take in the keys that were written since, by this process or another."""
        size = self._store.size()
        if size < self._indexed:
            self._indexes.clear()
            self._indexed = 0
        for offset, (_, mark) in enumerate(self._store.read_records(self._indexed, size)):
            self._indexes[mark] = self._indexed + offset
        self._indexed = size

    def entry(self, index: int) -> Entry:
        """Entry at an index, counted from 0.

        Raises
        ------
        InvalidValueError
            If there is none, or its line was altered.
        """
        return Entry.from_bytes(self._store.read_line(index))

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Entries from ``start`` up to ``stop``, to the end by default."""
        for index in range(start, self.size if stop is None else min(stop, self.size)):
            yield self.entry(index)

    def find(self, key: str) -> int | None:
        """Index of the entry that bears the key, or ``None``."""
        with self._mutex:
            self._learn_keys()
            index = self._indexes.get(key_mark(key))
        return index if index is not None and self.entry(index).key == key else None

    def head(self, size: int | None = None) -> Head:
        """Size and root now, or when the ledger had ``size`` entries.

        Raises
        ------
        InvalidValueError
            If the ledger never was of that size.
        """
        whole = self.size
        size = whole if size is None else size
        if not 0 <= size <= whole:
            raise InvalidValueError("ledger size", size, f"Give a size from 0 to {whole}.")
        return Head(size, range_root(self._store.read_node, 0, size).hex())

    def signed_heads(self) -> list[SignedHead]:
        """Signed heads, oldest first.

        Raises
        ------
        InvalidValueError
            If a line was altered; `verify` names it.
        """
        return [SignedHead.from_bytes(line) for line in self._store.read_heads()]

    def seal(self, signer: Signer, at: str) -> SignedHead:
        """Sign the head of the ledger as it stands, and keep it.

        Parameters
        ----------
        signer : Signer
            Software key or cipher module.
        at : str
            Instant, ISO 8601 with an offset.

        Raises
        ------
        LedgerDamagedError
            If the tree no longer agrees with the last signed head: a damaged ledger is not signed over.
        InvalidValueError
            If the instant lies before the last head's.
        """
        with self._mutex, self._store.lock():
            self._store.recover()
            heads = self.signed_heads()
            if heads:
                self._check_against(heads[-1], at)
            signed = sign_head(self.head(), signer, at)
            self._store.append_head(signed.to_bytes())
            return signed

    def _check_against(self, last: SignedHead, at: str) -> None:
        if check_instant(at) < check_instant(last.at):
            raise InvalidValueError("instant", at, f"The last head was signed at {last.at}; check the clock.")
        if last.size > self.size or self.head(last.size).root != last.root:
            raise LedgerDamagedError(
                "ledger", f"head of {last.size}", "与上次签名的树头不一致，请运行 rongqiao ledger verify。"
            )

    def prove(self, index: int, size: int | None = None) -> InclusionProof:
        """Proof that an entry is in the ledger.

        Parameters
        ----------
        index : int
            Of the entry.
        size : int, optional
            Tree to prove against; by default that of the latest signed head that covers the entry, else the
            whole ledger.
        """
        heads = {head.size: head for head in self.signed_heads() if head.size > index}
        if size is None:
            size = max(heads, default=self.size)
        path = inclusion_path(self._store.read_node, index, self.head(size).size)
        return InclusionProof(
            self.entry(index), size, tuple(step.hex() for step in path), self.head(size).root, heads.get(size)
        )

    def prove_consistency(self, old: int, new: int | None = None) -> ConsistencyProof:
        """Proof that the tree of ``new`` entries (all, by default) begins with that of ``old`` entries."""
        new = self.head(new).size
        path = consistency_path(self._store.read_node, old, new)
        return ConsistencyProof(old, new, tuple(step.hex() for step in path))

    def verify(self, *public_keys: str, witness: SignedHead | None = None) -> Verification:
        """Recompute everything from the raw entries and say what does not hold.

        Parameters
        ----------
        *public_keys : str
            Keys whose heads count; hexadecimal or PEM.
        witness : SignedHead, optional
            A head kept elsewhere. Without one, a ledger cut back to an earlier state, heads and all, looks sound.
        """
        return verify_store(self._store, public_keys, witness)
