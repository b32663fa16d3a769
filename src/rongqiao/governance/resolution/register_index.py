"""The register by key and by place: what a portion asks costs what it asks, not what the register holds.

Hashes of codes, numbers, names and block keys stand sorted in NumPy; names and numbers in Arrow, by place. What the register held when it was
last indexed is one segment, kept as files that are mapped into memory; what came since is a second, small one. Hashes are the engine's own.
"""

# ruff: noqa: S608  (names are constants of this module)
from __future__ import annotations

import mmap
import os
import shutil
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.governance.resolution.characters import signs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Keys = npt.NDArray[np.uint64]
    Places = npt.NDArray[np.int64]

#: Below this many names the index is made anew from the register's tables each time: that costs milliseconds.
SMALL = 100_000
#: The index is made anew when more than one name in so many came since.
FRESH_AT_MOST = 8
#: Of a name, what is given by place.
NAMES = (
    "name_at",
    "enterprise_id",
    "folded",
    "core",
    "region",
    "trade",
    "industry",
    "form",
    "form_class",
    "branch",
)
#: Number of the latest addition of which anything stands.
LATEST = """SELECT coalesce(max(since), 0) FROM (SELECT since FROM register_known UNION ALL SELECT since FROM register_names
    UNION ALL SELECT since FROM register_numbers)"""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Places by hashed key: keys in ascending order, and the place of each."""

    keys: Keys
    places: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, keys: pa.ChunkedArray) -> Lookup:
        """Sort a column of hashes; what is null is not found by it."""
        places = np.flatnonzero(pc.is_valid(keys).to_numpy())
        found = pc.fill_null(keys, 0).to_numpy()[places]
        order = np.argsort(found)
        return cls(found[order], places[order].astype(np.uint32))

    def spans(self, wanted: Keys) -> tuple[Places, Places]:
        """Where in `places` those of each key begin, and how many there are."""
        # In their own order keys are sought without a miss of the cache for each.
        order = np.argsort(wanted)
        ascending = wanted[order]
        low, high = (np.empty(len(wanted), np.int64) for _ in range(2))
        low[order] = np.searchsorted(self.keys, ascending, "left")
        high[order] = np.searchsorted(self.keys, ascending, "right")
        return low, high - low


def _starts(keys: Keys) -> npt.NDArray[np.uint32]:
    """Where, among sorted keys, those begin that share their leading bits; about one key to each."""
    bits = max(len(keys).bit_length(), 1)
    return np.searchsorted(keys >> np.uint64(64 - bits), np.arange(1 << bits, dtype=np.uint64)).astype(
        np.uint32
    )


def _hold(keys: Keys, starts: npt.NDArray[np.uint32], wanted: Keys) -> npt.NDArray[np.bool_]:
    """Whether each wanted key is among sorted ones: hashes spread evenly, so that it is one of the first few with its leading bits."""
    held = np.zeros(len(wanted), bool)
    if not len(keys):
        return held
    bits = len(starts).bit_length() - 1
    places = starts[wanted >> np.uint64(64 - bits)].astype(np.int64)
    waiting = np.arange(len(wanted))
    while len(waiting):
        sought, found = wanted[waiting], keys[np.minimum(places, len(keys) - 1)]
        held[waiting] = found == sought
        goes_on = (found < sought) & (places < len(keys) - 1)
        waiting, places = waiting[goes_on], places[goes_on] + 1
    return held


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the register: who is known, numbers, and names, by key and by place.

    Parameters
    ----------
    arrays : Mapping[str, np.ndarray]
        ``known`` and ``spelt``: sorted hashes of codes and of folded names, each with `_starts`. ``<kind>.keys`` and ``<kind>.places`` of each `Lookup`. ``core.signs`` and ``code.signs`` of names.
    names : pa.Table
        `NAMES`, one row per place.
    numbers : pa.Table
        ``number, enterprise_id``, one row per place.
    maps : tuple of mmap.mmap
        Of the files of names and numbers, where the segment was opened from files.
    """

    arrays: Mapping[str, Any]
    names: pa.Table
    numbers: pa.Table
    maps: tuple[mmap.mmap, ...] = ()

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, blocks: Mapping[str, str], since: int) -> Segment:
        """Read what entered the register's tables after an addition."""
        entered = f"WHERE since > {since}"
        borne = {
            "known": connection.sql(f"SELECT hash(enterprise_id) AS key FROM register_known {entered}"),
            "spelt": connection.sql(f"SELECT DISTINCT hash(folded) AS key FROM register_names {entered}"),
        }
        numbers = connection.sql(
            f"SELECT number, enterprise_id, hash(number) AS key FROM register_numbers {entered}"
        ).to_arrow_table()
        keys = {"core": "hash(core)", **blocks}
        written = ", ".join(f"{key} AS by_{kind}" for kind, key in keys.items())
        names = connection.sql(
            f"SELECT {', '.join(NAMES)}, {written} FROM (SELECT *, enterprise_id AS plain FROM register_names {entered})"
        ).to_arrow_table()
        with ThreadPoolExecutor(os.cpu_count()) as sorting:
            sorted_keys = sorting.map(Lookup.of, (names[f"by_{kind}"] for kind in keys))
            lookups = dict(zip(keys, sorted_keys, strict=True))
        lookups["number"] = Lookup.of(numbers["key"])
        arrays: dict[str, Any] = {}
        for kind, hashes in borne.items():
            arrays[kind] = np.sort(hashes.to_arrow_table()["key"].to_numpy())
            arrays[f"{kind}.starts"] = _starts(arrays[kind])
        for kind, lookup in lookups.items():
            arrays |= {f"{kind}.keys": lookup.keys, f"{kind}.places": lookup.places}
        arrays["core.signs"] = signs(names["core"])
        arrays["code.signs"] = signs(names["enterprise_id"])
        return cls(
            arrays,
            names.select(NAMES).combine_chunks(),
            numbers.select(["number", "enterprise_id"]).combine_chunks(),
        )

    @classmethod
    def open(cls, folder: Path) -> Segment:
        """Map the files of a segment into memory."""
        arrays = {file.stem: np.load(file, mmap_mode="r") for file in folder.glob("*.npy")}
        maps = tuple(_map(folder / f"{name}.arrow") for name in ("names", "numbers"))
        names, numbers = (pa.ipc.open_file(pa.py_buffer(each)).read_all() for each in maps)
        return cls(arrays, names, numbers, maps)

    def write(self, folder: Path) -> None:
        """Write the segment's files; when they are on the disk is up to the system."""
        folder.mkdir(parents=True)
        for name, array in self.arrays.items():
            np.save(folder / f"{name}.npy", array)
        for name, table in (("names", self.names), ("numbers", self.numbers)):
            with pa.ipc.new_file(str(folder / f"{name}.arrow"), table.schema) as file:
                file.write_table(table)

    def let_go(self) -> None:
        """Hold no page of names and numbers any more; those that are asked for come back from the system's own cache."""
        for each in self.maps:
            each.madvise(mmap.MADV_DONTNEED)

    def lookup(self, kind: str) -> Lookup:
        """Give the places by one kind of key."""
        return Lookup(self.arrays[f"{kind}.keys"], self.arrays[f"{kind}.places"])


