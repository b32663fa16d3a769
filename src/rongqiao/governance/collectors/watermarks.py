"""Order of watermarks, and how far before one a run reads again."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from rongqiao.kernel.errors import SourceError

if TYPE_CHECKING:
    from rongqiao.contracts.collectors import Database, Http, WatermarkKind


def rank(kind: WatermarkKind, text: str) -> Any:
    """Value by which watermarks of a kind are ordered; instants with a zone compare in UTC.

    Raises
    ------
    SourceError
        If the text is no watermark of the kind.
    """
    try:
        if kind == "integer":
            return int(text)
        if kind == "date":
            return dt.date.fromisoformat(text[:10])
        if kind == "timestamp":
            moment = dt.datetime.fromisoformat(text)
            return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except ValueError as error:
        raise SourceError(
            "水位字段", text, f"不是 {kind}；请核对采集声明的 watermark 与 watermark_kind。"
        ) from error
    return text


def floor(source: Database | Http, watermark: str) -> str:
    """Watermark from which a run reads, written as the source writes it; empty before the first delivery."""
    if not watermark:
        return ""
    kind = source.watermark_kind
    if kind == "integer":
        return str(int(watermark) - source.overlap_steps)
    if kind == "date":
        return (dt.date.fromisoformat(watermark[:10]) - dt.timedelta(days=source.overlap_days)).isoformat()
    if kind == "timestamp":
        earlier = dt.datetime.fromisoformat(watermark) - dt.timedelta(days=source.overlap_days)
        return earlier.isoformat(sep="T" if "T" in watermark else " ")
    return watermark
