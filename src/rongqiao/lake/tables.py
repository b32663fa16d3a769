"""Delta tables under one root: exactly-once appends, whole replacements, and content digests for proofs."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import hashlib
import json
import os
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, write_deltalake
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, create_table_with_add_actions

from rongqiao.kernel import home
from rongqiao.kernel.errors import ContractError
from rongqiao.lake import engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

#: Commits between two checkpoints of a table's log: what is asked of a log costs by the commits since the last.
_SHAPE = {"delta.checkpointInterval": "20"}
#: Begins the name of files that the engine writes; each is in one commit and never in another table.
_OWN = "portion-"


def default_root() -> str:
    """Root of the installation's lake: ``RONGQIAO_LAKE_URL`` (a path or object store), else ``var/lake``."""
    return os.environ.get("RONGQIAO_LAKE_URL") or str(home.var() / "lake")


class Lake:
    """Named Delta tables, such as ``published/taxation.tax_filing``, under one root; threads may share it, their commits go one by one.

    Parameters
    ----------
    root : str | Path | None
        A folder or an object-store address; ``None`` for the installation's own lake.
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = str(root) if root is not None else default_root()
        self._opened: dict[str, DeltaTable] = {}
        self._alone = threading.RLock()

    def __reduce__(self) -> tuple[type[Lake], tuple[str]]:
        """Another process opens the same root anew."""
        return Lake, (self.root,)

    def address(self, table: str) -> str:
        """Where a table stands."""
        return f"{self.root.rstrip('/')}/{table}"

    def exists(self, table: str) -> bool:
        """Whether the table has had at least one commit."""
        return bool(DeltaTable.is_deltatable(self.address(table)))

    def open(self, table: str) -> DeltaTable:
        """Open the newest version of a table.

        Raises
        ------
        ContractError
            If no such table was ever written.
        """
        if not self.exists(table):
            raise ContractError("数据湖表", table, f"Run `rongqiao govern` on the lake {self.root} first.")
        return DeltaTable(self.address(table))

    def _newest(self, table: str) -> DeltaTable:
        """Newest version of a table, for a question or a commit; it moves on, so it is not for keeping.

        A table stays open: its latest commits are read in a moment, a long log from its beginning is not.
        """
        with self._alone:
            opened = self._opened.get(table)
            if opened is None or not self.exists(table):
                opened = self._opened[table] = self.open(table)
            else:
                opened.update_incremental()
            return opened

    def has(self, table: str, transaction: str) -> bool:
        """Whether the transaction's rows are already in the table."""
        return transaction in self.committed(table, [transaction])

    def committed(self, table: str, transactions: Sequence[str]) -> set[str]:
        """Those of the transactions whose rows are already in the table."""
        if not transactions or not self.exists(table):
            return set()
        opened = self._newest(table)
        return {name for name in transactions if opened.transaction_version(name) is not None}

    def append(self, table: str, rows: pa.Table, *, transaction: str | Sequence[str]) -> bool:
        """Add rows once, however often it is called with the same transaction.

        Parameters
        ----------
        table : str
            Name under the root.
        rows : pa.Table
            Rows of one transaction, or of several that land in one atomic commit.
        transaction : str | Sequence[str]
            Names that stand for these rows for ever. If all are in the table already, nothing is written.

        Returns
        -------
        bool
            Whether rows were written.

        Raises
        ------
        ContractError
            If only some of the transactions are in the table: the caller must leave those rows out.
        """
        names = [transaction] if isinstance(transaction, str) else list(transaction)
        with self._alone:
            if is_new := not self._is_committed(table, names):
                self._write(table, rows, mode="append", transactions=names)
            return is_new

    def append_of(self, table: str, rows: pa.Table, column: str, *, transactions: Sequence[str]) -> None:
        """Add, in one commit, the rows of those transactions that are not in the table yet; a column names each row's transaction."""
        with self._alone:
            done = self.committed(table, transactions) if rows.num_rows else ()
            if done:
                rows = rows.filter(pc.invert(pc.is_in(rows[column], value_set=pa.array(sorted(done)))))
            if rows.num_rows:
                fresh = [name for name in transactions if name not in done]
                self._write(table, rows, mode="append", transactions=fresh)

    def append_query(
        self,
        table: str,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        *,
        transaction: Sequence[str],
        notes: Mapping[str, str] | None = None,
    ) -> bool:
        """Add what a query of the engine yields, in its order, as :meth:`append` does, without passing through Python's memory.

        Notes are as for :meth:`append_files`, and are committed even where there are no rows.
        """
        schema = connection.sql(f"SELECT * FROM ({query}) LIMIT 0").to_arrow_table().schema
        if "://" in self.root or (self.exists(table) and self.schema(table).names != schema.names):
            return self.append(table, connection.sql(query).to_arrow_table(), transaction=transaction)
        if self._is_committed(table, transaction):
            return False
        file, rows = self._write_query(table, connection, query, schema)
        if not rows:
            file.unlink()
        if rows or notes:
            self._commit_files(table, schema, [(file, rows)] if rows else [], transaction, notes=notes)
        return bool(rows)

    def replace_queries(
        self,
        table: str,
        connection: duckdb.DuckDBPyConnection,
        queries: Sequence[str],
        *,
        transaction: str,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Put what queries of the engine yield, a file each, in the place of all that the table held, in one atomic commit."""
        if "://" in self.root:
            rows = pa.concat_tables([connection.sql(query).to_arrow_table() for query in queries])
            self.replace(table, rows, transaction=transaction)
            return
        schema = connection.sql(f"SELECT * FROM ({queries[0]}) LIMIT 0").to_arrow_table().schema
        written = [self._write_query(table, connection, query, schema) for query in queries]
        self._commit_files(table, schema, written, [transaction], mode="overwrite", notes=notes)

    def new_file(self, table: str) -> Path:
        """Name a file in the table's folder for the caller to write and hand to :meth:`append_files`; else `sweep` removes it.

        Raises
        ------
        ContractError
            If the lake is no folder of this machine.
        """
        if "://" in self.root:
            raise ContractError("数据湖", self.root, "Files can be written directly only in a lake on disk.")
        folder = Path(self.address(table))
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{_OWN}{uuid.uuid4()}.parquet"

    def append_files(
        self,
        table: str,
        schema: pa.Schema,
        files: Sequence[tuple[Path, int]],
        *,
        transaction: Sequence[str],
        notes: Mapping[str, str] | None = None,
    ) -> bool:
        """Make files that :meth:`new_file` named, with so many rows each, part of the table in one atomic commit.

        Parameters
        ----------
        table : str
            Name under the root.
        schema : pa.Schema
            Of the files; columns that the table has not yet are added to it first.
        files : sequence of tuple
            Path and rows of each.
        transaction : sequence of str
            As for :meth:`append`, as is what is raised.
        notes : mapping, optional
            What :meth:`notes` is to tell of the commit.

        Returns
        -------
        bool
            Whether they were added; if the transactions are in the table already, the files are removed.
        """
        if self._is_committed(table, list(transaction)):
            for file, _ in files:
                file.unlink()
            return False
        if self.exists(table):
            self._widen(table, schema)
        self._commit_files(table, schema, files, transaction, notes=notes)
        return True

    def _widen(self, table: str, schema: pa.Schema) -> None:
        """Add columns that the table has not yet; older rows have null there."""
        opened = self._newest(table)
        known = {field.name for field in opened.schema().fields}
        added = [field for field in Schema.from_arrow(schema).fields if field.name not in known]
        if added:
            opened.alter.add_columns(added)

    def notes(self, table: str, name: str) -> Iterator[str]:
        """Yield what commits say under a name, the newest first; a log that was cut back tells less."""
        if not self.exists(table):
            return
        for commit in self.open(table).history():
            if name in commit:
                yield commit[name]

    def version(self, table: str) -> int | None:
        """Return the number of the newest version; ``None`` while the table was never written."""
        return self._newest(table).version() if self.exists(table) else None

    def uris_at(self, table: str, version: int) -> list[str] | None:
        """Files that made up an earlier version; ``None`` where the log does not tell any more."""
        try:
            return sorted(str(uri) for uri in DeltaTable(self.address(table), version=version).file_uris())
        except DeltaError:
            return None

    def added_since(self, table: str, version: int) -> list[str] | None:
        """Files that came since a version; ``None`` where others went, or the log does not tell any more."""
        if self.version(table) == version:
            return []
        before = self.uris_at(table, version)
        now = self.uris(table)
        if before is None or set(before) - set(now):
            return None
        return sorted(set(now) - set(before))

    def _write_query(
        self, table: str, connection: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema
    ) -> tuple[Path, int]:
        """Write a query's rows to a file in the table's folder; a run that is killed leaves it for `sweep`."""
        file = self.new_file(table)
        try:
            written = connection.execute(
                f"COPY ({query}) TO {engine.literal(str(file))} ({engine.parquet_options(schema)})"
            ).fetchone()
        except Exception:
            file.unlink(missing_ok=True)
            raise
        return file, int(written[0]) if written else 0

    def sweep(self, table: str) -> int:
        """Remove files that a killed run wrote and never committed; only for who alone writes the table. Returns their number."""
        folder = Path(self.address(table))
        if "://" in self.root or not folder.is_dir():
            return 0
        committed = {Path(uri).name for uri in self.uris(table)} if self.exists(table) else set()
        orphans = [file for file in folder.glob(f"{_OWN}*.parquet") if file.name not in committed]
        for file in orphans:
            file.unlink()
        return len(orphans)

    def _commit_files(
        self,
        table: str,
        schema: pa.Schema,
        written: Sequence[tuple[Path, int]],
        transactions: Sequence[str],
        mode: Literal["append", "overwrite"] = "append",
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Make written files part of the table; until then no reader sees them."""
        added = []
        for file, rows in written:
            state = file.stat()
            statistics = json.dumps({"numRecords": rows})
            added.append(
                AddAction(file.name, state.st_size, {}, int(state.st_mtime * 1000), True, statistics)
            )
        marks = CommitProperties(
            custom_metadata=dict(notes) if notes else None,
            app_transactions=[Transaction(name, 1) for name in transactions],
        )
        shape = Schema.from_arrow(schema)
        if self.exists(table):
            self._newest(table).create_write_transaction(added, mode, shape, commit_properties=marks)
        else:
            create_table_with_add_actions(
                self.address(table), shape, added, mode="error", configuration=_SHAPE, commit_properties=marks
            )

    def _is_committed(self, table: str, names: Sequence[str]) -> bool:
        """Whether all transactions are in the table; refused where only some are."""
        done = self.committed(table, names)
        if names and len(done) == len(names):
            return True
        if done:
            raise ContractError(
                "数据湖事务", sorted(done), "Leave out rows of transactions that are committed."
            )
        return False

    def replace(self, table: str, rows: pa.Table, *, transaction: str | None = None) -> None:
        """Put the rows in the place of all that the table held, in one atomic commit."""
        self._write(table, rows, mode="overwrite", transactions=[transaction] if transaction else [])

    def _write(self, table: str, rows: pa.Table, *, mode: str, transactions: Sequence[str]) -> None:
        """Commit rows together with their transaction marks, the only writer of the lake."""
        marks = [Transaction(name, 1) for name in transactions]
        is_new = not self.exists(table)
        write_deltalake(
            self.address(table) if is_new else self._newest(table),
            rows,
            configuration=_SHAPE if is_new else None,
            mode=mode,
            schema_mode="overwrite" if mode == "overwrite" else "merge",
            commit_properties=CommitProperties(app_transactions=marks) if marks else None,
        )

    def uris(self, table: str) -> list[str]:
        """Parquet files that make up the newest version, for engines that read them directly."""
        return sorted(str(uri) for uri in self._newest(table).file_uris())

    def uris_with(self, table: str, column: str, value: str) -> list[str]:
        """Files that may hold rows with a value in a column of text, by what their commits say of its extremes."""
        with self._alone:
            files = pa.table(self._newest(table).get_add_actions(flatten=True))
        if f"min.{column}" in files.column_names:
            is_above = pc.greater_equal(files[f"max.{column}"], value)
            may_hold = pc.and_(pc.less_equal(files[f"min.{column}"], value), is_above)
            files = files.filter(pc.fill_null(may_hold, True))
        return sorted(f"{self.address(table)}/{path}" for path in files["path"].to_pylist())

    def schema(self, table: str) -> pa.Schema:
        """Arrow schema of the newest version."""
        return pa.schema(self._newest(table).schema().to_arrow())

    def read(self, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of the newest version, in no promised order.

        Raises
        ------
        ContractError
            If no such table was ever written.
        """
        chosen = ", ".join(engine.quote(name) for name in columns) if columns else "*"
        with engine.connect(self, [table]) as connection:
            return connection.sql(f"SELECT {chosen} FROM {engine.quote(table)}").to_arrow_table()

    def digest(self, table: str, columns: Sequence[str] | None = None) -> str:
        """SHA-256 in hex over the sorted digests of the rows: equal for equal bags of rows, whatever the files, versions and order.

        Columns that count, all when ``None``, count in alphabetical order.
        """
        names = sorted(columns) if columns else sorted(self.schema(table).names)
        fields = ", ".join(f"coalesce({engine.quote(name)}::VARCHAR, chr(0))" for name in names)
        query = (
            f"SELECT md5(concat_ws(chr(31), {fields})) AS row_digest FROM {engine.quote(table)} ORDER BY 1"
        )
        total = hashlib.sha256("\x1f".join(names).encode())
        with engine.connect(self, [table]) as connection:
            for batch in connection.sql(query).to_arrow_reader(100_000):
                total.update("".join(batch.column(0).to_pylist()).encode())
        return total.hexdigest()
