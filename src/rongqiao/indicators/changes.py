"""Whose indicators can differ between two days of one month: by facts that came, clocks that ran out, and ties to either.

Everything here errs on the side of naming too many: a row that turns out to change nothing costs its enterprise's computation.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are written by `literal`)
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from rongqiao.contracts.standards import load_contract
from rongqiao.indicators.evaluation import is_stale, newest_known
from rongqiao.indicators.reading import ENTERPRISES, Delivered
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection, literal, quote
from rongqiao.lake.expiry import has_clock, turning, unexpired

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from rongqiao.indicators.registry import At, Source, Tie
    from rongqiao.indicators.runs import Run
    from rongqiao.lake.tables import Lake

#: Contract, and item of it.
_Item: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to be computed again.

    Parameters
    ----------
    moved_ids : tuple of str
        Of whom a row says something else.
    tied_ids : tuple of str
        Others, whose values in sources that look across enterprises can differ by those rows.
    read_ids : tuple of str
        Both, and all on whose rows theirs rest in sources that look across enterprises.
    delivered : mapping
        What is held of each contract now.
    reasons : tuple of str
        In Chinese, why everybody has to be computed; empty where the enterprises named are all.
    standing : frozenset of str
        Sources of which no row of anybody moved: the values that stand are what a computation would give.
    """

    moved_ids: tuple[str, ...]
    tied_ids: tuple[str, ...]
    read_ids: tuple[str, ...]
    delivered: Mapping[str, Delivered]
    reasons: tuple[str, ...]
    standing: frozenset[str] = frozenset()


def find_changes(lake: Lake, before: Run, at: At, sources: Collection[Source]) -> Changes:
    """Compare what is held now, at a day of the same month, with what a run rested on.

    Parameters
    ----------
    lake : Lake
    before : Run
        Of the same month, not known later.
    at : At
        The two times now.
    sources : collection of Source
        Rows that indicators are aggregated from.
    """
    compared = _Comparison(lake, before, at, sources)
    reasons = compared.rewritten()
    if reasons:
        return Changes((), (), (), {}, tuple(reasons))
    compared.find_moved()
    delivered = compared.delivered()
    reasons = _source_wide(sources, before, delivered, at)
    if reasons:
        return Changes((), (), (), delivered, tuple(reasons))
    moved, tied = compared.affected()
    return Changes(moved, tied, compared.read_for(), delivered, (), compared.unmoved())


def _source_wide(
    sources: Iterable[Source], before: Run, delivered: Mapping[str, Delivered], at: At
) -> list[str]:
    """Name what changes the status of everybody: a table that has its first rows or none left, a register that went stale or came back."""
    reasons = []
    for source in sources:
        then = [before.delivered.get(name) for name in source.contracts]
        now = [delivered.get(name) for name in source.contracts]
        had, has = (all(each is not None and each.rows for each in held) for held in (then, now))
        if had != has:
            reasons.append(f"{source.id} {'首次有数据' if has else '不再有数据'}")
        elif has and source.contracts:
            was, is_old = (
                is_stale(source, (day - newest_known(source, held)).days)
                for held, day in ((before.delivered, before.at.known_at), (delivered, at.known_at))
            )
            if was != is_old:
                reasons.append(f"{source.id} {'已陈旧' if is_old else '恢复更新'}")
    return reasons


