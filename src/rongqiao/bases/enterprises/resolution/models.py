"""Conflicts between departments and rows that await a person, as published; and what people decided, which nothing overwrites."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q

from rongqiao.accounts.models import User
from rongqiao.accounts.scoping import ScopedModel
from rongqiao.bases.enterprises.intake.models import DepartmentModel, Upload
from rongqiao.bases.enterprises.models import Portrait

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope


class SharedModel(ScopedModel):
    """Base of rows that concern the departments listed in ``departments``; the operator sees all."""

    class Meta(ScopedModel.Meta):
        abstract = True

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Let the departments concerned see theirs, and the operator all."""
        if scope.kind == "operator":
            return Q()
        if scope.kind == "department":
            return Q(departments__contains=[scope.department])
        return Q(pk__in=[])


class FactConflict(SharedModel):
    """One fact of one enterprise on which departments disagree, as last published from ``operations/conflicts``.

    ``sides`` in the order of authority: ``[{contract, value, batch_id, line, known_at, agrees}]``. ``version`` names the values: a
    settlement holds for one version. ``state`` is ``open``, or ``closed`` since later deliveries agree.
    """

    conflict_id = models.CharField(max_length=80, primary_key=True)
    fact = models.CharField("事实", max_length=40, db_index=True)
    enterprise_id = models.CharField("统一社会信用代码", max_length=18, db_index=True)
    name = models.CharField("企业名称", max_length=200, blank=True)
    state = models.CharField("状态", max_length=8, db_index=True)
    period = models.CharField("所属期", max_length=10, blank=True)
    version = models.CharField(max_length=32)
    sides = models.JSONField("各方所报", default=list)
    departments = models.JSONField("部门", default=list)
    since = models.DateField("首次发现")
    known_at = models.DateField("最近变化")

    class Meta(SharedModel.Meta):
        verbose_name = verbose_name_plural = "数据冲突"

    def __str__(self) -> str:
        return self.conflict_id

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Let whoever may read the enterprise's portrait see that a fact of it is in conflict, too."""
        if scope.kind in ("enterprise", "institution", "government"):
            return Q(enterprise_id__in=Portrait.objects.for_scope(scope).values("pk"))
        return super().visible_to(scope)


class FactComparison(models.Model):
    """How one shared fact came out when it was last compared; counts only. ``not_run``: fewer than two departments spoke."""

    fact = models.CharField(max_length=40, primary_key=True)
    outcome = models.CharField(max_length=10)
    compared = models.BigIntegerField()
    disagreeing = models.BigIntegerField()
    known_at = models.DateField()

    class Meta:
        verbose_name = verbose_name_plural = "事实比对"

    def __str__(self) -> str:
        return f"{self.fact} {self.outcome}"


class Settlement(SharedModel):
    """What a person decided on one version of a conflict. Never changed; the newest of a version counts."""

    DECISIONS = [("prevail", "以其为准"), ("ask", "请其更正")]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conflict_id = models.CharField(max_length=80, db_index=True)
    version = models.CharField(max_length=32)
    departments = models.JSONField("部门", default=list)
    decision = models.CharField("决定", max_length=8, choices=DECISIONS)
    contract_id = models.CharField("数据表", max_length=80)
    values = models.JSONField("当时各方所报", default=list)
    reason = models.CharField("理由", max_length=500)
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="决定人")
    decided_by_name = models.CharField("决定人", max_length=60)
    decided_at = models.DateTimeField("决定时间")

    class Meta(SharedModel.Meta):
        verbose_name = verbose_name_plural = "冲突处理"
        ordering: ClassVar = ["-decided_at"]

    def __str__(self) -> str:
        return f"{self.conflict_id} {self.decision}"


class WaitingRow(DepartmentModel):
    """A row whose enterprise is likely but not certain, as last published from ``operations/reviews``.

    ``told`` is what the row says of who is meant; ``candidates`` ``[{enterprise_id, name, probability, weight_bits, facts}]``, best first.
    """

    id = models.BigAutoField(primary_key=True)
    department = models.CharField("部门", max_length=40)
    contract_id = models.CharField("数据表", max_length=80, db_index=True)
    batch_id = models.CharField("批次", max_length=120)
    line = models.IntegerField("行号")
    told = models.JSONField("报送所述", default=dict)
    candidates = models.JSONField("候选企业", default=list)
    probability = models.FloatField("最高概率")
    model = models.CharField("模型版本", max_length=20)
    known_at = models.DateField("报送日期")

    class Meta(DepartmentModel.Meta):
        verbose_name = verbose_name_plural = "待人工认定"
        indexes = [models.Index(fields=["batch_id", "line"])]

    def __str__(self) -> str:
        return f"{self.batch_id}:{self.line}"


class Merge(DepartmentModel):
    """One entry of the log of assignments, as last published from ``operations/merges``: how a row came to an enterprise, or was taken back."""

    id = models.BigAutoField(primary_key=True)
    department = models.CharField("部门", max_length=40)
    contract_id = models.CharField("数据表", max_length=80)
    batch_id = models.CharField("批次", max_length=120)
    line = models.IntegerField("行号")
    method = models.CharField("方法", max_length=20, db_index=True)
    raw_uscc = models.CharField("报送代码", max_length=60, blank=True)
    raw_name = models.CharField("报送名称", max_length=300, blank=True)
    enterprise_id = models.CharField("认定企业", max_length=18, db_index=True)
    score = models.FloatField("概率", null=True)
    evidence = models.JSONField("依据", default=dict)
    known_at = models.DateField("日期")

    class Meta(DepartmentModel.Meta):
        verbose_name = verbose_name_plural = "认定记录"
        indexes = [models.Index(fields=["batch_id", "line"])]

    def __str__(self) -> str:
        return f"{self.batch_id}:{self.line} {self.method}"


class IdentityDecision(DepartmentModel):
    """What a person decided about one row's enterprise. ``delivery`` is the file by which a matched row was sent again.

    ``undo`` is carried out by a job: ``state`` says how far it is. The other decisions are done when they are made.
    """

    DECISIONS = [
        ("match", "认定为该企业"),
        ("reject", "均不是"),
        ("ask", "请部门核实"),
        ("undo", "撤销认定"),
    ]
    STATES = [("asked", "正在办理"), ("done", "已办理"), ("failed", "未能办理")]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    department = models.CharField("部门", max_length=40)
    contract_id = models.CharField("数据表", max_length=80)
    batch_id = models.CharField("批次", max_length=120)
    line = models.IntegerField("行号")
    decision = models.CharField("决定", max_length=8, choices=DECISIONS)
    enterprise_id = models.CharField("企业", max_length=18, blank=True)
    told = models.JSONField("报送所述", default=dict)
    reason = models.CharField("理由", max_length=500)
    state = models.CharField("办理", max_length=8, choices=STATES, default="asked")
    problem = models.TextField("问题", blank=True)
    delivery = models.ForeignKey(Upload, models.PROTECT, null=True, related_name="+", verbose_name="重新报送")
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="决定人")
    decided_by_name = models.CharField("决定人", max_length=60)
    decided_at = models.DateTimeField("决定时间")

    class Meta(DepartmentModel.Meta):
        verbose_name = verbose_name_plural = "认定决定"
        ordering: ClassVar = ["-decided_at"]
        indexes = [models.Index(fields=["batch_id", "line"])]

    def __str__(self) -> str:
        return f"{self.batch_id}:{self.line} {self.decision}"
