"""What people write: kept whole, or refused with its length."""

from __future__ import annotations

import pytest

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.texts import whole_text


def test_blanks_around_go_and_a_text_of_just_the_length_stays():
    assert whole_text("理由", "  不良率上升\n", 5) == "不良率上升"


@pytest.mark.parametrize(
    ("text", "told"), [("不良率上升了", "共 6 个字，请不超过 5 个字"), ("不良\0率", "空字符")]
)
def test_what_cannot_be_kept_is_refused(text, told):
    with pytest.raises(InvalidValueError, match=told):
        whole_text("理由", text, 5)
