"""Keys that behave otherwise than they used to: shown to consumer and operator, and weighed in the sampling of accesses."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces.models import InterfaceKey
from rongqiao.contracts.numbers import threshold_table
from rongqiao.rules.access_risk import KeyDay, judge_key

if TYPE_CHECKING:
    import uuid

FLAGS = {
    "burst": "调用量远高于平日",
    "refusals": "大量调用被拒绝",
    "sweep": "查询企业数远高于平日",
    "new_address": "出现从未用过的网络地址",
}
#: A day of each key beside the days before it; keys that did nothing in the day are absent.
_DAYS = """
WITH day AS (
  SELECT key_id, count(*) AS calls, count(*) FILTER (WHERE code <> 'ok') AS refused,
         count(DISTINCT subject_uscc) AS enterprises, array_agg(DISTINCT address) AS addresses
  FROM interfaces_datacall WHERE at >= %(since)s AND at < %(until)s GROUP BY key_id),
past AS (
  SELECT key_id, count(*) AS calls, count(*) FILTER (WHERE code <> 'ok') AS refused,
         sum(enterprises) AS enterprises, array_agg(DISTINCT address) AS addresses, count(DISTINCT on_day) AS days
  FROM (SELECT key_id, code, address, (at AT TIME ZONE 'Asia/Shanghai')::date AS on_day,
          CASE WHEN row_number() OVER (PARTITION BY key_id, (at AT TIME ZONE 'Asia/Shanghai')::date, subject_uscc) = 1 THEN 1 ELSE 0 END AS enterprises
        FROM interfaces_datacall WHERE at >= %(before)s AND at < %(since)s) calls GROUP BY key_id)
SELECT d.key_id, d.calls, d.refused, d.enterprises,
       (SELECT count(*) FROM unnest(d.addresses) a WHERE a IS NOT NULL AND NOT a = ANY (p.addresses)),
       p.calls / p.days, p.refused / p.days, p.enterprises / p.days
FROM day d LEFT JOIN past p USING (key_id)
"""


def flag_keys(*, now: dt.datetime) -> dict[uuid.UUID, list[str]]:
    """Judge the last 24 hours of each key by its days before, and keep what is unusual beside the key.

    Returns
    -------
    dict
        Flags by key; a key whose day was usual loses earlier flags and is absent.
    """
    numbers = threshold_table("interface_key_anomaly", timezone.localdate(now))
    since = now - dt.timedelta(days=1)
    values = {"since": since, "until": now, "before": since - dt.timedelta(days=int(numbers["days"]))}
    found: dict[uuid.UUID, list[str]] = {}
    with system_scope() as system:
        with connection.cursor() as cursor:
            cursor.execute(_DAYS, values)
            rows = cursor.fetchall()
        for key_id, calls, refused, enterprises, new, usual_calls, usual_refused, usual_enterprises in rows:
            usual = None
            if usual_calls is not None:
                usual = KeyDay(int(usual_calls), int(usual_refused), int(usual_enterprises), 0)
            flags = judge_key(KeyDay(calls, refused, enterprises, new), usual, numbers)
            if flags:
                found[key_id] = flags
        keys = InterfaceKey.objects.for_scope(system)
        keys.exclude(flagged_at=None).exclude(pk__in=found).update(flags=[], flagged_at=None)
        for key_id, flags in found.items():
            keys.filter(pk=key_id).update(flags=flags, flagged_at=now)
    return found
