"""The Merkle tree of RFC 6962 / RFC 9162 section 2.1, hashed with SM3 (GB/T 32905). Pure: no files, no state.

A tree over *n* leaves splits at the largest power of two smaller than *n*. Every function that walks a tree
takes a *reader* of complete subtrees, so that the same code proves over a list in memory and over a file
with millions of nodes, and reads O(log n) of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives import hashes

from rongqiao.kernel.errors import InvalidValueError

HASH_BYTES = 32
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"


NodeReader = Callable[[int, int], bytes]
"""``read(level, index)``: hash of the complete subtree over leaves ``[index·2^level, (index+1)·2^level)``."""


def sm3(data: bytes) -> bytes:
    """SM3 digest, 32 bytes."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


EMPTY_ROOT = sm3(b"")


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf; the prefix keeps a leaf from ever passing for an inner node."""
    return sm3(LEAF_PREFIX + data)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sm3(NODE_PREFIX + left + right)


class Frontier:
    """Roots of the complete subtrees of a growing tree, widest first: all that appending needs.

    Parameters
    ----------
    size : int
        Leaves so far.
    peaks : Sequence[bytes]
        One hash per set bit of ``size``, from the highest bit down.
    """

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if size.bit_count() != len(peaks):
            raise InvalidValueError(
                "ledger frontier", len(peaks), f"A tree of {size} leaves has one per bit."
            )
        self.size = size
        self.peaks = list(peaks)

    def append(self, leaf: bytes) -> list[bytes]:
        """Add a leaf hash; return it and every subtree it completes, lowest first. O(log n), amortised O(1)."""
        made = [leaf]
        carry = self.size
        while carry & 1:
            made.append(node_hash(self.peaks.pop(), made[-1]))
            carry >>= 1
        self.peaks.append(made[-1])
        self.size += 1
        return made

    def root(self) -> bytes:
        """Root of the tree so far; the hash of nothing when it is empty."""
        return _fold(self.peaks)


def _fold(parts: Sequence[bytes]) -> bytes:
    """Join complete subtrees, widest first, the way the right edge of the tree nests."""
    if not parts:
        return EMPTY_ROOT
    joined = parts[-1]
    for part in reversed(parts[:-1]):
        joined = node_hash(part, joined)
    return joined


def _complete_subtrees(start: int, stop: int) -> list[tuple[int, int]]:
    """Split ``[start, stop)`` into complete aligned subtrees ``(level, index)``, left to right."""
    found = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def range_root(read: NodeReader, start: int, stop: int) -> bytes:
    """Hash over leaves ``[start, stop)``, where ``start`` is a left edge in the tree's own splitting."""
    return _fold([read(level, index) for level, index in _complete_subtrees(start, stop)])


def reader_of(leaf_hashes: Sequence[bytes]) -> NodeReader:
    """Reader over leaf hashes in memory; hashes each subtree once."""
    known: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        if level == 0:
            return leaf_hashes[index]
        if (level, index) not in known:
            known[level, index] = node_hash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))
        return known[level, index]

    return read


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Root over all the leaf hashes."""
    return range_root(reader_of(leaf_hashes), 0, len(leaf_hashes))


def _split(size: int) -> int:
    """Largest power of two smaller than ``size`` (which is at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_path(read: NodeReader, index: int, size: int) -> list[bytes]:
    """Hashes that lead from leaf ``index`` to the root of the first ``size`` leaves, lowest first.

    Raises
    ------
    InvalidValueError
        If the leaf is not among the first ``size``.

    Notes
    -----
    Source: RFC 9162 section 2.1.3.1.
    """
    if not 0 <= index < size:
        raise InvalidValueError("ledger index", index, f"Give an index below the tree's size of {size}.")
    path = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(range_root(read, middle, stop))
            stop = middle
        else:
            path.append(range_root(read, start, middle))
            start = middle
    return path[::-1]


def consistency_path(read: NodeReader, old: int, new: int) -> list[bytes]:
    """Hashes that show the first ``old`` leaves of the tree of ``new`` to be the old tree, unchanged.

    Returns
    -------
    list of bytes
        Empty when ``old`` is 0 or equals ``new``: the roots alone then decide.

    Raises
    ------
    InvalidValueError
        If the old tree is larger than the new one.

    Notes
    -----
    Source: RFC 9162 section 2.1.4.1.
    """
    if not 0 <= old <= new:
        raise InvalidValueError("ledger size", old, f"Give an old size from 0 to {new}.")
    if old in (0, new):
        return []
    path = []
    start, stop = 0, new
    is_left_edge = True
    while old != stop:
        middle = start + _split(stop - start)
        if old <= middle:
            path.append(range_root(read, middle, stop))
            stop = middle
        else:
            path.append(range_root(read, start, middle))
            start = middle
            is_left_edge = False
    if not is_left_edge:
        path.append(range_root(read, start, stop))
    return path[::-1]


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int | None = None) -> list[bytes]:
    """Inclusion path over leaf hashes in memory; the tree is their first ``size``, all by default."""
    whole = len(leaf_hashes)
    return inclusion_path(reader_of(leaf_hashes), index, _checked_size(size, whole))


def consistency_proof(leaf_hashes: Sequence[bytes], old: int, new: int | None = None) -> list[bytes]:
    """Consistency path between the first ``old`` and the first ``new`` leaf hashes in memory."""
    whole = len(leaf_hashes)
    return consistency_path(reader_of(leaf_hashes), old, _checked_size(new, whole))


def _checked_size(size: int | None, whole: int) -> int:
    if size is None:
        return whole
    if not 0 <= size <= whole:
        raise InvalidValueError("ledger size", size, f"Give a size from 0 to {whole}.")
    return size


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root_hash: bytes) -> bool:
    """Whether the path leads from the leaf hash, at this place in a tree of this size, to the root.

    Notes
    -----
    Source: RFC 9162 section 2.1.3.2. Answers ``False`` to anything malformed; never raises on it.
    """
    if not 0 <= index < size:
        return False
    place, last = index, size - 1
    joined = leaf
    for step in path:
        if last == 0 or len(step) != HASH_BYTES:
            return False
        if place & 1 or place == last:
            joined = node_hash(step, joined)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            joined = node_hash(joined, step)
        place >>= 1
        last >>= 1
    return last == 0 and joined == root_hash


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the path shows the new tree to begin with the old one.

    Notes
    -----
    Source: RFC 9162 section 2.1.4.2, extended to an old tree of size 0, which every tree begins with.
    """
    if old == 0 and new >= 0:
        return not path and old_root == EMPTY_ROOT and (new > 0 or new_root == EMPTY_ROOT)
    if old == new:
        return not path and old_root == new_root
    if not 0 < old < new or not path or any(len(step) != HASH_BYTES for step in path):
        return False
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    joined = _join_both(steps, place, last)
    return joined == (old_root, new_root)


def _join_both(steps: Sequence[bytes], place: int, last: int) -> tuple[bytes, bytes] | None:
    """Old and new root as the steps imply them; ``None`` if there are too many or too few steps."""
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old = node_hash(step, old)
            new = node_hash(step, new)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            new = node_hash(new, step)
        place >>= 1
        last >>= 1
    return (old, new) if last == 0 else None
