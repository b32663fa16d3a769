"""Two benchmarks at a size that a change can wait for (`make bench-small`): what they count must add up; how long they took is only told."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators import load_indicators
from rongqiao.kernel.home import home
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from pathlib import Path

#: Records of a province by its number of enterprises: 430 million on 6.235 million.
RECORDS_EACH = 430 / 6.235
GOVERNED, ONE_PERCENT = 100_000, 62_350


def measure(*arguments: str) -> dict[str, Any]:
    """Run `rongqiao bench` as a person does, and return what it printed."""
    command = [sys.executable, "-m", "config.cli", "bench", *arguments, "--json"]
    done = subprocess.run(command, cwd=home(), check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command line
    print(done.stdout)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def total(lake: Lake, table: str, column: str) -> int:
    """Sum of a column of counts."""
    return int(pc.sum(lake.read(table, [column])[column]).as_py())


def test_every_row_of_a_small_province_is_accepted_or_quarantined(tmp_path: Path) -> None:
    """Receipts, published tables and quarantine tell the same number of rows as the benchmark."""
    found = measure("governance", "--enterprises", str(GOVERNED), "--lake", str(tmp_path / "lake"))
    for key in ("rows", "seconds", "rows_per_second", "peak_rss_bytes", "ratio_to_duckdb"):
        assert found[key] > 0, key
    assert found["enterprises"] == GOVERNED
    assert found["rows"] >= RECORDS_EACH * GOVERNED
    lake = Lake(tmp_path / "lake")
    receipts = "operations/receipts"
    received, accepted, quarantined = (
        total(lake, receipts, f"rows_{each}") for each in ("in", "accepted", "quarantined")
    )
    assert received == found["rows"] + found["correction_rows"] == accepted + quarantined
    present = [f"published/{name}" for name in load_contracts() if lake.exists(f"published/{name}")]
    assert sum(lake.read(name, ["line"]).num_rows for name in present) == accepted
    assert lake.read("operations/quarantine", ["line"]).num_rows == quarantined


def test_all_indicators_of_one_percent_of_the_province_are_written() -> None:
    """One row for every enterprise, one value and one status for every declared indicator."""
    found = measure("indicators", "--enterprises", str(ONE_PERCENT))
    for key in ("rows", "seconds", "peak_rss_bytes", "ratio_to_scan_and_write"):
        assert found[key] > 0, key
    assert found["enterprises"] == ONE_PERCENT
    assert found["indicators"] == len(load_indicators()) >= 600
