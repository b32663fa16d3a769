"""What one computation reads: contract tables at its two times, for all enterprises, a span of them, or those named.

Enterprises are numbered; rows carry the number as ``enterprise_id``, so that nothing compares strings but the join that numbers them.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound or written by `literal`)
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pyarrow as pa

from rongqiao.contracts.standards import load_contract
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection, literal, quote, stage
from rongqiao.lake.expiry import unexpired

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from rongqiao.contracts.model import Contract
    from rongqiao.indicators.registry import At
    from rongqiao.lake.tables import Lake

ENTERPRISES = "published/enterprises"
#: By which the last of several rows of one key is told, where a table has them.
_ORDER = ("known_at", "batch_id", "line", "amendment")


@dataclass(frozen=True, slots=True)
class Span:
    """Enterprises whose id is at least ``start``, and less than ``end`` where there is one."""

    start: str
    end: str | None

    def sql(self, column: str) -> str:
        """Condition on a column of ids."""
        upper = f" AND {column} < {literal(self.end)}" if self.end is not None else ""
        return f"({column} >= {literal(self.start)}{upper})"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What is held of one contract: rows, and the day the newest became known."""

    rows: int
    newest_known: dt.date | None


@dataclass(frozen=True, slots=True)
class Population:
    """Enterprises of a computation in the order of their ids: place is position.

    Parameters
    ----------
    enterprise_ids : pa.Array
        Ids.
    age_months : array of float
        Months since they were established; NaN where the register does not tell.
    """

    enterprise_ids: pa.Array
    age_months: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.enterprise_ids)


