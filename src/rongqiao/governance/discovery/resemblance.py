"""Which known item a column is most like: by its header against all titles and synonyms, and by what its values are."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from rongqiao.contracts.code_lists import code_list, fold
from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.discovery.profiles import ColumnProfile, Resemblance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rongqiao.contracts.standards import Contract, Item

#: Candidates that are kept, and the score below which there is no likeness worth showing.
KEPT, LEAST = 3, 0.45
#: Of items that many contracts share, its own are shown.
_OWNER = "market_regulation.registry"
_BRACKETS = re.compile(r"[（(\[【].*?[）)\]】]")
_TYPE_WORDS = {
    "string": "文字", "integer": "整数", "decimal": "小数", "date": "日期", "month": "月份", "year": "年份", "boolean": "是或否",
}  # fmt: skip
#: Types that may stand for each other in a source that knows its data less well than its contract.
_KIN = {
    ("integer", "decimal"), ("decimal", "integer"), ("year", "integer"), ("year", "month"), ("integer", "string"),
    ("boolean", "integer"), ("integer", "boolean"), ("string", "boolean"), ("date", "month"), ("integer", "month"),
}  # fmt: skip


@lru_cache(maxsize=4096)
def _pairs(text: str) -> Counter[str]:
    return Counter(text[at : at + 2] for at in range(len(text) - 1)) if len(text) > 1 else Counter([text])


def likeness(one: str, other: str) -> float:
    """How alike two headers are, from 0 to 1: shared pairs of characters, brackets and width apart."""
    first, second = (fold(_BRACKETS.sub("", text)) for text in (one, other))
    if not first or not second:
        return 0.0
    if first == second:
        return 1.0
    a, b = _pairs(first), _pairs(second)
    shared = (a & b).total()
    dice = 2 * shared / (a.total() + b.total())
    # 行政处罚决定日期 names what 决定日期 does.
    inside = (
        0.85
        if min(len(first), len(second)) >= 3 and (first.endswith(second) or second.endswith(first))
        else 0.0
    )
    return max(dice, inside)


class Known:
    """All items of a set of contracts, found by the pairs of characters in their headers."""

    def __init__(self, contracts: Mapping[str, Contract]) -> None:
        self.entries: list[tuple[Contract, Item, tuple[str, ...]]] = []
        self._index: dict[str, set[int]] = defaultdict(set)
        for contract in contracts.values():
            for item in contract.items:
                spellings = tuple({item.title, item.id, *item.headers})
                for spelling in spellings:
                    for pair in _pairs(fold(_BRACKETS.sub("", spelling))):
                        self._index[pair].add(len(self.entries))
                self.entries.append((contract, item, spellings))

    def find(self, column: ColumnProfile) -> list[Resemblance]:
        """Most alike items, best first; of one item that many contracts have, one is shown."""
        near: Counter[int] = Counter()
        for pair in _pairs(fold(_BRACKETS.sub("", column.header))):
            near.update(self._index.get(pair, ()))
        judged = [_judge(column, *self.entries[at]) for at, _ in near.most_common(200)]
        best: dict[tuple[str, str], Resemblance] = {}
        for one in sorted(judged, key=lambda one: (-one.score, one.contract != _OWNER, one.contract)):
            best.setdefault((one.item, one.title), one)
        return [one for one in best.values() if one.score >= LEAST][:KEPT]


def _judge(column: ColumnProfile, contract: Contract, item: Item, spellings: Sequence[str]) -> Resemblance:
    closest = max(spellings, key=lambda spelling: likeness(column.header, spelling))
    by_name = likeness(column.header, closest)
    by_value, evidence = _judge_values(column, item)
    score = 0.65 * by_name + 0.35 * by_value
    if by_name == 1.0:
        evidence = (f"表头即“{closest}”", *evidence)
    elif by_name > 0.5:
        evidence = (f"表头近似“{closest}”", *evidence)
    return Resemblance(contract.id, item.id, item.title, round(score, 4), evidence)


def _judge_values(column: ColumnProfile, item: Item) -> tuple[float, tuple[str, ...]]:
    guess = column.guess.type
    if not column.filled:
        return 0.3, ("没有值可供比较",)
    if item.id == "uscc" or item.id.endswith("_uscc"):
        valid = column.identifiers.get("uscc", 0.0)
        return valid, (f"{valid:.0%} 的值通过统一社会信用代码校验",)
    if item.code_list:
        share = dict(column.code_lists).get(item.code_list, 0.0)
        return share, (
            (f"{share:.0%} 的取值在代码表“{code_list(item.code_list).name}”内",)
            if share
            else ("取值不在代码表内",)
        )
    ours, theirs = _TYPE_WORDS[guess], _TYPE_WORDS[item.type]
    if guess == item.type:
        return (0.9 if guess == "string" else 1.0), (f"同为{ours}",)
    if (guess, item.type) in _KIN:
        return 0.6, (f"{ours}可读作{theirs}",)
    return 0.1, (f"{ours}不像{theirs}",)


def known_items() -> Known:
    """All items of the contracts in force."""
    return Known(load_contracts())
