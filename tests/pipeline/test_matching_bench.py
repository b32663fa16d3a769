"""The measurement of matching judges the same as SQL written by hand for another engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config import matching_bench as bench

if TYPE_CHECKING:
    from pathlib import Path


def test_arrays_and_hand_written_sql_count_the_same(tmp_path: Path) -> None:
    bench.lay_out(3_000, tmp_path / bench.FACTS)
    bench._publish(str(tmp_path))
    ours, engine = bench._judge(str(tmp_path)), bench._judge_in_sql(str(tmp_path))
    assert ours["counts"] == engine["counts"] == bench._judge_parquet_in_sql(str(tmp_path))["counts"]
    assert len(ours["counts"]) == 156
    # Every outcome occurs somewhere, and every enterprise is counted once for each product.
    for place in range(3):
        assert any(cell[place] for cells in ours["counts"].values() for cell in cells)
    assert {sum(map(sum, cells)) for cells in ours["counts"].values()} == {3_000}
    assert ours["kept_bytes"] >= 156 * 750
