"""Reads the declaration of the regional window this installation serves."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.region import check_region

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Window:
    """A regional window: what it is called and which region it serves. ``is_demo`` marks synthetic data."""

    code: str
    region_code: str
    brand: str
    title: str
    short_title: str
    tagline: str
    hotline: str
    operator: str
    is_demo: bool = False


@cache
def get_window(code: str | None = None) -> Window:
    """Return the window named, else the one of ``RONGQIAO_WINDOW``, else Hunan's.

    Raises
    ------
    InvalidValueError
        If there is no such declaration, or it lacks or misspells a field.
    """
    code = code or os.environ.get("RONGQIAO_WINDOW", "hunan")
    file = FOLDER / f"{code}.yaml"
    if not code.isalnum() or not file.is_file():
        names = "、".join(sorted(path.stem for path in FOLDER.glob("*.yaml")))
        raise InvalidValueError("窗口", code, f"Choose one of: {names}.")
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    try:
        window = Window(**data)
    except TypeError as error:
        raise InvalidValueError("窗口声明", file.name, str(error)) from None
    check_region(window.region_code)
    return window
