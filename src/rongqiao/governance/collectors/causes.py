"""What a database's error means, in the reader's words; the driver's own text stands beside it, for whoever mends the source."""

from __future__ import annotations

import re
from typing import NamedTuple


class Cause(NamedTuple):
    """A cause that people can act on, and what to do about it."""

    words: str
    remedy: str


_ADDRESS = "请与来源单位核对服务器地址、端口和防火墙，并确认数据库已启动。"
UNREACHABLE = Cause("数据库拒绝连接", _ADDRESS)
SILENT = Cause("数据库没有应答（超时）", _ADDRESS)
UNKNOWN_HOST = Cause("找不到数据库服务器", "请核对采集声明里的服务器地址。")
BROKEN_OFF = Cause("与数据库的连接中断", "请与来源单位核对数据库和网络是否稳定。")
CROWDED = Cause("数据库连接数已满", "请与来源单位协商连接数，或改在空闲时段采集。")
SLOW = Cause("数据库查询超时", "请来源单位为水位列建索引，或调高采集声明的读取时限。")
NO_PASSAGE = Cause("用户名或口令不被接受", "请核对服务环境里的用户名和口令，必要时请来源单位重置。")
NO_DATABASE = Cause("数据库不存在", "请核对采集声明里的数据库名。")
NO_TABLE = Cause("来源表不存在", "请与来源单位核对采集声明里的表名。")
NO_COLUMN = Cause("来源表里没有声明的列", "请与来源单位核对采集声明里的列名。")
NO_RIGHT = Cause("账号无权读取来源表", "请来源单位授予只读权限。")
WRITES = Cause("读取这张表会改动来源数据，已拒绝", "平台只读不写；请来源单位换成普通的表或视图。")
OTHER = Cause("数据库报错", "请把技术信息转给来源单位核对。")

#: SQLSTATE of PostgreSQL, and numbers of MySQL.
_BY_CODE = {
    "28P01": NO_PASSAGE, "28000": NO_PASSAGE, "3D000": NO_DATABASE, "42P01": NO_TABLE, "3F000": NO_TABLE,
    "42703": NO_COLUMN, "42501": NO_RIGHT, "53300": CROWDED, "57014": SLOW, "57P01": BROKEN_OFF, "25006": WRITES,
    1040: CROWDED, 1044: NO_RIGHT, 1045: NO_PASSAGE, 1049: NO_DATABASE, 1054: NO_COLUMN, 1142: NO_RIGHT,
    1143: NO_RIGHT, 1146: NO_TABLE, 1792: WRITES, 2006: BROKEN_OFF,
    2013: BROKEN_OFF, 3024: SLOW,
}  # fmt: skip
#: A connection that was never made carries no code, or one for all reasons (2003 of MySQL); the first words that occur count.
_BY_WORDS = (
    ("authentication failed", NO_PASSAGE),
    ("no password supplied", NO_PASSAGE),
    ("no pg_hba.conf entry", NO_RIGHT),
    ('role "', NO_PASSAGE),
    ("does not exist", NO_DATABASE),
    ("too many", CROWDED),
    ("name or service not known", UNKNOWN_HOST),
    ("name resolution", UNKNOWN_HOST),
    ("could not translate host name", UNKNOWN_HOST),
    ("failed to resolve host", UNKNOWN_HOST),
    ("timed out", SILENT),
    ("timeout", SILENT),
    ("refused", UNREACHABLE),
    ("no route to host", UNREACHABLE),
    ("unreachable", UNREACHABLE),
    ("closed the connection", BROKEN_OFF),
    ("connection reset", BROKEN_OFF),
    ("lost connection", BROKEN_OFF),
)
#: What a driver's text names first, in the quotes of either.
_FIRST_NAME = re.compile(r"""(?:column|字段)\s*["'`]([^"'`]+)["'`]""", re.IGNORECASE)


def cause_of(error: BaseException) -> Cause:
    """Name the cause of an error of a database driver; `OTHER` where it is none of those that are known.

    Notes
    -----
    Servers may answer in another language than English; their codes are the same.
    """
    code = getattr(error, "sqlstate", None) or (error.args[0] if error.args else None)
    if code in _BY_CODE:
        return _named(_BY_CODE[code], str(error))
    text = str(error).lower()
    return next((cause for words, cause in _BY_WORDS if words in text), OTHER)


def _named(cause: Cause, text: str) -> Cause:
    """Say which column it is: a declaration names many, and one table."""
    found = _FIRST_NAME.search(text) if cause is NO_COLUMN else None
    return cause._replace(words=f"{cause.words}：{found[1]}") if found else cause


def technical_text(error: BaseException) -> str:
    """Text of the driver, at most 500 characters."""
    return " ".join(str(error).split())[:500] or type(error).__name__
