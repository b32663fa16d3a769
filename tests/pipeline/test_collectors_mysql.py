"""The same of a table of MySQL or MariaDB; skipped where no server is given, since none is installed with the platform."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pymysql
import pytest

from rongqiao.governance.collectors import Place
from tests.pipeline.departments import ALPHA, BETA, GAMMA
from tests.pipeline.sources import COLUMNS, TODAY, collect, declare, delivered

pytestmark = pytest.mark.pipeline

SERVER = os.environ.get("SOURCE_MYSQL_URL", "")
DAY = TODAY.replace(day=27)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "collecting", tmp_path / "collected")


@pytest.fixture
def cursor(monkeypatch):
    if not SERVER:
        pytest.skip("Set SOURCE_MYSQL_URL to mysql://user:password@host:port of a server for tests.")
    parts = urlsplit(SERVER)
    monkeypatch.setenv("SOURCE_USER", parts.username or "root")
    monkeypatch.setenv("SOURCE_PASSWORD", parts.password or "none")
    connection = pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        autocommit=True,
    )
    with connection, connection.cursor() as opened:
        opened.execute("CREATE DATABASE rongqiao_source CHARACTER SET utf8mb4")
        opened.execute("USE rongqiao_source")
        opened.execute(
            """CREATE TABLE grades (id bigint PRIMARY KEY, code varchar(30), name varchar(100), year int, grade varchar(4),
            day date, `x``; DROP TABLE y; %s` text, changed_at datetime(6))"""
        )
        try:
            yield opened
        finally:
            opened.execute("DROP DATABASE rongqiao_source")


def put(cursor, number, code, year, grade="A", changed_at="2026-11-20 08:00:00.000001"):
    values = (number, code, "湘绣", year, grade, f"{year + 1}-04-20", "text", changed_at)
    cursor.execute("REPLACE INTO grades VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", values)


def declare_table(folder, **section):
    parts = urlsplit(SERVER)
    section = {
        "address": f"mysql://{parts.hostname}:{parts.port or 3306}/rongqiao_source",
        "user_env": "SOURCE_USER",
        "password_env": "SOURCE_PASSWORD",
        "table": "grades",
        "columns": COLUMNS,
        "watermark": "changed_at",
        "key": ["id"],
        "overlap_days": 3,
        **section,
    }
    return declare(folder, kind="database", retry={"attempts": 1}, database=section)


def test_new_late_and_corrected_rows_are_delivered_once(cursor, place, tmp_path):
    put(cursor, 1, ALPHA, 2023)
    put(cursor, 2, BETA, 2023, changed_at="2026-11-20 09:00:00.5")
    put(cursor, 3, GAMMA, 2022, changed_at=None)
    first = collect(declare_table(tmp_path), place)
    assert (first.rows, first.unmarked, first.watermark) == (2, 1, "2026-11-20 09:00:00.500000")
    put(cursor, 4, GAMMA, 2020, changed_at="2026-11-19 01:00:00")
    put(cursor, 1, ALPHA, 2023, "B", changed_at="2026-11-21 08:00:00")
    second = collect(declare_table(tmp_path), place, today=DAY)
    assert (second.rows, second.repeated) == (2, 1)
    rows = delivered(place)["2026-11-27_grades-000002.jsonl"]
    assert [(row["uscc"], row["grade"]) for row in rows] == [(GAMMA, "A"), (ALPHA, "B")]


def test_portions_share_no_row(cursor, place, tmp_path):
    for number in range(13):
        put(cursor, number, ALPHA, 1990 + number, changed_at=f"2026-11-22 0{number // 6}:00:00")
    collector = declare_table(tmp_path, overlap_days=0, rows_per_run=5)
    assert [collect(collector, place).rows for _ in range(3)] == [5, 5, 3]
    years = {row["grade_year"] for rows in delivered(place).values() for row in rows}
    assert len(years) == 13


def test_names_are_names_and_nothing_is_written(cursor, place, tmp_path):
    put(cursor, 1, ALPHA, 2023)
    columns = {"code": "uscc", "x`; DROP TABLE y; %s": "name"}
    assert collect(declare_table(tmp_path, columns=columns), place).rows == 1
    cursor.execute("SET GLOBAL log_bin_trust_function_creators = 1")
    cursor.execute(
        """CREATE FUNCTION grab() RETURNS int DETERMINISTIC MODIFIES SQL DATA
        BEGIN INSERT INTO grades (id) VALUES (999); RETURN 1; END"""
    )
    cursor.execute("CREATE VIEW trap AS SELECT id, code, changed_at, grab() g FROM grades")
    trap = declare_table(tmp_path, table="trap", columns={"code": "uscc", "g": "name"})
    outcome = collect(trap, Place(tmp_path / "other", place.deliveries))
    assert (outcome.result, "只读不写" in outcome.remedy, "READ ONLY" in outcome.detail) == (
        "failed",
        True,
        True,
    )
