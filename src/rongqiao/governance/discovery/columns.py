"""The evidence of each column, measured in the laid-out table by SQL: counts, readings, patterns, identifiers, candidates for keys."""

# ruff: noqa: S608  (column names are c0, c1, … made by staging; values are bound)
from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.code_lists import code_lists
from rongqiao.contracts.standards import Item
from rongqiao.governance.discovery.profiles import ColumnProfile, TypeGuess
from rongqiao.governance.readings import cast_sql, pattern_sql
from rongqiao.kernel.identifiers import is_uscc

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from rongqiao.contracts.standards import ItemType
    from rongqiao.governance.discovery.staging import Staged

#: Distinct values that are tried against code lists and identifiers.
TRIED = 2_000
#: Share of values that must read as a type, be valid as an identifier, or stand in a code list.
ENOUGH, VALID, LISTED = 0.95, 0.60, 0.60
#: Share of rows that must be distinct by a key; the rest are rows that the source holds twice.
COMPLETE = 0.999
_READINGS: tuple[tuple[ItemType, str], ...] = (
    ("boolean", "BOOLEAN"),
    ("month", "INTEGER"),
    ("integer", "BIGINT"),
    ("date", "DATE"),
    ("decimal", "DOUBLE"),
)
_UNITS = re.compile(
    r"[（(\[【]\s*(元|千元|万元|亿元|百万元|人|户|个|张|件|次|宗|平方米|㎡|亩|公顷|吨|千克|公斤|千瓦时|万千瓦时|度|立方米|万立方米|天|月|年|%|％|美元|万美元|米|公里|台|辆|项|家|套|股|万股)\s*[）)\]】]"
)
_DATE_WORDS = re.compile(r"日期|时间|date|time|日$|期$|_at$|_on$|有效期|截止|起止", re.IGNORECASE)
_YEAR_WORDS = re.compile(r"年份|年度|year", re.IGNORECASE)
_AMOUNT_WORDS = re.compile(r"金额|资本|价格|价款|收入|额$|额[（(]|费$|费用|罚款|税款|_cny")
_CODE_WORDS = re.compile(r"(号|号码|代码|编码|编号)$|_no$|_code$")
_PERSONAL_WORDS = re.compile(
    r"身份证|证件号码|手机|电话|联系方式|银行账|银行卡|家庭住址|phone|mobile|id_?card", re.IGNORECASE
)
_ORGANISATION = "(公司|合作社|联合社|厂|中心|商店|店|商行|集团|企业|研究院|设计院|医院|学院|大学|学校|研究所|事务所|经营部|服务部|门市部|部|社|协会|学会|农场|超市|饭店|酒店|宾馆|药房|农家乐|个体户|会所|影院|剧场|银行|支行|分行)([（(].{0,12}[）)])?$"
_ROW_NUMBERS = re.compile(r"序号|排序|排名|编号|行号|主键|id|no\.?|row_?no", re.IGNORECASE)
_DAY_FIRST = "^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})( .*)?$"


def measure(
    connection: duckdb.DuckDBPyConnection, staged: Staged, titles: dict[str, str]
) -> list[ColumnProfile]:
    """Measure every column of table ``raw`` that is named or filled; nameless empty columns are left out."""
    columns = [_measure_one(connection, staged, at, titles) for at in range(len(staged.layout.headers))]
    return [one for one in columns if one.filled or not re.fullmatch(r"列\d+|.*（\d+）", one.header)]


