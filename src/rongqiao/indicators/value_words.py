"""Words of values: the one wording of statuses and levels, for pages, reports and documents."""

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
#: Grades of tax credit as the level indicators count them, best first.
TAX_GRADES = {5: "A", 4: "B", 3: "M", 2: "C", 1: "D"}
