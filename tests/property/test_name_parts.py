"""The engine takes a name apart exactly as Python does."""

from __future__ import annotations

from dataclasses import astuple

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rongqiao.contracts.name_words import industry_words, legal_forms, place_words
from rongqiao.governance.resolution.name_parts import COLUMNS, parse_name, stage_parts
from rongqiao.lake.engine import stage

_WORDS = st.one_of(
    st.sampled_from(sorted(place_words())),
    st.sampled_from(industry_words()),
    st.sampled_from(tuple(legal_forms())),
    st.sampled_from(
        [
            "（",
            "）",
            "(",
            ")",
            "（集团）",
            "（有限合伙）",
            "（湖南）",
            "·",
            " ",
            "．",
            "Ａ",
            "華",
            "公司",
            "A-1",
        ]
    ),
    st.text("星河鑫源永和平安长沙北京区县市0aＢ", min_size=1, max_size=4),
)
_NAMES = st.lists(_WORDS, min_size=0, max_size=7).map("".join)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        yield opened


@settings(max_examples=60, deadline=None)
@given(names=st.lists(_NAMES, min_size=1, max_size=60, unique=True))
def test_engine_and_python_agree(connection, names):
    stage(connection, "raw_names", pa.table({"name": pa.array(names, pa.string())}))
    stage_parts(connection, "SELECT name FROM raw_names", "parts")
    found = connection.execute(f"SELECT name, {', '.join(COLUMNS)} FROM parts").fetchall()
    assert {name: tuple(parts) for name, *parts in found} == {
        name: astuple(parse_name(name)) for name in names
    }
