"""Words of values: the one wording of statuses, for pages, reports and documents."""

from __future__ import annotations

#: ``not_authorised`` and ``suspended`` are set by readers, who know consent and what is held back from use, never by the computation.
STATUSES = {
    "ok": "有数据",
    "missing": "缺数据",
    "not_authorised": "未授权",
    "not_applicable": "不适用",
    "stale": "数据过期",
    "suspended": "暂停使用",
}
