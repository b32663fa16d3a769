"""English ids for Chinese headers: from known items where a header is one, else word by word."""

from __future__ import annotations

import re
from functools import lru_cache

from rongqiao.contracts.documents import document

_BRACKETS = re.compile(r"[（(\[【].*?[）)\]】]")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9 _.\-]*")
#: Words that say what kind of value it is stand at the end of an id.
_LAST = ("on", "no", "code", "name", "count", "amount", "ratio", "kind", "status")


@lru_cache(maxsize=1)
def _words() -> tuple[dict[str, str], int]:
    words: dict[str, str] = document("header_words")["words"]
    return words, max(map(len, words))


def to_english(text: str, *, is_partial: bool = False) -> str | None:
    """Name a header in English, or ``None`` where a part of it is no known word; a partial name leaves such parts out."""
    header = text
    bare = re.sub(r"[\s*_/、，,：:“”\"'·]|其中|及|和|与|或|的", "", _BRACKETS.sub("", header))
    if _LATIN.fullmatch(header.strip()):
        known: dict[str, str] = document("header_words")["abbreviations"]
        plain = re.sub(r"[^a-z0-9]+", "_", header.strip().lower()).strip("_")
        return known.get(plain, plain)
    words, longest = _words()
    parts: list[str] = []
    at = 0
    while at < len(bare):
        for length in range(min(longest, len(bare) - at), 0, -1):
            word = words.get(bare[at : at + length])
            if word is not None:
                parts.append(word)
                at += length
                break
        else:
            if not is_partial:
                return None
            at += 1
    joined = "_".join(part for at, part in enumerate(parts) if at == 0 or part != parts[at - 1])
    return joined[:60].strip("_") or None


def finish_id(name: str, kind: str, unit: str) -> str:
    """Give an id the suffix of its type: ``_on`` for dates, ``_cny`` for money."""
    if kind == "date" and not name.endswith("_on") and name != "on":
        return f"{name}_on"
    if kind == "money" and unit and not name.endswith("_cny"):
        return f"{re.sub(r'_(amount|total_amount)$', '', name)}_cny"
    if kind not in ("date", "month") and name.endswith("_on"):
        return f"{name.removesuffix('_on')}_time"
    return {"on": "happened_on"}.get(name, name)


def tell_apart(names: list[str]) -> list[str]:
    """Give ids that are borne twice a number."""
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return told
