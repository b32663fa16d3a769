"""Collectors: what is new is delivered once; late and corrected rows add to what is known; a source that is down harms nobody."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import uuid

import psycopg
import pytest
from psycopg import sql

from rongqiao.governance.collectors import Place
from rongqiao.governance.pipeline import govern
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger
from tests.pipeline.departments import ALPHA, BETA, GAMMA, put_registry
from tests.pipeline.sources import (
    COLUMNS,
    GRADES,
    TODAY,
    Clock,
    collect,
    declare,
    declare_http,
    delivered,
    grade,
    interface,
)

pytestmark = pytest.mark.pipeline

DAY = TODAY.replace(day=27)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "collecting", tmp_path / "collected")


# -- databases -------------------------------------------------------------------------------------------------------


@pytest.fixture
def table(monkeypatch):
    """A department's table in a schema of its own; yields its name and a way to write to it."""
    url = os.environ["RONGQIAO_DATABASE_URL"]
    name = f"source_{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("SOURCE_USER", "postgres")
    monkeypatch.setenv("SOURCE_PASSWORD", "unused")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL(
                """CREATE TABLE {}.grades (id bigint PRIMARY KEY, code text, name text, year int, grade text, day date,
                "x""; DROP TABLE y; --%s" text, changed_at timestamp)"""
            ).format(sql.Identifier(name))
        )
        yield Table(connection, name)
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


class Table:
    def __init__(self, connection, schema):
        self.connection, self.schema = connection, schema

    def put(self, number, code, year, grade="A", changed_at="2026-11-20 08:00"):
        self.connection.execute(
            sql.SQL(
                """INSERT INTO {}.grades VALUES (%s, %s, '=1+1', %s, %s, %s, 'text', %s)
                ON CONFLICT (id) DO UPDATE SET grade = excluded.grade, changed_at = excluded.changed_at"""
            ).format(sql.Identifier(self.schema)),
            [number, code, year, grade, f"{year + 1}-04-20", changed_at],
        )

    def declare(self, folder, **section):
        info = self.connection.info
        section = {
            "address": "postgresql://localhost/none",
            "user_env": "SOURCE_USER",
            "password_env": "SOURCE_PASSWORD",
            "table": f"{self.schema}.grades",
            "columns": COLUMNS,
            "watermark": "changed_at",
            "key": ["id"],
            "overlap_days": 3,
            **section,
        }
        collector = declare(folder, kind="database", database=section, retry={"attempts": 1})
        # The test server listens on a socket only, which no declaration of a real source needs.
        address = f"postgresql:///{info.dbname}?host={info.host}&port={info.port}"
        return collector.model_copy(
            update={"database": collector.database.model_copy(update={"address": address})}
        )


def test_a_table_is_delivered_once_late_and_corrected_rows_follow(table, place, tmp_path):
    collector = table.declare(tmp_path)
    table.put(1, ALPHA, 2024)
    table.put(2, BETA, 2024, changed_at="2026-11-20 09:00")
    first = collect(collector, place)
    assert (first.result, first.rows, first.watermark) == ("delivered", 2, "2026-11-20 09:00:00")
    assert collect(collector, place).result == "already_today"
    second = collect(collector, place, today=DAY)
    assert (second.result, second.rows, second.repeated) == ("nothing_new", 0, 2)
    # Entered late with an earlier mark, and corrected.
    table.put(3, GAMMA, 2024, changed_at="2026-11-19 10:00")
    table.put(1, ALPHA, 2024, "B", changed_at="2026-11-21 08:00")
    third = collect(collector, place, today=DAY)
    assert (third.result, third.rows, third.repeated) == ("delivered", 2, 1)
    files = delivered(place)
    assert list(files) == ["2026-11-26_grades-000001.jsonl", "2026-11-27_grades-000002.jsonl"]
    assert [(row["uscc"], row["grade"]) for row in files["2026-11-27_grades-000002.jsonl"]] == [
        (GAMMA, "A"),
        (ALPHA, "B"),
    ]
    assert files["2026-11-26_grades-000001.jsonl"][0]["name"] == "=1+1"


