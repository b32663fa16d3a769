"""Statements that are the same at every call: planned once per connection, bound by the server."""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

if TYPE_CHECKING:
    from collections.abc import Iterator

NEVER_UNASKED = 2**31
#: Connections that were told to keep one plan: the values never change what is the best way to a single row.
_told: weakref.WeakSet[Any] = weakref.WeakSet()


@contextmanager
def statement_cursor() -> Iterator[psycopg.Cursor[Any]]:
    """Open a cursor of the driver itself on Django's connection, within its transaction; errors are Django's.

    Django's own cursors plan every statement anew and put its values in as text.
    """
    # Looked up once: each word to Django's stand-in looks for the thread's own connection anew.
    wrapper = connections[DEFAULT_DB_ALIAS]
    wrapper.ensure_connection()
    held = wrapper.connection
    with wrapper.wrap_database_errors, psycopg.Cursor(held) as cursor:
        if held not in _told:
            # Django turns preparing off; what asks for it by name gets it, and nothing else.
            held.prepare_threshold = NEVER_UNASKED
            cursor.execute("SET plan_cache_mode = force_generic_plan")
            _told.add(held)
        yield cursor
