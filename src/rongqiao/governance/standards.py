"""Step 2, standards: bind delivered headers to items and cast strings to the contract's types, in one SQL scan.

What a clerk writes is read as meant where that is certain: full-width digits, thousands separators, ``3.5万元``, ``2026年3月1日``,
``2026-03``, titles of codes instead of codes. What cannot be cast goes to quarantine with the value as it came.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.contracts.catalog import code_list, fold
from rongqiao.governance.batch import judge
from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rongqiao.contracts.standards import Contract, Item
    from rongqiao.governance.batch import RawFile, Workbench

TITLE = "标准制定"

#: What clerks write into a cell to say that there is nothing; only where the type is no text.
BLANKS = ("-", "--", "—", "——", "/", "\\", "无", "空", "NULL", "null", "None", "N/A", "n/a", "NA")
TRUE_WORDS = ("true", "1", "是", "y", "yes", "有", "t")
FALSE_WORDS = ("false", "0", "否", "n", "no", "无", "f")
#: Characters of the full width and of Chinese dates, and what they are read as.
_WIDE = "０１２３４５６７８９．－，＋（）／％：　年月日"
_NARROW = "0123456789.-,+()/%: -- "
_MISFITS = {
    "decimal": "不是数字",
    "integer": "不是整数",
    "date": "不是日期",
    "month": "不是年月",
    "boolean": "不是“是/否”",
    "string": "不在代码表内",
}


def bind_headers(contract: Contract, headers: Sequence[str]) -> dict[int, tuple[str, int]]:
    """Find the item that each header stands for.

    Returns
    -------
    dict of int to (str, int)
        Position of a header → item id and factor to the item's unit. Unknown headers, and second headers of one item, are left out.
    """
    plain = {_fold(header): item for header, item in contract.headers.items()}
    scaled = {_fold(header): by for item in contract.items for header, by in item.scaled_headers}
    bound: dict[int, tuple[str, int]] = {}
    for position, header in enumerate(headers):
        folded = _fold(header)
        item_id = plain.get(folded)
        if item_id and item_id not in {taken for taken, _ in bound.values()}:
            bound[position] = (item_id, scaled.get(folded, 1))
    return bound


def _fold(header: str) -> str:
    """Fold a header; a leading mark and the asterisk of required columns mean nothing."""
    return fold(header.replace("\ufeff", "").replace("*", ""))


def arrange(contract: Contract, raw: RawFile, number: int, constants: Mapping[str, str]) -> pa.Table:
    """Lay a raw file out by the contract's items: ``batch, line`` and one string column per item.

    Parameters
    ----------
    contract : Contract
    raw : RawFile
    number : int
        Batch number.
    constants : Mapping[str, str]
        Items that hold for the whole file; they yield to a column of the file.
    """
    rows = len(raw.lines)
    columns: dict[str, Any] = {"batch": pa.repeat(pa.scalar(number, pa.int32()), rows), "line": raw.lines}
    sources = {
        item_id: (raw.columns[at], by) for at, (item_id, by) in bind_headers(contract, raw.headers).items()
    }
    for item in contract.items:
        if item.id in sources:
            array, factor = sources[item.id]
            columns[item.id] = _scale(array, factor)
        else:
            columns[item.id] = pa.repeat(pa.scalar(constants.get(item.id), pa.string()), rows)
    return pa.table(columns)


def _scale(array: Any, factor: int) -> Any:
    """Carry the factor of a scaled header into the values, where the cast reads it as ``×10000``."""
    if factor == 1:
        return array
    is_blank = pc.equal(pc.utf8_trim_whitespace(array), "")
    return pc.if_else(is_blank, array, pc.binary_join_element_wise(array, f"×{factor}", ""))


def cast(work: Workbench) -> None:
    """Write ``typed`` from ``raw``; rows that do not fit go to ``rejected`` under ``<contract>.<item>_type`` or ``_code``.

    Notes
    -----
    A blank is null, never zero. A number with more places than its type is rounded half away from zero. A row with several misfits is
    counted under the first.
    """
    items = work.contract.items
    coded = [item for item in items if item.code_list]
    for item in coded:
        _stage_codes(work, item)
    casts = ", ".join(f"{cast_sql(item)} AS {quote(f'typed {item.id}')}" for item in items)
    joins = " ".join(
        f"LEFT JOIN {quote(f'codes {item.id}')} ON {quote(f'codes {item.id}')}.raw = raw.{quote(item.id)}"
        for item in coded
    )
    chosen = ", ".join(f"{quote(f'typed {item.id}')} AS {quote(item.id)}" for item in items)
    checked = [item for item in items if item.type != "string" or item.code_list]
    work.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE typed AS
        SELECT batch, line, {chosen}, {_misfit_sql(checked)} AS misfit
        FROM (SELECT raw.*, {casts} FROM raw {joins})"""
    )
    _reject_misfits(work, checked)