def _measure_one(
    connection: duckdb.DuckDBPyConnection, staged: Staged, at: int, titles: dict[str, str]
) -> ColumnProfile:
    own = staged.layout.headers[at]
    header = titles.get(own) or titles.get(own.lower()) or own
    counts = connection.execute(f"SELECT count(*), count(c{at}), count(DISTINCT c{at}) FROM raw").fetchone()
    rows, filled, distinct = counts or (0, 0, 0)
    values = connection.execute(
        f"SELECT c{at}, count(*) FROM raw WHERE c{at} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TRIED}"
    ).fetchall()
    identifiers = _find_identifiers(connection, at, [value for value, _ in values], filled)
    guess = _guess_type(connection, at, header, filled, identifiers)
    is_personal = bool(filled) and (
        max(identifiers.get("resident_id", 0), identifiers.get("phone", 0)) > 0.2
        or (bool(_PERSONAL_WORDS.search(header)) and identifiers.get("uscc", 0) < VALID)
    )
    low, high, quantiles = _range(connection, at, guess)
    patterns, histogram = _shapes(connection, at, guess)
    found = _UNITS.search(header)
    return ColumnProfile(
        position=at,
        header=header,
        rows=rows,
        nulls=rows - filled,
        distinct=distinct,
        minimum=None if is_personal else low,
        maximum=None if is_personal else high,
        quantiles=quantiles,
        patterns=patterns,
        top_values=[] if is_personal else [(value[:80], count) for value, count in values[:10]],
        guess=guess,
        unit=found[1] if found else (staged.layout.unit if _is_amount(header, guess) else ""),
        code_lists=_find_code_lists(guess, [value for value, _ in values], distinct),
        identifiers=identifiers,
        is_personal=is_personal,
        histogram=histogram,
    )


def _is_amount(header: str, guess: TypeGuess) -> bool:
    return guess.type in ("decimal", "integer") and bool(_AMOUNT_WORDS.search(header))


def _item(at: int, kind: ItemType, physical: str) -> Item:
    return Item(f"c{at}", "", kind, physical, "", False, None, "", "L2", "", (), ())


def _guess_type(
    connection: duckdb.DuckDBPyConnection, at: int, header: str, filled: int, identifiers: dict[str, float]
) -> TypeGuess:
    """Try the very readings that the standards step will use, on distinct values; the narrowest that fits nearly all is the type."""
    if not filled:
        return TypeGuess("string", 0.0)
    if max(identifiers.get(kind, 0) for kind in ("uscc", "registration_no", "resident_id", "phone")) >= VALID:
        return TypeGuess("string", 1.0)
    words = "'-', '--', '—', '——', '/', '无', '空', 'NULL', 'N/A'"
    shares = ", ".join(f"count({cast_sql(_item(at, kind, physical))})" for kind, physical in _READINGS)
    extra = f"""count(*) FILTER (try_cast(c{at} AS DOUBLE) BETWEEN 20000 AND 60000),
        count(*) FILTER (try_cast(c{at} AS DOUBLE) BETWEEN -2e12 AND 4.1e12 AND abs(try_cast(c{at} AS DOUBLE)) > 1e11),
        count(*) FILTER (regexp_matches(c{at}, '{_DAY_FIRST}')),
        count(*) FILTER (try_cast(c{at} AS INTEGER) BETWEEN 1949 AND 2099 AND length(c{at}) = 4),
        count(*) FILTER (regexp_matches(c{at}, '^0[0-9]+$') OR length(c{at}) > 17)"""
    row = connection.execute(
        f"SELECT count(*), {shares}, {extra} FROM (SELECT c{at} FROM raw WHERE c{at} NOT IN ({words}) USING SAMPLE 20000 ROWS (reservoir, 43)) raw"
    ).fetchone()
    total, *found = row or (0, *[0] * 10)
    if not total:
        return TypeGuess("string", 0.0)
    read = {kind: count / total for (kind, _), count in zip(_READINGS, found, strict=False)}
    serial, epoch, day_first, year, padded = (count / total for count in found[len(_READINGS) :])
    is_dated = bool(_DATE_WORDS.search(header))
    forms = {"excel_serial": serial, "epoch_ms": epoch, "day_first": day_first}
    if is_dated or day_first >= ENOUGH or (epoch >= ENOUGH and not _AMOUNT_WORDS.search(header)):
        form = max(forms, key=lambda name: forms[name])
        if forms[form] >= ENOUGH:
            return TypeGuess("date", round(forms[form], 4), form)
    if year >= ENOUGH and (_YEAR_WORDS.search(header) or not is_dated):
        return TypeGuess("year", round(year, 4))
    if (padded > 0.05 or (_CODE_WORDS.search(header) and not _ROW_NUMBERS.fullmatch(header))) and read[
        "date"
    ] < ENOUGH:
        # Leading zeros, very long numbers and numbers of documents are codes, whatever they read as.
        return TypeGuess("string", 1.0)
    return _narrowest(read, header)


