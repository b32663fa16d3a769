"""What enterprises read at two times of their own: each line of a spine sees what was true and known at its times.

Declarations are the ordinary ones. Lines stand in for enterprises: rows carry, as ``enterprise_id``, the number of the line with its two
times folded in, so that whatever an expression does with rows, as long as they keep to their enterprise, tells the times again.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pyarrow as pa

from rongqiao.contracts.standards import load_contract
from rongqiao.indicators.reading import ENTERPRISES, Reading, Rows
from rongqiao.kernel.period import last_day
from rongqiao.lake.asof import ORDER
from rongqiao.lake.engine import quote, stage
from rongqiao.lake.expiry import expires_on_sql, has_clock, months_by_severity

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from rongqiao.contracts.model import Contract
    from rongqiao.lake.tables import Lake

_SIXTEEN_BITS = (1 << 16) - 1
_SERVES = "serves_at_own_day"
#: Stands for no end, and for no beginning.
_NEVER, _ALWAYS = np.iinfo(np.int32).max, np.iinfo(np.int32).min


class OwnTimes:
    """Stands where `At` does: the two times of whoever a row belongs to, told by its ``enterprise_id``."""

    @property
    def index(self) -> Any:
        """Months since year 0 of the row's own month."""
        return (ibis._.enterprise_id >> 16) & _SIXTEEN_BITS

    @property
    def as_of(self) -> Any:
        """Month ``YYYYMM``."""
        return self.index // 12 * 100 + self.index % 12 + 1

    @property
    def end_on(self) -> Any:
        """Last day of the month."""
        first = ibis.date(self.index // 12, self.index % 12 + 1, 1)
        return (first + ibis.interval(months=1) - ibis.interval(days=1)).cast("date")

    @property
    def known_at(self) -> Any:
        """Day up to which facts count."""
        return ((ibis._.enterprise_id & _SIXTEEN_BITS).as_interval("D") + ibis.date(1970, 1, 1)).cast("date")

    def __repr__(self) -> str:
        return "own times"


@dataclass(frozen=True, slots=True)
class Spine:
    """Enterprises and the two times at which each is looked at; one enterprise may come several times."""

    enterprise_ids: pa.Array
    as_of: npt.NDArray[np.int64]
    known_at: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.enterprise_ids)

    @property
    def index(self) -> npt.NDArray[np.int64]:
        """Months since year 0."""
        return self.as_of // 100 * 12 + self.as_of % 100 - 1

    @property
    def days(self) -> npt.NDArray[np.int64]:
        """Days since 1970 of ``known_at``."""
        return self.known_at.astype("datetime64[D]").astype(np.int64)


@dataclass(frozen=True, slots=True)
class Held:
    """What was held of a contract at each line's times, of all enterprises: whether anything, and the newest day (since 1970)."""

    is_any: npt.NDArray[np.bool_]
    newest: npt.NDArray[np.int64]


