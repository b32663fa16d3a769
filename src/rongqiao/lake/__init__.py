"""Delta tables and the engine that reads them, behind one small face."""

from rongqiao.lake.tables import Lake

__all__ = ["Lake"]
