"""Limits of a screening: what may be a condition, and when two questions are the same."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.rules.criteria import Leaf, parse_criteria

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rongqiao.rules.criteria import Group

#: Bounds of numbers keep two digits: finer ones serve only to cut a single enterprise out.
BOUND_DIGITS = 2
#: Powers of ten that a bound may have: no measure of an enterprise is larger or smaller.
BOUND_PLACES = 15
NUMBER_OPS = (">=", "<=")


def read_bound(text: str, *, title: str) -> Decimal:
    """Read the bound of a condition as a person typed it.

    Raises
    ------
    InvalidValueError
        If it is no number, out of all proportion, or finer than two digits; the remedy names the nearest that is possible.
    """
    try:
        value = Decimal(text.strip().replace(",", "").replace("，", ""))
    except InvalidOperation:
        raise InvalidValueError(title, text, "请填数字，如 500 或 0.35。") from None
    if not value.is_finite():
        raise InvalidValueError(title, text, "请填数字，如 500 或 0.35。")
    if value and not -BOUND_PLACES <= value.adjusted() <= BOUND_PLACES:
        raise InvalidValueError(
            title, text[:40], f"数字过大或过小，请填绝对值不超过 10 的 {BOUND_PLACES} 次方的数。"
        )
    nearest = round_bound(value)
    if nearest != value:
        raise InvalidValueError(title, text, f"界限至多两位有效数字，请填 {nearest:f}。")
    return value


def round_bound(value: Decimal) -> Decimal:
    """Nearest number of two significant digits."""
    if not value:
        return Decimal(0)
    place = value.adjusted() - BOUND_DIGITS + 1
    rounded = value.quantize(Decimal(1).scaleb(place)) if place <= 0 else round(value, -place)
    return Decimal(f"{rounded:f}")


def parse_conditions(data: Sequence[dict[str, Any]], *, most: int) -> Group:
    """Read the conditions of a list: all of them must hold, none is nested.

    Raises
    ------
    InvalidValueError
        If there are too many, or one is not a plain condition.
    """
    if len(data) > most:
        raise InvalidValueError("筛选条件", len(data), f"一份名单最多 {most} 个条件，请先去掉一个。")
    group = parse_criteria({"all": list(data)}, path="筛选条件")
    if isinstance(group, Leaf) or not all(isinstance(each, Leaf) for each in group.members):
        raise InvalidValueError("筛选条件", data, "名单条件须逐项并列，不可嵌套。")
    return group


def question_digest(conditions: Sequence[dict[str, Any]], *, region: str, build: str) -> str:
    """Name a question: the same for the same conditions in any order and words, on the same data.

    Parameters
    ----------
    region : str
        What the count is limited to from outside; empty for the whole province.
    build : str
        Which build of the data is counted.
    """
    lines = sorted(
        json.dumps([each["fact"], each["op"], each.get("value")], ensure_ascii=False) for each in conditions
    )
    text = json.dumps([region, build, lines], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def differing(
    before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]
) -> tuple[list[str], list[str]]:
    """Conditions in words that a later version dropped, and that it added."""
    old, new = ([str(each["text"]) for each in side] for side in (before, after))
    return [text for text in old if text not in new], [text for text in new if text not in old]