class DatedReading(Reading):
    """Tables of contracts, each line of a spine at its own times."""

    numbers = "int64"

    def __init__(
        self,
        lake: Lake,
        spine: Spine,
        contract_ids: Sequence[str],
    ) -> None:
        super().__init__(lake, OwnTimes(), contract_ids)  # type: ignore[arg-type]
        self.spine = spine
        self._laid: set[str] = set()
        rules = [months_by_severity(day) for day in np.unique(spine.known_at).tolist()]
        #: Days on which other terms of publication begin, the first of them included.
        self._rule_days: list[dt.date] = [
            day
            for number, day in enumerate(np.unique(spine.known_at).tolist())
            if number == 0 or rules[number] != rules[number - 1]
        ]
        self._stage_spine()

    def _stage_spine(self) -> None:
        spine, index = self.spine, self.spine.index
        places = np.arange(len(spine), dtype=np.int64)
        over = spine.as_of // 100 - (spine.as_of % 100 < 12)
        ends = {month: last_day(int(month)) for month in np.unique(spine.as_of).tolist()}
        columns = {
            "spine_id": spine.enterprise_ids,
            "place": pa.array(places),
            "code": pa.array(places << 32 | index << 16 | spine.days),
            "own_month": pa.array(spine.as_of),
            "own_year": pa.array(over),
            "own_end": pa.array([ends[month] for month in spine.as_of.tolist()], pa.date32()),
            "own_day": pa.array(spine.known_at, pa.date32()),
        }
        stage(self.connection.con, "spine", pa.table(columns))

    def ages(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Months since each was established, NaN where the register does not tell, and whether it was registered at all by then."""
        if not self.has_register:
            return np.full(len(self.spine), np.nan), np.full(len(self.spine), fill_value=True)
        names = self.connection.table(ENTERPRISES).columns
        order = ", ".join(f"{name} DESC" for name in ORDER if name in names)
        rows = self.connection.con.execute(
            f"""SELECT place, year(established_on) * 12 + month(established_on) - 1 AS begun FROM spine
            JOIN {quote(ENTERPRISES)} ON enterprise_id = spine_id AND known_at <= own_day
            QUALIFY row_number() OVER (PARTITION BY place ORDER BY {order}) = 1"""
        ).to_arrow_table()
        ages = np.full(len(self.spine), np.nan)
        is_known = np.zeros(len(self.spine), dtype=np.bool_)
        places = rows.column("place").to_numpy()
        is_known[places] = True
        begun = np.asarray(rows.column("begun").cast(pa.float64()).to_numpy(), dtype=np.float64)
        ages[places] = self.spine.index[places] - begun
        return ages, is_known

    def held(self, contract_id: str, *, having: str | None = None) -> Rows:
        """Rows of each line's enterprise at the line's times; copied once, as several families read them."""
        contract, view = load_contract(contract_id), f"rows {contract_id}"
        if contract_id not in self._laid:
            self._laid.add(contract_id)
            chosen = ", ".join(
                f"t.{quote(column.name)}::DOUBLE AS {quote(column.name)}"
                if pa.types.is_decimal(column.type)
                else f"t.{quote(column.name)}"
                for column in self._read(contract_id)
            )
            serves = f", {self._serving(contract)} AS {_SERVES}" if has_clock(contract) else ""
            self.connection.raw_sql(
                f"""CREATE TEMP TABLE {quote(view)} AS SELECT code AS enterprise_id, {chosen}{serves}
                FROM {quote(f"published/{contract_id}")} t {self._lines(contract)}"""
            )
        serving = {_SERVES: "boolean"} if has_clock(contract) else {}
        return Rows(f"held {contract_id}", partial(self._table, view, contract_id, **serving))

    def _lines(self, contract: Contract) -> str:
        """Join that gives each line what it sees: known and true by its times, not withdrawn by then, nor passed on to another enterprise."""
        source = quote(f"published/{contract.id}")
        joins = [f"JOIN spine s ON t.enterprise_id = s.spine_id AND {_seen(contract)}"]
        where = "true"
        if "withdrawn" in self._schemas[contract.id].names:
            joins.append(
                f"""LEFT JOIN (SELECT batch_id, line, min(known_at) AS gone_on FROM {source} WHERE withdrawn GROUP BY ALL) w
                ON w.batch_id = t.batch_id AND w.line = t.line"""
            )
            where = "(gone_on IS NULL OR gone_on > own_day)"
        if contract.identifier not in contract.key and self._find_passed(contract):
            same = " AND ".join(f"p.{quote(name)} = t.{quote(name)}" for name in contract.key)
            joins.append(f"ANTI JOIN passed p ON p.code = s.code AND {same}")
        return f"{' '.join(joins)} WHERE {where}"

    def _find_passed(self, contract: Contract) -> bool:
        """Find, as ``passed``, lines and keys that another enterprise has the last row of that the line sees."""
        source, key = quote(f"published/{contract.id}"), ", ".join(quote(name) for name in contract.key)
        # Hashes first: whole keys are compared of the few that several have.
        several = f"SELECT hash({key}) AS same FROM {source} GROUP BY same HAVING min(enterprise_id) <> max(enterprise_id)"
        names = self._schemas[contract.id].names
        order = ", ".join(f"t.{name} DESC" for name in ORDER if name in names)
        standing = "coalesce(t.withdrawn, false) = false" if "withdrawn" in names else "true"
        keys = ", ".join(f"t.{quote(name)}" for name in contract.key)
        self.connection.raw_sql(
            f"""CREATE OR REPLACE TEMP TABLE several AS FROM {source} WHERE hash({key}) IN ({several});
            CREATE OR REPLACE TEMP TABLE passed AS SELECT * EXCLUDE (last_id, spine_id) FROM (
                SELECT s.code, s.spine_id, {keys}, t.enterprise_id AS last_id
                FROM spine s JOIN (SELECT DISTINCT enterprise_id, {key} FROM several) h ON h.enterprise_id = s.spine_id
                JOIN several t ON {" AND ".join(f"t.{quote(name)} = h.{quote(name)}" for name in contract.key)}
                    AND {_seen(contract)} AND {standing}
                QUALIFY row_number() OVER (PARTITION BY s.code, {keys} ORDER BY {order}) = 1) WHERE last_id <> spine_id"""
        )
        return bool(self._one("SELECT count(*) FROM passed"))

    def _serving(self, contract: Contract) -> str:
        """Whether a record's clock has not run out by the line's day, by the rules of that day."""
        return f"coalesce({self._end(contract)} >= own_day, true)"

    def _end(self, contract: Contract, day: str = "own_day") -> str:
        cases = [
            f"WHEN {day} >= DATE '{begins.isoformat()}' THEN {expires_on_sql(contract, known_at=begins)}"
            for begins in reversed(self._rule_days)
        ]
        return f"(CASE {' '.join(cases)} END)"

    def current(self, contract_id: str, *, having: str | None = None) -> Rows:
        """Rows of each line that hold at its times."""
        if contract_id not in self._opened:
            contract = load_contract(contract_id)
            key = ["enterprise_id", *(name for name in contract.key if name != contract.identifier)]
            held = self.held(contract_id)
            rows = held if self._is_single(contract_id, key) else self._last(contract_id, held, key)
            self._opened[contract_id] = Rows(rows.name, _serving_rows(rows)) if has_clock(contract) else rows
        return self._opened[contract_id]

    def _is_single(self, contract_id: str, key: Sequence[str]) -> bool:
        view, columns = quote(f"rows {contract_id}"), ", ".join(quote(name) for name in key)
        # Distinct by hash: two keys of one hash would only cause a ranking that changes nothing.
        return bool(self._one(f"SELECT count(*) = count(DISTINCT hash({columns})) FROM {view}"))

    def _last(self, contract_id: str, held: Rows, key: Sequence[str]) -> Rows:
        rows = held()
        order = [ibis.desc(rows[name]) for name in ORDER if name in rows.columns]
        window = ibis.window(group_by=list(key), order_by=order)
        ranked = rows.mutate(_rank=ibis.row_number().over(window))
        return self.keep(f"last {contract_id}", lambda: ranked.filter(ranked["_rank"] == 0).drop("_rank"))

    def fetch(
        self, name: str, build: Callable[[], Any], rest_on: Sequence[object] = (), *, of: Rows | None = None
    ) -> pa.Table:
        """Rows of an expression, as of any reading: lines by their place."""
        rows = super().fetch(name, build, rest_on, of=of)
        place = rows.column_names.index("enterprise_id")
        lines = pa.array(rows.column(place).to_numpy() >> 32)
        return rows.set_column(place, "enterprise_id", lines)

    def held_by_all(self, contract_id: str) -> Held:
        """Tell what was held of a contract at each line's times."""
        contract = load_contract(contract_id)
        found = Held(np.zeros(len(self.spine), dtype=np.bool_), np.zeros(len(self.spine), dtype=np.int64))
        for number, begins in enumerate(self._rule_days):
            until = self._rule_days[number + 1] if number + 1 < len(self._rule_days) else None
            lines = self.spine.known_at >= np.datetime64(begins)
            if until is not None:
                lines &= self.spine.known_at < np.datetime64(until)
            end = expires_on_sql(contract, known_at=begins)
            rows = self.connection.con.execute(
                f"""SELECT known_at - DATE '1970-01-01' AS known, coalesce({_month_of(contract)}, {_ALWAYS}) AS month,
                max(coalesce({end} - DATE '1970-01-01', {_NEVER})) AS end_day
                FROM {quote(f"published/{contract_id}")} GROUP BY ALL ORDER BY known, month"""
            ).fetchnumpy()
            self._find_newest(found, rows, np.flatnonzero(lines))
        return found

    def _find_newest(self, found: Held, rows: Mapping[str, Any], lines: npt.NDArray[Any]) -> None:
        """Walk through the days of delivery, oldest first: the last with a row that a line sees is its newest."""
        known, month, end = (np.asarray(rows[name], dtype=np.int64) for name in ("known", "month", "end_day"))
        index, days = self.spine.index[lines], self.spine.days[lines]
        for day in np.unique(known):
            here = known == day
            latest = np.maximum.accumulate(end[here])
            places = np.searchsorted(month[here], index, side="right") - 1
            sees = (days >= day) & (places >= 0) & (latest[np.maximum(places, 0)] >= days)
            found.is_any[lines[sees]] = True
            found.newest[lines[sees]] = day


def _serving_rows(rows: Rows) -> Callable[[], Any]:
    return lambda: rows().filter(ibis._[_SERVES]).drop(_SERVES)


def _seen(contract: Contract) -> str:
    """Condition of rows ``t`` that were known and true by the times of a line ``s``."""
    known = "t.known_at <= s.own_day"
    if not contract.valid_on:
        return known
    own = {"date": "s.own_end", "month": "s.own_month", "year": "s.own_year"}[str(contract.valid_kind)]
    value = f"t.{quote(contract.valid_on)}"
    return f"{known} AND ({value} <= {own} OR {value} IS NULL)"


def _month_of(contract: Contract) -> str:
    """Month, counted from year 0, by whose end a row is true; null for always."""
    if not contract.valid_on:
        return "NULL"
    value = quote(contract.valid_on)
    return {
        "date": f"year({value}) * 12 + month({value}) - 1",
        "month": f"{value} // 100 * 12 + {value} % 100 - 1",
        "year": f"{value} * 12 + 11",
    }[str(contract.valid_kind)]
