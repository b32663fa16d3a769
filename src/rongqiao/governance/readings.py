"""How a delivered string is read as a typed value, in SQL: as meant where that is certain, null where it is not.

What a clerk writes is read as meant: full-width digits, thousands separators, ``3.5万元``, ``2026年3月1日``, ``2026-03``, titles of
codes instead of codes. Most strings are plain, and `quick_sql` reads those; `cast_sql` reads them all, at a price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    from rongqiao.contracts.standards import Item

#: What clerks write into a cell to say that there is nothing; only where the type is no text.
BLANKS = ("-", "--", "—", "——", "/", "\\", "无", "空", "NULL", "null", "None", "N/A", "n/a", "NA")
TRUE_WORDS = ("true", "1", "是", "y", "yes", "有", "t")
FALSE_WORDS = ("false", "0", "否", "n", "no", "无", "f")
#: Characters of the full width and of Chinese dates, and what they are read as.
_WIDE = "０１２３４５６７８９．－，＋（）／％：　年月日"
_NARROW = "0123456789.-,+()/%: -- "
#: Blanks that come around a text: of the half and the full width, and the one that does not break.
_TYPED_BLANKS = (" ", "\u3000", "\u00a0")


def is_blank_sql(item: Item) -> str:
    """Write the condition that the delivered string says nothing."""
    value = f"trim(coalesce({quote(item.id)}, ''))"
    words = ", ".join(literal(word) for word in ("", *BLANKS))
    return f"{value} = ''" if item.type == "string" else f"{value} IN ({words})"


def pattern_sql(value: str) -> str:
    """Write the shape of the beginning of a string: ``9`` for a digit, ``A`` for a letter, ``汉`` for a run of Chinese characters."""
    # Twice as fast as `translate`, which looks each character up.
    plain = f"regexp_replace(regexp_replace(left({value}, 24), '[0-9]', '9', 'g'), '[A-Za-z]', 'A', 'g')"
    return f"regexp_replace({plain}, '[一-鿿]+', '汉', 'g')"


def quick_sql(item: Item, factor: int) -> str:
    """Write the reading of plain strings of table ``raw``; what it gives stands unless `is_doubtful_sql`.

    Parameters
    ----------
    item : Item
    factor : int
        From the header's unit to the item's.
    """
    raw = f"raw.{quote(item.id)}"
    if item.code_list:
        return f"CAST({quote(f'codes {item.id}')}.code AS {item.physical_type})"
    if item.type == "string":
        return _text_sql(raw)
    if item.type == "boolean":
        yes, no = (", ".join(literal(word) for word in words) for words in (TRUE_WORDS, FALSE_WORDS))
        return f"CASE WHEN {raw} IN ({yes}) THEN TRUE WHEN {raw} IN ({no}) THEN FALSE END"
    if item.type == "month":
        return f"""CASE WHEN strlen({raw}) = 6 THEN try_cast({raw} AS INTEGER)
            WHEN strlen({raw}) = 7 AND substr({raw}, 5, 1) IN ('-', '/', '.') THEN try_cast(concat(left({raw}, 4), right({raw}, 2)) AS INTEGER) END"""
    if factor != 1 and item.physical_type != "DOUBLE":
        # Sixteen digits stay within one machine word through the multiplication.
        digits = len(str(factor))
        number = f"try_cast({raw} AS DECIMAL({18 - digits},6)) * CAST({factor} AS DECIMAL({digits},0))"
        return f"try_cast({number} AS {item.physical_type})"
    if factor != 1:
        return f"try_cast({raw} AS DOUBLE) * {factor}"
    return f"try_cast({raw} AS {item.physical_type})"


def is_doubtful_sql(item: Item) -> str | None:
    """Write the condition, over ``raw`` and the quick reading beside it, that `cast_sql` must decide; ``None`` if it never need."""
    raw, typed = f"raw.{quote(item.id)}", quote(f"typed {item.id}")
    if item.type == "string" and not item.code_list:
        return None
    extra = {
        "month": f"{typed} NOT BETWEEN 194901 AND 219912 OR {typed} % 100 NOT BETWEEN 1 AND 12",
        "date": f"strlen({raw}) NOT BETWEEN 8 AND 10 OR {typed} NOT BETWEEN DATE '1000-01-01' AND DATE '9999-12-31'",
        "integer": f"contains({raw}, '.')",
        "decimal": f"NOT isfinite({typed})" if item.physical_type == "DOUBLE" else "FALSE",
    }.get(item.type, "FALSE")
    return f"{raw} <> '' AND ({typed} IS NULL OR {extra})"


def cast_sql(item: Item) -> str:
    """Write the SQL expression over table ``raw`` that gives the item's typed value, or null.

    Readings stand from cheap to dear, and only what one cannot read pays for the next. They are joined by CASE, not coalesce, because
    the engine lifts what repeats inside coalesce out of it, and would run every regular expression on every row.
    """
    raw = f"raw.{quote(item.id)}"
    if item.code_list:
        return f"CAST({quote(f'codes {item.id}')}.code AS {item.physical_type})"
    if item.type == "string":
        return _text_sql(raw)
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


def _text_sql(raw: str) -> str:
    """Write the text without blanks around it; to look for the blanks that clerks type at its ends costs a fifth of trimming every Chinese text."""
    is_padded = " OR ".join(
        f"{at}({raw}, {literal(blank)})" for blank in _TYPED_BLANKS for at in ("prefix", "suffix")
    )
    return f"CASE WHEN {is_padded} THEN nullif(trim({raw}), '') ELSE nullif({raw}, '') END"


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
    whole = f"CASE WHEN {number} = floor({number}) THEN try_cast({number} AS {physical_type}) END"
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
