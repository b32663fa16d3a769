"""Applications for data interfaces, the authorisations granted on them, keys and calls."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.scoping import ScopedModel

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope


class MarketModel(ScopedModel):
    """Base of rows between a consumer and a provider department; the operator sees all.

    Software vendors are organisations of the kind enterprise; ``vendor_column`` names theirs.
    """

    institution_column = "consumer_id"
    department_column: ClassVar[str | None] = "provider"
    vendor_column: ClassVar[str | None] = None

    class Meta(ScopedModel.Meta):
        abstract = True

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Consumer its own, department those of its interfaces, operator all; governments are consumers, too."""
        if scope.kind == "operator":
            return Q()
        if scope.kind == "government" and scope.organisation_id:
            return Q(consumer_id=scope.organisation_id)
        found = super().visible_to(scope)
        if scope.kind == "enterprise" and cls.vendor_column and scope.organisation_id:
            found |= Q(**{cls.vendor_column: scope.organisation_id})
        return found


class Submission(MarketModel):
    """What a consumer asks for; a changed application is a further submission, the earlier stays as it was."""

    STATUSES = [
        ("submitted", "待审核"),
        ("changes_requested", "退回修改"),
        ("validated", "已通过"),
        ("refused", "不予通过"),
    ]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    interface_id = models.CharField("接口", max_length=60, db_index=True)
    provider = models.CharField("提供部门", max_length=40)
    consumer = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="申请机构")
    previous = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="+", verbose_name="前一次申请"
    )
    terms = models.JSONField("申请内容")
    status = models.CharField("状态", max_length=20, choices=STATUSES, default="submitted")
    note = models.TextField("审核意见", blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="申请人")
    created_at = models.DateTimeField("申请时间", auto_now_add=True)
    reviewed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name="审核人")
    reviewed_by_organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+")
    reviewed_at = models.DateTimeField("审核时间", null=True)

    class Meta(MarketModel.Meta):
        verbose_name = verbose_name_plural = "接口申请"
        ordering: ClassVar = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(status="submitted") & Q(reviewed_by=None))
                | (~Q(status="submitted") & ~Q(reviewed_by=None) & ~Q(reviewed_at=None)),
                name="interface_submission_is_reviewed_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by=None)
                | (~Q(reviewed_by=F("created_by")) & ~Q(reviewed_by_organisation=F("consumer"))),
                name="no_self_approval_of_interfaces",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.interface_id} {self.status}"


class Authorisation(MarketModel):
    """What was granted, frozen: the terms as reviewed. An amendment ends it only by being granted itself."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submission = models.OneToOneField(Submission, models.PROTECT, related_name="authorisation")
    interface_id = models.CharField("接口", max_length=60, db_index=True)
    provider = models.CharField("提供部门", max_length=40)
    consumer = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="使用机构")
    purposes = ArrayField(models.CharField(max_length=24), verbose_name="用途")
    fields = models.JSONField("字段")
    throttle_per_minute = models.IntegerField("每分钟上限")
    quota_per_day = models.IntegerField("每日上限")
    price_cny = models.DecimalField("每次价格", max_digits=10, decimal_places=2, default=0)
    version = models.CharField("接口版本", max_length=20, blank=True)
    granted_at = models.DateTimeField("授予时间")
    valid_until = models.DateTimeField("失效时间")
    ended_at = models.DateTimeField("终止时间", null=True)
    end_reason = models.CharField("终止原因", max_length=200, blank=True)

    class Meta(MarketModel.Meta):
        verbose_name = verbose_name_plural = "接口授权"
        ordering: ClassVar = ["-granted_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["interface_id", "consumer"],
                condition=Q(ended_at=None),
                name="one_live_authorisation_per_consumer",
            )
        ]

    def __str__(self) -> str:
        return f"{self.interface_id} → {self.consumer_id}"


class Delegation(MarketModel):
    """A consumer lets a software vendor call some interfaces for it, with the vendor's own key, until it takes that back."""

    department_column = None
    vendor_column = "vendor_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    consumer = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="委托机构")
    vendor = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="软件服务商")
    interfaces = ArrayField(models.CharField(max_length=60), verbose_name="接口")
    reason = models.CharField("委托事由", max_length=200)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="委托人")
    created_at = models.DateTimeField("委托时间", auto_now_add=True)
    valid_until = models.DateTimeField("失效时间")
    revoked_at = models.DateTimeField("收回时间", null=True)

    class Meta(MarketModel.Meta):
        verbose_name = verbose_name_plural = "代调用委托"
        ordering: ClassVar = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=~Q(vendor=F("consumer")), name="nobody_delegates_to_itself")
        ]

    def __str__(self) -> str:
        return f"{self.consumer_id} → {self.vendor_id}"


