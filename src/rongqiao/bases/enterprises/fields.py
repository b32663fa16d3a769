"""A column that holds a packed part of a portrait and reads as what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models

from rongqiao.bases.enterprises.layouts import unpack
from rongqiao.bases.enterprises.packing import pack_text

if TYPE_CHECKING:
    Bytes = models.BinaryField[Any, Any]
else:
    Bytes = models.BinaryField


class PackedField(Bytes):
    """JSON in some forty bytes where PostgreSQL's own takes a thousand; nothing inside it can be asked for in SQL.

    Publication writes parts that it packed itself (`packing`); whatever else is assigned is squeezed as text. ``default`` says what
    an empty part reads as.
    """

    def from_db_value(self, value: bytes | None, expression: Any, connection: Any) -> Any:
        """Read the part."""
        if value is None:
            return None
        part = bytes(value)
        return unpack(part) if part else self.get_default()

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Pack what is no part yet."""
        if value is not None and not isinstance(value, bytes):
            value = pack_text(json.dumps(value, ensure_ascii=False)) if value else b""
        return super().get_db_prep_value(value, connection, prepared)
