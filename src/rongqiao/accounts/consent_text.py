"""The texts enterprises consented to: kept by version, refused when a file no longer has its recorded digest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from rongqiao.kernel.errors import ContractError, InvalidValueError
from rongqiao.ledger.entries import digest_bytes

if TYPE_CHECKING:
    import datetime as dt

FOLDER = Path(__file__).parent / "consent_texts"


@dataclass(frozen=True, slots=True)
class ConsentText:
    """One version of the consent text; ``digest`` is SM3 of the file's bytes, in hex."""

    version: str
    since: dt.date
    digest: str
    body: str


@cache
def _versions() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "versions.yaml").read_text(encoding="utf-8"))
    return loaded


@cache
def load_consent_text(version: str) -> ConsentText:
    """Return one version.

    Raises
    ------
    InvalidValueError
        If there never was such a version.
    ContractError
        If the file was altered after its digest was recorded.
    """
    entry = _versions().get(version)
    if entry is None:
        raise InvalidValueError("授权书版本", version, f"现有版本：{'、'.join(_versions())}。")
    data = (FOLDER / f"{version}.md").read_bytes()
    if digest_bytes(data) != entry["digest"]:
        raise ContractError("授权书文本", version, "文件与登记的摘要不符；请恢复原文，修改须另立新版本。")
    return ConsentText(version, entry["since"], entry["digest"], data.decode())


def current_text_version(on: dt.date, *, about: str = "reading") -> str:
    """Version in force on a day.

    Parameters
    ----------
    about : str
        What is agreed to: ``reading`` of data by an institution, or ``finding`` by banks' lists.

    Raises
    ------
    InvalidValueError
        If the day lies before the first version.
    """
    valid = [
        version
        for version, entry in _versions().items()
        if entry["since"] <= on and entry.get("about", "reading") == about
    ]
    if not valid:
        raise InvalidValueError("授权书日期", on.isoformat(), "此日尚无授权书文本。")
    return max(valid, key=lambda version: _versions()[version]["since"])
