"""Rows kept as they were delivered, in memory or laid aside in files."""

from __future__ import annotations

import tempfile

import pyarrow as pa
import pytest

from rongqiao.governance import kept


def piece(first, count):
    return pa.table(
        {
            "batch": pa.repeat(0, count),
            "line": pa.array(range(first, first + count), pa.int32()),
            "name": [f"店{line}" for line in range(first, first + count)],
        }
    )


@pytest.mark.parametrize("in_memory", [0, 200, 1 << 20])
def test_rows_are_found_wherever_they_are_kept(monkeypatch, tmp_path, in_memory):
    monkeypatch.setattr(kept, "KEPT_BYTES", in_memory)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = kept.KeptRows()
    for first in (2, 7, 12):
        rows.add(0, piece(first, 5))
    rows.add(1, piece(2, 5))
    found = rows.find(
        pa.table({"batch": pa.array([0, 0, 1], pa.int32()), "line": pa.array([3, 14, 6], pa.int32())})
    )
    assert sorted(found["name"].to_pylist()) == ["店14", "店3", "店6"]
    assert list(tmp_path.iterdir()) == []