@dataclass(slots=True)
class RegisterIndex:
    """The segments of one register, shared by all sessions that look it up.

    Parameters
    ----------
    blocks : Mapping[str, str]
        Kind of a key that names fall under → the engine's expression of its hash.
    folder : Path or None
        Where the first segment is kept between runs; ``None`` to keep it in memory alone.
    """

    blocks: Mapping[str, str]
    folder: Path | None = None
    segments: list[Segment] = field(default_factory=list)
    #: The addition up to which the first segment holds everything; 0 where there is no such segment.
    since: int = 0
    is_current: bool = False
    #: Folder of the files that the first segment is used from, and whether the register's tables note it.
    token: str | None = None
    is_kept: bool = False
    alone: Any = field(default_factory=threading.Lock)

    def open(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take up the segment that the register's tables note, where its files stand."""
        noted = connection.execute("SELECT token, since, engine FROM register_indexed").fetchone()
        if (
            not noted
            or not self.folder
            or noted[2] != duckdb.__version__
            or not (self.folder / noted[0]).is_dir()
        ):
            return
        self.segments, self.since = [Segment.open(self.folder / noted[0])], noted[1]
        self.token, self.is_kept = noted[0], True

    def forget(self, connection: duckdb.DuckDBPyConnection, since: int = 0) -> None:
        """Note that the register changed: rows were added, or those that came with an addition were taken back."""
        self.is_current = False
        if since <= self.since:
            self.segments, self.since, self.token, self.is_kept = [], 0, None, False
            connection.execute("DELETE FROM register_indexed")

    def refresh(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let the index say what the register's tables do."""
        with self.alone:
            if self.is_current:
                return
            first = self.segments[:1] if self.since else []
            fresh = _count(connection, f"SELECT count(*) FROM register_names WHERE since > {self.since}")
            if fresh > max(SMALL, first[0].names.num_rows // FRESH_AT_MOST if first else 0):
                first = [Segment.read(connection, self.blocks, 0)]
                self.since, self.token, self.is_kept = _count(connection, LATEST), None, False
            self.segments = [*first, Segment.read(connection, self.blocks, self.since)]
            self.is_current = True

    def lay_down(self) -> None:
        """Write the first segment to the folder, and use it from there: memory holds what is asked for."""
        if not self.folder or not self.since or self.token:
            return
        with self.alone:
            self.token = uuid.uuid4().hex
            self.segments[0].write(self.folder / self.token)
            self.segments[0] = Segment.open(self.folder / self.token)

    def keep(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Keep the first segment for the runs that follow: its files are on the disk before they are noted."""
        self.lay_down()
        if not self.folder or not self.token or self.is_kept:
            return
        with self.alone:
            for path in (self.folder / self.token).iterdir():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
            connection.execute("DELETE FROM register_indexed")
            connection.execute(
                "INSERT INTO register_indexed VALUES (?, ?, ?)",
                [self.token, self.since, duckdb.__version__],
            )
            self.is_kept = True
            for other in self.folder.iterdir():
                if other.name != self.token:
                    shutil.rmtree(other)

    def let_go(self) -> None:
        """Hold no more of names and numbers than is kept in memory anyhow: a few thousand look-ups leave all their pages resident."""
        for segment in self.segments:
            segment.let_go()

    def knows(self, codes: Keys) -> npt.NDArray[np.bool_]:
        """Whether somebody of the register bears each hashed code.

        Notes
        -----
        Hashes alone decide: that a code of nobody has the hash of one of ten million is one chance in 10**12.
        """
        return self._holds("known", codes)

    def spells(self, names: Keys) -> npt.NDArray[np.bool_]:
        """Whether somebody of the register bears each hashed name, and it is spelt as the register spells it; by hashes alone, as `knows`."""
        return self._holds("spelt", names)

    def _holds(self, kind: str, wanted: Keys) -> npt.NDArray[np.bool_]:
        held = np.zeros(len(wanted), bool)
        for segment in self.segments:
            held |= _hold(segment.arrays[kind], segment.arrays[f"{kind}.starts"], wanted)
        return held

    def pairs(self, kind: str, wanted: Keys, most: int | None = None) -> tuple[Places, Places]:
        """Give who falls under each key.

        Parameters
        ----------
        kind : str
        wanted : np.ndarray of uint64
            Hashed keys.
        most : int or None
            Keys that more fall under yield nobody.

        Returns
        -------
        tuple of np.ndarray
            Position in ``wanted``, and place; places of all segments are counted through.
        """
        spans = [segment.lookup(kind).spans(wanted) for segment in self.segments]
        total = sum(counts for _, counts in spans)
        asked, found, first = [], [], 0
        for segment, (low, counts) in zip(self.segments, spans, strict=True):
            taken = counts if most is None else np.where(total > most, 0, counts)
            ends = np.cumsum(taken)
            at = np.repeat(low - (ends - taken), taken) + np.arange(ends[-1] if len(ends) else 0)
            asked.append(np.repeat(np.arange(len(wanted)), taken))
            found.append(segment.lookup(kind).places[at].astype(np.int64) + first)
            first += (segment.numbers if kind == "number" else segment.names).num_rows
        return np.concatenate(asked), np.concatenate(found)

    def signs(self, kind: str, places: Places) -> Keys:
        """Give the `characters.signs` of names: those of their ``core``, or of the ``code`` of who bears them."""
        return self._gather(places, [segment.arrays[f"{kind}.signs"] for segment in self.segments])

    def name_ats(self, places: Places) -> Places:
        """Give the names' own numbers."""
        return self._gather(places, [segment.names["name_at"].to_numpy() for segment in self.segments])

    def names(self, places: Places, columns: Sequence[str] = NAMES) -> pa.Table:
        """Give names by place."""
        return self._take(places, [segment.names.select(columns) for segment in self.segments])

    def numbers(self, places: Places) -> pa.Table:
        """Give ``number, enterprise_id`` by place."""
        return self._take(places, [segment.numbers for segment in self.segments])

    def _take(self, places: Places, tables: Sequence[pa.Table]) -> pa.Table:
        taken, order, first = [], [], 0
        for table in tables:
            mine = np.flatnonzero((places >= first) & (places < first + table.num_rows))
            taken.append(table.take(pa.array(places[mine] - first)))
            order.append(mine)
            first += table.num_rows
        return pa.concat_tables(taken).take(pa.array(np.argsort(np.concatenate(order))))

    def _gather(self, places: Places, arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        first, gathered = 0, np.empty(len(places), arrays[0].dtype)
        for array in arrays:
            mine = (places >= first) & (places < first + len(array))
            gathered[mine] = array[places[mine] - first]
            first += len(array)
        return gathered


def _map(file: Path) -> mmap.mmap:
    with file.open("rb") as opened:
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