class _Comparison:
    """Tables of one lake at two days; ``moved`` holds contract and enterprise of every row that says something else."""

    def __init__(self, lake: Lake, before: Run, at: At, sources: Collection[Source]) -> None:
        self.lake, self.before, self.at = lake, before, at
        self.sources = sources
        contracts = sorted({name for source in sources for name in source.contracts})
        self.present = [name for name in contracts if lake.exists(f"published/{name}")]
        self.has_register = lake.exists(ENTERPRISES)
        tables = [f"published/{name}" for name in self.present]
        self.added = {
            table: lake.added_since(table, before.versions[table]) if table in before.versions else []
            for table in tables
        }
        self.backend = ibis_connection(lake, [*tables, *([ENTERPRISES] if self.has_register else [])])
        self.connection = self.backend.con
        self.connection.execute("CREATE TEMP TABLE moved (contract_id VARCHAR, enterprise_id VARCHAR)")
        self._newest: dict[str, Delivered] = {}

    def rewritten(self) -> list[str]:
        """Name tables of which nobody can tell what changed in them."""
        reasons = [f"{table} 被改写" for table, files in self.added.items() if files is None]
        if self.has_register != (ENTERPRISES in self.before.versions):
            reasons.append("企业登记库首次有数据")
        elif self.has_register and self._earlier_register() is None:
            reasons.append("企业登记库的旧版本已不可读")
        return reasons

    def _earlier_register(self) -> list[str] | None:
        return self.lake.uris_at(ENTERPRISES, self.before.versions[ENTERPRISES])

    def find_moved(self) -> None:
        """Fill ``moved``: rows that came, rows whose clock ran out or came into force, rows that fell due, and the register's."""
        for contract_id in self.present:
            self._find_came(contract_id)
            self._enter(contract_id, f"FROM {quote(f'came {contract_id}')}")
            contract = load_contract(contract_id)
            if has_clock(contract) and self.before.at.known_at != self.at.known_at:
                days = {"before": self.before.at.known_at, "now": self.at.known_at}
                turned = turning(self._held(contract_id), contract, **days)
                if turned is not None:
                    self._enter(contract_id, f"FROM ({self.backend.compile(turned)})")
        self._find_due()
        if self.has_register:
            self._find_registered()
        for contract_id in self.present:
            self._find_reassigned(contract_id)

    def _held(self, contract_id: str) -> Any:
        table = self.backend.table(f"published/{contract_id}")
        return asof.held(table, load_contract(contract_id), as_of=self.at.as_of, known_at=self.at.known_at)

    def _find_came(self, contract_id: str) -> None:
        """Lay down rows that became known since, and those that arrived late in files that came since."""
        table, day = f"published/{contract_id}", _day(self.before.at)
        where = asof.held_sql(load_contract(contract_id), as_of=self.at.as_of, known_at=self.at.known_at)
        said = f"SELECT enterprise_id, known_at FROM {quote(table)} WHERE {where}"
        if table in self.before.versions:
            said += f" AND known_at > {day}"
        if files := self.added[table]:
            late = (
                f"SELECT enterprise_id, known_at FROM {_reading(files)} WHERE {where} AND known_at <= {day}"
            )
            said += f" UNION ALL {late}"
        self.connection.execute(f"CREATE TEMP TABLE {quote(f'came {contract_id}')} AS {said}")

    def _enter(self, contract_id: str, rows: str) -> None:
        self.connection.execute(
            f"INSERT INTO moved SELECT DISTINCT {literal(contract_id)}, enterprise_id {rows}"
        )

    def _find_due(self) -> None:
        for source in self.sources:
            if source.falls_due is not None and set(source.contracts) <= set(self.present):
                due = source.falls_due({name: self._held(name) for name in source.contracts})
                passed = due.filter((due.day > self.before.at.known_at) & (due.day <= self.at.known_at))
                self._enter(source.contracts[0], f"FROM ({self.backend.compile(passed)})")

    def _find_registered(self) -> None:
        """Who is new in the register, or got another day of establishment: under every contract, as all its rows are new to the rest."""
        if self.lake.version(ENTERPRISES) == self.before.versions[ENTERPRISES]:
            came = f"SELECT enterprise_id FROM {quote(ENTERPRISES)} WHERE known_at > {_day(self.before.at)}"
        else:
            said = "SELECT enterprise_id, known_at, established_on FROM"
            known = f"WHERE known_at <= {_day(self.before.at)}"
            earlier = f"{said} {_reading(self._earlier_register() or [])} {known}"
            since = f"{said} {quote(ENTERPRISES)} {known}"
            came = f"""SELECT enterprise_id FROM {quote(ENTERPRISES)} WHERE known_at > {_day(self.before.at)}
                UNION SELECT enterprise_id FROM ({earlier} EXCEPT ({since}))
                UNION SELECT enterprise_id FROM ({since} EXCEPT ({earlier}))"""
        self.connection.execute(
            f"CREATE TEMP TABLE registered AS SELECT DISTINCT enterprise_id FROM ({came}) SEMI JOIN {quote(ENTERPRISES)} USING (enterprise_id)"
        )
        for contract_id in self.present:
            self.connection.execute(f"INSERT INTO moved SELECT {literal(contract_id)}, * FROM registered")

    def _find_reassigned(self, contract_id: str) -> None:
        """Whose row another enterprise's row of the same key replaced, or gave back: keys that do not name the enterprise."""
        contract = load_contract(contract_id)
        if contract.identifier in contract.key:
            return
        table, key = quote(f"published/{contract_id}"), ", ".join(quote(name) for name in contract.key)
        self.connection.execute(
            f"""INSERT INTO moved SELECT DISTINCT {literal(contract_id)}, enterprise_id FROM {table} SEMI JOIN (
            SELECT {key} FROM {table} SEMI JOIN (FROM moved WHERE contract_id = {literal(contract_id)}) USING (enterprise_id))
            USING ({key})"""
        )

    def delivered(self) -> dict[str, Delivered]:
        """Count what is held now. Only clocks take rows away: of tables without one, what came is added to what was."""
        found = {}
        for contract_id in self.present:
            contract = load_contract(contract_id)
            before = self.before.delivered.get(contract_id)
            rows = f"FROM {quote(f'came {contract_id}')}"
            if before is None or has_clock(contract):
                held = unexpired(self._held(contract_id), contract, known_at=self.at.known_at)
                rows = f"FROM ({self.backend.compile(held)})"
            count, newest = self.connection.execute(f"SELECT count(*), max(known_at) {rows}").fetchone() or (
                0,
                None,
            )
            if before is not None and not has_clock(contract):
                count += before.rows
                newest = max((day for day in (newest, before.newest_known) if day), default=None)
            found[contract_id] = Delivered(count, newest)
        return found

    def unmoved(self) -> frozenset[str]:
        """Name sources of which nobody has a moved row, among those that look at one enterprise; who is new in the register has moved in all."""
        rows = self.connection.execute("SELECT DISTINCT contract_id FROM moved").fetchall()
        moved = {row[0] for row in rows}
        own = [source for source in self.sources if source.contracts and not source.is_across]
        return frozenset(source.id for source in own if not moved & {*source.contracts})

    def affected(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Who has moved rows, and who else is tied to one of them by a source that looks across enterprises."""
        self.connection.execute("CREATE TEMP TABLE affected AS SELECT DISTINCT enterprise_id FROM moved")
        resting: dict[Tie, set[str]] = {}
        for source in self._across():
            for tie in source.ties:
                resting.setdefault(tie, set()).update(source.contracts)
        for contracts in sorted({tuple(sorted(names)) for names in resting.values()}):
            names = ", ".join(literal(name) for name in contracts)
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE turned AS SELECT DISTINCT enterprise_id FROM moved WHERE contract_id IN ({names})"
            )
            own = [tie for tie, each in resting.items() if each == set(contracts)]
            self._tie("affected", [(tie.gives, tie.reads) for tie in own], to="turned")
        return self._ids("moved"), self._ids("(FROM affected ANTI JOIN moved USING (enterprise_id))")

    def read_for(self) -> tuple[str, ...]:
        """Return all whose rows the affected enterprises' values rest on, themselves included."""
        self.connection.execute("CREATE TEMP TABLE read_for AS SELECT DISTINCT enterprise_id FROM affected")
        ties = dict.fromkeys(tie for source in self._across() for tie in source.ties)
        self._tie("read_for", [(tie.reads, tie.gives) for tie in ties], to="affected")
        return self._ids("read_for")

    def _tie(self, into: str, pairs: Iterable[tuple[_Item, _Item]], *, to: str) -> None:
        """Enter who has, in the second item of a pair, a value that one of the chosen has in the first; each item is read once."""
        met: dict[_Item, list[_Item]] = {}
        for own, other in pairs:
            met.setdefault(other, []).append(own)
        distinct = dict.fromkeys(own for owns in met.values() for own in owns)
        places = {own: f"value{place}" for place, own in enumerate(distinct)}
        for (contract_id, item), place in places.items():
            self.connection.execute(
                f"""CREATE OR REPLACE TEMP TABLE {place} AS SELECT DISTINCT {quote(item)} AS value
                FROM {quote(f"published/{contract_id}")} SEMI JOIN {to} USING (enterprise_id) WHERE {quote(item)} IS NOT NULL"""
            )
        for (contract_id, item), owns in met.items():
            values = " UNION ".join(f"SELECT value FROM {places[own]}" for own in owns)
            self.connection.execute(
                f"""INSERT INTO {into} SELECT DISTINCT enterprise_id FROM {quote(f"published/{contract_id}")}
                WHERE {quote(item)} IN ({values})"""
            )

    def _across(self) -> list[Source]:
        present = set(self.present)
        return [each for each in self.sources if each.is_across and set(each.contracts) <= present]

    def _ids(self, rows: str) -> tuple[str, ...]:
        found = self.connection.execute(
            f"SELECT DISTINCT enterprise_id FROM {rows} WHERE enterprise_id IS NOT NULL ORDER BY enterprise_id"
        ).to_arrow_table()
        return tuple(found.column(0).to_pylist())


def _reading(files: Iterable[str]) -> str:
    listed = ", ".join(literal(uri) for uri in files)
    return f"read_parquet([{listed}], union_by_name = true)"


def _day(at: At) -> str:
    return f"DATE {literal(at.known_at.isoformat())}"
