"""Two benchmarks at a size that a change can wait for: what they count must add up; how long they took is only told."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pytest

from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators import load_indicators
from rongqiao.kernel.home import home
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.pipeline
#: Records of a province by its number of enterprises: 430 million on 6.235 million.
RECORDS_EACH = 430 / 6.235
#: More than one percent of the province's 6.235 million.
GOVERNED = 100_000


def measure(*arguments: str) -> dict[str, Any]:
    """Run `rongqiao bench` as a person does, and return what it printed."""
    command = [sys.executable, "-m", "config.cli", "bench", *arguments, "--json"]
    done = subprocess.run(command, cwd=home(), check=True, stdout=subprocess.PIPE, text=True)
    sys.stdout.write(done.stdout)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def total(lake: Lake, table: str, column: str) -> int:
    """Sum of a column of counts."""
    return int(pc.sum(lake.read(table, [column])[column]).as_py())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the lake stands that the benchmark of governance leaves, and that of indicators reads."""
    return tmp_path_factory.mktemp("bench") / "lake"


@pytest.fixture(scope="module")
def governed(folder: Path) -> dict[str, Any]:
    """Figures of governing a small province: first, again, and with a correction of one percent."""
    return measure("governance", "--enterprises", str(GOVERNED), "--lake", str(folder))


def test_every_row_of_a_small_province_is_accepted_or_quarantined(
    governed: dict[str, Any], folder: Path
) -> None:
    """Receipts, published tables and quarantine tell the same number of rows as the benchmark."""
    for key in ("rows", "seconds", "rows_per_second", "peak_rss_bytes", "ratio_to_duckdb"):
        assert governed[key] > 0, key
    assert governed["enterprises"] == GOVERNED
    assert governed["rows"] >= RECORDS_EACH * GOVERNED
    lake = Lake(folder)
    receipts = "operations/receipts"
    received, accepted, quarantined = (
        total(lake, receipts, f"rows_{each}") for each in ("in", "accepted", "quarantined")
    )
    assert received == governed["rows"] + governed["correction_rows"] == accepted + quarantined
    present = [f"published/{name}" for name in load_contracts() if lake.exists(f"published/{name}")]
    assert sum(lake.read(name, ["line"]).num_rows for name in present) == accepted
    assert lake.read("operations/quarantine", ["line"]).num_rows == quarantined


@pytest.mark.usefixtures("governed")
def test_all_indicators_of_more_than_one_percent_of_the_province_are_written(folder: Path) -> None:
    """One row for every enterprise, one value and one status for every declared indicator."""
    found = measure("indicators", "--lake", str(folder))
    for key in ("rows", "seconds", "peak_rss_bytes", "ratio_to_scan_and_write"):
        assert found[key] > 0, key
    assert found["enterprises"] == GOVERNED
    assert found["indicators"] == len(load_indicators()) >= 600
