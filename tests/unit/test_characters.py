"""Texts by their characters: shadows of one sign each, and signs that never tell apart what is within the edits."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rongqiao.governance.names import edits
from rongqiao.governance.resolution.characters import may_be_within, shadows, signs

TEXTS = st.text(st.sampled_from("长沙星河精密机械有限公司A1（）"), max_size=9)


@given(TEXTS, TEXTS)
def test_texts_within_the_edits_are_never_told_apart(one, other):
    written = signs(pa.chunked_array([[one, other]]))
    distance = edits(one, other, 20)
    assert all(may_be_within(limit, written[:1], written[1:])[0] for limit in range(distance, 6))


def test_texts_of_other_characters_are_told_apart():
    ones, others = (signs(pa.chunked_array([[text]])) for text in ("长沙星河", "株洲远山"))
    assert not may_be_within(2, ones, others)[0]


@given(st.lists(st.none() | st.text(max_size=6), max_size=8), st.integers(0, 3), st.sampled_from([83, 89]))
def test_a_shadow_has_a_sign_for_each_character(texts, first, size):
    column = pa.chunked_array([pa.array(texts, pa.string())[first:], pa.array(["某店"])])
    expected = [
        None if text is None else "".join(chr(33 + ord(letter) % size) for letter in text)
        for text in [*texts[first:], "某店"]
    ]
    assert shadows(column, size).to_pylist() == expected


@pytest.mark.parametrize("texts", [[], [""], ["", "长沙", ""]])
def test_an_empty_text_holds_no_character(texts):
    found = signs(pa.chunked_array([pa.array(texts, pa.string())]))
    assert [int(np.bitwise_count(sign)) for sign in found] == [len(set(text)) for text in texts]
