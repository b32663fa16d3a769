"""Where the installation keeps its things: declarations beside the code, everything that runs under ``var/``."""

from __future__ import annotations

import os
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[3]


def home() -> Path:
    """Folder that holds ``standards/`` and ``catalog/``: ``RONGQIAO_HOME``, else the checkout."""
    return Path(os.environ.get("RONGQIAO_HOME") or _CHECKOUT)


def var() -> Path:
    """Folder for all that is produced at run time: ``RONGQIAO_VAR``, else ``var/`` at home."""
    return Path(os.environ.get("RONGQIAO_VAR") or home() / "var")
