"""What a reader of English still reads in Chinese: words of navigation, titles, headings and buttons that nobody translated."""

import re
from functools import cache

from rongqiao.contracts.catalog import regions
from rongqiao.contracts.interfaces import load_interfaces
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.registry import load_indicators
from rongqiao.kernel.home import home

TEMPLATES = home() / "src" / "rongqiao" / "portal" / "templates"
CHINESE = re.compile(r"[一-鿿]")
#: Where words lead the reader. A report is frozen in Chinese and says so (``lang``); its contents are no navigation of ours.
PLACES = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"<title>(.*?) · [^·]*</title>",
        r'<p class="rq-crumbs"[^>]*>(.*?)</p>',
        r'<nav(?![^>]*lang="zh)[^>]*>(.*?)</nav>',
        r'<nav[^>]*aria-label="([^"]*)"',
        r"<button[^>]*>(.*?)</button>",
        r'<a class="btn[^>]*>(.*?)</a>',
    )
]
IN_TEMPLATES = [
    *PLACES[1:],
    re.compile(r"\{% block title %\}(.*?)\{% endblock", re.DOTALL),
    re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL),
]
#: Amounts show as people here write them, in both languages.
AMOUNT = re.compile(r"[\d,.]+ (亿元|万元|元)")
MARKUP = re.compile(
    r"\{% blocktranslate.*?\{% endblocktranslate %\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", re.DOTALL
)
#: Languages are named in themselves.
OWN_NAMES = {"简体中文"}


@cache
def _data() -> re.Pattern[str]:
    """Names that are data, in whatever language the page is: tables, items, figures, interfaces, places."""
    names = {region.name for region in regions().values()}
    for contract in load_contracts().values():
        names |= {contract.title, contract.department_title, *(item.title for item in contract.items)}
    names |= {each.title for each in load_indicators().values()}
    names |= {each.title for each in load_interfaces().values()}
    return re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))


def untranslated(html, data=()):
    """Words of a page in English that are Chinese and no data; ``data`` names further ones."""
    found = []
    for place in PLACES:
        for inner in place.findall(html):
            text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", inner)).strip()
            left = AMOUNT.sub("", _data().sub("", text))
            for name in data:
                left = left.replace(name, "")
            if CHINESE.search(left) and text not in OWN_NAMES:
                found.append(text)
    return found


def unmarked(source):
    """Words of a template that no mark offers for translation."""
    source = re.sub(r"\{% comment %\}.*?\{% endcomment %\}", "", source, flags=re.DOTALL)
    inners = [inner for place in IN_TEMPLATES for inner in place.findall(source)]
    words = [word.strip() for inner in inners for word in MARKUP.split(inner)]
    return [word for word in words if CHINESE.search(word) and word not in OWN_NAMES]
