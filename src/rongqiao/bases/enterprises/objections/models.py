"""Objections, what happened to each, and the marks that stand beside disputed facts wherever they show."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from rongqiao.accounts.models import Consent, Organisation, User
from rongqiao.accounts.scoping import ScopedModel
from rongqiao.bases.enterprises.intake.models import Upload

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope

OPEN = ("raised", "forwarded", "evidence", "correcting")


class Objection(ScopedModel):
    """One disputed record or item of an enterprise.

    ``record_id`` names the record across deliveries (`rongqiao.lake.record_ids`); ``batch_id`` and ``line`` say where the
    row stood that was objected to, ``record`` what it said. ``item_id`` is empty when the whole record is disputed.
    The three deadlines are those of the law; ``escalated_at`` is the instant at which one was missed.
    """

    enterprise_column = "subject_uscc"
    department_column = "department"

    STATUSES = [
        ("raised", "已提出，待转送"),
        ("forwarded", "部门核查中"),
        ("evidence", "待补充材料"),
        ("correcting", "属实，更正入库中"),
        ("corrected", "已更正"),
        ("rejected", "核查无误"),
        ("undecided", "无法确定，双方说法并存"),
        ("withdrawn", "已撤回"),
    ]
    GROUNDS = [
        ("wrong_value", "内容有误"),
        ("not_ours", "不是本企业的记录"),
        ("already_settled", "已结案、已修复或已移出"),
        ("other", "其他"),
    ]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject_uscc = models.CharField("企业", max_length=18, db_index=True)
    region_code = models.CharField("区县", max_length=6, blank=True)
    contract_id = models.CharField("数据表", max_length=80)
    department = models.CharField("归口部门", max_length=40, db_index=True)
    record_id = models.CharField("记录", max_length=32)
    batch_id = models.CharField("批次", max_length=120)
    line = models.IntegerField("行号")
    record = models.JSONField("异议时的记录")
    valid = models.CharField("所属时间", max_length=20, blank=True)
    item_id = models.CharField("项目", max_length=80, blank=True)
    disputed_value = models.CharField("现有内容", max_length=500, blank=True)
    claimed_value = models.CharField("主张的内容", max_length=500, blank=True)
    ground = models.CharField("理由", max_length=16, choices=GROUNDS)
    reason = models.TextField("说明", max_length=1000)
    raised_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="提出人")
    raised_by_organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    raised_at = models.DateTimeField("提出时间")
    forward_due_at = models.DateTimeField("转送时限")
    check_due_at = models.DateTimeField("核查时限")
    answer_due_at = models.DateTimeField("答复时限")
    forwarded_at = models.DateTimeField("转送时间", null=True)
    checked_at = models.DateTimeField("核查完成时间", null=True)
    answered_at = models.DateTimeField("答复时间", null=True)
    ended_at = models.DateTimeField("办结时间", null=True)
    escalated_at = models.DateTimeField("超期上报时间", null=True)
    status = models.CharField("状态", max_length=12, choices=STATUSES, default="raised", db_index=True)
    answer = models.TextField("书面答复", max_length=2000, blank=True)
    answered_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name="答复人")
    answered_by_organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+")
    statement = models.CharField("企业声明", max_length=300, blank=True)
    correction = models.ForeignKey(
        Upload, models.PROTECT, null=True, related_name="+", verbose_name="更正报送"
    )

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "异议"
        ordering: ClassVar = ["-raised_at"]
        constraints = [
            # Who disputes a fact does not judge the objection.
            models.CheckConstraint(
                condition=Q(answered_by_organisation=None)
                | ~Q(answered_by_organisation=F("raised_by_organisation")),
                name="objection_is_not_answered_by_its_raiser",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["correcting", "corrected", "rejected", "undecided"])
                | (Q(answered_at__isnull=False) & ~Q(answer="")),
                name="objection_is_decided_in_writing",
            ),
            models.UniqueConstraint(
                fields=["subject_uscc", "record_id", "item_id"],
                condition=Q(status__in=OPEN),
                name="one_open_objection_per_fact",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject_uscc} {self.contract_id} {self.status}"

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Let the enterprise, the owning department and who raised it see it, and the operator all."""
        if scope.kind == "operator":
            return Q()
        seen = super().visible_to(scope)
        return (
            seen | Q(raised_by_organisation_id=scope.organisation_id) if scope.kind == "department" else seen
        )

    @property
    def is_open(self) -> bool:
        """Whether it waits for somebody."""
        return self.status in OPEN

    @property
    def due_at(self) -> object:
        """Deadline that runs out next; null when nobody owes anything."""
        if not self.is_open:
            return None
        if self.forwarded_at is None:
            return self.forward_due_at
        return self.check_due_at if self.checked_at is None else self.answer_due_at


