"""Columns of facts: a build is whole or not there, and who reads one is not given another's."""

from __future__ import annotations

import pyarrow as pa
import pytest

from rongqiao.lake.columns import FactColumns, write_columns


def build(folder, values):
    table = pa.table({"enterprise_id": [f"{place:018d}" for place in range(len(values))], "score": values})
    write_columns(
        [table], name="202610-20261120", described={"as_of": 202610}, rows_by="enterprise_id", folder=folder
    )


def read(columns):
    return columns.values("score").tolist()


def test_a_reader_goes_on_with_the_build_it_opened_whatever_is_built_under_the_same_name(tmp_path):
    build(tmp_path, [1.0, 2.0, 3.0])
    before = FactColumns.current(tmp_path)
    build(tmp_path, [9.0])
    # Its columns were not mapped yet.
    assert read(before) == [1.0, 2.0, 3.0]
    assert read(FactColumns.current(tmp_path)) == [9.0]


def test_a_build_that_was_killed_leaves_the_one_before_and_is_cleared_by_the_next(tmp_path):
    build(tmp_path, [1.0])

    def parts():
        yield pa.table({"enterprise_id": ["0" * 18], "score": [5.0]})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_columns(parts(), name="202610-20261120", described={}, rows_by="enterprise_id", folder=tmp_path)
    assert read(FactColumns.current(tmp_path)) == [1.0]
    build(tmp_path, [2.0])
    assert read(FactColumns.current(tmp_path)) == [2.0]
    # The newest, and the one before it.
    assert len([each for each in tmp_path.iterdir() if each.is_dir()]) == 2
