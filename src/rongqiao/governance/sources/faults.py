"""What is wrong with a file, in words that whoever sent it can act on; libraries say it in English, for programmers."""

from __future__ import annotations

import json
import zlib

UNREADABLE_WORKBOOK = "不是可读的工作簿，可能已损坏、设了密码或改过后缀"
_OTHER = "内容与后缀不符，或已损坏"
_HAN = range(0x4E00, 0xA000)


def fault_words(error: BaseException) -> str:
    """Say what is wrong; words that are already the reader's stay as they are."""
    text = str(error)
    if any(ord(character) in _HAN for character in text):
        return text
    if isinstance(error, json.JSONDecodeError):
        place = f"第 {error.lineno} 行" if error.lineno > 1 else ""
        return f"{place}第 {error.colno} 个字符处不合 JSON 格式"
    if isinstance(error, UnicodeError):
        return "含有无法识别的字符编码"
    if isinstance(error, EOFError | zlib.error) or "gzip" in text.lower():
        return "压缩文件不完整或已损坏"
    if isinstance(error, RecursionError):
        return "嵌套过深"
    return _OTHER
