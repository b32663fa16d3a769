"""Sources outside as collectors meet them: an interface that can be told to fail, a clock that moves when somebody waits."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import yaml

from rongqiao.contracts.collectors import load_collector
from rongqiao.governance.collectors import run_collector

START = dt.datetime(2026, 11, 26, 2, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 26)
GRADES = "taxation.tax_grade"
COLUMNS = {"code": "uscc", "name": "name", "year": "grade_year", "grade": "grade", "day": "published_on"}


class Clock:
    """Time that passes only when somebody sleeps, or is told to."""

    def __init__(self, now=START):
        self.now = now
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += dt.timedelta(seconds=seconds)

    def pass_by(self, **span):
        self.now += dt.timedelta(**span)


def declare(place, /, name="grades", **fields):
    """Write a declaration and read it back."""
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{name}.yaml"
    whole = {"title": "纳税信用级别前置库", "contract": GRADES, "schedule": {"daily_at": "02:30"}, **fields}
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    return load_collector(path)


def declare_http(folder, address, name="grades", paging=None, **fields):
    section = {
        "address": address,
        "records": "data.records",
        "columns": COLUMNS,
        "watermark": "changed_at",
        "watermark_parameter": "since",
        "overlap_days": 3,
        "read_timeout_seconds": 0.25,
        "connect_timeout_seconds": 1,
        "paging": paging or {"style": "page", "parameter": "page", "size_parameter": "size", "size": 10},
        **fields.pop("http", {}),
    }
    return declare(folder, name, kind="http", http=section, **fields)


def grade(code, year, grade="A", changed_at="2026-11-20 08:00:00", name=""):
    return {
        "code": code,
        "name": name,
        "year": year,
        "grade": grade,
        "day": f"{year + 1}-04-20",
        "changed_at": changed_at,
    }


class Interface:
    """A department's interface on loopback.

    ``script`` holds how the next requests go: ``ok``, ``hang`` (no answer in time), ``break`` (the connection ends half-way) or a status;
    when it is used up, all goes well.
    """

    def __init__(self, records):
        self.records = records
        self.script = []
        self.asked = []
        self.headers = {}
        self.answers = {}
        self.never = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                owner.serve(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                """A client that hung up is what is tested."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/grades"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def serve(self, handler):
        query = {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        self.asked.append(query | {"headers": dict(handler.headers)})
        mood = self.script.pop(0) if self.script else "ok"
        if mood == "hang":
            self.never.wait(1.5)
            handler.close_connection = True
            return
        body = self.answer(query)
        status = 200 if mood in ("ok", "break") else int(mood)
        handler.send_response(status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2] if mood == "break" else body)
        handler.close_connection = mood == "break"

    def answer(self, query):
        if "raw" in self.answers:
            return self.answers["raw"]
        page, size = int(query.get("page", 1)), int(query.get("size", 10**6))
        found = [row for row in self.records if row["changed_at"] >= query.get("since", "")]
        part = found[(page - 1) * size : page * size]
        return json.dumps({"data": {"records": part, "total": len(found)}}, ensure_ascii=False).encode()

    def close(self):
        self.never.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextmanager
def interface(records):
    opened = Interface(records)
    try:
        yield opened
    finally:
        opened.close()


def wait_for(condition, seconds=20):
    """Wait until something another process does can be seen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def collect(collector, place, clock=None, today=TODAY):
    clock = clock or Clock()
    return run_collector(collector, place, today=today, clock=clock, sleep=clock.sleep)


def delivered(place, contract=GRADES):
    """Rows of every delivery, by its name."""
    files = sorted((place.deliveries / contract).glob("*"))
    return {
        file.name: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        for file in files
    }