def _narrowest(read: dict[ItemType, float], header: str) -> TypeGuess:
    is_dated = bool(_DATE_WORDS.search(header))
    order: list[ItemType] = ["date", "month"] if is_dated else []
    order += (
        ["integer", "decimal"]
        if not re.search(r"^是否|is_|标志|是否", header)
        else ["boolean", "integer", "decimal"]
    )
    order += ["boolean", "date"]
    for kind in order:
        if kind == "integer" and read["decimal"] > read["integer"]:
            # One amount with cents makes a column of amounts.
            continue
        if read[kind] >= ENOUGH and (kind != "month" or read["month"] > read["date"]):
            return TypeGuess(kind, round(read[kind], 4))
    best = max(read, key=lambda kind: read[kind])
    return TypeGuess("string", round(1 - read[best], 4))


def _range(
    connection: duckdb.DuckDBPyConnection, at: int, guess: TypeGuess
) -> tuple[str | None, str | None, list[float]]:
    if guess.type in ("decimal", "integer", "year"):
        value = cast_sql(_item(at, "decimal", "DOUBLE"))
        row = connection.execute(
            f"SELECT min(v), max(v), quantile_cont(v, [0.05, 0.25, 0.5, 0.75, 0.95]) FROM (SELECT {value} AS v FROM raw)"
        ).fetchone()
        low, high, quantiles = row or (None, None, None)
        return _plain(low), _plain(high), [round(one, 6) for one in quantiles or ()]
    value = (
        cast_sql(_item(at, "date", "DATE")) if guess.type == "date" and not guess.form else f"left(c{at}, 80)"
    )
    row = connection.execute(f"SELECT min(v), max(v) FROM (SELECT {value} AS v FROM raw)").fetchone()
    low, high = row or (None, None)
    return _plain(low), _plain(high), []


def _plain(value: Any) -> str | None:
    if value is None:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _shapes(
    connection: duckdb.DuckDBPyConnection, at: int, guess: TypeGuess
) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """Commonest patterns, and the histogram that drift is measured on: sign and power of two for numbers, pattern for text."""
    patterns = connection.execute(
        f"SELECT {pattern_sql(f'c{at}')} AS p, count(*) FROM raw WHERE c{at} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 60"
    ).fetchall()
    if guess.type not in ("decimal", "integer"):
        return patterns[:5], dict(patterns)
    value = cast_sql(_item(at, "decimal", "DOUBLE"))
    buckets = connection.execute(
        f"""SELECT CASE WHEN v = 0 THEN '0' ELSE concat(CASE WHEN v < 0 THEN '-' ELSE '+' END, floor(log2(abs(v)))::INTEGER) END AS b,
        count(*) FROM (SELECT {value} AS v FROM raw) WHERE v IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 60"""
    ).fetchall()
    return patterns[:5], dict(buckets)


def _find_identifiers(
    connection: duckdb.DuckDBPyConnection, at: int, values: Sequence[str], filled: int
) -> dict[str, float]:
    if not filled:
        return {}
    row = connection.execute(
        f"""SELECT count(*) FILTER (regexp_full_match(c{at}, '[0-9]{{15}}')),
        count(*) FILTER (regexp_full_match(c{at}, '[1-9][0-9]{{16}}[0-9Xx]') AND substr(c{at}, 7, 2) IN ('19', '20') AND substr(c{at}, 11, 2) <= '12'),
        count(*) FILTER (regexp_full_match(c{at}, '(\\+?86)?1[3-9][0-9]{{9}}|0[0-9]{{2,3}}-?[0-9]{{7,8}}')),
        count(*) FILTER (regexp_matches(c{at}, '{_ORGANISATION}') AND length(c{at}) BETWEEN 4 AND 60) FROM raw"""
    ).fetchone()
    names = ("registration_no", "resident_id", "phone", "organisation")
    shares = {name: round(count / filled, 4) for name, count in zip(names, row or (), strict=False) if count}
    tried = [value for value in values if len(value) >= 15]
    if tried and len(tried) >= 0.2 * len(values):
        shares["uscc"] = round(sum(map(is_uscc, values)) / len(values), 4)
    if shares.get("uscc", 0) >= VALID:
        # A unified code may look like a resident's number by chance; its check digit says otherwise.
        shares.pop("resident_id", None)
    return shares


