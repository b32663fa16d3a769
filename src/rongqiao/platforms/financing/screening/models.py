"""Screening lists, their versions, which banks they were handed to, whom they named, what was asked, and which enterprises agreed to be found."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.scoping import ScopedModel

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope


class OwnedModel(ScopedModel):
    """What belongs to the organisation of the person who made it, a bank or a government body."""

    institution_column = "organisation_id"

    class Meta(ScopedModel.Meta):
        abstract = True

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Show a government body its own as well."""
        if scope.kind == "government":
            return Q(organisation_id=scope.organisation_id)
        return super().visible_to(scope)


class ScreeningList(OwnedModel):
    """A list by conditions. ``conditions`` is what is being edited, ``figures`` what was told of it (null: not counted).

    ``figures``: {total, unknown, regions, sections, sizes, as_of}, all through disclosure control.
    """

    STATUSES = [("draft", "草稿"), ("saved", "已保存"), ("handed_over", "已交付"), ("expired", "已到期")]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="组织")
    region_code = models.CharField("限于区划", max_length=6, blank=True)
    title = models.CharField("名称", max_length=60)
    conditions = models.JSONField("条件", default=list)
    figures = models.JSONField("统计", null=True)
    status = models.CharField("状态", max_length=12, choices=STATUSES, default="draft", db_index=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="建立人")
    created_at = models.DateTimeField("建立时间")
    expires_on = models.DateField("有效期至")
    # Kept here because the operator, who may not see whom a list named, oversees how many.
    named_count = models.PositiveIntegerField("告知企业数", default=0)
    handed_over_at = models.DateTimeField("交付时间", null=True, blank=True)

    class Meta(OwnedModel.Meta):
        verbose_name = verbose_name_plural = "筛选名单"
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.title

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Let the operator oversee all lists; never whom they name."""
        return Q() if scope.kind == "operator" else super().visible_to(scope)


class ScreeningVersion(OwnedModel):
    """A list's conditions as they were saved, with what was told of them then. Never changed."""

    screening = models.ForeignKey(ScreeningList, models.CASCADE, related_name="versions")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField("版本")
    conditions = models.JSONField("条件")
    figures = models.JSONField("统计", null=True)
    saved_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="保存人")
    saved_at = models.DateTimeField("保存时间")

    class Meta(OwnedModel.Meta):
        verbose_name = verbose_name_plural = "名单版本"
        ordering: ClassVar = ["-number"]
        constraints = [models.UniqueConstraint(fields=["screening", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        return f"{self.screening_id} 第 {self.number} 版"


class ScreeningHandover(ScopedModel):
    """A government body's list in a bank's hands: counts, and the names of those that agreed once the bank asks for them.

    What was handed over stands as it was then: ``conditions`` within ``region_code``, and ``figures`` as of a list.
    """

    STATUSES = [("handed", "有效"), ("withdrawn", "已收回"), ("expired", "已到期")]
    institution_column = "recipient_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    screening = models.ForeignKey(ScreeningList, models.PROTECT, related_name="handovers")
    version = models.ForeignKey(ScreeningVersion, models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="交付部门")
    recipient = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="接收银行")
    region_code = models.CharField("限于区划", max_length=6, blank=True)
    list_title = models.CharField("名单", max_length=60)
    conditions = models.JSONField("条件")
    figures = models.JSONField("统计")
    status = models.CharField("状态", max_length=12, choices=STATUSES, default="handed", db_index=True)
    handed_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="交付人")
    handed_at = models.DateTimeField("交付时间")
    expires_on = models.DateField("有效期至")
    ended_at = models.DateTimeField("收回时间", null=True, blank=True)
    # Kept here because neither the giver nor the operator may see whom the bank was told.
    named_count = models.PositiveIntegerField("告知企业数", default=0)
    named_at = models.DateTimeField("最近取得名称", null=True, blank=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "名单交付"
        ordering: ClassVar = ["-handed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["screening", "recipient"],
                condition=Q(status="handed"),
                name="one_open_handover_per_bank",
            )
        ]

    def __str__(self) -> str:
        return f"{self.list_title} → {self.recipient_id}"

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Show a government body what it gave, a bank what it got, the operator all."""
        if scope.kind == "government":
            return Q(organisation_id=scope.organisation_id)
        return Q() if scope.kind == "operator" else super().visible_to(scope)


class ScreeningMember(OwnedModel):
    """An enterprise that agreed and was named to a bank; the enterprise sees this row, too.

    ``handover`` and ``source_title``: the government body's list it was named from; null and empty for the bank's own.
    """

    enterprise_column = "uscc"

    screening = models.ForeignKey(ScreeningList, models.PROTECT, related_name="members")
    version = models.ForeignKey(ScreeningVersion, models.PROTECT, related_name="+")
    handover = models.ForeignKey(ScreeningHandover, models.PROTECT, null=True, related_name="members")
    source_title = models.CharField("名单来自", max_length=200, blank=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="机构")
    uscc = models.CharField("企业", max_length=18, db_index=True)
    list_title = models.CharField("名单", max_length=60)
    conditions = models.JSONField("条件")
    named_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    named_at = models.DateTimeField("告知时间")

    class Meta(OwnedModel.Meta):
        verbose_name = verbose_name_plural = "名单企业"
        constraints = [
            models.UniqueConstraint(
                fields=["screening", "uscc"], condition=Q(handover=None), name="named_once_per_list"
            ),
            models.UniqueConstraint(fields=["handover", "uscc"], name="named_once_per_handover"),
        ]

    def __str__(self) -> str:
        return f"{self.screening_id} {self.uscc}"


class ScreeningQuestion(OwnedModel):
    """A count or an export that a person asked for; counts towards the day's budget. Append only."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="人员")
    # Null: asked while a product's conditions were tried, or of a list that another handed over.
    screening = models.ForeignKey(ScreeningList, models.PROTECT, null=True, related_name="+")
    kind = models.CharField("类别", max_length=8)
    digest = models.CharField("条件摘要", max_length=64)
    asked_on = models.DateField("日期", db_index=True)
    asked_at = models.DateTimeField("时间")

    class Meta(OwnedModel.Meta):
        verbose_name = verbose_name_plural = "筛选提问"
        indexes = [models.Index(fields=["user", "asked_on", "kind"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.asked_at}"

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Let the operator see how much everybody asks."""
        return Q() if scope.kind == "operator" else super().visible_to(scope)


class FindableConsent(ScopedModel):
    """An enterprise's agreement to be named to banks whose list it meets. Never edited, only revoked.

    ``data_classes``: a list may name the enterprise only if its conditions rest on these, or on public data.
    ``by_government``: whether a list that a government body made and handed to a bank may name it, too.
    """

    enterprise_column = "uscc"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    uscc = models.CharField("企业", max_length=18, db_index=True)
    data_classes = ArrayField(models.CharField(max_length=40), verbose_name="数据类别", default=list)
    by_government = models.BooleanField("含政府部门交付的名单", default=False)
    text_version = models.CharField("授权书版本", max_length=20)
    text_digest = models.CharField("授权书摘要", max_length=64)
    given_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="授权人")
    given_at = models.DateTimeField("授权时间")
    valid_until = models.DateTimeField("失效时间")
    revoked_at = models.DateTimeField("撤回时间", null=True, blank=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "被名单发现的授权"
        constraints = [
            models.UniqueConstraint(
                fields=["uscc"], condition=Q(revoked_at=None), name="one_open_findable_consent"
            )
        ]

    def __str__(self) -> str:
        return self.uscc
