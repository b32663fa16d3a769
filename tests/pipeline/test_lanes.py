"""Contracts governed side by side: the same facts as one after the other, and a lane that fails stops all of them."""

from __future__ import annotations

import threading

import pytest

from rongqiao.governance import service
from rongqiao.governance.pipeline import govern
from rongqiao.kernel.errors import StorageError
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import (
    ALPHA,
    NAMES,
    TAX_HEADERS,
    csv_bytes,
    put,
    put_jsonl,
    put_registry,
    tax_row,
)

pytestmark = pytest.mark.pipeline
TAX, GRADE, HONOUR = "taxation.tax_filing", "taxation.tax_grade", "science.title"
TABLES = (
    *(f"published/{name}" for name in ("market_regulation.registry", TAX, GRADE, HONOUR)),
    "published/enterprises",
    *(f"operations/{name}" for name in ("receipts", "quarantine", "rule_results", "profiles", "merges")),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("lanes") / "deliveries"
    put_registry(root)
    for month in range(1, 5):
        rows = [tax_row(code, period=f"2026-{month:02}") for code in NAMES]
        rows += [tax_row("", "查无此户"), tax_row("", "长沙星河精密机械公司"), ["断行"]]
        put(root, TAX, f"2026-{month + 1:02}-16.csv", csv_bytes(TAX_HEADERS, rows))
    ids = ("uscc", "name", "grade_year", "grade", "published_on")
    grades = [[code, name, "2025", "A", "2026-04-18"] for code, name in NAMES.items()]
    put_jsonl(root, GRADE, "2026-04-20.jsonl", ids, grades)
    ids = ("uscc", "name", "title_kind", "granted_on", "expires_on")
    honours = [[code, None, "high_tech", "2024-11-01", "2027-10-31"] for code in (ALPHA, "")]
    put_jsonl(root, HONOUR, "2026-04-21.jsonl", ids, honours)
    return root


def told(report):
    return [
        (file.batch_id, file.rows_in, file.rows_accepted, file.quarantined_by_rule) for file in report.files
    ]


def test_side_by_side_lands_the_same_as_one_after_the_other(folder, tmp_path):
    one, two = Lake(tmp_path / "one"), Lake(tmp_path / "two")
    callers = set()
    alone = govern(folder, one, None, lanes=1)
    together = govern(folder, two, None, lanes=2, on_progress=lambda *_: callers.add(threading.get_ident()))
    assert {file.contract_id for file in together.files} == {"market_regulation.registry", TAX, GRADE, HONOUR}
    assert sorted(told(together)) == sorted(told(alone))
    assert {table: two.digest(table) for table in TABLES} == {table: one.digest(table) for table in TABLES}
    assert callers == {threading.get_ident()}, "Progress is told on the thread that asked for it."


def test_a_lane_that_fails_stops_the_run_and_the_next_run_completes_it(folder, tmp_path, monkeypatch):
    lake, undisturbed = Lake(tmp_path / "lake"), Lake(tmp_path / "undisturbed")
    publish = service.publish

    def full(work, *others):
        if work.contract.id == GRADE:
            raise OSError(28, "No space left on device")
        return publish(work, *others)

    monkeypatch.setattr(service, "publish", full)
    with pytest.raises(StorageError, match="No space left"):
        govern(folder, lake, None, lanes=2)
    assert not lake.exists(f"published/{GRADE}")
    monkeypatch.setattr(service, "publish", publish)
    govern(folder, undisturbed, None, lanes=1)
    report = govern(folder, lake, None, lanes=2)
    assert GRADE in {file.contract_id for file in report.files}
    assert {table: lake.digest(table) for table in TABLES} == {
        table: undisturbed.digest(table) for table in TABLES
    }
