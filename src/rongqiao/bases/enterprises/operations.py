"""What the six steps did, as the web shows it: receipts, rule outcomes, profiles, quarantine, freshness of sources."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.contracts.delivery_files import REGULAR_NAME
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.engine import ibis_connection, literal, quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from duckdb import DuckDBPyConnection
    from ibis.backends.duckdb import Backend

    from rongqiao.bases.enterprises.parts import Part
    from rongqiao.lake.tables import Lake

ENTERPRISES = "published/enterprises"
OPERATIONS = (
    "receipts",
    "quarantine",
    "rule_results",
    "profiles",
    "settlements",
    "conflicts",
    "conflict_runs",
    "reviews",
    "merges",
)
#: Which parts a row of each table belongs to, all of which are put in place anew; of a part, rows are read by the last.
PARTS: Mapping[str, tuple[str, ...]] = {
    "receipts": ("batch_id", "contract_id"),
    "quarantine": ("batch_id",),
    "rule_results": ("contract_id",),
    "profiles": ("contract_id",),
    "settlements": ("batch_id",),
    "conflicts": ("conflict_id",),
    "reviews": ("batch_id",),
    "merges": ("batch_id",),
}


class Operations:
    """The lake's operations as they stood on a day, opened once; every method gives one SQL query over them.

    Parameters
    ----------
    lake : Lake
        Holds ``published/enterprises``; other tables may be absent.
    known_at : datetime.date
        What arrived later is left out.
    further : sequence of str
        Other lake tables to open beside.
    part : Part or None
        Batches, contracts and conflicts that are asked for; ``None`` for all.

    Raises
    ------
    ContractError
        If there are no enterprises.
    """

    def __init__(
        self, lake: Lake, *, known_at: dt.date, further: Sequence[str] = (), part: Part | None = None
    ) -> None:
        self.lake, self.known_at, self.part = lake, known_at, part
        if not lake.exists(ENTERPRISES):
            raise ContractError(
                "数据湖表", ENTERPRISES, f"Run `rongqiao govern` on the lake {lake.root} first."
            )
        self.declared = [
            each for each in load_contracts().values() if part is None or each.id in part.named["contract_id"]
        ]
        self.contracts = [each.id for each in self.declared if lake.exists(f"published/{each.id}")]
        operations = [f"operations/{name}" for name in OPERATIONS if lake.exists(f"operations/{name}")]
        published = [f"published/{name}" for name in self.contracts]
        tables = [ENTERPRISES, *published, *operations, *further]
        #: Before they are opened: what is committed in between is seen as a later state, never as this one.
        self._versions = [(name, lake.version(name)) for name in sorted(tables)]
        self._ibis: Backend = ibis_connection(lake, tables)
        self.connection: DuckDBPyConnection = self._ibis.con
        for source in operations:
            column = "delivered_on" if source.endswith("receipts") else "known_at"
            rows = self._ibis.table(source)
            self._keep(source.split("/")[1], rows.filter(rows[column] <= known_at))

    def _keep(self, name: str, rows: Any) -> None:
        query = self._ibis.compile(rows)
        if self.part is not None and name in PARTS:
            column = PARTS[name][-1]
            named = ", ".join(map(literal, self.part.of(column))) or "NULL"
            query = f"SELECT * FROM ({query}) WHERE {column} IN ({named})"
        self.connection.execute(f"CREATE TEMP TABLE {quote(name)} AS {query}")

    def has(self, table: str) -> bool:
        """Whether a table of that name was made."""
        found = self.connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table]
        ).fetchone()
        return found is not None

    def _columns(self, table: str) -> set[str]:
        return {row[0] for row in self.connection.execute(f"DESCRIBE {quote(table)}").fetchall()}

    def deliveries(self) -> str:
        """One row per receipt."""
        return """SELECT batch_id, contract_id, file_name, digest, size_bytes, coalesce(encoding, '') AS encoding,
            delivered_on, rows_in, rows_accepted, rows_quarantined, ledger_index FROM receipts"""

    def rule_results(self) -> str:
        """One row per rule of each contract, from the contract's newest deliveries; ``not_run`` where none judged it."""
        listed = ", ".join(
            f"({literal(contract.id)}, {literal(rule.id)}, {literal(rule.family)})"
            for contract in self.declared
            for rule in contract.rules
        )
        listed = listed or "(NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR)"
        found = "rule_results" if self.has("rule_results") else f"({_NO_RULES})"
        return f"""WITH declared(contract_id, rule_id, family) AS (VALUES {listed}),
            newest AS (SELECT * FROM {found} QUALIFY known_at = max(known_at) OVER (PARTITION BY contract_id)),
            judged AS (SELECT contract_id, rule_id, any_value(family) AS family, max(known_at) AS known_at,
                sum(rows_checked) AS rows_checked, sum(rows_failed) AS rows_failed,
                arg_max(outcome, list_position(['not_run', 'passed', 'warned', 'failed'], outcome)) AS outcome
                FROM newest GROUP BY ALL)
            SELECT contract_id, rule_id, family, coalesce(outcome, 'not_run') AS outcome,
            coalesce(rows_checked, 0)::BIGINT AS rows_checked, coalesce(rows_failed, 0)::BIGINT AS rows_failed,
            coalesce(known_at, DATE '{self.known_at.isoformat()}') AS known_at
            FROM (FROM declared WHERE contract_id IS NOT NULL) FULL JOIN judged USING (contract_id, rule_id, family) ORDER BY 1, 2"""

    def profiles(self) -> str:
        """One row per item of each contract's newest regular delivery, else of its newest: corrections and parts hold few rows.

        Headers that belong to no item are counted by nobody, and left out.
        """
        is_regular = f"regexp_matches(file_name, {literal(REGULAR_NAME)})"
        return f"""SELECT contract_id, "column", rows, nulls, coalesce(distinct_count, 0) AS distinct_count, left(coalesce(minimum, ''), 200) AS minimum,
            left(coalesce(maximum, ''), 200) AS maximum, left(coalesce(top_pattern, ''), 200) AS top_pattern,
            drift, known_at FROM profiles LEFT JOIN (SELECT batch_id, ledger_index, {is_regular} AS is_regular FROM receipts) USING (batch_id)
            WHERE NOT starts_with("column", '?')
            QUALIFY row_number() OVER (PARTITION BY contract_id, "column" ORDER BY is_regular DESC NULLS LAST, known_at DESC, ledger_index DESC NULLS LAST, batch_id DESC) = 1"""

    def quarantine(self) -> str:
        """One row per reason for which a row was set aside; rows that were settled since wait no more."""
        settled = (
            """WHERE NOT (starts_with(rule_id, 'cleaning.') AND (batch_id, line) IN (SELECT (batch_id, line) FROM settlements))"""
            if self.has("settlements")
            else ""
        )
        return f"""SELECT batch_id, contract_id, file_name, coalesce(line, 0) AS line, coalesce("column", '') AS "column",
            rule_id, coalesce(value, '') AS value, left(coalesce(message, ''), 300) AS message,
            coalesce(row_json, '{{}}') AS "row", known_at FROM quarantine {settled}"""

    def sources(self) -> str:
        """One row per contract: freshness, rows, outcomes of rules, enterprises covered. Contracts never delivered too."""
        rows = ", ".join(
            f"({literal(each.id)}, {literal(each.title)}, {literal(each.department_title)})"
            for each in self.declared
        )
        rows = rows or "(NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR)"
        counts: Iterable[str] = (
            f"""SELECT {literal(name)} AS contract_id, count(DISTINCT enterprise_id) AS enterprises
            FROM {quote(f"published/{name}")} WHERE known_at <= DATE '{self.known_at.isoformat()}\'"""
            for name in self.contracts
        )
        covered = " UNION ALL ".join(counts) or "SELECT '' AS contract_id, 0 AS enterprises WHERE false"
        receipts = "receipts" if self.has("receipts") else f"({_NO_RECEIPTS})"
        return f"""WITH listed(contract_id, title, department) AS (VALUES {rows}),
            received AS (SELECT contract_id, max(delivered_on) AS delivered_on, sum(rows_in)::BIGINT AS rows_in,
                sum(rows_accepted)::BIGINT AS rows_accepted, sum(rows_quarantined)::BIGINT AS rows_quarantined
                FROM {receipts} GROUP BY contract_id),
            judged AS (SELECT contract_id, count_if(outcome = 'passed') AS passed, count_if(outcome = 'warned') AS warned,
                count_if(outcome = 'failed') AS failed, count_if(outcome = 'not_run') AS not_run
                FROM ({self.rule_results()}) GROUP BY contract_id),
            covered AS ({covered})
            SELECT l.contract_id, l.title, l.department, r.delivered_on, coalesce(r.rows_in, 0) AS rows_in,
            coalesce(r.rows_accepted, 0) AS rows_accepted, coalesce(r.rows_quarantined, 0) AS rows_quarantined,
            coalesce(j.passed, 0) AS rules_passed, coalesce(j.warned, 0) AS rules_warned,
            coalesce(j.failed, 0) AS rules_failed, coalesce(j.not_run, 0) AS rules_not_run,
            coalesce(c.enterprises, 0) AS enterprises
            FROM listed l LEFT JOIN received r USING (contract_id) LEFT JOIN judged j USING (contract_id)
            LEFT JOIN covered c USING (contract_id) WHERE l.contract_id IS NOT NULL"""


_NO_RULES = """SELECT NULL::VARCHAR AS contract_id, NULL::VARCHAR AS rule_id, NULL::VARCHAR AS family,
    NULL::VARCHAR AS outcome, NULL::BIGINT AS rows_checked, NULL::BIGINT AS rows_failed, NULL::DATE AS known_at WHERE false"""
_NO_RECEIPTS = """SELECT NULL::VARCHAR AS contract_id, NULL::DATE AS delivered_on, NULL::BIGINT AS rows_in,
    NULL::BIGINT AS rows_accepted, NULL::BIGINT AS rows_quarantined WHERE false"""