class InterfaceKey(MarketModel):
    """A key of a consumer. The secret is derived from the installation's key and shown once; only its digest is kept.

    A vendor's key names the delegation it lives by; its calls count as the consumer's.
    """

    department_column = None
    vendor_column = "holder_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    consumer = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="使用机构")
    holder = models.ForeignKey(
        Organisation, models.PROTECT, null=True, related_name="+", verbose_name="软件服务商"
    )
    delegation = models.ForeignKey(Delegation, models.PROTECT, null=True, related_name="keys")
    title = models.CharField("名称", max_length=60)
    is_sandbox = models.BooleanField("沙箱", default=False)
    salt = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="创建人")
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    revoked_at = models.DateTimeField("停用时间", null=True)
    flags = models.JSONField("异常提示", default=list)
    flagged_at = models.DateTimeField("异常提示时间", null=True)

    class Meta(MarketModel.Meta):
        verbose_name = verbose_name_plural = "接口密钥"
        ordering: ClassVar = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(holder=None, delegation=None) | (~Q(holder=None) & ~Q(delegation=None)),
                name="vendor_key_lives_by_a_delegation",
            )
        ]

    def __str__(self) -> str:
        return self.title


class DataCall(MarketModel):
    """One call, answered or refused, as it was metered. Never changed; what was read stands in ``ReadRecord``."""

    enterprise_column = "subject_uscc"
    vendor_column = "holder_id"

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    # Whom and what a call names is never deleted, so that nothing has to be locked at each call to prove it (ADR 0040).
    key = models.ForeignKey(
        InterfaceKey, models.PROTECT, related_name="calls", db_index=False, db_constraint=False
    )
    consumer = models.ForeignKey(
        Organisation, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    interface_id = models.CharField(max_length=60)
    provider = models.CharField(max_length=40)
    subject_uscc = models.CharField(max_length=18, blank=True)
    purpose = models.CharField(max_length=24, blank=True)
    basis = models.CharField(max_length=24, blank=True)
    code = models.CharField(max_length=40)
    records = models.IntegerField()
    holder = models.ForeignKey(
        Organisation, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    authorisation = models.ForeignKey(
        Authorisation, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    consent_id = models.UUIDField(null=True)
    price_cny = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    via = models.CharField(max_length=8, default="api")
    address = models.GenericIPAddressField(null=True)
    milliseconds = models.IntegerField(default=0)

    class Meta(MarketModel.Meta):
        verbose_name = verbose_name_plural = "接口调用"
        ordering: ClassVar = ["-id"]
        # Few, for each costs every call: no second one for patterns, and vendors' calls only where there is a vendor.
        # Calls come in the order of their instants, so that the largest and smallest of each span of pages find a period.
        indexes = [
            BrinIndex(fields=["at"], name="datacall_periods", pages_per_range=32, autosummarize=True),
            models.Index(fields=["consumer", "key", "at"], name="datacall_of_consumers"),
            models.Index(fields=["provider"]),
            models.Index(fields=["subject_uscc"]),
            models.Index(fields=["holder"], condition=~Q(holder=None), name="datacall_of_vendors"),
        ]

    def __str__(self) -> str:
        return f"{self.interface_id} {self.code}"


class CallCount(models.Model):
    """Calls of one caller, interface and window (a minute or a day); an unlogged table, lost in a crash at worst.

    A caller is a key, an address (``ip:…``) or an agent's budget (``budget:…``).
    """

    caller = models.CharField(max_length=120)
    interface_id = models.CharField(max_length=60)
    window = models.CharField(max_length=16)
    calls = models.IntegerField()

    class Meta:
        verbose_name = verbose_name_plural = "调用计数"
        constraints = [
            models.UniqueConstraint(fields=["caller", "interface_id", "window"], name="one_count_per_window")
        ]

    def __str__(self) -> str:
        return f"{self.interface_id} {self.window}"


class Maintenance(models.Model):
    """A window in which a provider's interfaces do not answer; public, so that callers can plan."""

    provider = models.CharField("提供部门", max_length=40, db_index=True)
    starts_at = models.DateTimeField("开始")
    ends_at = models.DateTimeField("结束")
    reason = models.CharField("原因", max_length=200)
    code = models.CharField("错误码", max_length=40, default="maintenance")

    class Meta:
        verbose_name = verbose_name_plural = "接口维护"
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="maintenance_runs_forward")
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.starts_at}"
