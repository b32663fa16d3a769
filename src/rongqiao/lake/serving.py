"""The serving store: published records by enterprise, so that one enterprise is read in well under a millisecond.

An LMDB file beside the lake. It only copies what the lake holds and can be built anew at any time. One lake file enters in
one transaction together with its mark: a build that is killed goes on where it was, and nothing enters twice.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import duckdb
import lmdb
from isal import isal_zlib

from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import var
from rongqiao.lake import engine
from rongqiao.lake.asof import rank
from rongqiao.lake.expiry import has_clock, is_expired

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
        for uri in fresh:
            self._take_in(uri, contract, (records, owners, marks), prefix)
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

    def _take_in(self, uri: str, contract: Contract, places: tuple[Any, Any, Any], prefix: bytes) -> None:
        records, owners, marks = places
        with self.environment.begin(write=True) as transaction:
            # Counted on for ever: a number that was given before would put a file in another's place.
            sequence = int.from_bytes(transaction.get(_SEQUENCE, db=marks) or b"", "big") + 1
            suffix = _SPLIT + sequence.to_bytes(6, "big")
            with duckdb.connect(":memory:") as connection:
                columns, query = _query(uri, contract, connection)
                names = json.dumps(columns)
                found = connection.execute(query)
                while rows := found.fetchmany(20_000):
                    for enterprise, values in rows:
                        packed = pack(names, values)
                        transaction.put(enterprise.encode() + suffix, packed, db=records)
                        if owners is not None:
                            for row in unpack(packed):
                                version = [
                                    enterprise,
                                    row["known_at"],
                                    row["batch_id"],
                                    row["line"],
                                    row.get(contract.valid_on or ""),
                                    row.get("ledger_index"),
                                ]
                                place = (
                                    _key_digest(contract, row)
                                    + suffix
                                    + f"{row['batch_id']}|{row['line']}".encode()
                                )
                                transaction.put(place, json.dumps(version).encode(), db=owners)
            transaction.put(prefix + uri.encode(), b"1", db=marks)
            transaction.put(_SEQUENCE, sequence.to_bytes(6, "big"), db=marks)

    def rows(
        self,
        contract: Contract,
        enterprise: str,
        *,
        as_of: int,
        known_at: dt.date,
        read_on: dt.date | None = None,
    ) -> list[Row]:
        """Return what a reader at ``known_at`` holds true of one enterprise up to the month ``as_of``.

        Parameters
        ----------
        read_on : date or None
            Day of the reading itself. What was withdrawn, given to another enterprise or ran out by then is left out
            whatever was known at ``known_at``; null judges all of it at ``known_at``.

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
        for row in known:
            if (row["batch_id"], row["line"]) in gone or not _is_valid(row, contract, as_of):
                continue
            key = tuple(row["enterprise_id" if name == "uscc" else name] for name in contract.key)
            for versions in (newest, latest) if row["known_at"] <= until else (newest,):
                held = versions.get(key)
                if held is None or rank(row) > rank(held):
                    versions[key] = row
        if has_clock(contract):
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
            rows += unpack(packed)
        return rows

    def _values(self, name: bytes, prefix: bytes) -> list[bytes]:
        table = self._tables.get(name)
        if table is None:
            try:
                table = self.environment.open_db(name, create=False)
            except (lmdb.NotFoundError, lmdb.ReadonlyError):
                return []
            self._tables[name] = table
        found: list[bytes] = []
        with self.environment.begin(db=table) as transaction:
            cursor = transaction.cursor()
            is_there = cursor.set_range(prefix)
            while is_there and cursor.key().startswith(prefix):
                found.append(cursor.value())
                is_there = cursor.next()
        return found


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


def pack(columns: str, rows: str) -> bytes:
    """Pack records of one enterprise: a JSON array of the names, then one of each record's values."""
    return isal_zlib.compress(f"[{columns},{rows}]".encode(), 1)


def unpack(packed: bytes) -> list[Row]:
    """Take records apart that :func:`pack` put together."""
    columns, rows = json.loads(isal_zlib.decompress(packed))
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _query(uri: str, contract: Contract, connection: Any) -> tuple[list[str], str]:
    """Group one Parquet file by enterprise; exact amounts travel as text. Returns the names, and the query."""
    source = f"read_parquet({engine.literal(uri)})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    types = {name: kind for name, kind, *_ in described}
    wanted = [*contract.columns, "enterprise_id", "known_at", "batch_id", "line", "ledger_index", "withdrawn"]
    columns, fields = [], []
    for name in dict.fromkeys(each for each in wanted if each in types):
        quoted = engine.quote(name)
        as_text = types[name].startswith(("DECIMAL", "DATE", "TIMESTAMP"))
        columns.append(name)
        fields.append(f"CAST({quoted} AS VARCHAR)" if as_text else quoted)
    packed = f"json_array({', '.join(fields)})"
    return (
        columns,
        f"""SELECT enterprise_id, '[' || string_agg({packed}, ',') || ']' FROM {source}
        WHERE enterprise_id IS NOT NULL GROUP BY enterprise_id ORDER BY enterprise_id""",
    )