class ObjectionStep(ScopedModel):
    """What happened to an objection: who did what, and said what. Never changed."""

    enterprise_column = "subject_uscc"
    department_column = "department"

    id = models.BigAutoField(primary_key=True)
    objection = models.ForeignKey(Objection, models.PROTECT, related_name="steps")
    subject_uscc = models.CharField(max_length=18)
    department = models.CharField(max_length=40)
    at = models.DateTimeField("时间")
    event = models.CharField("事件", max_length=16)
    status = models.CharField("状态", max_length=12)
    text = models.TextField("内容", max_length=2000, blank=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name="经办人")
    by_organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+")

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "异议经过"
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.objection_id} {self.event}"

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Let those who see the objection see its course."""
        return Q() if scope.kind == "operator" else super().visible_to(scope)


class Mark(ScopedModel):
    """What stands beside a disputed fact wherever it shows: to readers of the fact, and without the dispute's papers.

    There is a row as long as the mark stands. ``state``: ``disputed`` while it is checked, ``undecided`` when neither side
    can be proved, ``statement`` when the department stands by the fact and the enterprise by its word.
    """

    enterprise_column = "subject_uscc"
    department_column = "department"
    region_column = "region_code"

    STATES = [
        ("disputed", "存在异议，正在核查"),
        ("undecided", "经核查无法确定，双方说法并存"),
        ("statement", "企业另有声明"),
    ]

    objection = models.OneToOneField(Objection, models.CASCADE, primary_key=True, related_name="mark")
    subject_uscc = models.CharField(max_length=18, db_index=True)
    region_code = models.CharField(max_length=6, blank=True)
    department = models.CharField(max_length=40)
    contract_id = models.CharField(max_length=80)
    data_class = models.CharField(max_length=40)
    is_public = models.BooleanField(default=False)
    record_id = models.CharField(max_length=32)
    batch_id = models.CharField(max_length=120)
    line = models.IntegerField()
    valid = models.CharField(max_length=20, blank=True)
    item_id = models.CharField(max_length=80, blank=True)
    state = models.CharField("标注", max_length=12, choices=STATES)
    claimed_value = models.CharField("企业主张", max_length=500, blank=True)
    statement = models.CharField("企业声明", max_length=300, blank=True)
    since = models.DateTimeField("标注起始")

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "异议标注"
        ordering: ClassVar = ["since", "pk"]

    def __str__(self) -> str:
        return f"{self.subject_uscc} {self.contract_id} {self.state}"

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """As the fact itself: an institution needs a live consent for the class of data, unless it is public."""
        if scope.kind == "operator":
            return Q()
        if scope.kind == "institution":
            now = Now()
            live = Consent.objects.for_scope(scope).filter(
                recipient_id=scope.organisation_id,
                revoked_at=None,
                valid_from__lte=now,
                valid_until__gt=now,
                subject_uscc=models.OuterRef("subject_uscc"),
                data_classes__contains=[models.OuterRef("data_class")],
            )
            return Q(is_public=True) | Q(models.Exists(live))
        return super().visible_to(scope)


class MarkChange(ScopedModel):
    """That a mark came, changed or went, to be told to those who read the fact: written with the change, told by a job.

    ``state`` is the mark's, or why it went: ``corrected``, or ``lifted`` when the objection was withdrawn or not upheld.
    ``told_at`` is null while nobody was told. Nobody but the system reads it.
    """

    STATES = [*Mark.STATES, ("corrected", "已更正"), ("lifted", "标注已撤下")]

    id = models.BigAutoField(primary_key=True)
    objection = models.ForeignKey(Objection, models.PROTECT, related_name="+")
    subject_uscc = models.CharField(max_length=18)
    contract_id = models.CharField(max_length=80)
    data_class = models.CharField(max_length=40)
    is_public = models.BooleanField(default=False)
    state = models.CharField("标注", max_length=12, choices=STATES)
    changed_at = models.DateTimeField("变更时间", auto_now_add=True)
    told_at = models.DateTimeField("告知时间", null=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "标注变更"
        ordering: ClassVar = ["pk"]
        indexes = [models.Index(fields=["id"], condition=Q(told_at=None), name="mark_changes_untold")]

    def __str__(self) -> str:
        return f"{self.subject_uscc} {self.contract_id} {self.state}"
