"""Names of enterprises: one spelling for what clerks type in many, and how near two names are."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import opencc

#: Legal forms at the end of a name, longest first; a name without its form is the same core.
LEGAL_FORMS = (
    "股份有限责任公司",
    "有限责任公司",
    "股份有限公司",
    "农民专业合作社",
    "（普通合伙）",
    "（有限合伙）",
    "（个体工商户）",
    "专业合作社",
    "有限公司",
    "股份公司",
    "公司",
)
_BRACKETS = str.maketrans("([{【〔［｛<)]}】〕］｝>", "（（（（（（（（））））））））")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
_IDEOGRAPH = re.compile("[\u3400-\u9fff]")
#: Marks of administrative level that clerks leave out or put in near the start of a name: 长沙市 and 长沙.
_LEVEL_MARKS = re.compile("[省市县区州]")
_HEAD = 9
#: Signs of names that are spelt as the register spells them.
_PLAIN = "\u4e00-\u9fff（）·A-Za-z0-9"


def clean_name(name: str | None) -> str | None:
    """Write a name the way the register does: widths and blanks folded, brackets （）, middle dot ·.

    ``None`` stays ``None``, and a blank name becomes it.
    """
    if name is None:
        return None
    folded = _INVISIBLE.sub("", unicodedata.normalize("NFKC", name)).strip()
    if _IDEOGRAPH.search(folded):
        folded = "".join(folded.split()).translate(_BRACKETS)
    else:
        folded = " ".join(folded.split())
    return re.sub("[•・‧∙]", "·", folded) or None


@cache
def _simplified() -> dict[int, str]:
    """Traditional character → simplified; single characters only, since names are no sentences."""
    convert = opencc.OpenCC("t2s").convert
    found = ((chr(code), convert(chr(code))) for code in range(0x4E00, 0xA000))
    return {ord(old): new for old, new in found if old != new}


def simplify(text: str) -> str:
    """Write traditional characters as simplified ones, one by one."""
    return text.translate(_simplified())


def core_name(name: str) -> str:
    """Name without legal form, brackets and marks of level, in simplified characters, for comparison only."""
    core = simplify(name.casefold())
    for form in LEGAL_FORMS:
        if core.endswith(form) and len(core) > len(form) + 1:
            core = core.removesuffix(form)
            break
    core = core[:1] + _LEVEL_MARKS.sub("", core[1:_HEAD]) + core[_HEAD:]
    return re.sub("[（）·\\s.,，。、-]", "", core)


@cache
def is_plain_sql(name: str) -> str:
    """Write the condition that `folded_sql` may stand in for `clean_name`: one script, one width, no blanks, nothing traditional."""
    written = f"regexp_full_match({name}, '[{_PLAIN}]*[\u4e00-\u9fff][{_PLAIN}]*')"
    traditional = "".join(chr(code) for code in sorted(_simplified()))
    return f"{written} AND NOT regexp_matches({name}, '[{traditional}]')"


def core_sql(folded: str) -> str:
    """Write `core_name` of a plain folded name in SQL."""
    forms = "|".join(LEGAL_FORMS)
    bare = f"regexp_replace({folded}, '^(.{{2,}}?)({forms})$', '\\1')"
    head = f"regexp_replace(substr({bare}, 2, {_HEAD - 1}), '{_LEVEL_MARKS.pattern}', '', 'g')"
    return f"regexp_replace(concat(left({bare}, 1), {head}, substr({bare}, {_HEAD + 1})), '[（）·]', '', 'g')"


def edits(left: str, right: str, limit: int) -> int:
    """Fewest insertions, deletions, substitutions and swaps of neighbours; ``limit + 1`` if there are more.

    Notes
    -----
    Optimal string alignment distance.
    """
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, mine in enumerate(left, start=1):
        before, last, row = row, before, [i]
        for j, other in enumerate(right, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (mine != other))
            if i > 1 and j > 1 and mine == right[j - 2] and left[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)
