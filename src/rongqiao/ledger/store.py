"""Three append-only files that hold the ledger, and the order of writing that lets them survive a power cut.

``entries.jsonl``
    One canonical line per entry. The only file that cannot be derived from another.
``nodes.bin``
    32 bytes per complete subtree, in the order in which leaves complete them. It commits to every entry.
``index.bin``
    24 bytes per entry: where its line ends, and the first half of the SM3 of its key. Its length is the
    commit mark: an entry counts once its record stands here, and readers need no lock.

Entries are synced before nodes, nodes before index. A crash therefore leaves a longer entries file at worst;
the next writer takes in whole lines and moves a torn tail aside into ``torn-<offset>.bin``. Nothing is deleted.
"""

from __future__ import annotations

import fcntl
import io
import os
import struct
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.entries import Entry
from rongqiao.ledger.errors import LedgerDamagedError
from rongqiao.ledger.tree import HASH_BYTES, Frontier, sm3

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

RECORD = struct.Struct(">Q16s")


def key_mark(key: str) -> bytes:
    """First half of the SM3 of a key; a hit is always compared with the key itself."""
    return sm3(key.encode())[:16]


def node_count(leaves: int) -> int:
    """Complete subtrees in a tree of so many leaves."""
    return 2 * leaves - leaves.bit_count()


def node_position(level: int, index: int) -> int:
    """Place of a complete subtree in ``nodes.bin``: its last leaf's place, plus its level."""
    return node_count(((index + 1) << level) - 1) + level


def leaf_count(nodes: int) -> int:
    """Largest number of leaves whose subtrees fit in so many nodes; inverse of `node_count`, rounded down."""
    leaves = nodes // 2
    while node_count(leaves + 1) <= nodes:
        leaves += 1
    return leaves


