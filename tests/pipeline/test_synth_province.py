"""The synthetic province against contracts, rules and its own truth."""

from __future__ import annotations

import gzip
import hashlib
import json
import tracemalloc
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from config.commands.synth import app
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.identifiers import is_uscc
from rongqiao.synth.block import build_block
from rongqiao.synth.dirt import WEIGHTS, DirtRates
from rongqiao.synth.general import general_contracts
from rongqiao.synth.province import SOURCES, write_province
from rongqiao.synth.styles import STYLES, style_of

pytestmark = pytest.mark.pipeline
KNOWN_AT = "2026-11-20"


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("province")
    write_province(out, enterprises=300, seed=43)
    return out


@pytest.fixture
def few_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the hundred tables that are drawn by their contracts alone: writing them takes most of the time."""
    monkeypatch.setattr("rongqiao.synth.province.general_contracts", list)


def test_same_seed_same_bytes(province: Path, tmp_path: Path) -> None:
    write_province(tmp_path / "again", enterprises=300, seed=43)
    assert digests(tmp_path / "again") == digests(province)


def test_another_seed_other_bytes(province: Path, tmp_path: Path, few_tables: None) -> None:
    write_province(tmp_path / "other", enterprises=300, seed=44)
    ours, others = digests(province), digests(tmp_path / "other")
    assert all(
        ours[name] != others[name] for name in ours if name.startswith("deliveries/taxation.tax_filing/2")
    )


def test_every_contract_is_delivered_in_few_files(province: Path) -> None:
    files = [path.relative_to(province / "deliveries") for path in (province / "deliveries").glob("*/*.*")]
    general = {contract.id for contract in general_contracts()}
    delivered = {path.parts[0] for path in files}
    # Rare tables may have no row among 300 enterprises.
    assert set(STYLES) <= delivered <= set(STYLES) | general
    assert len(delivered & general) > len(general) / 2
    assert len([path for path in files if path.parts[0] in STYLES]) <= 260
    assert {path.name.split(".", 1)[1] for path in files} == {"csv", "csv.gz", "xlsx", "jsonl"}


def test_nothing_is_delivered_from_the_future(province: Path) -> None:
    days = [path.name[:10] for path in (province / "deliveries").glob("*/*.*")]
    assert max(days) <= KNOWN_AT
    assert max(days) >= "2026-11-16"


def test_true_codes_are_valid_and_unique(province: Path) -> None:
    codes = pq.read_table(province / "truth" / "enterprises.parquet")["uscc"].to_pylist()
    assert len(set(codes)) == 300
    assert all(is_uscc(code) for code in codes)


def test_dirt_stays_within_its_rate_and_covers_the_kinds(tmp_path: Path) -> None:
    done = write_province(tmp_path, enterprises=1_500, seed=43)
    assert 0.015 < done.dirty_rows / done.delivery_rows < 0.022
    kinds = Counter(pq.read_table(tmp_path / "truth" / "dirt.parquet")["kind"].to_pylist())
    assert set(kinds) == set(WEIGHTS)


def test_no_dirt_at_rate_zero(tmp_path: Path, few_tables: None) -> None:
    done = write_province(tmp_path, enterprises=60, seed=43, rates=DirtRates(share=0.0))
    assert done.dirty_rows == 0
    assert pq.read_table(tmp_path / "truth" / "corrections.parquet").num_rows == 0


def test_truth_names_the_line_on_which_each_mistake_stands(province: Path) -> None:
    dirt = pq.read_table(province / "truth" / "dirt.parquet").to_pylist()
    checked = 0
    for row in dirt:
        path = province / "deliveries" / row["file"]
        if path.suffix == ".csv" and row["dirty_value"] and row["kind"] != "broken_line":
            encoding = style_of(row["contract_id"]).encoding
            assert row["dirty_value"] in path.read_text(encoding).split("\n")[row["line"] - 1]
            checked += 1
        if path.suffix == ".jsonl" and row["kind"] == "missing_uscc":
            assert json.loads(path.read_text("utf-8").split("\n")[row["line"] - 1])["uscc"] == ""
            checked += 1
    assert checked > 50


def test_corrections_come_later_with_the_right_value(province: Path) -> None:
    corrections = pq.read_table(province / "truth" / "corrections.parquet").to_pylist()
    assert corrections
    for row in corrections:
        first, second = (Path(row[name]).name[:10] for name in ("file", "correction_file"))
        assert first < second <= KNOWN_AT
        path = province / "deliveries" / row["correction_file"]
        text = path.read_text(style_of(row["contract_id"]).encoding)
        assert any(row["uscc"] in line and row["right_value"] in line for line in text.split("\n"))


def test_clean_rows_break_no_rejecting_rule() -> None:
    block = build_block(0, 1_500, seed=43, as_of=202610, window=26)
    connection = duckdb.connect()
    broken = {}
    for source in SOURCES:
        for delivery in source(block):
            contract = load_contract(delivery.contract_id)
            assert set(delivery.rows.column_names) == {item.id for item in contract.items}
            connection.register("delivery", delivery.rows)
            rules = [rule for rule in contract.row_rules if rule.severity == "reject"]
            counted = ", ".join(f"count(*) FILTER (NOT ({rule.expression}))" for rule in rules)
            found = connection.sql(
                f"SELECT {counted} FROM (SELECT *, DATE '{delivery.delivered_on}' AS delivered_on FROM delivery)"
            ).fetchone()
            for rule, count in zip(rules, found or (), strict=True):
                if count:
                    broken[(rule.id, delivery.delivered_on)] = count
    assert broken == {}


def test_keys_are_unique_within_each_clean_delivery() -> None:
    block = build_block(0, 1_500, seed=43, as_of=202610, window=26)
    for source in SOURCES:
        for delivery in source(block):
            rows = delivery.rows.select(list(load_contract(delivery.contract_id).key)).to_pylist()
            assert len({tuple(row.values()) for row in rows}) == len(rows), delivery.contract_id


def test_memory_depends_on_the_chunk_not_on_the_province(tmp_path: Path, few_tables: None) -> None:
    def peak(name: str, enterprises: int) -> int:
        tracemalloc.start()
        write_province(tmp_path / name, enterprises=enterprises, seed=43, chunk_rows=400)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak("warm", 50)
    assert peak("two", 800) < 1.3 * peak("one", 400)


def test_chunks_append_to_the_same_files_with_one_header(tmp_path: Path, few_tables: None) -> None:
    write_province(tmp_path, enterprises=200, seed=43, chunk_rows=100, rates=DirtRates(share=0.0))
    first = sorted((tmp_path / "deliveries" / "market_regulation.registry").iterdir())[0]
    text = first.read_text("gb18030")
    assert text.count("统一社会信用代码") == 1
    codes = [line.split(",")[0] for line in text.splitlines()[1:]]
    assert len(set(codes)) == len(codes) > 100
    assert len(pq.read_table(tmp_path / "truth" / "enterprises.parquet")) == 200


def test_an_old_province_is_never_mixed_with_a_new_one(province: Path) -> None:
    with pytest.raises(InvalidValueError, match="empty folder"):
        write_province(province, enterprises=10)


def test_command_reports_what_it_wrote(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--out", str(tmp_path), "--enterprises", "40", "--seed", "7"])
    assert result.exit_code == 0, result.output
    assert "40 enterprises" in result.output
    assert "products.jsonl: 156" in result.output


def test_several_processes_write_the_same_province(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        write_province(tmp_path / name, enterprises=80, seed=43, chunk_rows=40, workers=workers)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert not (tmp_path / "two" / ".parts").exists()


def test_a_large_province_is_compressed_and_its_truth_names_the_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rongqiao.synth.province.LARGE", 100)
    write_province(tmp_path, enterprises=400, seed=43, chunk_rows=200)
    files = list((tmp_path / "deliveries").glob("*/*.*"))
    assert {path.name.split(".", 1)[1] for path in files} == {"csv.gz", "jsonl.gz"}
    checked = 0
    for row in pq.read_table(tmp_path / "truth" / "dirt.parquet").to_pylist():
        if row["kind"] == "missing_uscc" and row["file"].endswith(".csv.gz"):
            encoding = style_of(row["contract_id"]).encoding
            text = gzip.decompress((tmp_path / "deliveries" / row["file"]).read_bytes()).decode(encoding)
            assert text.splitlines()[row["line"] - 1].split(",")[0] == ""
            checked += 1
    assert checked > 50