def test_what_was_collected_passes_the_six_steps_and_corrections_add_known_time(table, place, tmp_path):
    collector = table.declare(tmp_path, columns={key: item for key, item in COLUMNS.items() if key != "name"})
    put_registry(place.deliveries)
    table.put(1, ALPHA, 2024)
    collect(collector, place)
    lake = Lake(tmp_path / "lake")
    govern(place.deliveries, lake, Ledger(tmp_path / "ledger"))
    table.put(1, ALPHA, 2024, "B", changed_at="2026-11-26 08:00")
    collect(collector, place, today=DAY)
    govern(place.deliveries, lake, Ledger(tmp_path / "ledger"))
    rows = lake.read(f"published/{GRADES}").to_pylist()
    assert sorted((row["grade"], row["known_at"].isoformat()) for row in rows) == [
        ("A", "2026-11-26"),
        ("B", "2026-11-27"),
    ]
    digests = {row["file_name"]: row["digest"] for row in lake.read("operations/receipts").to_pylist()}
    for file in (place.deliveries / GRADES).iterdir():
        assert digests[file.name] == hashlib.new("sm3", file.read_bytes()).hexdigest()
    assert not govern(place.deliveries, lake, Ledger(tmp_path / "ledger")).files


@pytest.mark.parametrize("overlap", [0, 3])
def test_a_large_table_is_taken_in_portions_that_share_no_row(table, place, tmp_path, overlap):
    collector = table.declare(tmp_path, rows_per_run=4, overlap_days=overlap)
    for number in range(10):
        table.put(number, ALPHA, 2000 + number, changed_at=f"2026-11-20 0{number // 6}:00")
    first = collect(collector, place)
    assert (first.rows, first.is_cut) == (4, True)
    # What changes meanwhile waits for another day: two versions of one day could not be told apart.
    table.put(0, ALPHA, 2000, "D", changed_at="2026-11-20 05:00")
    outcomes = [collect(collector, place) for _ in range(4)]
    assert [each.result for each in outcomes] == ["delivered", "delivered", "already_today", "already_today"]
    years = [row["grade_year"] for rows in delivered(place).values() for row in rows]
    assert sorted(years) == sorted(map(str, range(2000, 2010)))
    assert collect(collector, place, today=DAY).rows == 1


def test_names_of_columns_are_never_read_as_sql(table, place, tmp_path):
    columns = {"code": "uscc", "year": "grade_year", 'x"; DROP TABLE y; --%s': "grade", "day": "published_on"}
    table.put(1, ALPHA, 2024)
    outcome = collect(table.declare(tmp_path, columns=columns), place)
    assert outcome.rows == 1
    missing = {**columns, "no_such": "name"}
    outcome = collect(table.declare(tmp_path, columns=missing), Place(tmp_path / "other", place.deliveries))
    assert outcome.result == "failed"
    assert outcome.problem.endswith("来源表里没有声明的列：no_such")
    assert outcome.breaker.failures == 0


def test_rows_without_a_watermark_are_counted_not_forgotten(table, place, tmp_path):
    table.put(1, ALPHA, 2024)
    table.put(2, BETA, 2024, changed_at=None)
    outcome = collect(table.declare(tmp_path), place)
    assert (outcome.rows, outcome.unmarked) == (1, 1)


def test_the_source_cannot_be_written_to(table, place, tmp_path):
    table.connection.execute(
        sql.SQL(
            """CREATE FUNCTION {0}.grab() RETURNS text LANGUAGE sql VOLATILE AS
            $$ INSERT INTO {0}.grades (id) VALUES (99) RETURNING 'x'::text $$"""
        ).format(sql.Identifier(table.schema))
    )
    table.connection.execute(
        sql.SQL(
            "CREATE VIEW {0}.trap AS SELECT id, code, name, year, grade, day, changed_at, {0}.grab() AS g FROM {0}.grades"
        ).format(sql.Identifier(table.schema))
    )
    table.put(1, ALPHA, 2024)
    trap = table.declare(tmp_path, table=f"{table.schema}.trap", columns={"code": "uscc", "g": "name"})
    outcome = collect(trap, place)
    assert outcome.result == "failed"
    assert ("只读不写" in outcome.remedy, "read-only" in outcome.detail) == (True, True)


def test_a_missing_password_is_named_before_anything_is_asked(table, place, tmp_path, monkeypatch):
    monkeypatch.delenv("SOURCE_PASSWORD")
    outcome = collect(table.declare(tmp_path), place)
    assert (outcome.result, "SOURCE_PASSWORD" in outcome.problem) == ("failed", True)


# -- interfaces ------------------------------------------------------------------------------------------------------

RECORDS = [grade(code, year) for year in range(2010, 2022) for code in (ALPHA, BETA)]


def test_pages_are_read_to_the_end_and_only_what_is_new_after_that(place, tmp_path):
    with interface(list(RECORDS)) as source:
        collector = declare_http(tmp_path, source.address)
        assert collect(collector, place).rows == 24
        assert [each["page"] for each in source.asked] == ["1", "2", "3", "4"]
        source.records.append(grade(GAMMA, 2021, changed_at="2026-11-26 00:00:00"))
        outcome = collect(collector, place, today=DAY)
        assert (outcome.rows, outcome.repeated) == (1, 24)
        assert source.asked[-1]["since"] == "2026-11-17 08:00:00"


