"""Interfaces and tables of databases as sources: every page once, bounded, and never a host that was not meant."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from typer.testing import CliRunner

from config.commands.inventory import app
from rongqiao.governance.discovery import interfaces, profile_file, profile_sheet, tables
from rongqiao.kernel.errors import InvalidValueError
from tests.pipeline.departments import ALPHA, BETA

HOST = "127.0.0.1"
ROWS = [
    {"企业名称": f"企业{at}", "统一社会信用代码": (ALPHA, BETA)[at % 2], "罚款金额（元）": at / 10}
    for at in range(25)
]


class Answers(BaseHTTPRequestHandler):
    """A department's interface: pages of ten by number, by offset or by the next address; and ways to fail."""

    busy = 0

    def do_GET(self):
        parts = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        answer = getattr(self, f"answer_{parts.path.strip('/')}")(asked)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        self.send_response(status)
        for name, value in getattr(self, "more", {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode())

    def answer_numbered(self, asked):
        at = int(asked["pageNum"]) - 1
        return {"code": 200, "data": {"total": len(ROWS), "rows": ROWS[at * 10 : at * 10 + 10]}}

    def answer_stuck(self, asked):
        return ROWS[-5:] if int(asked["page"]) > 2 else ROWS[(int(asked["page"]) - 1) * 10 :][:10]

    def answer_offset(self, asked):
        return ROWS[int(asked["offset"]) :][:10]

    def answer_linked(self, asked):
        at = int(asked.get("cursor", 0))
        following = f"/linked?cursor={at + 10}" if at + 10 < len(ROWS) else None
        return {"results": ROWS[at : at + 10], "next": following}

    def answer_elsewhere(self, asked):
        return {"results": ROWS[:3], "next": "http://169.254.169.254/latest/meta-data"}

    def answer_single(self, asked):
        return (401, b"") if self.headers.get("Authorization") != "Bearer k" else ROWS

    def answer_moved(self, asked):
        self.more = {"Location": "http://169.254.169.254/"}
        return 302, b""

    def answer_busy(self, asked):
        type(self).busy += 1
        return (503, b"") if self.busy < 3 else ROWS

    def answer_text(self, asked):
        return b"<html>"

    def answer_figures(self, asked):
        return {"count": 3}

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def place():
    server = ThreadingHTTPServer((HOST, 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{HOST}:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch(url, tmp_path, **changes):
    return interfaces.fetch(
        url, tmp_path / "records.jsonl", **{"allowed_hosts": (HOST,), "pause": lambda _: None} | changes
    )


@pytest.mark.parametrize(
    ("path", "paging", "pages"),
    [("numbered?pageNum=1&pageSize=10", "page", 4), ("offset?offset=0", "offset", 4), ("linked", "link", 3), ("stuck?page=1", "page", 3)],
)  # fmt: skip
def test_every_page_is_read_once(place, tmp_path, path, paging, pages):
    found = fetch(f"{place}/{path}", tmp_path)
    expected = len(ROWS)
    assert (found.paging, found.records, found.is_complete) == (paging, expected, True)
    assert pages - 1 <= found.pages <= pages + 1
    profile = profile_file(found.path)[0]
    assert profile.rows == expected
    assert profile.subject == {"uscc": "统一社会信用代码"}
    assert profile.column("罚款金额（元）").guess.type == "decimal"


def test_reading_ends_at_its_bounds_and_says_so(place, tmp_path):
    few = fetch(f"{place}/numbered?pageNum=1", tmp_path, most_records=12)
    assert (few.records, few.is_complete) == (12, False)
    short = fetch(f"{place}/numbered?pageNum=1", tmp_path, most_pages=1)
    assert (short.records, short.pages, short.is_complete) == (10, 1, False)


def test_a_busy_interface_is_asked_again_and_a_key_travels_in_the_header(place, tmp_path):
    waits = []
    assert fetch(f"{place}/busy", tmp_path, pause=waits.append).records == 25
    assert waits == [1.0, 2.0]
    assert fetch(f"{place}/single", tmp_path, headers={"Authorization": "Bearer k"}).records == 25
    with pytest.raises(InvalidValueError, match="状态 401"):
        fetch(f"{place}/single", tmp_path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [("elsewhere", "另一台主机"), ("moved", "状态 302"), ("text", "不是完整的 JSON"), ("figures", "没有由对象组成的列表")],
)  # fmt: skip
def test_what_is_no_list_of_this_host_is_refused_and_leaves_no_file(place, tmp_path, path, reason):
    with pytest.raises(InvalidValueError, match=reason):
        fetch(f"{place}/{path}", tmp_path)
    assert not (tmp_path / "records.jsonl").exists()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x", "https://10.0.0.8/x", "https://[::1]/x", "https://localhost/x", "http://data.example.com/x", "https://a:b@data.example.com/x", "file:///etc/passwd", "ftp://data.example.com/x"],
)  # fmt: skip
def test_inner_hosts_and_open_channels_are_refused_before_anything_is_sent(url, tmp_path):
    with pytest.raises(InvalidValueError, match="接口地址"):
        fetch(url, tmp_path, allowed_hosts=())


def test_a_public_name_that_points_inside_is_not_called(tmp_path, monkeypatch):
    from rongqiao.kernel import hosts

    monkeypatch.setattr(hosts.socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("10.1.2.3", 443))])
    with pytest.raises(InvalidValueError, match="内网地址"):
        fetch("https://data.example.com/list", tmp_path, allowed_hosts=())


