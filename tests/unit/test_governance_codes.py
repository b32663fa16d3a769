"""Codes checked by the column agree with codes checked one by one."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from rongqiao.governance.codes import right_codes
from rongqiao.kernel.identifiers import complete_uscc, is_uscc, normalise_uscc

SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
codes = st.builds(
    lambda region, rest: complete_uscc(region + rest),
    st.text("0123456789", min_size=8, max_size=8),
    st.text(SIGNS, min_size=9, max_size=9),
)
slips = st.builds(
    lambda code, at, sign: code[:at] + sign + code[at + 1 :],
    codes,
    st.integers(0, 17),
    st.sampled_from(SIGNS + "IOab－０ "),
)


@given(st.lists(st.one_of(codes, slips, st.text(max_size=20)), max_size=30), st.integers(0, 5))
def test_columns_agree_with_single_codes(delivered, skipped):
    column = pa.chunked_array(
        [pa.array(["x", *delivered], pa.string())[1:], pa.array(delivered[skipped:], pa.string())]
    )
    found = {row["raw"]: row["code"] for row in right_codes(column).to_pylist()}
    assert found == {raw: normalise_uscc(raw) for raw in delivered if is_uscc(raw)}