def test_a_page_that_breaks_half_way_is_asked_for_again(place, tmp_path):
    with interface(list(RECORDS)) as source:
        source.script = ["ok", "break", "ok", "break"]
        outcome = collect(declare_http(tmp_path, source.address), place)
        assert (outcome.result, outcome.rows, outcome.attempts) == ("delivered", 24, 6)


def test_the_source_says_when_to_come_back(place, tmp_path):
    clock = Clock()
    with interface(list(RECORDS)) as source:
        source.headers = {"Retry-After": "7"}
        source.script = ["503"]
        collector = declare_http(tmp_path, source.address)
        assert collect(collector, place, clock).result == "delivered"
        assert clock.slept == [7]
        # Longer than a run waits: left alone until then, also by the next runs.
        source.headers = {"Retry-After": "3600"}
        source.script = ["429"]
        asked = len(source.asked)
        for _ in range(3):
            assert collect(collector, place, clock, DAY).result == "failed"
        assert len(source.asked) == asked + 1
        clock.pass_by(seconds=3601)
        source.headers = {}
        assert collect(collector, place, clock, DAY).result == "nothing_new"


def test_an_answer_that_did_not_change_is_not_fetched_again(place, tmp_path):
    with interface(list(RECORDS)) as source:
        source.headers = {"ETag": '"one"'}
        collector = declare_http(
            tmp_path, source.address, paging={"style": "none"}, http={"watermark_parameter": ""}
        )
        assert collect(collector, place).rows == 24
        source.script = ["304"]
        assert collect(collector, place, today=DAY).result == "nothing_new"
        assert source.asked[-1]["headers"]["If-None-Match"] == '"one"'


@pytest.mark.parametrize(
    ("answer", "changes", "words"),
    [
        (b"<html>login</html>", {}, "不是 JSON"),
        (b"[" * 200_000, {}, "不是 JSON"),
        (b'{"data": {}}', {}, "应答里没有这个位置"),
        (b'{"data": {"records": [1]}}', {}, "不是记录的列表"),
        (b'{"data": {"records": [{"code": "x"}]}}', {}, "没有这个字段"),
        (b"[" * 3000, {"page_bytes_max": 1000}, "page_bytes_max"),
    ],
)
def test_an_answer_other_than_declared_lands_nothing(place, tmp_path, answer, changes, words):
    with interface([]) as source:
        source.answers["raw"] = answer
        outcome = collect(declare_http(tmp_path, source.address, http=changes), place)
        assert (outcome.result, outcome.attempts) == ("failed", 1)
        assert words in outcome.remedy
        assert not delivered(place)


def test_an_answer_that_unpacks_without_end_is_broken_off(place, tmp_path):
    with interface([]) as source:
        source.headers = {"Content-Encoding": "gzip"}
        source.answers["raw"] = gzip.compress(b"0" * (200 << 20))
        outcome = collect(declare_http(tmp_path, source.address), place)
        assert (outcome.result, "page_bytes_max" in outcome.remedy) == ("failed", True)
        assert not delivered(place)


def test_a_source_that_does_not_turn_pages_is_named(place, tmp_path):
    with interface(list(RECORDS)) as source:
        paging = {"style": "page", "parameter": "wrong_name", "size_parameter": "size", "size": 10}
        outcome = collect(declare_http(tmp_path, source.address, paging=paging), place)
        assert (outcome.result, "没有翻页" in outcome.remedy) == ("failed", True)
        assert not delivered(place)


def test_fewer_records_than_the_source_counts_are_not_all(place, tmp_path):
    with interface(list(RECORDS)) as source:
        source.answers["raw"] = json.dumps(
            {"data": {"records": RECORDS[:3], "total": 9, "next": ""}}
        ).encode()
        paging = {"style": "cursor", "parameter": "after", "next": "data.next", "total": "data.total"}
        outcome = collect(declare_http(tmp_path, source.address, paging=paging), place)
        assert (outcome.result, "共有 9 条" in outcome.remedy) == ("failed", True)
        assert not delivered(place)


def test_credentials_go_to_no_other_host(place, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADE_TOKEN", "Bearer secret")
    with interface([]) as source, interface([]) as other:
        source.answers["raw"] = json.dumps({"data": {"records": RECORDS[:1], "next": other.address}}).encode()
        section = {"secret_headers": {"Authorization": "GRADE_TOKEN"}}
        paging = {"style": "link", "next": "data.next"}
        outcome = collect(declare_http(tmp_path, source.address, paging=paging, http=section), place)
        assert source.asked[0]["headers"]["Authorization"] == "Bearer secret"
        assert (outcome.result, other.asked) == ("failed", [])