def test_the_command_profiles_an_interface_and_keeps_its_records(place, tmp_path):
    run = CliRunner().invoke(app, ["profile", f"{place}/linked", "--allow-host", HOST, "--json"])
    (profile,) = json.loads(run.stdout)
    assert (profile["form"], profile["rows"], profile["source"]) == ("api", 25, f"{place}/linked")
    kept = tmp_path / "kept.jsonl"
    CliRunner().invoke(app, ["fetch", f"{place}/linked", str(kept), "--allow-host", HOST])
    assert len(kept.read_text(encoding="utf-8").splitlines()) == 25


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Table of a department's PostgreSQL, with comments and hostile names."""
    from config.database import ensure_database

    url = ensure_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS inventory_test CASCADE")
        connection.execute("CREATE SCHEMA inventory_test")
        connection.execute(
            'CREATE TABLE inventory_test.fines (id bigint, code text, fined numeric(18,2), decided date, "odd ""%s" text)'
        )
        connection.execute("COMMENT ON COLUMN inventory_test.fines.code IS '统一社会信用代码'")
        connection.execute("COMMENT ON COLUMN inventory_test.fines.fined IS '罚款金额（元）'")
        connection.cursor().executemany(
            "INSERT INTO inventory_test.fines VALUES (%s, %s, %s, '2026-03-01', NULL)",
            [(at, (ALPHA, BETA)[at % 2], at + 0.25) for at in range(12_000)],
        )
    yield url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA inventory_test CASCADE")


def test_a_table_of_postgresql_is_profiled_by_its_comments(database, tmp_path):
    sheet = tables.open_table(database, "inventory_test.fines")
    profile = profile_sheet(sheet, "fines")
    assert profile.rows == 12_000
    assert profile.subject == {"uscc": "统一社会信用代码"}
    fined = profile.column("罚款金额（元）")
    assert (fined.guess.type, fined.unit, fined.minimum, fined.maximum) == (
        "decimal",
        "元",
        "0.25",
        "11999.25",
    )
    assert profile.column("decided").guess.type == "date"
    assert tables.fetch_table(database, "inventory_test.fines", tmp_path / "fines.jsonl") == 12_000
    again = profile_file(tmp_path / "fines.jsonl")[0]
    assert (again.rows, again.subject) == (12_000, profile.subject)


def test_a_table_that_is_not_there_is_refused_by_name(database):
    with pytest.raises(InvalidValueError, match="no_such"):
        tables.open_table(database, "inventory_test.no_such; DROP TABLE x")
    with pytest.raises(InvalidValueError, match="数据库地址"):
        tables.open_table("oracle://x/y", "t")


def test_rows_after_a_watermark_are_read_in_its_order(database):
    rows = list(
        tables.read_rows(
            database, "inventory_test.fines", ["id", 'odd "%s'], watermark="id", low=11_990, high=11_995
        )
    )
    assert [row[0] for row in rows] == [11_991, 11_992, 11_993, 11_994, 11_995]
    assert tables.newest(database, "inventory_test.fines", "id") == 11_999
    dated = tables.read_rows(
        database, "inventory_test.fines", ["id"], watermark="decided", low=None, high="2026-03-01"
    )
    assert sum(1 for _ in dated) == 12_000
