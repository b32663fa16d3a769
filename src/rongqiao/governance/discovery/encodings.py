"""Which encoding and which separator a text file was written in: UTF-8, UTF-16, GB18030 or Big5."""

from __future__ import annotations

import codecs
import csv
from collections import Counter

#: Bytes that the decision is taken from.
SAMPLE = 1 << 20
#: Characters of a line that the separator is looked for in.
LONGEST = 20_000
SEPARATORS = (",", "\t", ";", "|", "，")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: First bytes of the characters in everyday use: level 1 of GB 2312, and the frequent plane of Big5.
_EVERYDAY = {"gb18030": ("gb2312", 0xB0, 0xD7), "big5": ("big5", 0xA4, 0xC6)}


def find_encoding(sample: bytes) -> str:
    """Find the encoding of a text by its first bytes.

    Notes
    -----
    Nearly any two bytes are a character in GB18030 as well as in Big5; the right one is that in which most characters are everyday ones.
    """
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    wide = _find_utf16(sample)
    if wide:
        return wide
    if _decodes(sample, "utf-8"):
        return "utf-8"
    # A few stray bytes make no other encoding: whole lines decide.
    lines = [line for line in sample.split(b"\n")[:-1] if not line.isascii()]
    if lines and 2 * sum(_decodes(line, "utf-8") for line in lines) > len(lines):
        return "utf-8"
    shares = {name: _everyday_share(sample, name) for name in _EVERYDAY}
    return max(shares, key=lambda name: shares[name])


def _find_utf16(sample: bytes) -> str | None:
    """UTF-16 without a mark: the zero bytes of digits and separators stand on one side only."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 20 < len(sample):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(text)
    except UnicodeDecodeError:
        return False
    return True


def _everyday_share(sample: bytes, name: str) -> float:
    """Share of the Chinese characters that are everyday ones, if the text were in this encoding."""
    legacy, low, high = _EVERYDAY[name]
    characters = [sign for sign in sample.decode(name, errors="replace") if sign > "\u2e80"]
    if not characters:
        return 0.0
    found = 0
    for sign in characters:
        try:
            found += low <= sign.encode(legacy)[0] <= high
        except UnicodeEncodeError:
            continue
    return found / len(characters)


def find_separator(lines: list[str]) -> str:
    """Find the separator by which most lines have the same number of fields, more than one; comma where none has."""
    best, best_score = ",", 0.0
    for separator in SEPARATORS:
        widths = Counter(
            len(next(csv.reader([line[:LONGEST]], delimiter=separator), [])) for line in lines if line.strip()
        )
        if not widths:
            break
        width, count = max(widths.items(), key=lambda pair: (pair[1], pair[0]))
        score = count / widths.total() + min(width, 50) / 1000 if width > 1 else 0.0
        if score > best_score:
            best, best_score = separator, score
    return best
