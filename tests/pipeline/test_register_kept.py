"""The register kept beside the lake: what was published and nothing else, whatever happened to the file or the run."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from rongqiao.governance import register_kept, service
from rongqiao.governance.pipeline import govern
from rongqiao.governance.resolution import retrying
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.lake.tables import Lake
from rongqiao.synth.province import write_province
from tests.pipeline.departments import (
    ALPHA,
    BETA,
    REGISTRY_HEADERS,
    TAX_HEADERS,
    csv_bytes,
    put,
    put_registry,
    registry_row,
    tax_row,
)

pytestmark = pytest.mark.pipeline
REGISTRY, TAX = "market_regulation.registry", "taxation.tax_filing"
FILE = "landing/.register.duckdb"
HELD = {
    "register_known": "enterprise_id",
    "register_names": "enterprise_id, folded, core",
    "register_numbers": "number, enterprise_id",
}


def held(file):
    """What a register's file says, and what it was taught from."""
    with duckdb.connect(str(file), read_only=True) as connection:
        found = {
            table: sorted(connection.execute(f"SELECT {columns} FROM {table}").fetchall())
            for table, columns in HELD.items()
        }
        return found, sorted(connection.execute("FROM register_taught").fetchall())


def change(lake, statement):
    with duckdb.connect(f"{lake.root}/{FILE}") as connection:
        connection.execute(statement)


def methods(lake):
    rows = lake.read("operations/merges", ["method", "enterprise_id"]).to_pylist()
    return {(row["method"], row["enterprise_id"]) for row in rows}


@pytest.fixture
def lake(tmp_path):
    """A lake of three registered enterprises."""
    put_registry(tmp_path / "first")
    lake = Lake(tmp_path / "lake")
    govern(tmp_path / "first", lake, None)
    return lake


def test_a_kept_register_holds_what_one_taught_anew_holds(tmp_path):
    drawn = write_province(tmp_path / "province", enterprises=600, market_enterprises=0)
    assert drawn
    lake, deliveries = Lake(tmp_path / "lake"), tmp_path / "province" / "deliveries"
    teachers = tmp_path / "teachers"
    for contract_id in register_kept.TEACHERS:
        if (deliveries / contract_id).is_dir():
            shutil.copytree(deliveries / contract_id, teachers / contract_id)
    # A row of a code of its own that goes out after all, and one whose code is mended by its name.
    twice = [registry_row(ALPHA, "长沙星河精密机械有限公司"), registry_row(ALPHA, "长沙银河精密机械有限公司")]
    mended = registry_row(BETA[:-1] + ("0" if BETA[-1] != "0" else "1"), "株洲远山新材料股份有限公司")
    rows = [*twice, registry_row(BETA), mended]
    put(teachers, REGISTRY, "2026-03-05_hand.csv", csv_bytes(REGISTRY_HEADERS, rows))
    govern(teachers, lake, None)

    kept = held(tmp_path / "lake" / FILE)
    with duckdb.connect() as connection:
        (tmp_path / "anew").mkdir()
        register_kept.load_register(lake, connection, tmp_path / "anew")
    assert held(tmp_path / "anew" / ".register.duckdb") == kept
    assert len(kept[0]["register_known"]) > 500
    assert kept[1]


def test_it_is_not_taught_again_but_only_what_came_since(lake, tmp_path):
    code = registry_row(ALPHA)[0][:-1] + "Z"
    change(lake, f"INSERT INTO register_known VALUES ('{code}', 1)")
    put(tmp_path / "second", TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(code, "未登记的店")]))
    report = govern(tmp_path / "second", lake, None)
    assert [file.rows_accepted for file in report.files] == [0]
    assert list(report.files[0].quarantined_by_rule) == ["taxation.tax_filing.enterprise_known"]

    change(lake, "INSERT INTO register_shares VALUES ('trade', '过时', 1, 3)")
    before = held(f"{lake.root}/{FILE}")[1]
    put(
        tmp_path / "third",
        REGISTRY,
        "2026-03-05.csv",
        csv_bytes(REGISTRY_HEADERS, [registry_row(BETA, "株洲远山新材料有限公司")]),
    )
    govern(tmp_path / "third", lake, None)
    known, after = held(f"{lake.root}/{FILE}")
    assert set(before) < set(after)
    assert (code,) in known["register_known"]
    with duckdb.connect(f"{lake.root}/{FILE}", read_only=True) as connection:
        assert "过时" not in {
            value for (value,) in connection.execute("SELECT value FROM register_shares").fetchall()
        }
    assert BETA in {row[0] for row in known["register_names"] if row[1] == "株洲远山新材料有限公司"}


