"""What the market tells and asks of consumers: webhooks with their attempts, and questions about single accesses."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from rongqiao.accounts.models import Organisation, User
from rongqiao.bases.enterprises.interfaces.models.market import DataCall, MarketModel


class Webhook(MarketModel):
    """Where a consumer wants to be told of changes. Its secret is derived as a key's; the one before holds a day longer."""

    department_column = None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    consumer = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="使用机构")
    url = models.URLField("地址", max_length=400)
    events = ArrayField(models.CharField(max_length=40), verbose_name="事件")
    salt = models.CharField(max_length=64)
    previous_salt = models.CharField(max_length=64, blank=True)
    previous_until = models.DateTimeField("旧密钥失效时间", null=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="创建人")
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    ended_at = models.DateTimeField("停用时间", null=True)

    class Meta(MarketModel.Meta):
        verbose_name = verbose_name_plural = "变更通知"
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.url


class WebhookEvent(MarketModel):
    """One change to be told to one webhook; waits until an attempt succeeds or all are spent."""

    STATUSES = [("waiting", "待送达"), ("delivered", "已送达"), ("dead", "未能送达")]
    department_column = None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, models.PROTECT, related_name="deliveries")
    consumer = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    kind = models.CharField("事件", max_length=40)
    payload = models.JSONField("内容")
    status = models.CharField("状态", max_length=12, choices=STATUSES, default="waiting")
    attempts = models.IntegerField("尝试次数", default=0)
    created_at = models.DateTimeField("发生时间")
    next_at = models.DateTimeField("下次尝试", db_index=True)

    class Meta(MarketModel.Meta):
        verbose_name = verbose_name_plural = "变更事件"
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"


class WebhookAttempt(MarketModel):
    """One attempt to tell: what the receiver answered, or why it was not reached."""

    department_column = None

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(WebhookEvent, models.PROTECT, related_name="tries")
    consumer = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    at = models.DateTimeField("时间")
    status_code = models.IntegerField("应答码", null=True)
    milliseconds = models.IntegerField("耗时")
    problem = models.CharField("问题", max_length=200, blank=True)

    class Meta(MarketModel.Meta):
        verbose_name = verbose_name_plural = "送达尝试"
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.at} {self.status_code}"


class AccessQuestion(MarketModel):
    """Justify this access: one sampled call that the consumer has to explain in time."""

    STATUSES = [
        ("asked", "待说明"),
        ("answered", "待判定"),
        ("accepted", "说明成立"),
        ("rejected", "说明不成立"),
        ("overdue", "逾期未说明"),
    ]
    enterprise_column = "subject_uscc"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    call = models.OneToOneField(DataCall, models.PROTECT, related_name="question")
    interface_id = models.CharField(max_length=60)
    consumer = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    provider = models.CharField(max_length=40, db_index=True)
    subject_uscc = models.CharField(max_length=18)
    reasons = models.JSONField("抽查缘由")
    points = models.IntegerField("风险分")
    status = models.CharField("状态", max_length=12, choices=STATUSES, default="asked")
    asked_at = models.DateTimeField("发出时间")
    due_at = models.DateTimeField("答复期限")
    answer = models.TextField("说明", blank=True)
    answered_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField("答复时间", null=True)
    judgement = models.TextField("判定意见", blank=True)
    judged_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    judged_at = models.DateTimeField("判定时间", null=True)

    class Meta(MarketModel.Meta):
        verbose_name = verbose_name_plural = "访问说明"
        ordering: ClassVar = ["-points", "due_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(judged_by=None) | ~Q(judged_by=F("answered_by")),
                name="nobody_judges_the_own_answer",
            )
        ]

    def __str__(self) -> str:
        return f"{self.interface_id} {self.status}"


class AnnouncedDelivery(models.Model):
    """Day of the last delivery of a source that subscribers were told of. Public figures."""

    contract_id = models.CharField(max_length=80, primary_key=True)
    delivered_on = models.DateField()

    class Meta:
        verbose_name = verbose_name_plural = "已通知的更新"

    def __str__(self) -> str:
        return f"{self.contract_id} {self.delivered_on}"
