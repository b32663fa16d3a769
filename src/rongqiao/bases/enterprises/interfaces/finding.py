"""Finding the interface that answers a question put in one's own words."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from rongqiao.contracts.standards import load_contract

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rongqiao.contracts.interfaces import Interface

#: Share of a sentence's pairs of characters that an interface must hold to be shown, where no one holds its words whole.
ENOUGH = 0.5
_SHORTEST = 2
#: What every question is put with, and no interface is told by.
_QUESTION = re.compile(
    "有没有|有无|是不是|是否|多不多|多少|几个|哪些|什么|怎么样|怎样|如何|这家|该企业|企业|公司|查询|吗|呢|的|了|[？?，,。、：:]"
)


def find_by_words(interfaces: Iterable[Interface], query: str) -> list[Interface]:
    """Return interfaces whose words hold all of the query's; where none does, those that share most with it, best first.

    People write ``企业有没有欠税`` as often as ``欠税``: what questions are put with is left out before anything is given up.
    Chinese has no blanks between words, so pairs of characters are compared last.
    """
    every = list(interfaces)
    if not query.strip():
        return every
    words = query.lower().split()
    for tried in (words, _QUESTION.sub(" ", query.lower()).split()):
        found = [each for each in every if tried and all(word in _text(each) for word in tried)]
        if found:
            return found
        words = tried or words
    pairs = {word[start : start + 2] for word in words for start in range(len(word) - 1)}
    if len(pairs) < _SHORTEST:
        return []
    shares = [(sum(pair in _text(each) for pair in pairs) / len(pairs), each) for each in every]
    near = [(share, each) for share, each in shares if share >= ENOUGH]
    return [each for _, each in sorted(near, key=lambda pair: (-pair[0], pair[1].id))]


@lru_cache(maxsize=1024)
def _text(interface: Interface) -> str:
    """Everything that an interface is described by: its words, its tables and the titles of its items."""
    items = [
        load_contract(dataset.contract_id).item(each).title
        for dataset in interface.datasets
        for each in dataset.fields
    ]
    words = (interface.id, interface.title, interface.provider_title, interface.question, interface.covered)
    return " ".join((*words, *(dataset.title for dataset in interface.datasets), *items)).lower()
