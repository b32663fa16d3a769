"""A rehearsal: the steps on one file, without publishing anything, to see what they would say of it."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted)
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from rongqiao.governance import cleaning, collection, inventory, rules, sources, standards
from rongqiao.governance.batch import Workbench
from rongqiao.governance.lane import cast_all
from rongqiao.governance.reading import read_ahead
from rongqiao.governance.register import Register
from rongqiao.lake.engine import quote, stage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

    from rongqiao.contracts.model import Contract
    from rongqiao.governance.batch import Delivery
    from rongqiao.governance.inventory import Baselines

_REGISTER = "register_known"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What the steps said of one file.

    Parameters
    ----------
    batch_id : str
        Contract and digest; a file that has a receipt has its batch.
    rows_in, rows_accepted : int
    quarantined : Counter
        Rule → rows it keeps out.
    outcomes : dict
        Rule → outcome and rows that fail it.
    mended : Counter
        Way in which an enterprise was recognised other than by its code as it stands → rows; each is logged.
    baselines : dict
        Values of each column, for the delivery that follows.
    accepted : pa.Table
        Rows that would be published.
    """

    batch_id: str
    rows_in: int
    rows_accepted: int
    quarantined: Counter[str]
    outcomes: dict[str, tuple[str, int]]
    mended: Counter[str]
    accepted: pa.Table
    baselines: Baselines = field(default_factory=dict)


class Stage:
    """Where files are rehearsed: an engine, and who is known.

    Parameters
    ----------
    landing : Path
        Folder for copies of the files.
    enterprises : iterable of (str, str)
        Code and name of each enterprise that the register knows.
    """

    def __init__(self, landing: Path, enterprises: Iterable[tuple[str, str]]) -> None:
        self.landing = landing
        self.connection = duckdb.connect(":memory:")
        self.connection.execute("SET threads = 1")
        self.register = Register(
            ((code, None, name) for code, name in enterprises), connection=self.connection
        )
        known = self.connection.sql(f"SELECT enterprise_id AS value FROM {_REGISTER}").to_arrow_table()
        stage(self.connection, "register_values", known)

    def rehearse(
        self, contract: Contract, delivery: Delivery, before: tuple[int, Baselines] | None = None
    ) -> Rehearsed:
        """Take one file through the steps up to publication.

        Parameters
        ----------
        contract : Contract
        delivery : Delivery
        before : tuple of int and dict, or None
            Rows and values of the regular delivery before it; ``None`` for the first.
        """
        batch = collection.receive(delivery, self.landing)
        parts = list(read_ahead([(contract, batch)], sources.DEFAULT_LIMITS))
        work = Workbench(contract, parts[0].portion.batches, self.connection, parts[0].portion.kept)
        inventory.begin(work)
        cast_all(work, parts)
        rows, values = before or (None, {})
        baselines = dict(values)
        inventory.profile(work, baselines)
        standards.judge_readings(work)
        rules.check(work, {} if rows is None else {0: rows})
        cleaning.resolve(work, self.register)
        rules.check_resolved(work, lambda *_: rules.Reference("register_values"))
        found = self._found(work, baselines)
        self._clear()
        return found

    def _found(self, work: Workbench, baselines: Baselines) -> Rehearsed:
        (batch,) = work.batches
        kept_out = Counter(line.rule_id for line in batch.broken)
        counted = "SELECT rule_id, count(*) FROM rejected GROUP BY ALL"
        kept_out.update(dict(work.connection.execute(counted).fetchall()))
        items = ", ".join(quote(item) for item in work.contract.columns)
        accepted = work.connection.sql(f"SELECT {items} FROM resolved ORDER BY line").to_arrow_table()
        return Rehearsed(
            batch.batch_id,
            batch.rows_in,
            accepted.num_rows,
            kept_out,
            {row["rule_id"]: (row["outcome"], row["rows_failed"]) for row in work.rule_results},
            Counter(row["method"] for row in work.merges),
            accepted,
            baselines,
        )

    def _clear(self) -> None:
        """Drop what one file needed; the register stays."""
        tables = self.connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE temporary AND NOT starts_with(table_name, 'register_')"
        ).fetchall()
        for (table,) in tables:
            self.connection.execute(f"DROP TABLE {quote(table)}")