class Reading:
    """Tables of contracts at two times, on one thread: sums of doubles depend on their order, and a report is issued again byte for byte.

    Parameters
    ----------
    lake : Lake
    at : At
    contract_ids : sequence of str
        Contracts to be read; those that were never delivered are absent.
    columns : mapping, optional
        Contract → items that are read of it; all when a contract is not among them.
    """

    def __init__(
        self,
        lake: Lake,
        at: At,
        contract_ids: Sequence[str],
        *,
        columns: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self.at = at
        self.columns = columns or {}
        self.present = [name for name in contract_ids if lake.exists(f"published/{name}")]
        self.has_register = lake.exists(ENTERPRISES)
        views = [f"published/{name}" for name in self.present]
        self.connection = ibis_connection(lake, [*views, *([ENTERPRISES] if self.has_register else [])])
        self.connection.raw_sql("SET threads = 1")
        self.connection.raw_sql("SET parquet_metadata_cache = true")
        self._span: Span | None = None
        self._opened: dict[str, Any] = {}

    def delivered(self) -> dict[str, Delivered]:
        """Count what is held of each contract, of all enterprises."""
        found = {}
        for name in self.present:
            contract = load_contract(name)
            rows = self.connection.table(f"published/{name}")
            rows = asof.held(rows, contract, as_of=self.at.as_of, known_at=self.at.known_at)
            rows = unexpired(rows, contract, known_at=self.at.known_at)
            count, newest = (
                rows.aggregate(rows=rows.count(), newest=rows.known_at.max())
                .to_pyarrow()
                .to_pylist()[0]
                .values()
            )
            found[name] = Delivered(count, newest)
        return found

    def choose(self, *, span: Span | None = None, enterprise_ids: Sequence[str] | None = None) -> Population:
        """Stand before some enterprises; what is read from now on is theirs.

        Returns
        -------
        Population
            Those that the register knows by then; without a register, those that any table knows.
        """
        self._span = span
        self._opened.clear()
        known = self._known()
        if span is not None:
            known = f"SELECT * FROM ({known}) WHERE {span.sql('enterprise_id')}"
        if enterprise_ids is not None:
            stage(
                self.connection.con,
                "chosen",
                pa.table({"enterprise_id": pa.array(enterprise_ids, pa.string())}),
            )
            known = f"SELECT * FROM ({known}) SEMI JOIN chosen USING (enterprise_id)"
        self.connection.raw_sql(
            f"""CREATE OR REPLACE TEMP TABLE population AS SELECT enterprise_id, age_months,
            (row_number() OVER (ORDER BY enterprise_id) - 1)::INTEGER AS place FROM ({known}) WHERE enterprise_id IS NOT NULL"""
        )
        rows = self.connection.con.execute(
            "SELECT enterprise_id, age_months::DOUBLE AS age_months FROM population ORDER BY place"
        ).to_arrow_table()
        ids = rows.column("enterprise_id").combine_chunks()
        return Population(ids, np.asarray(rows.column("age_months").to_numpy(), dtype=np.float64))

    def _known(self) -> str:
        if self.has_register:
            register = self.connection.table(ENTERPRISES)
            if self._span is not None:
                register = register.filter(register.enterprise_id >= self._span.start)
                if self._span.end is not None:
                    register = register.filter(register.enterprise_id < self._span.end)
            newest = asof.latest(register, ["enterprise_id"], known_at=self.at.known_at)
            age = self.at.index - (newest.established_on.year() * 12 + newest.established_on.month() - 1)
            return str(ibis.to_sql(newest.select("enterprise_id", age_months=age), dialect="duckdb"))
        ids = " UNION ".join(
            f"SELECT enterprise_id FROM {quote('published/' + name)} WHERE known_at <= {literal(self.at.known_at.isoformat())}::DATE"
            for name in self.present
        )
        return f"SELECT DISTINCT enterprise_id, NULL::BIGINT AS age_months FROM ({ids})"

    def held(self, contract_id: str) -> Any:
        """Rows of the chosen enterprises at the two times, corrected and expired ones among them."""
        contract = load_contract(contract_id)
        source = f"published/{contract_id}"
        columns = self.connection.table(source).schema()
        chosen = ", ".join(
            f"{quote(name)}::DOUBLE AS {quote(name)}" if kind.is_decimal() else quote(name)
            for name, kind in columns.items()
            if name != "enterprise_id" and self._is_read(contract, name)
        )
        where = self._span.sql("enterprise_id") if self._span is not None else "true"
        view = f"rows {contract_id}"
        self.connection.raw_sql(
            f"""CREATE OR REPLACE TEMP VIEW {quote(view)} AS SELECT place AS enterprise_id, {chosen}
            FROM (SELECT * FROM {quote(source)} WHERE {where}) JOIN (SELECT enterprise_id, place FROM population) USING (enterprise_id)"""
        )
        return asof.held(
            self.connection.table(view), contract, as_of=self.at.as_of, known_at=self.at.known_at
        )

    def _is_read(self, contract: Contract, column: str) -> bool:
        if contract.id not in self.columns:
            return True
        return column in self.columns[contract.id] or column in (*contract.key, *_ORDER)

    def keep(self, name: str, expression: Any) -> Any:
        """Compute an expression once, and give it back as a table."""
        return self.connection.create_table(
            f"kept_{name.replace('.', '_')}", expression, temp=True, overwrite=True
        )

    def current(self, contract_id: str) -> Any:
        """Rows of the chosen enterprises that hold at the two times: the last known of each key, expired ones left out.

        Notes
        -----
        Few keys come twice. Only these are ranked; ranking all would cost more than everything else.
        """
        if contract_id not in self._opened:
            contract = load_contract(contract_id)
            rows = self.keep(f"held_{contract_id}", self.held(contract_id))
            key = ["enterprise_id" if name == contract.identifier else name for name in contract.key]
            twice = self.keep(
                f"twice_{contract_id}",
                rows.group_by(key).aggregate(times=rows.count()).filter(ibis._.times > 1).select(*key),
            )
            if twice.count().to_pyarrow().as_py():
                same = [rows[name].identical_to(twice[name]) for name in key]
                last = asof.latest(rows.semi_join(twice, same), key, known_at=self.at.known_at)
                rows = self.keep(f"current_{contract_id}", rows.anti_join(twice, same).union(last))
            self._opened[contract_id] = unexpired(rows, contract, known_at=self.at.known_at)
        return self._opened[contract_id]