def _misfit_sql(checked: Sequence[Item]) -> str:
    """Id of the first item of a row that has a value but no typed value; null when all fit."""
    cases = " ".join(
        f"WHEN {quote(f'typed {item.id}')} IS NULL AND NOT {_blank_sql(item)} THEN {literal(item.id)}"
        for item in checked
    )
    return f"CASE {cases} END" if cases else "NULL::VARCHAR"


def _blank_sql(item: Item, table: str = "") -> str:
    """Whether the delivered string says nothing."""
    value = f"trim(coalesce({table}{quote(item.id)}, ''))"
    words = ", ".join(literal(word) for word in ("", *BLANKS))
    return f"{value} = ''" if item.type == "string" else f"{value} IN ({words})"


def _reject_misfits(work: Workbench, checked: Sequence[Item]) -> None:
    """Send rows with a misfit to quarantine, and count for each item and batch."""
    if not checked:
        return
    values = " ".join(f"WHEN {literal(item.id)} THEN raw.{quote(item.id)}" for item in checked)
    rules = " ".join(
        f"WHEN {literal(item.id)} THEN {literal(_rule_id(work.contract, item))}" for item in checked
    )
    texts = " ".join(f"WHEN {literal(item.id)} THEN {literal(_message(item))}" for item in checked)
    work.connection.execute(
        f"""INSERT INTO rejected
        SELECT batch, line, misfit, CASE misfit {rules} END, CASE misfit {values} END, CASE misfit {texts} END
        FROM (SELECT batch, line, misfit FROM typed WHERE misfit IS NOT NULL) JOIN raw USING (batch, line)"""
    )
    counts = ", ".join(
        f"count({quote(item.id)}), count(*) FILTER (misfit = {literal(item.id)})" for item in checked
    )
    rows = work.connection.execute(
        f"SELECT batch, {counts} FROM typed GROUP BY batch ORDER BY batch"
    ).fetchall()
    for number, *counted in rows:
        for position, item in enumerate(checked):
            fitting, failed = counted[2 * position : 2 * position + 2]
            outcome = judge("reject", fitting + failed, failed)
            work.add_result(
                work.batches[number],
                _rule_id(work.contract, item),
                "validity",
                (outcome, fitting + failed, failed),
            )


def _rule_id(contract: Contract, item: Item) -> str:
    return f"{contract.id}.{item.id}_{'code' if item.code_list else 'type'}"


def _message(item: Item) -> str:
    return f"“{item.title}”{'不在代码表内' if item.code_list else _MISFITS[item.type]}"


def _stage_codes(work: Workbench, item: Item) -> None:
    """Write table ``codes <item>``: each distinct delivered string and the code it stands for, if any."""
    column = quote(item.id)
    found = work.connection.execute(
        f"SELECT DISTINCT {column} FROM raw WHERE {column} IS NOT NULL ORDER BY 1"
    ).fetchall()
    meant = read_codes(item, [value for (value,) in found])
    staged = pa.table(
        {"raw": pa.array(list(meant), pa.string()), "code": pa.array(list(meant.values()), pa.string())}
    )
    work.connection.register("staged codes", staged)
    work.connection.execute(
        f'CREATE OR REPLACE TEMP TABLE {quote(f"codes {item.id}")} AS SELECT * FROM "staged codes"'
    )
    work.connection.unregister("staged codes")


def cast_sql(item: Item) -> str:
    """Write the SQL expression over table ``raw`` that gives the item's typed value, or null.

    Readings stand from cheap to dear, and only what one cannot read pays for the next. They are joined by CASE, not coalesce, because
    the engine lifts what repeats inside coalesce out of it, and would run every regular expression on every row.
    """
    raw = f"raw.{quote(item.id)}"
    if item.code_list:
        return f"CAST({quote(f'codes {item.id}')}.code AS {item.physical_type})"
    if item.type == "string":
        return f"nullif(trim({raw}), '')"
    folded = f"trim(translate({raw}, {literal(_WIDE)}, {literal(_NARROW)}))"
    if item.type == "boolean":
        yes, no = (", ".join(literal(word) for word in words) for words in (TRUE_WORDS, FALSE_WORDS))
        return f"CASE WHEN lower({folded}) IN ({yes}) THEN TRUE WHEN lower({folded}) IN ({no}) THEN FALSE END"
    readings = {
        "decimal": _decimal_readings,
        "integer": _integer_readings,
        "month": _month_readings,
        "date": _date_readings,
    }[item.type]
    *cheap, dear = readings(raw, folded, item.physical_type)
    cases = " ".join(f"WHEN ({reading}) IS NOT NULL THEN ({reading})" for reading in cheap)
    return f"CASE WHEN {raw} IS NULL OR {raw} = '' THEN NULL {cases} ELSE {dear} END"


