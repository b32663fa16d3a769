"""What one computation reads: contract tables at its two times, for all enterprises, a span of them, or those named.

Enterprises are numbered; rows carry the number as ``enterprise_id``, so that nothing compares strings but the join that numbers them.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound or written by `literal`)
from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pyarrow as pa

from rongqiao.contracts.standards import load_contract
from rongqiao.indicators.population import Population, read_population
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection, literal, quote, stage
from rongqiao.lake.expiry import serves_sql

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rongqiao.contracts.model import Contract
    from rongqiao.indicators.population import Span
    from rongqiao.indicators.registry import At
    from rongqiao.lake.tables import Lake

ENTERPRISES = "published/enterprises"
#: SQL of the expressions this process translated, so many at most.
_TRANSLATED: dict[tuple[str, str], str] = {}
MOST_TRANSLATED = 4_096


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that an expression gives, which is built only when one has to be.

    Parameters
    ----------
    name : str
        Tells these rows from others: equal names are equal expressions.
    build : callable
        Gives the expression.
    """

    name: str
    build: Callable[[], Any]

    def __call__(self) -> Any:
        """Build the expression."""
        return self.build()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Delivered:
    """What is held of one contract: rows, and the day the newest became known."""

    rows: int
    newest_known: dt.date | None


