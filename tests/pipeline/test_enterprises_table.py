"""``published/enterprises``: taking over the rows of those nothing new is said of gives the table that putting all together gives."""

from __future__ import annotations

import pytest

from rongqiao.governance import enterprises
from rongqiao.governance.batch import ENTERPRISES
from rongqiao.governance.pipeline import govern
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import (
    ALPHA,
    BETA,
    GAMMA,
    REGISTRY_HEADERS,
    csv_bytes,
    put,
    put_registry,
    registry_row,
)

pytestmark = pytest.mark.pipeline
REGISTRY = "market_regulation.registry"
NEW = [complete_uscc(f"9143{place}00MA4L0010{place % 10}") for place in (10, 25, 31, 40)]
#: What comes day by day: somebody new, a later snapshot, one of an earlier day that comes late, another of a day that is known, and
#: of that day once more: what mends a row that stands, and what changes nothing of note.
DAYS = {
    "2026-02-06.csv": [
        registry_row(code, f"某地第{at}商店", snapshot="2026-02-05") for at, code in enumerate(NEW)
    ],
    "2026-03-06.csv": [registry_row(ALPHA, "长沙星河机械有限公司", snapshot="2026-03-05")],
    "2026-03-07.csv": [registry_row(BETA, "株洲近山新材料有限公司", snapshot="2025-12-05")],
    "2026-03-06_more.csv": [
        registry_row(GAMMA, "湘潭夏禾有限公司", snapshot="2026-03-05"),
        registry_row(NEW[0], "某地第零商店", snapshot="2026-03-05"),
    ],
    "2026-03-06_wrong.csv": [registry_row(GAMMA, "湘潭夏禾股份有限公司", snapshot="2026-03-05")],
    "2026-03-06_same.csv": [registry_row(BETA, "株洲近山新材料有限公司", snapshot="2025-12-04")],
}


def grow(root, monkeypatch, most, added=20):
    """Govern day after day, and tell the table's digest after each."""
    monkeypatch.setattr(enterprises, "MOST_ADDED", added)
    monkeypatch.setattr(enterprises, "TOUCHED_AT_MOST", most)
    monkeypatch.setattr(enterprises, "SPAN", 3)
    lake, told = Lake(root / "lake"), []
    put_registry(root / "first")
    govern(root / "first", lake, None)
    for name, rows in DAYS.items():
        put(root / name, REGISTRY, name, csv_bytes(REGISTRY_HEADERS, rows))
        govern(root / name, lake, None)
        told.append(lake.digest(ENTERPRISES))
    return lake, told


@pytest.fixture
def taken(monkeypatch):
    """Spans that were written again."""
    taken, take = [], enterprises._take_over
    monkeypatch.setattr(enterprises, "_take_over", lambda *given: taken.append(given) or take(*given))
    return taken


def test_adding_rows_and_taking_rows_over_give_the_same_as_putting_all_together(tmp_path, monkeypatch, taken):
    _, anew = grow(tmp_path / "anew", monkeypatch, 10**9)
    assert taken == []
    lake, over = grow(tmp_path / "over", monkeypatch, 0)
    assert over == anew
    assert len(taken) == len(set(taken)) == 2, (
        "The spans are written again once, for the row that was mended."
    )
    rows = lake.read(ENTERPRISES).to_pylist()
    assert len({row["enterprise_id"] for row in rows}) == 3 + len(NEW)


def test_files_of_added_rows_are_put_together_when_there_are_too_many(tmp_path, monkeypatch, taken):
    _, anew = grow(tmp_path / "anew", monkeypatch, 10**9)
    lake, over = grow(tmp_path / "over", monkeypatch, 0, added=2)
    assert over == anew
    assert len(taken) > 2
    assert len(lake.uris(ENTERPRISES)) <= 2 + 2


def test_a_table_that_was_made_otherwise_is_put_together_anew(tmp_path, monkeypatch):
    grow(tmp_path, monkeypatch, 0)
    monkeypatch.setattr(enterprises, "_ENTERPRISES_SQL", enterprises._ENTERPRISES_SQL + "WHERE true")
    monkeypatch.setattr(enterprises, "_take_over", None)
    put(tmp_path / "last", REGISTRY, "2026-05-06.csv", csv_bytes(REGISTRY_HEADERS, [registry_row(ALPHA)]))
    govern(tmp_path / "last", Lake(tmp_path / "lake"), None)
