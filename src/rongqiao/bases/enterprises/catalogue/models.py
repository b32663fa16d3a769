"""How each indicator stands, as last published from the lake; and what operators decided about its use, which nothing overwrites."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from rongqiao.accounts.models import User


class IndicatorStatus(models.Model):
    """One indicator: coverage, drift, spread, versions and state of use. Describes no single enterprise.

    ``bins`` ``[[from|null, below|null, count], …]``, equal ends for one value; ``groups`` ``[[dimension, code, enterprises, applicable,
    covered, sampled, [value at each of `rules.peer_groups.KNOTS`]|null], …]``; counts of both are not yet through disclosure control.
    ``editions`` ``[[version, formula, first month, last month, first known_at], …]``; ``changes`` ``[[event, state, cause, reason,
    known_at, decided_by], …]``, oldest first. Figures are null where health was never computed for the month that is published.
    """

    indicator_id = models.CharField(max_length=80, primary_key=True)
    as_of = models.IntegerField("数据月份")
    known_at = models.DateField("数据截至")
    published_at = models.DateTimeField("发布时间", db_default=Now())
    subjects = models.CharField("适用企业", max_length=60)
    enterprises = models.BigIntegerField("存续企业数")
    applicable = models.BigIntegerField("适用企业数")
    covered = models.BigIntegerField("有值企业数")
    coverage = models.FloatField("覆盖率", null=True)
    drift = models.FloatField("PSI", null=True)
    against = models.IntegerField("比较月份", null=True)
    verdict = models.CharField("健康度", max_length=8)
    reasons = models.JSONField("未达标原因", default=list)
    sampled = models.BigIntegerField("取样企业数")
    bins = models.JSONField("分布", default=list)
    groups = models.JSONField("分组", default=list)
    editions = models.JSONField("版本", default=list)
    changes = models.JSONField("状态变更", default=list)
    state = models.CharField("使用状态", max_length=10, db_index=True)
    state_reason = models.CharField("状态原因", max_length=500, blank=True)
    state_since = models.DateField("状态自", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "指标状态"

    def __str__(self) -> str:
        return f"{self.indicator_id} {self.state}"


class IndicatorDecision(models.Model):
    """What an operator decided about the use of one indicator. ``carried_on`` is null until the lake knows of it."""

    EVENTS = [("halt", "停用"), ("release", "核准继续使用"), ("resume", "恢复使用")]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    indicator_id = models.CharField(max_length=80, db_index=True)
    event = models.CharField("决定", max_length=8, choices=EVENTS)
    state = models.CharField("使用状态", max_length=10)
    reason = models.CharField("理由", max_length=500)
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="决定人")
    decided_at = models.DateTimeField("决定时间")
    carried_on = models.DateField("计算已采用", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "指标使用决定"
        ordering: ClassVar = ["-decided_at"]

    def __str__(self) -> str:
        return f"{self.indicator_id} {self.event}"
