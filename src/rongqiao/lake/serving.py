"""The serving store: published records by enterprise, so that one enterprise is read in well under a millisecond.

An LMDB file beside the lake. It only copies what the lake holds and can be built anew at any time. All lake files that are new
enter together, by enterprise, in one transaction with their marks: a build that is killed left nothing, and nothing enters twice.
Records of a province are much alike, so each value is packed with a dictionary of its table's (RFC 1950), which its head names.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import lmdb
from isal import isal_zlib

from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import var
from rongqiao.lake.asof import rank
from rongqiao.lake.expiry import has_clock, is_expired
from rongqiao.lake.grouping import GroupedFiles, grouped

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from rongqiao.contracts.model import Contract
    from rongqiao.lake.tables import Lake

Row = dict[str, Any]
#: Address space, not disk: the file grows with what it holds.
MAP_BYTES = 256 << 30
_FILES = b"files"
_SPLIT = b"\0"
#: Beside each table whose records can move: which enterprise each version of a record belongs to.
_OWNERS = b"\0owners"
_SEQUENCE = b"\0sequence"
#: Bytes that are looked back for what was met before.
_LARGEST = 32_000
#: Dictionaries by their checksum; none is ever removed, so that whoever reads an older state can still unpack it.
_DICTIONARIES = b"dictionaries"
#: Bit of the second byte that says a dictionary was used, and where its checksum stands.
_HAS_DICTIONARY, _CHECKSUM = 0x20, slice(2, 6)


class ServingStore:
    """Records of all published tables, by enterprise.

    Parameters
    ----------
    path : Path or None
        Folder of the store; ``None`` for the installation's own.
    is_writer : bool
        Only one process may write; readers never wait for it.
    """

    def __init__(self, path: Path | None = None, *, is_writer: bool = False) -> None:
        self.path = path or var() / "serving"
        if is_writer:
            self.path.mkdir(parents=True, exist_ok=True)
        elif not (self.path / "data.mdb").exists():
            raise ContractError(
                "接口服务库",
                str(self.path),
                "接口服务库尚未建立，请联系平台运营人员（rongqiao interfaces build）。",
            )
        self.environment = lmdb.open(
            str(self.path), map_size=MAP_BYTES, max_dbs=2000, readonly=not is_writer, max_readers=512
        )
        self._tables: dict[bytes, Any] = {}
        self._dictionaries: dict[bytes, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.environment.close()

    def build(self, lake: Lake, contract: Contract) -> int:
        """Take in the lake files of one table that are not in yet.

        Returns
        -------
        int
            Files taken in.
        """
        table = f"published/{contract.id}"
        if not lake.exists(table):
            return 0
        uris = lake.uris(table)
        records = self.environment.open_db(contract.id.encode())
        owners = self.environment.open_db(contract.id.encode() + _OWNERS) if _can_move(contract) else None
        marks = self.environment.open_db(_FILES)
        prefix = contract.id.encode() + _SPLIT
        known = self._marks(marks, prefix)
        if not known <= set(uris):
            # Files were rewritten: what they held stands in new ones, so the table begins anew.
            with self.environment.begin(write=True) as transaction:
                transaction.drop(records, delete=False)
                if owners is not None:
                    transaction.drop(owners, delete=False)
                for uri in known:
                    transaction.delete(prefix + uri.encode(), db=marks)
            known = set()
        fresh = [uri for uri in uris if uri not in known]
        if fresh:
            with grouped(fresh, contract) as files, self.environment.begin(write=True) as transaction:
                self._take_in(files, contract, (records, owners, marks), transaction)
                for uri in fresh:
                    transaction.put(prefix + uri.encode(), b"1", db=marks)
        return len(fresh)

    def _marks(self, marks: Any, prefix: bytes) -> set[str]:
        found = set()
        with self.environment.begin(db=marks) as transaction:
            cursor = transaction.cursor()
            is_there = cursor.set_range(prefix)
            while is_there and cursor.key().startswith(prefix):
                found.add(cursor.key()[len(prefix) :].decode())
                is_there = cursor.next()
        return found

    def _take_in(
        self, files: GroupedFiles, contract: Contract, places: tuple[Any, Any, Any], transaction: Any
    ) -> None:
        records, owners, marks = places
        # Counted on for ever: a number that was given before would put a file in another's place.
        sequence = int.from_bytes(transaction.get(_SEQUENCE, db=marks) or b"", "big") + 1
        transaction.put(_SEQUENCE, sequence.to_bytes(6, "big"), db=marks)
        suffix = _SPLIT + sequence.to_bytes(6, "big")
        dictionary = self._learn(files, transaction)
        for enterprise, values in files.groups():
            packed = pack(files.names, values, dictionary)
            transaction.put(enterprise.encode() + suffix, packed, db=records)
            if owners is not None:
                columns = json.loads(files.names)
                for row in (dict(zip(columns, each, strict=True)) for each in json.loads(values)):
                    place = _key_digest(contract, row) + suffix + f"{row['batch_id']}|{row['line']}".encode()
                    transaction.put(place, _version(contract, enterprise, row), db=owners)

    def _learn(self, files: GroupedFiles, transaction: Any) -> bytes:
        """Make a dictionary of what the records have in common, and keep it."""
        # What is met most often stands nearest.
        dictionary = f"{','.join(files.examples())}[{files.names},[".encode()[-_LARGEST:]
        dictionaries = self.environment.open_db(_DICTIONARIES, txn=transaction)
        transaction.put(_checksum(dictionary), dictionary, db=dictionaries)
        return dictionary

    def holds(self, contract_id: str) -> bool:
        """Whether a table was ever taken in; of one that was not the store knows nothing."""
        return self._table(contract_id.encode()) is not None

    def rows(
        self,
        contract: Contract,
        enterprise: str,
        *,
        as_of: int,
        known_at: dt.date,
        read_on: dt.date | None = None,
        with_expired: bool = False,
    ) -> list[Row]:
        """Return what a reader at ``known_at`` holds true of one enterprise up to the month ``as_of``.

        Parameters
        ----------
        read_on : date or None
            Day of the reading itself. What was withdrawn, given to another enterprise or ran out by then is left out
            whatever was known at ``known_at``; null judges all of it at ``known_at``.
        with_expired : bool
            Whether records whose clock ran out are among them: the enterprise sees its own.

        Returns
        -------
        list of dict
            One per key of the contract, the last that was known, unless its clock ran out by then; amounts are decimal
            text, dates ISO text. Empty when there is none; an absent table yields none, too.
        """
        latest: dict[tuple[Any, ...], Row] = {}
        newest: dict[tuple[Any, ...], Row] = {}
        judged_on = max(known_at, read_on or known_at)
        until, judged = known_at.isoformat(), judged_on.isoformat()
        known = [row for row in self._raw(contract.id, enterprise) if row["known_at"] <= judged]
        gone = {(row["batch_id"], row["line"]) for row in known if row.pop("withdrawn", None)}
        names = ["enterprise_id" if name == "uscc" else name for name in contract.key]
        is_timed = has_clock(contract) and not with_expired
        for row in known:
            if gone and (row["batch_id"], row["line"]) in gone:
                continue
            if not _is_valid(row, contract, as_of):
                continue
            key = tuple([row[name] for name in names])
            if row["known_at"] <= until:
                _keep_last(latest, key, row)
            if is_timed:
                _keep_last(newest, key, row)
        if is_timed:
            # A repair that became known since ends the earlier version, too.
            latest = {
                key: row
                for key, row in latest.items()
                if not is_expired(contract, row, known_at=judged_on)
                and (newest[key] is row or not is_expired(contract, newest[key], known_at=judged_on))
            }
        found = list(latest.values())
        if _can_move(contract):
            found = [row for row in found if not self._has_moved(row, contract, enterprise, as_of, judged)]
        return found

    def _has_moved(self, row: Row, contract: Contract, enterprise: str, as_of: int, until: str) -> bool:
        """Whether a later delivery gave the record to another enterprise."""
        versions = self._values(contract.id.encode() + _OWNERS, _key_digest(contract, row) + _SPLIT)
        # A version stands twice where it was withdrawn: a place names one row for ever.
        places = Counter((one[2], one[3]) for one in map(json.loads, versions) if one[1] <= until)
        gone = {place for place, times in places.items() if times > 1}
        for packed in versions:
            owner, known_at, batch_id, line, valid, *receipt = json.loads(packed)
            if (batch_id, line) in gone:
                continue
            # What was taken in by an earlier version of the store says nothing of its receipt.
            version = {"known_at": known_at, "batch_id": batch_id, "line": line}
            version["ledger_index"] = receipt[0] if receipt else None
            is_later = rank(version) > rank(row) and known_at <= until
            if (
                is_later
                and owner != enterprise
                and _is_valid({contract.valid_on or "": valid}, contract, as_of)
            ):
                return True
        return False

    def _raw(self, contract_id: str, enterprise: str) -> list[Row]:
        rows: list[Row] = []
        for packed in self._values(contract_id.encode(), enterprise.encode() + _SPLIT):
            rows += unpack(packed, self._dictionary_of(packed))
        return rows

    def _dictionary_of(self, packed: bytes) -> bytes:
        if not packed[1] & _HAS_DICTIONARY:
            return b""
        checksum = packed[_CHECKSUM]
        if checksum not in self._dictionaries:
            (self._dictionaries[checksum],) = self._values(_DICTIONARIES, checksum)
        return self._dictionaries[checksum]

    def _table(self, name: bytes) -> Any:
        table = self._tables.get(name)
        if table is None:
            try:
                table = self.environment.open_db(name, create=False)
            except (lmdb.NotFoundError, lmdb.ReadonlyError):
                return None
            self._tables[name] = table
        return table

    def _values(self, name: bytes, prefix: bytes) -> list[bytes]:
        table = self._table(name)
        found: list[bytes] = []
        if table is None:
            return found
        with self.environment.begin(db=table) as transaction:
            cursor = transaction.cursor()
            is_there = cursor.set_range(prefix)
            while is_there and cursor.key().startswith(prefix):
                found.append(cursor.value())
                is_there = cursor.next()
        return found


def _keep_last(versions: dict[tuple[Any, ...], Row], key: tuple[Any, ...], row: Row) -> None:
    held = versions.get(key)
    if held is None or rank(row) > rank(held):
        versions[key] = row


def _can_move(contract: Contract) -> bool:
    """Whether a correction can give a record to another enterprise, since its key does not name one."""
    return "uscc" not in contract.key


def _key_digest(contract: Contract, row: Row) -> bytes:
    values = json.dumps([row.get(name) for name in contract.key], ensure_ascii=False)
    return hashlib.sha256(values.encode()).digest()[:16]


def _is_valid(row: Row, contract: Contract, as_of: int) -> bool:
    value = row.get(contract.valid_on) if contract.valid_on else None
    if value is None:
        return True
    if contract.valid_kind == "date":
        return int(value[:4]) * 100 + int(value[5:7]) <= as_of
    return bool(value <= (as_of if contract.valid_kind == "month" else as_of // 100 - (as_of % 100 < 12)))


def _version(contract: Contract, enterprise: str, row: Row) -> bytes:
    """Tell whose a version of a record is, and what decides whether it is the last."""
    valid = row.get(contract.valid_on or "")
    told = [enterprise, row["known_at"], row["batch_id"], row["line"], valid, row.get("ledger_index")]
    return json.dumps(told).encode()


def _checksum(dictionary: bytes) -> bytes:
    return isal_zlib.adler32(dictionary).to_bytes(4, "big")


def pack(columns: str, rows: str, dictionary: bytes = b"") -> bytes:
    """Pack records of one enterprise: a JSON array of the names, then one of each record's values."""
    text = f"[{columns},{rows}]".encode()
    if not dictionary:
        return isal_zlib.compress(text, 1)
    packing = isal_zlib.compressobj(1, isal_zlib.DEFLATED, isal_zlib.MAX_WBITS, zdict=dictionary)
    return bytes(packing.compress(text) + packing.flush())


def unpack(packed: bytes, dictionary: bytes = b"") -> list[Row]:
    """Take records apart that :func:`pack` put together."""
    unpacking = isal_zlib.decompressobj(zdict=dictionary) if dictionary else isal_zlib.decompressobj()
    columns, rows = json.loads(unpacking.decompress(packed))
    return [dict(zip(columns, row, strict=True)) for row in rows]
