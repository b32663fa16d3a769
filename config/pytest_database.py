"""Gives the test suite a database of its own before Django reads its settings."""

from __future__ import annotations

import os

import psycopg

from config.database import URL_VARIABLE, ensure_database
from rongqiao.kernel.home import home


def forget_on_power_cut(url: str) -> None:
    """Let the server of the tests leave it to the system when what it wrote reaches the disk: its data die with the run."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} TO off")
        connection.execute("SELECT pg_reload_conf()")


os.environ.setdefault("RONGQIAO_VAR", str(home() / "var" / "test"))
if os.environ.get(URL_VARIABLE):
    ensure_database()
else:
    forget_on_power_cut(ensure_database())