def _find_code_lists(guess: TypeGuess, values: Sequence[str], distinct: int) -> list[tuple[str, float]]:
    """Code lists that hold most of the distinct values, best first; only for columns of few values."""
    if guess.type in ("date", "month", "year", "decimal") or not 2 <= distinct <= 60:
        return []
    shares = []
    for list_id, codes in code_lists().items():
        share = sum(codes.normalise(value) is not None for value in values) / len(values)
        if share >= LISTED:
            shares.append((list_id, round(share, 4), len(codes.codes)))
    # Of two lists that hold as much, the shorter one says more.
    return [(list_id, share) for list_id, share, _ in sorted(shares, key=lambda one: (-one[1], one[2]))][:3]


def is_row_number(column: ColumnProfile) -> bool:
    """Whether a column only counts the rows of this file, and so says nothing about them."""
    if not _ROW_NUMBERS.fullmatch(column.header.strip()) or column.unique_share < 0.9:
        return False
    if column.guess.type != "integer" or column.maximum is None:
        return False
    return float(column.maximum) <= 3 * column.rows + 100


def find_keys(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[ColumnProfile], rows: int
) -> tuple[list[list[str]], list[float]]:
    """Columns that identify a row, single ones before groups of the telling ones, and the share of rows that are distinct by each.

    Where none of a few columns does, the best group grows by whatever column tells more rows apart, numbers too: a row that is set
    aside as a repeat should repeat in all that can be compared.
    """
    comparable = sorted(
        (
            one
            for one in columns
            if rows and one.nulls <= 0.02 * rows and not one.is_personal and not is_row_number(one)
        ),
        key=lambda one: -one.distinct,
    )
    telling = [one for one in comparable if one.guess.type != "decimal"][:7]
    found: list[tuple[list[str], float]] = []
    for size in (1, 2, 3, 4):
        found.extend(
            ([one.header for one in chosen], _distinct_share(connection, chosen, rows))
            for chosen in combinations(telling, size)
        )
        if any(share >= COMPLETE for _, share in found):
            break
    else:
        best = max(found, key=lambda pair: pair[1], default=([], 1.0))
        grown = _grow(connection, best, comparable, rows)
        found.extend([grown] if grown != best else [])
    found.sort(key=lambda pair: (-round(pair[1], 3), len(pair[0])))
    return [key for key, _ in found[:5]], [share for _, share in found[:5]]


def _grow(
    connection: duckdb.DuckDBPyConnection,
    best: tuple[list[str], float],
    comparable: Sequence[ColumnProfile],
    rows: int,
) -> tuple[list[str], float]:
    """Add to a group of columns, one by one, what tells the most rows apart, until all are or nothing adds any more."""
    key, share = best
    while share < COMPLETE:
        wider = [
            ([*key, one.header], _distinct_share(connection, _named(comparable, [*key, one.header]), rows))
            for one in comparable
            if one.header not in key
        ]
        grown, more = max(wider, key=lambda pair: pair[1], default=(key, share))
        if more <= share:
            break
        key, share = grown, more
    return key, share


def _named(columns: Sequence[ColumnProfile], headers: Sequence[str]) -> list[ColumnProfile]:
    return [one for one in columns if one.header in headers]


def _distinct_share(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[ColumnProfile], rows: int
) -> float:
    parts = ", ".join(f"c{one.position}" for one in columns)
    found = connection.execute(f"SELECT count(*) FROM (SELECT DISTINCT {parts} FROM raw)").fetchone()
    return round((found[0] if found else 0) / rows, 6) if rows else 0.0
