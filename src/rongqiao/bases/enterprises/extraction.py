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
from rongqiao.indicators.facts import GRADE_INPUT, RATINGS, SIZE_INPUTS, enterprise_facts
from rongqiao.indicators.peers import PEER_SERIES, PEERS
from rongqiao.indicators.registry import load_indicators
from rongqiao.indicators.shown_series import SERIES, SERIES_MONTHS
from rongqiao.kernel.period import add_months, last_day
from rongqiao.lake import asof
from rongqiao.lake.engine import literal, quote
from rongqiao.lake.expiry import expires_on_sql
from rongqiao.lake.record_ids import record_id_sql

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from rongqiao.lake.tables import Lake

INDICATORS = "analytics/indicators"
EVENT_MONTHS = 60


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
    """The lake as it stood at two times, opened once; every method gives one SQL query over it.

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
        self.as_of, self.only = as_of, list(only)
        # Indicators come from their own table; of them only what size class and tax grade rest on is wanted here.
        self.facts = enterprise_facts(
            lake,
            as_of=as_of,
            known_at=known_at,
            enterprise_ids=self.only or None,
            indicators=(*SIZE_INPUTS, GRADE_INPUT),
        )
        self.connection.register("facts", self.facts)
        self._open(analytics)

    def _keep_chosen(self, name: str, rows: Any) -> None:
        self._keep(name, rows.filter(rows.enterprise_id.isin(self.only)) if self.only else rows)

    def _keep_newest(self, name: str, rows: Any) -> None:
        """Keep what the last computation of the month not after ``known_at`` left."""
        rows = rows.filter((rows.as_of == self.as_of) & (rows.known_at <= self.known_at))
        self._keep(name, rows.filter(rows.known_at == rows.known_at.max()))

    def _open(self, analytics: list[str]) -> None:
        """Make tables ``enterprises``, ``current_<contract>``, ``indicators`` and ``ratings``."""
        table = self._ibis.table
        self._keep_chosen(
            "enterprises", asof.latest(table(ENTERPRISES), ["enterprise_id"], known_at=self.known_at)
        )
        listed = (each.contract_id for each in SERIES)
        shown = {*listed, *event_queries(self.known_at), *tag_queries(), *relation_queries()}
        for name in shown & set(self.contracts):
            contract, rows = load_contract(name), table(f"published/{name}")
            if self.only and contract.identifier in contract.key and name != PERSONNEL:
                # Before the last of each key is sought: its rows are all this enterprise's.
                rows = rows.filter(rows.enterprise_id.isin(self.only))
            rows = asof.current(rows, contract, as_of=self.as_of, known_at=self.known_at)
            self._keep_chosen(f"current_{name}", rows)
            if name == PERSONNEL:
                # Whose other posts are looked for among everybody's, however few enterprises are chosen.
                self._keep("everybodys_posts", rows)
        for target, source in (("peers", PEERS), ("peer_series", PEER_SERIES)):
            if source in analytics:
                self._keep_newest(target, table(source))
        for target, source in (("indicators", INDICATORS), ("ratings", RATINGS)):
            if source in analytics:
                rows = table(source)
                rows = rows.filter((rows.as_of == self.as_of) & (rows.known_at <= self.known_at))
                self._keep_chosen(target, asof.latest(rows, ["enterprise_id"], known_at=self.known_at))

    def enterprises(self) -> str:
        """One row per enterprise of the register."""
        return """SELECT enterprise_id AS uscc, name, coalesce(legal_form, '') AS legal_form,
            coalesce(status, '') AS status, coalesce(industry_code, '') AS industry_code,
            coalesce(county_code, '') AS county_code, coalesce(address, '') AS address,
            coalesce(legal_rep_name, '') AS legal_rep_name, registered_capital_cny, established_on, known_at
            FROM enterprises ORDER BY enterprise_id"""

    def portraits(self) -> str:
        """One row per enterprise; JSON columns as text."""
        self._stage_indicators()
        self._stage_facts()
        self._stage_series()
        self._stage_events()
        self._stage("tags", tags_sql(self.contracts))
        self._stage("relations", relations_sql(self.contracts))
        ratings = "ratings" if self.has("ratings") else f"({_NO_RATINGS})"
        return f"""SELECT e.enterprise_id, coalesce(e.county_code, '') AS region_code, {self.as_of} AS as_of,
            DATE '{self.known_at.isoformat()}' AS known_at, coalesce(i.indicators, '{{}}') AS indicators,
            coalesce(f.facts, '{{}}') AS facts, coalesce(s.series, '{{}}') AS series,
            coalesce(v.events, '[]') AS events, coalesce(t.tags, '[]') AS tags, coalesce(n.relations, '[]') AS relations, r.score, coalesce(r.grade, '') AS grade, r.default_probability,
            coalesce(r.coverage_ratio, i.ok_ratio, 0) AS coverage_ratio, coalesce(r.reasons, '[]') AS reasons,
            coalesce(concat_ws('@', r.model, r.model_version), '') AS model
            FROM enterprises e LEFT JOIN stage_indicators i USING (enterprise_id)
            LEFT JOIN stage_facts f USING (enterprise_id) LEFT JOIN stage_series s USING (enterprise_id)
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
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE stage_{name} AS {query}")

    def _stage_indicators(self) -> None:
        known = self._columns("indicators")
        names = [name for name in load_indicators() if name in known]
        # What is missing is left out, as are nulls: half the cells of a province, read back by `portraits.mask`.
        pairs = ", ".join(
            f"{quote(name)} := if({quote(name + '__status')} = 'missing', NULL, struct_pack("
            f"value := if(isfinite({quote(name)}), round({quote(name)}, 6), NULL), "
            f"status := {quote(name + '__status')}))"
            for name in names
        )
        statuses = ", ".join(quote(f"{name}__status") for name in names)
        self._stage(
            "indicators",
            f"""SELECT enterprise_id, json_merge_patch('{{}}', to_json(struct_pack({pairs}))) AS indicators,
            len(list_filter([{statuses}], lambda x: x = 'ok')) / {len(names)} AS ok_ratio FROM indicators""",  # noqa: S608
        )

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

    def _stage_series(self) -> None:
        months = [add_months(self.as_of, back) for back in range(1 - SERIES_MONTHS, 1)]
        shown = [each for each in SERIES if each.contract_id in self.contracts]
        if not shown:
            self._stage(
                "series", "SELECT NULL::VARCHAR AS enterprise_id, NULL::VARCHAR AS series WHERE false"
            )
            return
        parts = [
            f"""SELECT enterprise_id, {literal(each.id)} AS id, period, {quote(each.column)}::DOUBLE AS value
            FROM {quote("current_" + each.contract_id)} WHERE period >= {months[0]}"""  # noqa: S608
            for each in shown
        ]
        listed = ", ".join(str(month) for month in months)
        self._stage(
            "series",
            f"""WITH months AS (SELECT enterprise_id, id, period, max(value) AS value
                FROM ({" UNION ALL ".join(parts)}) GROUP BY ALL),
            mapped AS (SELECT enterprise_id, id,
                map_from_entries(list(struct_pack(k := period, v := value))) AS known FROM months GROUP BY ALL),
            lines AS (SELECT enterprise_id, id, array_to_string(list_transform([{listed}], lambda month:
                concat('[', month, ',', coalesce(element_at(known, month)[1]::VARCHAR, 'null'), ']')), ',') AS line FROM mapped)
            SELECT enterprise_id, concat('{{', string_agg(concat('"', id, '":[', line, ']'), ',' ORDER BY id), '}}') AS series
            FROM lines GROUP BY enterprise_id""",  # noqa: S608
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
