"""Filters that turn ids and instants into words."""

import pytest

from rongqiao.portal.templatetags.figures import instant, model_name, moment, spread


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (instant("2026-11-23T17:35:38.018774+00:00"), "2026-11-24 01:35"),
        (instant(""), "—"),
        (instant(None), "—"),
        (model_name("202610_credit@1"), "信用评分模型（2026-10），第 1 版"),
        (model_name("other"), "other"),
        (moment(202610), "2026-10"),
        (moment("2026-11-05"), "2026-11-05"),
        (moment(None), None),
        (spread(135), "加 135 个基点"),
        (spread(-20), "减 20 个基点"),
        (spread(None), "—"),
    ],
)
def test_words(shown, expected):
    assert shown == expected
