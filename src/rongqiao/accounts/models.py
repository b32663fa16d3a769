"""People, organisations, consent, audit and the ledger's outbox."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from rongqiao.accounts.roles import ROLE_TITLES
from rongqiao.accounts.scoping import ScopedModel

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope


class Organisation(models.Model):
    """An enterprise, institution, government body, data department or platform operator whose people sign in.

    ``region_code`` is where an enterprise is registered, or what a government body answers for (43, 4301, 430102).
    ``department_code`` is the domain of the contracts that a data department answers for (``taxation``); empty for others.
    """

    KINDS = [
        ("enterprise", "企业"),
        ("institution", "金融机构"),
        ("government", "政府部门"),
        ("department", "数据来源部门"),
        ("operator", "平台运营方"),
    ]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField("类型", max_length=12, choices=KINDS)
    name = models.CharField("名称", max_length=200)
    uscc = models.CharField("统一社会信用代码", max_length=18, unique=True, null=True, blank=True)
    region_code = models.CharField("行政区划", max_length=6)
    department_code = models.CharField("数据部门", max_length=40, blank=True)
    certified_at = models.DateTimeField("认证时间", null=True, blank=True)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "组织"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="department") ^ Q(department_code=""),
                name="data_department_names_its_domain",
            )
        ]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person who signs in, always for one organisation and in one role."""

    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="people", null=True, blank=True, verbose_name="所属组织"
    )
    role = models.CharField(
        "角色", max_length=24, choices=[(r.value, t) for r, t in ROLE_TITLES.items()], blank=True
    )
    full_name = models.CharField("姓名", max_length=50, blank=True)
    phone = models.CharField("手机号", max_length=11, blank=True)

    class Meta(AbstractUser.Meta):
        verbose_name = verbose_name_plural = "用户"


class Consent(ScopedModel):
    """An enterprise's authorisation: which recipient, purpose, data classes and period. Never edited, only revoked."""

    enterprise_column = "subject_uscc"
    institution_column = "recipient_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject_uscc = models.CharField("授权企业", max_length=18, db_index=True)
    recipient = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="被授权机构")
    purpose = models.CharField("用途", max_length=24)
    data_classes = ArrayField(models.CharField(max_length=40), verbose_name="数据类别")
    valid_from = models.DateTimeField("生效时间")
    valid_until = models.DateTimeField("失效时间")
    revoked_at = models.DateTimeField("撤回时间", null=True, blank=True)
    given_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name="授权人")
    text_version = models.CharField("授权书版本", max_length=20)
    text_digest = models.CharField("授权书摘要", max_length=64)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "授权"
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__gt=models.F("valid_from")), name="consent_period_runs_forward"
            )
        ]
        indexes = [models.Index(fields=["recipient", "subject_uscc"])]

    def __str__(self) -> str:
        return f"{self.subject_uscc} → {self.recipient_id} {self.purpose}"


class AuditRecord(ScopedModel):
    """What was done, by whom, to what; written in the transaction of the deed. ``action`` is dotted past tense."""

    institution_column = "organisation_id"

    at = models.DateTimeField("时间", auto_now_add=True, db_index=True)
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name="操作人")
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, related_name="+", verbose_name="组织"
    )
    action = models.CharField("动作", max_length=60)
    object_type = models.CharField("对象类型", max_length=40)
    object_id = models.CharField("对象编号", max_length=64)
    detail = models.JSONField("详情", default=dict)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "审计记录"
        ordering: ClassVar = ["-at"]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Each organisation sees its own; the operator sees all."""
        if scope.kind == "operator":
            return Q()
        return Q(organisation_id=scope.organisation_id) if scope.organisation_id else Q(pk__in=[])


class LedgerEntry(models.Model):
    """Outbox of the Merkle log: written in the deed's transaction, moved into the log by a job.

    Holds digests only. ``leaf_index`` is null until the entry stands in the log.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=24)
    subject = models.CharField(max_length=80)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    leaf_index = models.BigIntegerField(null=True, unique=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject", "digest"], name="one_ledger_entry_per_fact")
        ]
        verbose_name = verbose_name_plural = "存证"

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
