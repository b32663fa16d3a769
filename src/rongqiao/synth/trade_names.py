"""Trade names (字号), given out as registration offices must: at one office never twice in one industry.

Law
---
企业名称登记管理规定（国务院令第734号）第十七条: at one registration authority a trade name must not equal that of another enterprise of the
same industry. An *office* stands for authority and industry here: the place that a name begins with (长沙 and 长沙市 are one; 湖南 is the
province's own) and the industries that share words with one another. So neither place, word of industry and trade name come together twice,
nor place, class of industry and trade name under another word, whatever the legal form; the investments that the article excepts are not
drawn. Individual households are held to it more loosely, each by the bureau of its own district: `population` lets some bear one name in
two districts of a city.

Arithmetic
----------
A block of the province knows nothing of the others, so serial numbers alone keep names apart. Serials fall into cells of `CELL`. The k-th
enterprise of an office in a cell chooses among those names of row k that are the cell's own: no other cell has them, and nobody else of the
office in this cell. All offices share one list of names, the most wanted first, so one name is borne in many places and industries; each
office begins somewhere in the first rows, mostly near their top.

How crowded it is
-----------------
6.2 million enterprises (seed 7) bear 463,000 trade names, 13 each on average; the commonest are borne by some 500, half of the names by one
or two, and half of the enterprises bear a name that 159 or more bear. Of six in ten somebody else bears the trade name with the same word
elsewhere. Names of two, three and four characters: 26, 12 and 62 of 100. Two enterprises drawn at random share their trade name in 28 of a
million cases; two published companies of Beijing (the city's open data, 30,377 names) in 2.8, and 29, 18 and 47 of 100 of
those names have two, three and four characters. The register is meant to be harder to tell apart than what we could count, not easier.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.synth.geography import counties
from rongqiao.synth.industries import INDUSTRIES

if TYPE_CHECKING:
    import numpy.typing as npt

    from rongqiao.synth.codes import Ints

_FIRST = tuple(
    "湘衡岳洞沅澧资麓湖楚星芙橘潇韶鑫宏恒金盛华兴广天瑞隆泰德嘉万佳永新中创锦昌顺君百正安利民福宝和誉云凯远鸿"
    "博晟亿富汇润腾飞龙凤祥聚众诚信海东南北方圆美景春晨旭日月明光耀启弘卓尚优益康健乐怡雅文翰墨轩逸清绿森"
)
_SECOND = tuple(
    "源达丰泰利祥旺荣辉润发通升信诚益成康美雅捷远景航宇腾翔飞力强博智慧科联合众创业顺邦正泉峰林江海"
    "盛华兴隆德嘉佳昌宝和云凯鸿瑞鑫恒宏金安福乐悦然阳辰星月铭轩豪尚卓越庆裕锐鹏龙虎诺恩迪尔曼思维拓展"
)
_THIRD = tuple("源盛达隆泰和成友丰兴旺顺昌发通利佳美德信诚康安乐福来居家园阁轩堂坊苑汇缘")

#: Enterprises of a cell. Blocks that begin at a multiple of it give out names best; others give out rarer ones.
CELL = 10_000
#: Cells whose names lie between one another: 6.4 million enterprises. Beyond them further names begin.
_CELLS = 640
#: Names of which each enterprise takes one: in a large city half of the most wanted ones are taken in each industry.
_CHOICE = 2
_ROW = _CELLS * _CHOICE
#: Rows within which offices begin in different places, and how many of them near the top.
_ROWS_TURNED = 16
_TURNED = _ROWS_TURNED * _ROW
_CROWDING = 3
_PROVINCE = "湖南"

#: Of eight names in the list so many have two, three and four characters, as long as there are such.
_LENGTHS = (2, 4, 2, 4, 3, 4, 2, 4)
#: Steps through the names of each length, coprime to their number, so that neighbours in the list look unlike.
_STEP_2, _STEP_3, _STEP_4 = 3_989, 218_357, 58_026_919


@cache
def _places() -> dict[str, int]:
    """Tell the number of each place that names begin with; the province comes first."""
    named = dict.fromkeys((_PROVINCE, *(unit.place for unit in counties())))
    return {place: number for number, place in enumerate(named)}


@cache
def related_industries() -> tuple[int, ...]:
    """Tell, for each industry, the number of those that share words with it: an office takes them for one."""
    group = list(range(len(INDUSTRIES)))
    first_of: dict[str, int] = {}
    for position, profile in enumerate(INDUSTRIES.values()):
        for word in profile.words:
            old, new = group[position], group[first_of.setdefault(word, position)]
            group = [new if each == old else each for each in group]
    return tuple(group)


def find_offices(county: Ints, industry: Ints, is_provincial: npt.NDArray[np.bool_]) -> Ints:
    """Find the number of the office that each name is registered at.

    Parameters
    ----------
    county, industry : array of int
        Positions in :func:`~rongqiao.synth.geography.counties` and `INDUSTRIES`.
    is_provincial : array of bool
        Whether the name bears the province instead of its place.
    """
    places = _places()
    place = np.array([places[unit.place] for unit in counties()], dtype=np.int64)[county]
    place = np.where(is_provincial, places[_PROVINCE], place)
    offices: Ints = place * len(INDUSTRIES) + np.array(related_industries(), dtype=np.int64)[industry]
    return offices


def _rank(keys: Ints) -> Ints:
    """Count, for each element, the equal ones before it."""
    order = np.argsort(keys, kind="stable")
    told = keys[order]
    starts = np.flatnonzero(np.r_[True, told[1:] != told[:-1]])
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = np.arange(len(keys)) - np.repeat(starts, np.diff(np.r_[starts, len(keys)]))
    return ranks


def _beginnings(offices: Ints) -> Ints:
    """Give each office a beginning in the first rows: two in five in the first, few in the last."""
    mixed = (offices.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    even = ((mixed ^ (mixed >> np.uint64(27))) >> np.uint64(11)).astype(np.float64) / 2.0**53
    beginnings: Ints = (even**_CROWDING * _TURNED).astype(np.int64)
    return beginnings


def _positions(serials: Ints, offices: Ints, choices: Ints) -> Ints:
    """Position of each trade name in the list that all offices share; at one office no two are equal."""
    cell, within = np.divmod(serials, CELL)
    # A block that begins within a cell leaves the names to those before it that they can have taken.
    slot = np.where(cell == cell[0], within[0], 0) + _rank(cell * len(_places()) * len(INDUSTRIES) + offices)
    generation, column = np.divmod(cell, _CELLS)
    place = slot * _ROW + column * _CHOICE + choices
    turn, spot = np.divmod(place, _TURNED)
    turned = turn * _TURNED + (spot + _beginnings(offices)) % _TURNED
    positions: Ints = generation * CELL * _ROW + turned
    return positions


@cache
def _pairs() -> tuple[str, ...]:
    """List the names of two characters. A place is no trade name (第八条), and hardly anybody doubles a character."""
    places = _places()
    return tuple(
        first + second
        for first in _FIRST
        for second in _SECOND
        if first != second and first + second not in places
    )


def _count_names() -> tuple[int, int, int]:
    """Count the names of two, three and four characters."""
    pairs = len(_pairs())
    return pairs, pairs * len(_THIRD), pairs * (pairs - 1)


def _spell(position: int) -> str:
    """Write the name at a position of the list; no two positions have one name."""
    pairs = _pairs()
    doubles, triples, quadruples = _count_names()
    turn, place = divmod(position, len(_LENGTHS))
    length = _LENGTHS[place]
    number = turn * _LENGTHS.count(length) + _LENGTHS[:place].count(length)
    if length == 2 and number < doubles:
        return pairs[number * _STEP_2 % doubles]
    if length == 3 and number < triples:
        pair, third = divmod(number * _STEP_3 % triples, len(_THIRD))
        return pairs[pair] + _THIRD[third]
    pair, distance = divmod(position * _STEP_4 % quadruples, doubles - 1)
    return pairs[pair] + pairs[(pair + 1 + distance) % doubles]


def draw_choices(random: np.random.Generator, rows: int) -> Ints:
    """Draw which of a few names each enterprise takes.

    One of fifteen is drawn, as when names were fewer, so that whatever is drawn afterwards stays as it was.
    """
    choices: Ints = random.integers(0, 15, rows) * _CHOICE // 15
    return choices


def make_trade_names(serials: Ints, offices: Ints, choices: Ints) -> list[str]:
    """Give each enterprise of a block a trade name of two to four characters that its office gives nobody else.

    Parameters
    ----------
    serials : array of int
        Numbers of the enterprises in the province, one after another.
    offices : array of int
        As `find_offices` numbers them.
    choices : array of int
        As `draw_choices` draws them.

    Raises
    ------
    InvalidValueError
        If there are more enterprises than names.
    """
    positions = _positions(serials, offices, choices)
    *_, most_names = _count_names()
    if len(positions) and int(positions.max()) >= most_names:
        most = most_names // (CELL * _ROW) * _CELLS * CELL
        raise InvalidValueError("企业序号", str(int(serials[-1])), f"合成省份至多 {most} 户，请减少户数。")
    return [_spell(position) for position in positions.tolist()]