class Reading:
    """Tables of contracts at two times, on one thread: sums of doubles depend on their order, and a report is issued again byte for byte.

    Parameters
    ----------
    lake : Lake
    at : At
    contract_ids : sequence of str
        Contracts to be read; those that were never delivered are absent.
    everybody : Path or None
        File of `write_population` with all that the lake knows at the two times, where somebody wrote it.
    """

    #: Type of the numbers that stand for enterprises.
    numbers = "int32"

    def __init__(
        self, lake: Lake, at: At, contract_ids: Sequence[str], everybody: Path | None = None
    ) -> None:
        self.at = at
        self._everybody = everybody
        self.present = [name for name in contract_ids if lake.exists(f"published/{name}")]
        self.has_register = lake.exists(ENTERPRISES)
        views = [f"published/{name}" for name in self.present]
        self.connection = ibis_connection(lake, [*views, *([ENTERPRISES] if self.has_register else [])])
        self.connection.raw_sql("SET threads = 1")
        self.connection.raw_sql("SET parquet_metadata_cache = true")
        self._schemas = {name: lake.schema(f"published/{name}") for name in self.present}
        shapes = [(name, each.names, list(map(str, each.types))) for name, each in self._schemas.items()]
        #: What the translation of an expression depends on: the two times, and the columns there are.
        self._shape = repr((at, shapes))
        self._span: Span | None = None
        self._is_named = False
        #: Whether rows find their enterprise by the hash of its id: that another enterprise has it is one chance in 10**12.
        self._are_hashed = False
        self._before: tuple[object, Population] | None = None
        self._opened: dict[str, Rows] = {}
        #: Of contracts whose key does not name the enterprise, whether a key has passed from one to another.
        self._reassigned: dict[str, bool] = {}

    def delivered(self) -> dict[str, Delivered]:
        """Count what is held of each contract, of all enterprises."""
        found = {}
        for name in self.present:
            contract = load_contract(name)
            where = [self._is_held(contract), self._serves(contract)]
            query = f"SELECT count(*) AS rows, max(known_at) AS newest FROM {quote(f'published/{name}')} WHERE {' AND '.join(where)}"
            counted = self._on_all_threads(query).to_pylist()[0]
            found[name] = Delivered(counted["rows"], counted["newest"])
        return found

    def _is_held(self, contract: Contract) -> str:
        """Condition on rows that had arrived and were true at the two times."""
        return asof.held_sql(contract, as_of=self.at.as_of, known_at=self.at.known_at)

    def _serves(self, contract: Contract) -> str:
        """Condition on rows whose clock has not run out by the day."""
        return serves_sql(contract, known_at=self.at.known_at, columns=self._schemas[contract.id].names)

    def _on_all_threads(self, query: str) -> pa.Table:
        """Rows of what does not depend on their order: counts, extremes, names."""
        self.connection.raw_sql("RESET threads")
        try:
            return self.connection.con.execute(query).to_arrow_table()
        finally:
            self.connection.raw_sql("SET threads = 1")

    def choose(self, *, span: Span | None = None, enterprise_ids: Sequence[str] | None = None) -> Population:
        """Stand before some enterprises; what is read from now on is theirs.

        Returns
        -------
        Population
            Those that the register knows by then; without a register, those that any table knows.
        """
        chosen = (span, None if enterprise_ids is None else tuple(enterprise_ids))
        if self._before is not None and self._before[0] == chosen:
            return self._before[1]
        self._span, self._is_named = span, enterprise_ids is not None
        self._opened.clear()
        if self._everybody is not None and enterprise_ids is None:
            population = read_population(self._everybody, span)
        else:
            population = self._find(enterprise_ids)
        places = pa.array(np.arange(len(population), dtype=np.int32))
        staged = pa.table({"enterprise_id": population.enterprise_ids, "place": places})
        stage(self.connection.con, "population", staged)
        self._are_hashed = not self._is_named and self._tell_apart_by_hash()
        self._before = (chosen, population)
        return population

    def _tell_apart_by_hash(self) -> bool:
        """Give each of the population the hash of its id; whether all differ."""
        self.connection.con.execute(
            "CREATE OR REPLACE TEMP TABLE population AS SELECT *, hash(enterprise_id) AS code FROM population"
        )
        return bool(self._one("SELECT count(DISTINCT code) = count(*) FROM population"))

    def _find(self, enterprise_ids: Sequence[str] | None) -> Population:
        """Find those of the span, or those named, among all that is known."""
        known = self._known()
        if enterprise_ids is not None:
            named = pa.table({"enterprise_id": pa.array(enterprise_ids, pa.string())})
            stage(self.connection.con, "chosen", named)
            known = f"SELECT * FROM ({known}) SEMI JOIN chosen USING (enterprise_id)"
        rows = self._on_all_threads(
            f"SELECT enterprise_id, age_months FROM ({known}) WHERE enterprise_id IS NOT NULL ORDER BY 1"
        )
        first = None if self._is_named else self._span.place if self._span else 0
        return Population.of(rows, first)

    def _known(self) -> str:
        if self.has_register:
            self.connection.raw_sql(
                f"CREATE OR REPLACE TEMP VIEW register AS SELECT * FROM {quote(ENTERPRISES)} WHERE {self._within()}"
            )
            return self._translated("register", lambda: aged(self.connection.table("register"), self.at))
        by_then = f"known_at <= {literal(self.at.known_at.isoformat())}::DATE"
        tables = (quote(f"published/{name}") for name in self.present)
        named = " UNION ".join(f"SELECT enterprise_id FROM {table} WHERE {by_then}" for table in tables)
        return f"SELECT DISTINCT enterprise_id, NULL::BIGINT AS age_months FROM ({named})"

    def held(self, contract_id: str, *, having: str | None = None) -> Rows:
        """Rows of the chosen enterprises at the two times, corrected and expired ones among them.

        Of those only that have a row of another contract, where one is named.
        """
        contract = load_contract(contract_id)
        chosen = ", ".join(
            f"{quote(column.name)}::DOUBLE AS {quote(column.name)}"
            if pa.types.is_decimal(column.type)
            else quote(column.name)
            for column in self._read(contract_id)
        )
        view = _name("held", contract_id, having)
        # Numbers are joined sooner than ids of eighteen signs. Of those named, the engine reads only where their ids may be.
        key, by = "enterprise_id", "USING (enterprise_id)"
        if self._are_hashed:
            key, by = "code", "ON hash(enterprise_id) = code"
        self.connection.con.execute(
            f"""CREATE OR REPLACE TEMP VIEW {quote(view)} AS SELECT place AS enterprise_id, {chosen}
            FROM {self._rows(contract)} JOIN (SELECT {key}, place FROM {self._those(having)}) {by}"""
        )
        return Rows(view, partial(self._table, view, contract_id))

    def _rows(self, contract: Contract) -> str:
        """Rows at the two times with the ids of their enterprises: of the span, or of everybody."""
        source = quote(f"published/{contract.id}")
        return f"(SELECT * FROM {source} {self._without(contract)} WHERE {self._within()} AND {self._is_held(contract)})"

    def _within(self) -> str:
        return self._span.sql("enterprise_id") if self._span is not None else "true"

    def _read(self, contract_id: str) -> list[pa.Field]:
        """Columns of a published table that rows are read with, beside their enterprise."""
        columns = self._schemas[contract_id]
        return [column for column in columns if column.name not in ("enterprise_id", "withdrawn")]

    def _table(self, view: str, contract_id: str, **more: str) -> Any:
        """Rows of a view, as an expression: what it has is known, so the engine need not be asked."""
        columns = self._read(contract_id)
        kinds = dict(ibis.Schema.from_pyarrow(pa.schema(columns)))
        kinds |= {each.name: ibis.dtype("float64") for each in columns if pa.types.is_decimal(each.type)}
        return ibis.table({"enterprise_id": self.numbers, **kinds, **more}, name=view)

    def _those(self, having: str | None) -> str:
        """Table of the chosen enterprises, or of those among them that have a row of a contract."""
        if having is None:
            return "population"
        those = quote(f"population having {having}")
        self.connection.raw_sql(
            f"""CREATE OR REPLACE TEMP TABLE {those} AS FROM population
            SEMI JOIN (SELECT enterprise_id FROM {quote(f"published/{having}")} WHERE {self._within()}) USING (enterprise_id)"""
        )
        return those

    def _without(self, contract: Contract) -> str:
        """Leave out rows that were withdrawn, and those whose key a later row gives to another enterprise."""
        source, joins = quote(f"published/{contract.id}"), []
        if "withdrawn" in self._schemas[contract.id].names:
            day = literal(self.at.known_at.isoformat())
            joins.append(
                f"ANTI JOIN (SELECT batch_id, line FROM {source} WHERE withdrawn AND known_at <= DATE {day}) USING (batch_id, line)"
            )
        if contract.identifier not in contract.key:
            key = ", ".join(quote(name) for name in contract.key)
            if contract.id not in self._reassigned:
                self._find_reassigned(contract, key)
            if self._reassigned[contract.id]:
                lost = quote(f"reassigned {contract.id}")
                joins.append(f"ANTI JOIN {lost} USING ({key}, enterprise_id)")
        return " ".join(joins)

    def _find_reassigned(self, contract: Contract, key: str) -> None:
        """Find keys that do not name the enterprise and have come for several: whoever does not have the last known row has none."""
        source, lost = quote(f"published/{contract.id}"), quote(f"reassigned {contract.id}")
        # Hashes first: whole keys are compared of the few that several have.
        several = f"SELECT hash({key}) AS code FROM {source} GROUP BY code HAVING min(enterprise_id) <> max(enterprise_id)"
        self.connection.raw_sql(
            f"CREATE OR REPLACE TEMP TABLE several AS FROM {source} WHERE hash({key}) IN ({several})"
        )
        rows = self.connection.table("several")
        held = asof.held(rows, contract, as_of=self.at.as_of, known_at=self.at.known_at)
        last = self.connection.compile(asof.latest(held, contract.key, known_at=self.at.known_at))
        self.connection.raw_sql(
            f"""CREATE OR REPLACE TEMP TABLE {lost} AS SELECT DISTINCT {key}, enterprise_id FROM several
            JOIN (SELECT {key}, enterprise_id AS last_id FROM ({last})) USING ({key}) WHERE enterprise_id <> last_id"""
        )
        self._reassigned[contract.id] = bool(self._one(f"SELECT count(*) FROM {lost}"))

    def keep(self, name: str, build: Callable[[], Any], rest_on: Sequence[object] = ()) -> Rows:
        """Compute an expression once into a table of that name, see :meth:`fetch`."""
        table = f"kept_{name.replace('.', '_').replace(' ', '_')}"
        query = self._translated(name, build, rest_on)
        self.connection.con.execute(f"CREATE OR REPLACE TEMP TABLE {quote(table)} AS {query}")
        return Rows(table, lambda: ibis.table(build().schema(), name=table))

    def share(self, name: str, build: Callable[[], Any], rest_on: Sequence[object]) -> Rows:
        """Compute an expression once for all who need it before others are chosen."""
        if name not in self._opened:
            self._opened[name] = self.keep(name, build, rest_on)
        return self._opened[name]

    def fetch(
        self, name: str, build: Callable[[], Any], rest_on: Sequence[object] = (), *, of: Rows | None = None
    ) -> pa.Table:
        """Rows of an expression; it is built only where its like, by its name and what it rests on, was not translated before."""
        query = self._translated(name, build, rest_on)
        if of is not None:
            # Rows that it reads by their name flow into it: a table of them would be written only to be read once.
            query = f"WITH {quote(of.name)} AS NOT MATERIALIZED ({self._translated(of.name, of.build, rest_on)}) SELECT * FROM ({query})"
        return self.connection.con.execute(query).to_arrow_table()

    def _translated(self, name: str, build: Callable[[], Any], rest_on: Sequence[object] = ()) -> str:
        """Translate an expression to SQL once: for six hundred that takes seconds, and they are the same for every span."""
        key = (f"{name}: {'+'.join(map(str, rest_on))}", self._shape)
        if key not in _TRANSLATED:
            if len(_TRANSLATED) >= MOST_TRANSLATED:
                _TRANSLATED.clear()
            _TRANSLATED[key] = self._translate(build())
        return _TRANSLATED[key]

    def _translate(self, expression: Any) -> str:
        # Merging selects takes Ibis a good part of the time, and the engine merges them anyway.
        is_merging, ibis.options.sql.fuse_selects = ibis.options.sql.fuse_selects, False
        try:
            return str(self.connection.compile(expression))
        finally:
            ibis.options.sql.fuse_selects = is_merging

    def current(self, contract_id: str, *, having: str | None = None) -> Rows:
        """Rows of the chosen enterprises that hold at the two times: the last known of each key, expired ones left out.

        Of those only that have a row of another contract, where one is named.

        Notes
        -----
        Few keys come twice. Only these are ranked; ranking all would cost more than everything else. Rows are read anew by
        whoever needs them, a few columns at a time; keeping a copy of all costs more. The rows that lost are left out of one scan:
        a union of the other rows with those that won was seen to stall in the engine on a province's files.
        """
        name = _name("last", contract_id, having)
        if name not in self._opened:
            contract = load_contract(contract_id)
            held = self.held(contract_id, having=having)
            without = self._without_superseded(contract, having)
            self.connection.con.execute(
                f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS SELECT * FROM {quote(held.name)} {without} WHERE {self._serves(contract)}"
            )
            self._opened[name] = Rows(name, partial(self._table, name, contract_id))
        return self._opened[name]

    def _without_superseded(self, contract: Contract, having: str | None) -> str:
        """Leave out rows that a later one of their key replaced. All of a key are of one enterprise: whether it is chosen need not be asked."""
        twice, lost = (quote(_name(what, contract.id, having)) for what in ("twice", "lost"))
        named = "population" if self._is_named else None
        among = named if having is None else quote(f"population having {having}")
        rows = self._rows(contract) + (f" SEMI JOIN {among} USING (enterprise_id)" if among else "")
        key = ("enterprise_id" if item == contract.identifier else item for item in contract.key)
        keys = ", ".join(quote(name) for name in key)
        # Hashes first: whole keys are compared of the few that come twice.
        self.connection.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {twice} AS SELECT hash({keys}) AS code FROM {rows} GROUP BY code HAVING count(*) > 1"
        )
        if not self._one(f"SELECT count(*) FROM {twice}"):
            return ""
        order = asof.newest_first(self._schemas[contract.id].names)
        self.connection.con.execute(
            f"""CREATE OR REPLACE TEMP TABLE {lost} AS SELECT batch_id, line FROM (
            SELECT batch_id, line, row_number() OVER (PARTITION BY {keys} ORDER BY {order}) AS place
            FROM {rows} WHERE hash({keys}) IN (FROM {twice})) WHERE place > 1"""
        )
        return f"ANTI JOIN {lost} USING (batch_id, line)"

    def _one(self, query: str) -> Any:
        row = self.connection.con.execute(query).fetchone()
        return row[0] if row else None


def _name(what: str, contract_id: str, having: str | None) -> str:
    return f"{what} {contract_id}" + (f" of {having}" if having else "")


def aged(register: Any, at: At) -> Any:
    """Who the register knows by then, ``enterprise_id``, and months since each was established, ``age_months``."""
    newest = asof.latest(register, ["enterprise_id"], known_at=at.known_at)
    age = at.index - (newest.established_on.year() * 12 + newest.established_on.month() - 1)
    return newest.select("enterprise_id", age_months=age)
