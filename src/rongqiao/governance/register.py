"""The register of enterprises that deliveries are resolved against, and the ways to recognise one in it.

It lives in DuckDB, so that six million enterprises need no six million Python objects, and answers many identities at a time.
"""

# ruff: noqa: S608  (names are constants of this module; values are bound)
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from rongqiao.governance.names import clean_name, core_name, core_sql, edits, is_plain_sql
from rongqiao.kernel.identifiers import LOOKALIKES, is_uscc, normalise_uscc
from rongqiao.lake.engine import stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: A name may differ by one edit, if it is long enough and no other enterprise comes near.
SHORTEST_FUZZY_CORE = 6
SAFE_EDITS = 1
RUNNER_UP_EDITS = 3
#: A broken code that agrees with the candidate's in so many of 18 places lets the name differ by two edits.
CORROBORATING_PLACES = 14
#: Names that share the most triples of characters are compared letter by letter; so many of them.
NEAREST = 32
#: Triples of characters looked up per name, the rarest first, and none that so many names bear: the common ones find half the province.
RAREST_TRIPLES = 4
MOST_BEARERS = 2_000
#: Rows taken out of DuckDB at a time.
PORTION = 200_000

_NAMES = "register_names(enterprise_id VARCHAR, folded VARCHAR, core VARCHAR)"
_TRIPLES = "register_triples(name_at BIGINT, triple UBIGINT)"
_NUMBERS = "register_numbers(number VARCHAR, enterprise_id VARCHAR)"
#: Who might be meant: field of the identity, table, and condition on the identity's compared forms.
_LOOK_UPS = (
    ("known", "register_known", "plain = enterprise_id"),
    ("numbered", "register_numbers", "plain = number AND plain <> ''"),
    ("bearers", "register_names n", "open_identities.folded = n.folded AND n.folded <> ''"),
    ("sames", "register_names n", "open_identities.core = n.core AND n.core <> ''"),
)
_OPEN = pa.schema(
    [("spot", pa.int64()), ("plain", pa.string()), ("folded", pa.string()), ("core", pa.string())]
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which enterprise a delivered identity means.

    Parameters
    ----------
    enterprise_id : str or None
        ``None`` when unresolved.
    method : str
        ``uscc``, ``uscc_repaired``, ``registration_no``, ``name_exact``, ``name_fuzzy`` or ``unresolved``.
    score : float
        1 for proven, below 1 for the share of the name that agrees, 0 for unresolved.
    message : str
        For unresolved: why, and what settles it.
    """

    enterprise_id: str | None
    method: str
    score: float
    message: str = ""


@dataclass(slots=True)
class _Identity:
    """A delivered code and name in the forms they are compared in, and who might be meant."""

    plain: str
    folded: str
    core: str
    known: list[str] = field(default_factory=list)
    numbered: list[str] = field(default_factory=list)
    bearers: list[str] = field(default_factory=list)
    sames: list[str] = field(default_factory=list)


class Register:
    """Enterprises by code, 15-digit number, and present and former names.

    Parameters
    ----------
    rows : iterable of (str, str or None, str or None)
        Enterprise id, 15-digit registration number, one of its names.
    connection : duckdb.DuckDBPyConnection, optional
        Where its tables stand: ``register_known``, ``register_names``, ``register_numbers``. A new one in memory when omitted.
    """

    def __init__(
        self,
        rows: Iterable[tuple[str, str | None, str | None]] = (),
        connection: duckdb.DuckDBPyConnection | None = None,
    ) -> None:
        self.connection = connection or duckdb.connect()
        for table in ("register_known(enterprise_id VARCHAR)", _NAMES, _NUMBERS, _TRIPLES):
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {table}")
        self._indexed = 0
        rows = list(rows)
        if rows:
            columns = ("enterprise_id", "number", "name")
            staged = pa.table(
                {
                    name: pa.array(column, pa.string())
                    for name, column in zip(columns, zip(*rows, strict=True), strict=True)
                }
            )
            stage(self.connection, "first", staged)
            self.add("SELECT enterprise_id, number, name FROM first")

    def __len__(self) -> int:
        return int(self._one("SELECT count(*) FROM register_known"))

    def _one(self, query: str) -> Any:
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None

    def add(self, query: str) -> None:
        """Enter what a query yields: ``enterprise_id, number, name``; what is known already changes nothing."""
        run = self.connection.execute
        run(
            f"CREATE OR REPLACE TEMP TABLE entering AS SELECT DISTINCT enterprise_id, number, name FROM ({query})"
        )
        run(
            """INSERT INTO register_known SELECT DISTINCT enterprise_id FROM entering
            WHERE enterprise_id NOT IN (SELECT enterprise_id FROM register_known)"""
        )
        run(
            """INSERT INTO register_numbers SELECT DISTINCT number, enterprise_id FROM entering WHERE number IS NOT NULL
            EXCEPT SELECT number, enterprise_id FROM register_numbers"""
        )
        self._enter_names()
        run("DROP TABLE entering")

    def _enter_names(self) -> None:
        """Fold names that are new: plain ones by the engine, the others one by one."""
        is_plain = is_plain_sql("name")
        self.connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE folding AS SELECT name, lower(name) AS folded, {core_sql("lower(name)")} AS core
            FROM (SELECT DISTINCT name FROM entering WHERE name IS NOT NULL AND {is_plain})"""
        )
        names = self.connection.execute(
            f"SELECT DISTINCT name FROM entering WHERE name IS NOT NULL AND NOT ({is_plain}) ORDER BY name"
        ).to_arrow_table()
        for batch in names.to_batches(PORTION):
            written = batch.column(0).to_pylist()
            folded = [(clean_name(name) or "").casefold() for name in written]
            staged = pa.table(
                {
                    "name": batch.column(0),
                    "folded": folded,
                    "core": [core_name(name) if name else "" for name in folded],
                }
            )
            stage(self.connection, "folded_names", staged)
            self.connection.execute("INSERT INTO folding SELECT * FROM folded_names WHERE folded <> ''")
        self.connection.execute(
            """INSERT INTO register_names SELECT DISTINCT enterprise_id, folded, core FROM entering JOIN folding USING (name)
            EXCEPT SELECT enterprise_id, folded, core FROM register_names"""
        )
        self.connection.execute("DROP TABLE folding")

    def resolve(self, code: str | None, name: str | None) -> Resolution:
        """Recognise one enterprise; see :meth:`resolve_all`."""
        return self.resolve_all([(code, name)])[0]

    def resolve_all(self, identities: Sequence[tuple[str | None, str | None]]) -> list[Resolution]:
        """Recognise enterprises, each by the strongest evidence first.

        Notes
        -----
        A code whose check character is right but which the register does not hold means another enterprise: its name is not consulted.
        A broken code is mended where exactly one bearer of the name has a code one slip away from it.
        """
        found = [self._fold(code, name) for code, name in identities]
        self._look_up(found)
        results = [self._decide(identity) for identity in found]
        near = [at for at, result in enumerate(results) if result is None]
        candidates = self._near([found[at].core for at in near]) if near else []
        for at, cores in zip(near, candidates, strict=True):
            results[at] = _by_likeness(found[at], cores)
        return [result for result in results if result is not None]

    @staticmethod
    def _fold(code: str | None, name: str | None) -> _Identity:
        folded = (clean_name(name) or "").casefold()
        return _Identity(normalise_uscc(code) if code else "", folded, core_name(folded) if folded else "")

    def _look_up(self, identities: Sequence[_Identity]) -> None:
        """Find for all identities at once who has the code, the number, the name, or its core."""
        columns = [list(range(len(identities)))] + [
            [getattr(each, form) for each in identities] for form in ("plain", "folded", "core")
        ]
        stage(self.connection, "open_identities", pa.table(columns, schema=_OPEN))
        # One statement each: all four joined by UNION ALL have been seen to stall in the engine on a register of millions.
        for kind, table, condition in _LOOK_UPS:
            rows = self.connection.execute(
                f"SELECT DISTINCT spot, enterprise_id FROM open_identities JOIN {table} ON {condition} ORDER BY ALL"
            ).fetchall()
            for spot, enterprise_id in rows:
                getattr(identities[spot], kind).append(enterprise_id)

    @staticmethod
    def _decide(each: _Identity) -> Resolution | None:
        """Recognise by code, number or exact name; ``None`` where only likeness is left."""
        if each.known:
            return Resolution(each.plain, "uscc", 1.0)
        if each.plain and is_uscc(each.plain):
            return _unresolved("代码校验通过，但企业登记库中查无此户，请先补报登记信息。")
        if len(each.numbered) == 1:
            return Resolution(each.numbered[0], "registration_no", 1.0)
        if not each.folded:
            return _unresolved("代码无效且无名称，请补报统一社会信用代码。")
        mended = {one for one in {*each.bearers, *each.sames} if _is_one_slip(each.plain, one)}
        if len(mended) == 1:
            return Resolution(mended.pop(), "uscc_repaired", 1.0)
        if len(each.bearers) == 1:
            return Resolution(each.bearers[0], "name_exact", 1.0)
        if each.bearers:
            shown = "、".join(each.bearers[:3])
            return _unresolved(f"同名企业有 {len(each.bearers)} 户（{shown}），请补报代码。")
        if len(each.sames) == 1:
            return Resolution(each.sames[0], "name_fuzzy", 0.98)
        if each.sames:
            return _unresolved(f"去掉组织形式后同名企业有 {len(each.sames)} 户，请补报代码。")
        return None

    def _near(self, cores: Sequence[str]) -> list[list[tuple[str, tuple[str, ...]]]]:
        """For each core, cores of the register that share its rarer triples of characters, with their enterprises."""
        self._index_triples()
        staged = pa.table(
            {"spot": pa.array(range(len(cores)), pa.int64()), "core": pa.array(cores, pa.string())}
        )
        stage(self.connection, "open_cores", staged)
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE open_triples AS SELECT DISTINCT spot, triple FROM ({_triples_sql('spot', 'open_cores')})"
        )
        found = self.connection.execute(
            f"""WITH counted AS (SELECT triple, count(*) AS bearers FROM register_triples SEMI JOIN open_triples USING (triple)
                GROUP BY triple HAVING count(*) <= {MOST_BEARERS}),
            rare AS (SELECT spot, triple FROM open_triples JOIN counted USING (triple)
                QUALIFY row_number() OVER (PARTITION BY spot ORDER BY bearers, triple) <= {RAREST_TRIPLES}),
            shared AS (SELECT spot, name_at, count(*) AS triples FROM rare JOIN register_triples USING (triple) GROUP BY spot, name_at),
            near AS (SELECT spot, core, max(triples) AS triples FROM shared JOIN register_names ON register_names.rowid = name_at
                GROUP BY spot, core QUALIFY row_number() OVER (PARTITION BY spot ORDER BY max(triples) DESC, core) <= {NEAREST})
            SELECT spot, core, list(DISTINCT enterprise_id) FROM near JOIN register_names USING (core) GROUP BY spot, core ORDER BY spot, core"""
        ).fetchall()
        listed: list[list[tuple[str, tuple[str, ...]]]] = [[] for _ in cores]
        for at, core, enterprise_ids in found:
            listed[at].append((core, tuple(sorted(enterprise_ids))))
        return listed

    def _index_triples(self) -> None:
        """Enter triples of characters of those names that came since the last time; names are only ever added."""
        size = int(self._one("SELECT count(*) FROM register_names"))
        fresh = f"(SELECT rowid AS name_at, core FROM register_names WHERE rowid >= {self._indexed})"
        self.connection.execute(f"INSERT INTO register_triples {_triples_sql('name_at', fresh)}")
        self._indexed = size