def test_what_is_said_beside_a_name_is_of_the_newest_snapshot_as_it_was_told_last(lake, tmp_path):
    told = [
        ("2026-03-05.csv", "2026-03-01", "新路2号"),
        # Told later of an earlier day, and told again of the same.
        ("2026-03-06.csv", "2026-02-01", "旧路9号"),
        ("2026-03-07.csv", "2026-03-01", "新路3号"),
    ]
    for name, day, address in told:
        row = registry_row(BETA, snapshot=day, 住所=address)
        put(tmp_path / "told", REGISTRY, name, csv_bytes(REGISTRY_HEADERS, [row]))
    govern(tmp_path / "told", lake, None)
    with duckdb.connect() as connection:
        register = register_kept.load_register(lake, connection, tmp_path / "lake" / "landing")
        assert register.facts
        facts = connection.execute(register.facts(register)).fetchall()
    by_id = {row[0]: row[1:] for row in facts}
    assert len(by_id) == len(facts) == 3
    assert by_id[BETA] == ("430102", "新路3号", "张三")
    assert by_id[ALPHA] == ("430102", "某路1号", "张三")


@pytest.mark.parametrize("spoil", ["unfinished", "broken", "gone", "of another lake", "of other rules"])
def test_whatever_a_killed_run_left_is_taught_anew(lake, tmp_path, spoil):
    file = tmp_path / "lake" / FILE
    phantom = "INSERT INTO register_known VALUES ('PHANTOM', 1)"
    if spoil == "unfinished":
        change(lake, f"{phantom}; DELETE FROM register_taught")
    elif spoil == "of another lake":
        change(
            lake, f"{phantom}; INSERT INTO register_taught VALUES ('published/{REGISTRY}/elsewhere.parquet')"
        )
    elif spoil == "of other rules":
        # As if places, forms or words of industry had been added since, or the engine's expression of a block had changed.
        change(lake, f"{phantom}; UPDATE register_made SET rules = 'of last year'")
    elif spoil == "broken":
        file.write_bytes(b"no database " * 4096)
    else:
        file.unlink()
    put(
        tmp_path / "second",
        TAX,
        "2026-02-16.csv",
        csv_bytes(TAX_HEADERS, [tax_row(ALPHA), tax_row("", "湘潭春禾（集团）有限公司")]),
    )
    report = govern(tmp_path / "second", lake, None)
    assert [file.rows_accepted for file in report.files] == [2]
    known, taught = held(file)
    assert ("PHANTOM",) not in known["register_known"]
    assert len(known["register_known"]) == 3
    assert [name for (name,) in taught] == [
        f"published/{REGISTRY}/{uri.rpartition('/')[2]}" for uri in lake.uris(f"published/{REGISTRY}")
    ]


def test_a_lake_that_was_moved_keeps_its_register(lake, tmp_path):
    change(
        lake,
        "INSERT INTO register_names VALUES (900, 'PLANTED', '某地某店', '某地某店', '', '某地某店', '', '', '', '', 1)",
    )
    moved = Lake(shutil.move(lake.root, tmp_path / "elsewhere"))
    put(tmp_path / "second", TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row("", "某地某店")]))
    govern(tmp_path / "second", moved, None)
    assert ("name_exact", "PLANTED") in methods(moved)
    assert moved.exists(service.RECEIPTS)


def test_rows_that_wait_are_tried_again_only_where_somebody_new_came(lake, tmp_path, monkeypatch):
    stranger = complete_uscc("91430400MA4L00009")
    rows = csv_bytes(TAX_HEADERS, [tax_row(stranger, "衡阳后来登记的店")])
    put(tmp_path / "second", TAX, "2026-02-16.csv", rows)
    assert [file.rows_accepted for file in govern(tmp_path / "second", lake, None).files] == [0]

    tried = []
    find = retrying.find_retries
    monkeypatch.setattr(
        retrying, "find_retries", lambda *given, **named: tried.append(1) or find(*given, **named)
    )
    again = csv_bytes(REGISTRY_HEADERS, [registry_row(ALPHA, snapshot="2026-03-05")])
    put(tmp_path / "third", REGISTRY, "2026-03-05.csv", again)
    govern(tmp_path / "third", lake, None)
    assert tried == []
    assert retrying.taught_by(lake) is None

    new = csv_bytes(REGISTRY_HEADERS, [registry_row(stranger, "衡阳后来登记的店", snapshot="2026-04-05")])
    put(tmp_path / "fourth", REGISTRY, "2026-04-06.csv", new)
    govern(tmp_path / "fourth", lake, None)
    assert tried == [1]
    assert stranger in {row["uscc"] for row in lake.read(f"published/{TAX}").to_pylist()}
