"""Where the installation keeps its things: declarations beside the code, everything that runs under ``var/``."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[3]


def home() -> Path:
    """Folder that holds ``standards/`` and ``catalog/``: ``RONGQIAO_HOME``, else the checkout."""
    return _folder(os.environ.get("RONGQIAO_HOME") or str(_CHECKOUT))


@lru_cache(maxsize=8)
def _folder(text: str) -> Path:
    # Every call of a data interface asks; taking a path apart costs more than looking it up.
    return Path(text)


def var() -> Path:
    """Folder for all that is produced at run time: ``RONGQIAO_VAR``, else ``var/`` at home."""
    return Path(os.environ.get("RONGQIAO_VAR") or home() / "var")