def _decimal_readings(raw: str, folded: str, physical_type: str) -> tuple[str, ...]:
    grouped = f"replace({folded}, ',', '')"
    if physical_type == "DOUBLE":
        number = _number_sql(folded, "DOUBLE")
        finite = [
            f"CASE WHEN isfinite({one}) THEN {one} END" for one in (f"try_cast({raw} AS DOUBLE)", number)
        ]
        return finite[0], finite[1]
    number, factor = (f"split_part({raw}, '×', {part})" for part in (1, 2))
    # Reading 28 digits takes a hundred times as long as 18, and next to no amount needs them.
    scaled, huge = (
        f"CASE WHEN contains({raw}, '×') THEN try_cast(try_cast({number} AS DECIMAL({digits},6)) "
        f"* try_cast({factor} AS DECIMAL(10,0)) AS {physical_type}) END"
        for digits in (18, 28)
    )
    slow = f"try_cast({_number_sql(folded, 'DECIMAL(28,6)')} AS {physical_type})"
    plain = (f"try_cast({raw} AS {physical_type})", f"try_cast({grouped} AS {physical_type})")
    return scaled, *plain, huge, slow


def _integer_readings(raw: str, folded: str, physical_type: str) -> tuple[str, ...]:
    number = _number_sql(folded, "DECIMAL(28,6)")
    whole = f"CASE WHEN {number} = floor({number}) THEN CAST({number} AS {physical_type}) END"
    return f"CASE WHEN NOT contains({raw}, '.') THEN try_cast({raw} AS {physical_type}) END", whole


def _date_readings(raw: str, folded: str, _: str) -> tuple[str, ...]:
    is_plain = f"length({raw}) <= 10 AND ({raw} LIKE '____-%' OR {raw} LIKE '____/%')"
    quick = f"CASE WHEN {is_plain} THEN try_cast({raw} AS DATE) END"
    chinese = f"CASE WHEN {raw} LIKE '____年%日' THEN try_cast(rtrim({folded}, '- ') AS DATE) END"
    form = "'([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[ T].*)?|([0-9]{4})([0-9]{2})([0-9]{2})'"
    slow = f"""CASE WHEN regexp_full_match({folded}, {form})
        THEN try_cast(regexp_replace({folded}, '^(?:{form.strip("'")})$', '\\1\\4-\\2\\5-\\3\\6') AS DATE) END"""
    return quick, chinese, slow


def _month_readings(raw: str, folded: str, _: str) -> tuple[str, ...]:
    form = "'^([0-9]{4})[-/.]?([0-9]{1,2})(?:[-/.][0-9]{1,2})?-?$'"
    year, number = (f"try_cast(regexp_extract({folded}, {form}, {group}) AS INTEGER)" for group in (1, 2))
    is_real = f"{year} BETWEEN 1949 AND 2199 AND {number} BETWEEN 1 AND 12"
    slow = f"CASE WHEN {is_real} THEN {year} * 100 + {number} END"
    plain = _six_digits_sql(raw)
    separated = _six_digits_sql(f"concat(left({raw}, 4), substr({raw}, 6))")
    return (
        plain,
        f"CASE WHEN length({raw}) = 7 AND substr({raw}, 5, 1) IN ('-', '/', '.') THEN {separated} END",
        slow,
    )


def _six_digits_sql(text: str) -> str:
    number = f"try_cast({text} AS INTEGER)"
    is_real = f"length({text}) = 6 AND {number} BETWEEN 194901 AND 219912 AND {number} % 100 BETWEEN 1 AND 12"
    return f"CASE WHEN {is_real} THEN {number} END"


def _number_sql(folded: str, number_type: str) -> str:
    """Read ``1,234.5``, ``¥1234``, ``3.5万元``, ``(12.00)`` for minus twelve, ``3.5%`` and a scaled header's ``×10000``.

    A unit in the cell itself outweighs the header's.
    """
    bare = rf"regexp_replace({folded}, '[,\s¥￥元人户个张件]', '', 'g')"
    signed = rf"regexp_replace({bare}, '^\(([0-9.]+)\)', '-\1')"
    form = r"'^([+-]?[0-9]*\.?[0-9]+)(万|亿|%)?(?:×([0-9]+))?$'"
    number = f"try_cast(regexp_extract({signed}, {form}, 1) AS {number_type})"
    factor = f"coalesce(try_cast(regexp_extract({signed}, {form}, 3) AS INTEGER), 1)"
    unit = f"CASE regexp_extract({signed}, {form}, 2) WHEN '万' THEN 10000 WHEN '亿' THEN 100000000 WHEN '%' THEN 0.01 ELSE {factor} END"
    if number_type == "DOUBLE":
        return f"{number} * CAST({unit} AS DOUBLE)"
    return f"try_cast({number} * CAST({unit} AS DECIMAL(12,2)) AS {number_type})"


def read_codes(item: Item, values: Sequence[str]) -> dict[str, str | None]:
    """Find what each delivered string stands for in the item's code list: by code, title or alias; else ``None``."""
    codes = code_list(item.code_list or "")
    return {value: codes.normalise(value) for value in values}