def _triples_sql(key: str, source: str) -> str:
    """Write the query of ``key`` and each three neighbouring characters of ``core``, as a digest; a shorter core is its own triple."""
    return f"""SELECT {key}, hash(substr(core, place, 3)) AS triple
        FROM (SELECT {key}, core, unnest(range(1, greatest(length(core) - 1, 2))) AS place FROM {source})"""


def _unresolved(message: str) -> Resolution:
    return Resolution(None, "unresolved", 0.0, message)


def _by_likeness(each: _Identity, cores: Sequence[tuple[str, tuple[str, ...]]]) -> Resolution:
    """Recognise a slip of the pen where nobody else comes near."""
    best: dict[str, int] = {}
    for core, enterprise_ids in cores:
        distance = edits(each.core, core, RUNNER_UP_EDITS - 1)
        if distance < RUNNER_UP_EDITS:
            for one in enterprise_ids:
                best[one] = min(distance, best.get(one, distance))
    ranked = sorted((distance, one) for one, distance in best.items())
    if ranked and len(each.core) >= SHORTEST_FUZZY_CORE:
        distance, nearest = ranked[0]
        score = round(1 - distance / max(len(each.core), 1), 4)
        if distance <= SAFE_EDITS and (len(ranked) == 1 or ranked[1][0] >= RUNNER_UP_EDITS):
            return Resolution(nearest, "name_fuzzy", score)
        alike = [one for _, one in ranked if _agreeing(each.plain, one) >= CORROBORATING_PLACES]
        if len(alike) == 1:
            return Resolution(alike[0], "name_fuzzy", score)
    return _unresolved("代码无效，名称也不能唯一认定，请核对营业执照后重报。")


def _agreeing(code: str, candidate: str) -> int:
    """Places in which a broken code agrees with a candidate's."""
    return sum(mine == other for mine, other in zip(code, candidate, strict=False))


def _is_one_slip(code: str, candidate: str) -> bool:
    """Whether a code is one wrong character, one swap of neighbours, or look-alike letters away from a candidate's."""
    if len(code) != len(candidate):
        return False
    if "".join(LOOKALIKES.get(character, character) for character in code) == candidate:
        return True
    wrong = [at for at in range(len(code)) if code[at] != candidate[at]]
    if len(wrong) == 1:
        return True
    is_swap = len(wrong) == 2 and wrong[1] == wrong[0] + 1
    return is_swap and code[wrong[0]] == candidate[wrong[1]] and code[wrong[1]] == candidate[wrong[0]]