class Store:
    """The files of one ledger. Appending needs `lock`; reading does not.

    Parameters
    ----------
    path : Path
        Folder; made on the first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries = path / "entries.jsonl"
        self.nodes = path / "nodes.bin"
        self.index = path / "index.bin"
        self.heads = path / "heads.jsonl"

    def size(self) -> int:
        """Entries committed."""
        return _length(self.index) // RECORD.size

    def read_node(self, level: int, index: int) -> bytes:
        """Hash of a complete subtree.

        Raises
        ------
        LedgerDamagedError
            If ``nodes.bin`` ends before it.
        """
        node = _read_at(self.nodes, node_position(level, index) * HASH_BYTES, HASH_BYTES)
        if len(node) != HASH_BYTES:
            raise LedgerDamagedError("nodes.bin", (level, index), "文件过短，请运行 rongqiao ledger verify。")
        return node

    def read_records(self, start: int, stop: int) -> list[tuple[int, bytes]]:
        """End of line and key mark of entries ``start`` to ``stop``."""
        data = _read_at(self.index, start * RECORD.size, (stop - start) * RECORD.size)
        return list(RECORD.iter_unpack(data[: len(data) // RECORD.size * RECORD.size]))

    def read_line(self, index: int) -> bytes:
        """Line of one committed entry, without its line feed.

        Raises
        ------
        InvalidValueError
            If there is no such entry.
        """
        size = self.size()
        if not 0 <= index < size:
            raise InvalidValueError(
                "ledger index", index, f"The ledger holds {size} entries, counted from 0."
            )
        start = self.end_of(index)
        return _read_at(self.entries, start, self.end_of(index + 1) - start)[:-1]

    def end_of(self, size: int) -> int:
        """Bytes that the first ``size`` entries take up."""
        return int(self.read_records(size - 1, size)[0][0]) if size else 0

    def read_lines(self) -> Iterator[bytes]:
        """Every line as it stands, committed or not; the last may lack its line feed."""
        if self.entries.exists():
            with self.entries.open("rb") as file:
                yield from file

    @contextmanager
    def open_derived(self) -> Iterator[tuple[io.BufferedIOBase, io.BufferedIOBase]]:
        """Nodes and index as streams in the order of entries; an absent file reads as empty."""
        with ExitStack() as stack:
            nodes, index = (
                stack.enter_context(file.open("rb") if file.exists() else io.BytesIO())
                for file in (self.nodes, self.index)
            )
            yield nodes, index

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer, among threads and processes, for the length of the block."""
        self.path.mkdir(parents=True, exist_ok=True)
        # A descriptor of one's own each time: flock then also keeps the threads of one process apart.
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def frontier(self, size: int) -> Frontier:
        """Peaks of the tree of the first ``size`` entries, read back from ``nodes.bin``."""
        peaks, start = [], 0
        for level in range(size.bit_length() - 1, -1, -1):
            if size >> level & 1:
                peaks.append(self.read_node(level, start >> level))
                start += 1 << level
        return Frontier(size, peaks)

    def write(self, entries: Sequence[Entry], frontier: Frontier) -> None:
        """Append entries that follow on the committed ones; durable when it returns. Needs `lock`."""
        end = self.end_of(self.size())
        lines, nodes, records = [], [], []
        for entry in entries:
            line = entry.to_bytes() + b"\n"
            end += len(line)
            lines.append(line)
            nodes += frontier.append(entry.leaf())
            records.append(RECORD.pack(end, key_mark(entry.key)))
        _append(self.entries, b"".join(lines))
        _append(self.nodes, b"".join(nodes))
        _append(self.index, b"".join(records))

    def append_head(self, line: bytes) -> None:
        """Append one signed head; durable when it returns. Needs `lock`."""
        if _length(self.heads) and _read_at(self.heads, _length(self.heads) - 1, 1) != b"\n":
            self._set_torn_aside(self.heads, _end_of_whole_lines(self.heads))
        _append(self.heads, line + b"\n")

    def read_heads(self) -> list[bytes]:
        """Lines of signed heads, oldest first; a torn last line is left out."""
        if not self.heads.exists():
            return []
        return self.heads.read_bytes().split(b"\n")[:-1]

    def recover(self) -> None:
        """Bring the three files level after a crash. Needs `lock`; changes nothing when they are level.

        Raises
        ------
        LedgerDamagedError
            If committed entries are missing: no crash can leave that.
        """
        _trim(self.index, RECORD.size)
        _trim(self.nodes, HASH_BYTES)
        held = leaf_count(_length(self.nodes) // HASH_BYTES)
        committed = max(self.size(), held)
        end = self.end_of(self.size())
        if held < self.size():
            raise LedgerDamagedError("nodes.bin", held, f"应有 {self.size()} 条的哈希：请从备份恢复。")
        if _length(self.entries) < end:
            raise LedgerDamagedError(
                "entries.jsonl", _length(self.entries), f"应至少 {end} 字节：已记入的条目缺失，请从备份恢复。"
            )
        if _length(self.entries) > end or committed > self.size():
            self._take_in_tail(end, committed)

    def _take_in_tail(self, end: int, committed: int) -> None:
        tail = _read_at(self.entries, end, _length(self.entries) - end)
        whole: list[Entry] = []
        for line in tail.splitlines(keepends=True):
            entry = _entry_or_none(line)
            if entry is None or entry.index != self.size() + len(whole):
                break
            whole.append(entry)
            end += len(line)
        if self.size() + len(whole) < committed:
            raise LedgerDamagedError(
                "entries.jsonl", self.size() + len(whole), f"共应有 {committed} 条：条目缺失，请从备份恢复。"
            )
        self._set_torn_aside(self.entries, end)
        self._commit_whole(whole)

    def _commit_whole(self, whole: Sequence[Entry]) -> None:
        """Write nodes and index of lines that are on disk already."""
        held = leaf_count(_length(self.nodes) // HASH_BYTES)
        _truncate(self.nodes, node_count(held) * HASH_BYTES)
        frontier = self.frontier(held)
        end = self.end_of(self.size())
        nodes, records = [], []
        for entry in whole:
            end += len(entry.to_bytes()) + 1
            records.append(RECORD.pack(end, key_mark(entry.key)))
            if entry.index >= held:
                nodes += frontier.append(entry.leaf())
            elif entry.leaf() != self.read_node(0, entry.index):
                raise LedgerDamagedError("entries.jsonl", entry.index, "条目与其叶哈希不符，请从备份恢复。")
        _append(self.nodes, b"".join(nodes))
        _append(self.index, b"".join(records))

    def _set_torn_aside(self, file: Path, end: int) -> None:
        torn = _read_at(file, end, _length(file) - end)
        if torn:
            _append(self.path / f"torn-{file.stem}-{end}.bin", torn)
            _truncate(file, end)


def _entry_or_none(line: bytes) -> Entry | None:
    if not line.endswith(b"\n"):
        return None
    try:
        return Entry.from_bytes(line[:-1])
    except InvalidValueError:
        return None


def _length(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _end_of_whole_lines(file: Path) -> int:
    return file.read_bytes().rfind(b"\n") + 1


def _read_at(file: Path, start: int, count: int) -> bytes:
    if count <= 0 or not file.exists():
        return b""
    with file.open("rb") as opened:
        opened.seek(start)
        return opened.read(count)


def _append(file: Path, data: bytes) -> None:
    if not data:
        return
    is_new = not file.exists()
    with file.open("ab") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
    if is_new:
        # The name itself must survive the power cut, not only the bytes.
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _truncate(file: Path, length: int) -> None:
    if _length(file) > length:
        with file.open("r+b") as opened:
            opened.truncate(length)
            os.fsync(opened.fileno())


def _trim(file: Path, unit: int) -> None:
    """Cut off part of a record that a crash left behind."""
    _truncate(file, _length(file) // unit * unit)
