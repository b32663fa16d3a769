"""Gives the test suite a database of its own before Django reads its settings."""

from __future__ import annotations

import os

from config.database import ensure_database
from rongqiao.kernel.home import home

os.environ.setdefault("RONGQIAO_VAR", str(home() / "var" / "test"))
ensure_database()
