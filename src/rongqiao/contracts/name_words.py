"""Words that names of enterprises are made of: places of the whole country, legal forms, words of industry."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rongqiao.contracts.documents import document
from rongqiao.contracts.places import regions

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Endings of place names, longest first; what stands before them is how the place is called for short.
_PROVINCE_ENDS = ("维吾尔自治区", "壮族自治区", "回族自治区", "特别行政区", "自治区", "省", "市")
_PREFECTURE_ENDS = ("地区", "市", "盟")
_COUNTY_ENDS = ("自治县", "自治旗", "林区", "特区", "县", "市", "旗", "区")
#: Peoples named in a prefecture's or county's full name: 湘西土家族苗族自治州 is 湘西 for short.
_PEOPLES = [
    "土家族",
    "苗族",
    "侗族",
    "布依族",
    "藏族",
    "羌族",
    "彝族",
    "傣族",
    "景颇族",
    "傈僳族",
    "白族",
    "哈尼族",
    "壮族",
    "回族",
    "朝鲜族",
    "蒙古族",
    "哈萨克",
    "柯尔克孜",
    "蒙古",
    "瑶族",
    "满族",
    "畲族",
    "黎族",
    "水族",
    "仡佬族",
    "拉祜族",
    "佤族",
    "布朗族",
    "纳西族",
    "普米族",
    "独龙族",
    "怒族",
    "仫佬族",
    "毛南族",
    "各族",
    "撒拉族",
    "土族",
    "东乡族",
    "保安族",
    "裕固族",
    "锡伯",
    "塔吉克",
    "达斡尔族",
    "鄂温克族",
    "鄂伦春",
    "各",
]
#: Short forms of fewer signs are no words of their own.
SHORTEST = 2


@lru_cache(maxsize=1)
def legal_forms() -> Mapping[str, str]:
    """Spelling of each legal form → its class, longest spellings first."""
    pairs = [(form, group) for group, forms in document("name_words")["forms"].items() for form in forms]
    return dict(sorted(pairs, key=lambda pair: (-len(pair[0]), pair[0])))


@lru_cache(maxsize=1)
def industry_words() -> tuple[str, ...]:
    """Words of trade and activity, longest first."""
    words = set(document("name_words")["industries"].split())
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


@lru_cache(maxsize=1)
def place_words() -> Mapping[str, tuple[str, ...]]:
    """Spelling of a place → codes of all places so called, widest first.

    Notes
    -----
    Provinces and prefectures count in their short forms too; counties only those of the own province, for elsewhere a short form such as
    平安 is more likely a trade name. Districts have no short form.
    """
    named = document("place_names")
    own = next(code for code in regions() if len(code) == SHORTEST)
    found: dict[str, list[str]] = {}
    for code, name in named["provinces"].items():
        for spelling in {name, _shorten(name, _PROVINCE_ENDS)}:
            found.setdefault(spelling, []).append(code)
    for code, name in named["prefectures"].items():
        for spelling in {name, _shorten(name, _PREFECTURE_ENDS)}:
            found.setdefault(spelling, []).append(code)
    for counties in named["counties"].values():
        for code, name in counties.items():
            short = _shorten(name, _COUNTY_ENDS) if code.startswith(own) and not name.endswith("区") else name
            for spelling in {name, short}:
                found.setdefault(spelling, []).append(code)
    return {
        spelling: tuple(sorted(codes, key=lambda code: (len(code), code)))
        for spelling, codes in found.items()
        if len(spelling) >= SHORTEST
    }


def _shorten(name: str, ends: tuple[str, ...]) -> str:
    """Name of a place without its level and the peoples named in it; the name itself where too little would stay."""
    short = name
    if name.endswith("自治州"):
        short = _drop_peoples(name.removesuffix("自治州"))
    else:
        for end in ends:
            if name.endswith(end):
                short = name.removesuffix(end)
                if end.startswith("自治"):
                    short = _drop_peoples(short)
                break
    return short if len(short) >= SHORTEST else name


def _drop_peoples(name: str) -> str:
    while ending := next((people for people in _PEOPLES if name.endswith(people)), ""):
        if len(name) - len(ending) < SHORTEST:
            break
        name = name.removesuffix(ending)
    return name
