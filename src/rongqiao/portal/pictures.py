"""Columns of a profile as a clerk reads them: words, small pictures, and what to beware of."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.code_lists import code_list
from rongqiao.portal.operator_steps import drift_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TYPE_WORDS = {
    "string": "文字", "integer": "整数", "decimal": "小数", "money": "金额", "date": "日期", "month": "月份", "year": "年份", "boolean": "是或否",
}  # fmt: skip
FORM_WORDS = {
    "excel_serial": "表格软件的日期序号，入库时换算成日期",
    "epoch_ms": "毫秒时间戳，入库时换算成日期",
    "day_first": "日/月/年，入库时换算成日期",
}
IDENTIFIER_WORDS = {
    "uscc": "统一社会信用代码", "registration_no": "15 位注册号", "resident_id": "居民身份号码", "phone": "电话号码", "organisation": "单位名称",
}  # fmt: skip
#: Bars of one picture, and the share of values that must be valid for a column to be said to hold such identifiers.
MOST_BARS, TELLING = 8, 0.2
#: Buckets that governance counts blanks and unreadable numbers in; the share of blanks is told in words.
_NO_VALUES = ("∅", "?")
_BUCKET = re.compile(r"([+-])(-?\d+)|0")
_FIRST_SERIAL, _EPOCH = dt.date(1899, 12, 30), dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_WIDTH, _HEIGHT = 132, 36


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it counts, how many, its share of all, and where it stands in a picture of 132 × 36."""

    label: str
    count: int
    share: float
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0

    @property
    def percent(self) -> float:
        """Share in percent, for the width of a bar."""
        return round(100 * self.share, 1)


@dataclass(frozen=True, slots=True)
class ColumnPicture:
    """One column as shown.

    Parameters
    ----------
    filled, unique : float
        Percent of the rows with a value, and of those with a value that differ.
    bars : sequence of Bar
        Histogram of numbers, else the commonest values, else the commonest ways of writing; see ``kind``.
    kind : str
        ``numbers``, ``values``, ``patterns`` or empty where there is nothing to draw.
    warnings, notes : sequence of str
        What to beware of, and what else was recognised.
    drift : str
        In words; empty where nothing was compared.
    """

    header: str
    type: str
    confidence: float
    rows: int
    nulls: int
    distinct: int
    filled: float
    unique: float
    low: str
    high: str
    bars: Sequence[Bar]
    kind: str
    patterns: Sequence[tuple[str, int]]
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    drift: str = ""
    drift_index: float | None = None
    null_shift: float | None = None
    before: Sequence[Bar] = field(default_factory=tuple)


