"""What is taken out of the lake for the web: views as of two times, and the queries that shape them into rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.operations import ENTERPRISES, Operations
from rongqiao.bases.enterprises.ties import (
    MOST_EVENTS,
    PERSONNEL,
    coded,
    relation_queries,
    relations_sql,
    tag_queries,
    tags_sql,
)
from rongqiao.contracts.standards import load_contract
from rongqiao.indicators.computation import TARGET
from rongqiao.indicators.facts import GRADE_INPUT, RATINGS, SIZE_INPUTS, enterprise_facts
from rongqiao.indicators.peers import PEER_SERIES, PEERS
from rongqiao.indicators.registry import load_indicators
from rongqiao.indicators.shown_series import SERIES, SERIES_MONTHS
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.period import add_months, last_day
from rongqiao.lake import asof
from rongqiao.lake.engine import literal, quote
from rongqiao.lake.expiry import expires_on_sql
from rongqiao.lake.record_ids import record_id_sql

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from rongqiao.contracts.model import Contract
    from rongqiao.lake.tables import Lake

INDICATORS = TARGET
EVENT_MONTHS = 60
#: Columns by which a row tells when it was known, and which of its key is the last.
KNOWN = (*asof.ORDER, "withdrawn")
POSTS = ("enterprise_id", "name", "person_name", "person_id_hmac", "position", "appointed_on")
# Most hold posts in one enterprise only, and nobody's portrait tells of those as posts elsewhere.
_SHARED_POSTS = """CREATE TEMP TABLE everybodys_posts AS SELECT * FROM every_post SEMI JOIN (
    SELECT person_id_hmac, person_name FROM every_post GROUP BY ALL HAVING count(DISTINCT enterprise_id) > 1)
    USING (person_id_hmac, person_name); DROP TABLE every_post"""


def shown_months(as_of: int) -> list[int]:
    """Months of the series that a portrait shows, the oldest first."""
    return [add_months(as_of, back) for back in range(1 - SERIES_MONTHS, 1)]


def event_queries(known_at: dt.date) -> dict[str, tuple[str, str, str, str]]:
    """Contract → (date column, SQL title, SQL amount, SQL condition)."""
    day = literal(known_at.isoformat())
    change = f"concat({coded('change_item', 'change_items')}, '：', coalesce(value_before, '—'), ' → ', coalesce(value_after, '—'))"
    penalty = f"concat('行政处罚（', {coded('kind', 'penalty_kinds')}, '，', {coded('severity', 'penalty_severities')}, '）')"
    case = f"concat({coded('role', 'case_roles')}, '，', coalesce(cause, '案由未公开'), if(is_dishonest, '，失信被执行人', ''), if(closed_on IS NULL, '', '，已结案'))"
    return {
        "market_regulation.change": ("changed_on", change, "NULL", "true"),
        # A penalty whose publication has ended is no longer shown (信用修复管理办法).
        "market_regulation.penalty": ("decided_on", penalty, "amount_cny", f"published_until IS NULL OR published_until >= DATE {day}"),
        "market_regulation.listing": (
            "listed_on",
            f"concat('列入', {coded('list_kind', 'list_kinds')}, if(removed_on IS NULL, '', '，已移出'))",
            "NULL",
            "true",
        ),
        "court.judicial_case": ("filed_on", case, "amount_cny", "true"),
        "intellectual_property.ip_right": ("granted_on", f"concat('取得', {coded('kind', 'ip_kinds')})", "NULL", "true"),
        "science.title": ("granted_on", f"concat('获得', {coded('title_kind', 'title_kinds')})", "NULL", "true"),
        "taxation.tax_grade": ("published_on", "concat(grade_year, '年度纳税缴费信用', grade, '级')", "NULL", "true"),
    }  # fmt: skip


class Extraction(Operations):
    """The lake as it stood at two times, opened once, and taken a span of enterprises at a time; methods give SQL queries over what was taken.

    Parameters
    ----------
    lake : Lake
        Holds ``published/enterprises`` and ``analytics/indicators`` of the month; other tables may be absent.
    as_of : int
        Month ``YYYYMM``.
    known_at : datetime.date
        What arrived later is left out.
    only : sequence of str
        Enterprises to look at; all when empty.

    Raises
    ------
    ContractError
        If there are no enterprises, or the indicators of the month were never computed.
    """

    def __init__(self, lake: Lake, *, as_of: int, known_at: dt.date, only: Sequence[str] = ()) -> None:
        analytics = [name for name in (INDICATORS, RATINGS, PEERS, PEER_SERIES) if lake.exists(name)]
        super().__init__(lake, known_at=known_at, further=analytics)
        if not lake.exists(INDICATORS):
            raise ContractError("指标", as_of, f"Run `rongqiao indicators compute --as-of {as_of}` first.")
        self.as_of, self.only = as_of, sorted(only)
        self.connection.execute("SET parquet_metadata_cache = true")
        for target, source in (("peers", PEERS), ("peer_series", PEER_SERIES)):
            if source in analytics:
                self._keep_newest(target, self._ibis.table(source))
        self._open(analytics)

    def _keep_newest(self, name: str, rows: Any) -> None:
        """Keep what the last computation of the month not after ``known_at`` left."""
        rows = rows.filter((rows.as_of == self.as_of) & (rows.known_at <= self.known_at))
        self._keep(name, rows.filter(rows.known_at == rows.known_at.max()))

    def _open(self, analytics: list[str]) -> None:
        """Prepare what each span takes: for each table that is made, the query that makes it."""
        self.connection.execute("CREATE TEMP TABLE chosen (enterprise_id VARCHAR)")
        self.connection.execute("INSERT INTO chosen SELECT unnest(?::VARCHAR[])", [self.only])
        self._bound("", "")
        self._queries: dict[str, str] = {}
        registry = asof.latest(self._spanned(ENTERPRISES), ["enterprise_id"], known_at=self.known_at)
        self._queries["enterprises"] = self._ibis.compile(registry)
        listed = (each.contract_id for each in SERIES)
        shown = {*listed, *event_queries(self.known_at), *tag_queries(), *relation_queries()}
        for name in sorted(shown & set(self.contracts)):
            self._open_contract(name)
        self._spanned(INDICATORS)
        if RATINGS in analytics:
            rows = self._spanned(RATINGS)
            rows = rows.filter((rows.as_of == self.as_of) & (rows.known_at <= self.known_at))
            self._queries["ratings"] = self._ibis.compile(
                asof.latest(rows, ["enterprise_id"], known_at=self.known_at)
            )

    def _open_contract(self, name: str) -> None:
        contract = load_contract(name)
        if contract.identifier in contract.key:
            # Before the last of each key is sought: its rows are all one enterprise's.
            rows = self._spanned(f"published/{name}")
            columns = {each.column for each in SERIES if each.contract_id == name}
            if columns and "period" in contract.key:
                # Wide and long tables, of which a portrait shows little.
                rows = rows.filter(rows.period >= shown_months(self.as_of)[0])
                kept = dict.fromkeys((*KNOWN, "enterprise_id", *contract.key, *sorted(columns)))
                rows = rows.select(*(each for each in kept if each in rows.columns))
            self._queries[f"current_{name}"] = self._ibis.compile(self._current(rows, contract))
        else:
            # A record is its number's, and may have been another enterprise's before: the last is sought among everybody's.
            self._keep(f"last_{name}", self._current(self._ibis.table(f"published/{name}"), contract))
            self._queries[f"current_{name}"] = f"SELECT * FROM {quote(f'last_{name}')} WHERE {self._within}"  # noqa: S608
        if name == PERSONNEL:
            # Whose other posts are looked for among everybody's, however few enterprises are taken.
            posts = self._current(self._ibis.table(f"published/{name}"), contract)
            self._keep("every_post", posts.filter(posts.dismissed_on.isnull()).select(*POSTS))
            self.connection.execute(_SHARED_POSTS)

    def _current(self, rows: Any, contract: Contract) -> Any:
        return asof.current(rows, contract, as_of=self.as_of, known_at=self.known_at)

    def _bound(self, first: str, last: str) -> None:
        self.connection.execute(f"SET VARIABLE first = {literal(first)}; SET VARIABLE last = {literal(last)}")

    @property
    def _within(self) -> str:
        within = "enterprise_id BETWEEN getvariable('first') AND getvariable('last')"
        return f"{within} AND enterprise_id IN (FROM chosen)" if self.only else within

    def _spanned(self, table: str) -> Any:
        """Show of a lake table what belongs to the span; its files are in order of enterprises, so the rest is hardly read."""
        view = f"span/{table}"
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {quote(view)} AS SELECT * FROM {quote(table)} WHERE {self._within}"  # noqa: S608
        )
        return self._ibis.table(view)

    def mark(self) -> tuple[Any, ...]:
        """Tells this state of the lake, at these two times, from any other."""
        return (self.lake.root, self.as_of, self.known_at.isoformat(), *self._versions)

    def spans(self, size: int) -> list[tuple[str, str]]:
        """First and last code of each span of so many enterprises, in order; together they hold all that are to be looked at."""
        if self.only:
            return [(self.only[0], self.only[-1])]
        found = self.connection.execute(
            f"""SELECT min(enterprise_id), max(enterprise_id) FROM (SELECT enterprise_id,
            (row_number() OVER (ORDER BY enterprise_id) - 1) // ? AS span FROM (SELECT DISTINCT enterprise_id
            FROM {quote(ENTERPRISES)} WHERE known_at <= ?)) GROUP BY span ORDER BY span""",  # noqa: S608
            [size, self.known_at],
        ).fetchall()
        return [(first, last) for first, last in found]

    def take(self, first: str, last: str) -> None:
        """Take the enterprises from one code to another out of the lake: what every query tells of until others are taken."""
        self._bound(first, last)
        for name, query in self._queries.items():
            self._stage_as(name, query)
        # Indicators come from their own table; of them only what size class and tax grade rest on is wanted here.
        self.facts = enterprise_facts(
            self.lake,
            as_of=self.as_of,
            known_at=self.known_at,
            enterprise_ids=self.only or None,
            between=None if self.only else (first, last),
            indicators=(*SIZE_INPUTS, GRADE_INPUT),
        )
        self.connection.register("facts", self.facts)

    def count(self) -> int:
        """How many enterprises were taken."""
        found = self.connection.execute("SELECT count(*) FROM enterprises").fetchone()
        return int(found[0]) if found else 0

    def computed(self) -> set[str]:
        """Columns of the table of indicators."""
        return self._columns(f"span/{INDICATORS}")

    def indicators(self) -> str:
        """One row per enterprise that was computed: indicators with their statuses, as last computed."""
        rows = f"""SELECT * FROM {quote(f"span/{INDICATORS}")} WHERE as_of = {self.as_of}
            AND known_at <= DATE '{self.known_at.isoformat()}'"""  # noqa: S608
        twice = f"SELECT count(*) > count(DISTINCT enterprise_id) FROM ({rows})"  # noqa: S608
        found = self.connection.execute(twice).fetchone()
        if not (found and found[0]):
            return rows
        # Who was computed again counts once. So wide a table is not ranked itself, but what tells its rows apart.
        kept = self._ibis.table(f"span/{INDICATORS}")
        kept = kept.filter((kept.as_of == self.as_of) & (kept.known_at <= self.known_at))
        apart = [name for name in ("enterprise_id", *KNOWN) if name in kept.columns]
        last = asof.latest(kept.select(*apart), ["enterprise_id"], known_at=self.known_at)
        same = " AND ".join(f"r.{name} IS NOT DISTINCT FROM l.{name}" for name in apart)
        return f"SELECT r.* FROM ({rows}) r JOIN ({self._ibis.compile(last)}) l ON {same}"  # noqa: S608

    def enterprises(self) -> str:
        """One row per enterprise of the register."""
        return """SELECT enterprise_id AS uscc, name, coalesce(legal_form, '') AS legal_form,
            coalesce(status, '') AS status, coalesce(industry_code, '') AS industry_code,
            coalesce(county_code, '') AS county_code, coalesce(address, '') AS address,
            coalesce(legal_rep_name, '') AS legal_rep_name, registered_capital_cny, established_on, known_at
            FROM enterprises ORDER BY enterprise_id"""

    def portraits(self) -> str:
        """One row per enterprise, without its numbers (`cells`); JSON columns as text, null where there is nothing to say."""
        self._stage_facts()
        self._stage_events()
        self._stage("tags", tags_sql(self.contracts))
        self._stage("relations", relations_sql(self.contracts))
        ratings = "ratings" if self.has("ratings") else f"({_NO_RATINGS})"
        return f"""SELECT e.enterprise_id, coalesce(e.county_code, '') AS region_code, nullif(f.facts, '{{}}') AS facts,
            v.events, t.tags, n.relations, r.score, coalesce(r.grade, '') AS grade, r.default_probability,
            r.coverage_ratio, nullif(r.reasons, '[]') AS reasons, coalesce(concat_ws('@', r.model, r.model_version), '') AS model
            FROM enterprises e LEFT JOIN stage_facts f USING (enterprise_id)
            LEFT JOIN stage_events v USING (enterprise_id) LEFT JOIN stage_tags t USING (enterprise_id)
            LEFT JOIN stage_relations n USING (enterprise_id) LEFT JOIN {ratings} r USING (enterprise_id)
            ORDER BY e.enterprise_id"""  # noqa: S608

    def peer_groups(self) -> str | None:
        """One row per peer group, its spreads as JSON; null where peers of the month were never computed."""
        if not self.has("peers"):
            return None
        series = (
            """SELECT group_id, json_group_object(series_id, line) AS series FROM (
                SELECT group_id, series_id, list([period, known_count, lower_quarter, median, upper_quarter] ORDER BY period) AS line
                FROM peer_series GROUP BY ALL) GROUP BY group_id"""
            if self.has("peer_series")
            else "SELECT NULL::VARCHAR AS group_id, NULL::VARCHAR AS series WHERE false"
        )
        return f"""SELECT group_id, section, size_class, region_code, as_of, known_at, members,
            coalesce(indicators, '{{}}') AS indicators, coalesce(series, '{{}}') AS series
            FROM (SELECT DISTINCT group_id, section, size_class, region_code, as_of, known_at, members FROM peers)
            LEFT JOIN (SELECT group_id, json_group_object(indicator_id, list_prepend(known_count, knots)) AS indicators
                FROM peers WHERE known_count IS NOT NULL GROUP BY group_id) USING (group_id)
            LEFT JOIN ({series}) USING (group_id) ORDER BY group_id"""  # noqa: S608

    def _stage(self, name: str, query: str) -> None:
        self._stage_as(f"stage_{name}", query)

    def _stage_as(self, name: str, query: str) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {quote(name)} AS {query}")

    def _stage_facts(self) -> None:
        # Indicators stand in their own column already.
        known = load_indicators()
        names = [name for name in self.facts.column_names if name != "enterprise_id" and name not in known]
        numbers = {field.name for field in self.facts.schema if str(field.type) == "double"}
        pairs = ", ".join(
            f"{quote(name)} := "
            + (
                f"if(isfinite({quote(name)}), round({quote(name)}, 6), NULL)"
                if name in numbers
                else quote(name)
            )
            for name in names
        )
        # Merging into an empty object drops the nulls: what is not known is simply absent.
        self._stage(
            "facts",
            f"SELECT enterprise_id, json_merge_patch('{{}}', to_json(struct_pack({pairs}))) AS facts FROM facts",  # noqa: S608
        )

    def _stage_events(self) -> None:
        since = last_day(add_months(self.as_of, -EVENT_MONTHS)).isoformat()
        parts = [
            f"""SELECT enterprise_id, {day} AS happened_on, {literal(name)} AS source, {title} AS title,
            {amount}::DOUBLE AS amount, batch_id, line, {record_id_sql(load_contract(name))} AS record_id,
            {expires_on_sql(load_contract(name), known_at=self.known_at)} AS until FROM {quote("current_" + name)}
            WHERE {day} > DATE '{since}' AND ({condition})"""  # noqa: S608
            for name, (day, title, amount, condition) in event_queries(self.known_at).items()
            if name in self.contracts
        ]
        if not parts:
            self._stage(
                "events", "SELECT NULL::VARCHAR AS enterprise_id, NULL::VARCHAR AS events WHERE false"
            )
            return
        self._stage(
            "events",
            f"""SELECT enterprise_id, to_json(list(struct_pack("on" := happened_on, source := source, title := title,
            amount_cny := amount, batch_id := batch_id, line := line, record_id := record_id, until := until) ORDER BY happened_on DESC, source, batch_id, line)
            [:{MOST_EVENTS}]) AS events FROM ({" UNION ALL ".join(parts)}) GROUP BY enterprise_id""",  # noqa: S608
        )


_NO_RATINGS = """SELECT NULL::VARCHAR AS enterprise_id, NULL::DOUBLE AS score, NULL::VARCHAR AS grade,
    NULL::DOUBLE AS default_probability, NULL::DOUBLE AS coverage_ratio, NULL::VARCHAR AS reasons,
    NULL::VARCHAR AS model, NULL::VARCHAR AS model_version WHERE false"""