def draw_columns(profile: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> list[ColumnPicture]:
    """Draw every column of a profile, beside the earlier profile of the same table where there is one."""
    old = {column["header"]: column for column in before["columns"]} if before else {}
    return [_draw(column, old.get(column["header"])) for column in profile["columns"]]


def _draw(column: Mapping[str, Any], before: Mapping[str, Any] | None) -> ColumnPicture:
    kind, bars = _bars(column)
    earlier: list[Bar] = []
    if before and kind == "numbers":
        earlier, bars = draw_beside(before["histogram"], column["histogram"])
    rows, filled = column["rows"], column["rows"] - column["nulls"]
    return ColumnPicture(
        header=column["header"],
        type=TYPE_WORDS.get(column["guess"]["type"], column["guess"]["type"]),
        confidence=round(100 * column["guess"]["confidence"], 1),
        rows=rows,
        nulls=column["nulls"],
        distinct=column["distinct"],
        filled=round(100 * filled / rows, 1) if rows else 0.0,
        unique=round(100 * column["distinct"] / filled, 1) if filled else 0.0,
        low=_end_of(column, "minimum"),
        high=_end_of(column, "maximum"),
        bars=bars,
        kind=kind,
        patterns=column["patterns"][:3],
        warnings=_warnings(column),
        notes=_notes(column),
        drift=drift_word(column["drift"]) if before else "",
        drift_index=column["drift"],
        null_shift=None if column["null_shift"] is None else round(100 * column["null_shift"], 1),
        before=earlier,
    )


def _end_of(column: Mapping[str, Any], end: str) -> str:
    """Lowest or highest value; days that stand in the source as numbers are written as days."""
    value = column[end] or ""
    try:
        if column["guess"]["form"] == "excel_serial":
            return (_FIRST_SERIAL + dt.timedelta(days=int(float(value)))).isoformat()
        if column["guess"]["form"] == "epoch_ms":
            return (_EPOCH + dt.timedelta(milliseconds=float(value), hours=8)).date().isoformat()
    except (ValueError, OverflowError):
        pass
    return str(value)[:24]


def _bars(column: Mapping[str, Any]) -> tuple[str, list[Bar]]:
    filled = column["rows"] - column["nulls"]
    if is_numeric(column["histogram"]) and column["guess"]["type"] in ("integer", "decimal"):
        return "numbers", draw_histogram(column["histogram"])
    tops = column["top_values"][:5]
    if tops and tops[0][1] > 1 and sum(count for _, count in tops) >= TELLING * filled:
        return "values", [Bar(value[:24], count, count / filled) for value, count in tops]
    if column["patterns"]:
        return "patterns", [Bar(shape[:24], count, count / filled) for shape, count in column["patterns"][:3]]
    return "", []


def is_numeric(histogram: Mapping[str, int]) -> bool:
    """Whether a histogram counts numbers by sign and power of two, rather than ways of writing."""
    return bool(histogram) and all(_BUCKET.fullmatch(name) for name in histogram)


def draw_histogram(histogram: Mapping[str, int]) -> list[Bar]:
    """Lay the buckets of a histogram out from the lowest to the highest numbers; of ways of writing the commonest first."""
    return draw_beside({}, histogram)[1]


def draw_beside(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[list[Bar], list[Bar]]:
    """Draw two histograms over the same buckets and to the same scale, so that what moved is seen; nothing for an empty one."""
    before, after = (
        {name: count for name, count in one.items() if name not in _NO_VALUES} for one in (before, after)
    )
    both = {name: before.get(name, 0) + after.get(name, 0) for name in {**before, **after}}
    if is_numeric(both):
        names = sorted(both, key=_floor)
    else:
        names = sorted(both, key=lambda name: (-both[name], name))[:MOST_BARS]
    totals = [sum(histogram.values()) for histogram in (before, after)]
    shares = [
        [histogram.get(name, 0) / total if total else 0.0 for name in names]
        for histogram, total in zip((before, after), totals, strict=True)
    ]
    largest = max((share for one in shares for share in one), default=0)
    drawn = [
        [_stand(at, name, histogram.get(name, 0), share, largest, len(names)) for at, (name, share) in enumerate(zip(names, one, strict=True))]
        if total
        else []
        for histogram, total, one in zip((before, after), totals, shares, strict=True)
    ]  # fmt: skip
    return drawn[0], drawn[1]


def _stand(at: int, name: str, count: int, share: float, largest: float, bars: int) -> Bar:
    step = min(_WIDTH / bars, 29)
    height = max(1.5, _HEIGHT * share / largest) if count else 0.0
    return Bar(
        _range_of(name), count, share, round(at * step, 2), round(_HEIGHT - height, 2), round(step - 1, 2), round(height, 2)
    )  # fmt: skip


def _floor(bucket: str) -> float:
    found = _BUCKET.fullmatch(bucket)
    if found is None or found[1] is None:
        return 0.0
    size = 2.0 ** int(found[2])
    return size if found[1] == "+" else -size


def _range_of(bucket: str) -> str:
    """Write a bucket as the range it stands for; a way of writing stands for itself."""
    found = _BUCKET.fullmatch(bucket)
    if found is None:
        return bucket[:24]
    if found[1] is None:
        return "0"
    size = 2.0 ** int(found[2])
    low, high = _short(size), _short(2 * size)
    return f"{low}–{high}" if found[1] == "+" else f"−{high} – −{low}"


def _short(value: float) -> str:
    for size, unit in ((1e8, "亿"), (1e4, "万")):
        if value >= size:
            return f"{value / size:,.3g}{unit}" if value < 1000 * size else f"{value / size:,.0f}{unit}"
    return f"{value:,.0f}" if value >= 1 else f"{value:.3g}"


def _warnings(column: Mapping[str, Any]) -> list[str]:
    found = []
    if column["is_personal"]:
        found.append("疑似个人信息：不显示取值，不采用")
    if column["rows"] and column["nulls"] == column["rows"]:
        found.append("整列为空")
    elif column["nulls"] > 0.5 * column["rows"]:
        found.append("超过一半为空")
    if column["distinct"] == 1 and not column["nulls"]:
        found.append("所有行取值相同")
    if column["guess"]["type"] != "string" and column["guess"]["confidence"] < 1:
        wrong = round((column["rows"] - column["nulls"]) * (1 - column["guess"]["confidence"]))
        found.append(f"约 {max(wrong, 1):,} 个值读不成{TYPE_WORDS[column['guess']['type']]}")
    return found


def _notes(column: Mapping[str, Any]) -> list[str]:
    found = [
        f"{share:.0%} 为{IDENTIFIER_WORDS[name]}"
        for name, share in column["identifiers"].items()
        if share >= TELLING
    ]
    if column["guess"]["form"]:
        found.append(FORM_WORDS.get(column["guess"]["form"], column["guess"]["form"]))
    if column["unit"]:
        found.append(f"单位：{column['unit']}")
    found.extend(
        f"{share:.0%} 的取值在代码表“{code_list(list_id).name}”内"
        for list_id, share in column["code_lists"][:1]
    )
    found.extend(
        f"像“{like['title']}”（相似度 {like['score']:.0%}；{'，'.join(like['evidence'])}）"
        for like in column["resembles"][:1]
    )
    return found
