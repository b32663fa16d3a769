"""Deliveries on their way in, keys that machines deliver with, and rows that were repaired."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q

from rongqiao.accounts.models import User
from rongqiao.accounts.scoping import ScopedModel

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope


class DepartmentModel(ScopedModel):
    """Base of rows that belong to a data department; the operator sees all."""

    department_column = "department"

    class Meta(ScopedModel.Meta):
        abstract = True

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Let the department see its own rows, and the operator all."""
        return Q() if scope.kind == "operator" else super().visible_to(scope)


class Upload(DepartmentModel):
    """One file that a department sends, from its first byte to its receipt.

    ``received_bytes`` says where to go on after an interruption. ``outcome`` is what governance reported: its batch, and rows
    received, accepted and set aside, the latter by rule. ``data_on`` is the data's own day, which the sender states; ``delivered_on`` is the day in China on which the platform received the
    whole file, and nobody states it: it becomes the day on which the facts were known. Until ``received_at`` it is the day of the first byte.
    ``attempts`` counts tries that have not returned: the running one, and those that killed their process. A file of a new source (origin ``source``) has no contract yet, and ``outcome`` stays empty.
    """

    STATUSES = [
        ("receiving", "正在接收"),
        ("waiting", "等待治理"),
        ("governing", "正在治理"),
        ("landed", "已入库"),
        ("duplicate", "重复报送"),
        ("failed", "未能治理"),
        ("examining", "正在盘点"),
        ("profiled", "已盘点"),
        ("discarded", "已放弃"),
    ]
    ORIGINS = [
        ("page", "网页上传"),
        ("api", "接口推送"),
        ("repair", "退回修复"),
        ("correction", "异议更正"),
        ("source", "新数据源"),
        ("inventory", "盘点入库"),
    ]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    department = models.CharField("部门", max_length=40)
    contract_id = models.CharField("数据表", max_length=80, db_index=True)
    origin = models.CharField("来源", max_length=12, choices=ORIGINS)
    file_name = models.CharField("原文件名", max_length=200)
    stored_name = models.CharField("报送文件名", max_length=200)
    data_on = models.DateField("数据日期")
    delivered_on = models.DateField("接收日期")
    received_at = models.DateTimeField("接收时间", null=True)
    size_bytes = models.BigIntegerField("文件大小")
    received_bytes = models.BigIntegerField("已接收", default=0)
    digest = models.CharField("摘要", max_length=64, blank=True)
    announced_digest = models.CharField("申报的摘要", max_length=64, blank=True)
    status = models.CharField("状态", max_length=12, choices=STATUSES, default="receiving")
    step = models.CharField("进行到", max_length=40, blank=True)
    steps_done = models.IntegerField("已完成步数", default=0)
    steps_total = models.IntegerField("总步数", default=0)
    outcome = models.JSONField("结果", default=dict)
    problem = models.TextField("问题", blank=True)
    attempts = models.IntegerField("未返回的处理次数", default=0)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name="报送人")
    created_at = models.DateTimeField("开始时间", auto_now_add=True)
    ended_at = models.DateTimeField("结束时间", null=True)

    class Meta(DepartmentModel.Meta):
        verbose_name = verbose_name_plural = "报送"
        ordering: ClassVar = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(received_bytes__gte=0) & Q(received_bytes__lte=models.F("size_bytes")),
                name="upload_received_within_size",
            ),
            # Two files of one name would overwrite each other on the way in.
            models.UniqueConstraint(
                fields=["contract_id", "stored_name"],
                condition=~Q(status__in=["discarded", "failed", "duplicate"]),
                name="upload_name_is_taken_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract_id} {self.stored_name}"

    @property
    def batch_id(self) -> str:
        """Batch that governance made of it, or will; empty until all bytes are there."""
        if made := self.outcome.get("batch_id"):
            return str(made)
        return f"{self.contract_id}@{self.digest[:16]}" if self.digest else ""


class RepairedRow(DepartmentModel):
    """A row that governance set aside and the department sent again; ``cells`` are as repaired."""

    id = models.BigAutoField(primary_key=True)
    department = models.CharField("部门", max_length=40)
    batch_id = models.CharField("原批次", max_length=120)
    line = models.IntegerField("原行号")
    upload = models.ForeignKey(Upload, models.PROTECT, related_name="repaired", verbose_name="重报")
    cells = models.JSONField("修复后")
    repaired_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="修复人")
    repaired_at = models.DateTimeField("修复时间", auto_now_add=True)

    class Meta(DepartmentModel.Meta):
        verbose_name = verbose_name_plural = "修复记录"
        constraints = [
            models.UniqueConstraint(fields=["batch_id", "line"], name="row_is_repaired_once"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}:{self.line}"


class DuplicateRow(DepartmentModel):
    """A row set aside for its key that the department confirmed to repeat another; open again where ``reopened_at`` is not null."""

    id = models.BigAutoField(primary_key=True)
    department = models.CharField("部门", max_length=40)
    contract_id = models.CharField("数据表", max_length=80)
    file_name = models.CharField("文件", max_length=200)
    batch_id = models.CharField("批次", max_length=120)
    line = models.IntegerField("行号")
    reason = models.CharField("确认重复的理由", max_length=200)
    closed_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="确认人")
    closed_at = models.DateTimeField("确认时间")
    reopen_reason = models.CharField("恢复办理的理由", max_length=200, blank=True)
    reopened_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name="恢复人")
    reopened_at = models.DateTimeField("恢复时间", null=True)

    class Meta(DepartmentModel.Meta):
        verbose_name = verbose_name_plural = "确认重复的行"
        ordering: ClassVar = ["-closed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["batch_id", "line"], condition=Q(reopened_at=None), name="row_is_closed_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}:{self.line}"

    @property
    def state(self) -> str:
        """Where the row stands by this closing."""
        return "closed" if self.reopened_at is None else "waiting"


class DeliveryKey(DepartmentModel):
    """A key with which a department's system delivers; only its digest is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    department = models.CharField("部门", max_length=40)
    title = models.CharField("用途", max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="创建人")
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    used_at = models.DateTimeField("最近使用", null=True)
    revoked_at = models.DateTimeField("停用时间", null=True)

    class Meta(DepartmentModel.Meta):
        verbose_name = verbose_name_plural = "报送密钥"
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.title


class CollectorRun(DepartmentModel):
    """One run of a declared collector, as the job that made it tells; ``rows`` is null where nobody has counted them yet.

    A run whose process was killed stays without end; the next run of the collector closes it as interrupted.
    """

    RESULTS = [
        ("delivered", "已采集"),
        ("nothing_new", "没有新数据"),
        ("already_today", "今日已采集"),
        ("refused", "文件退回"),
        ("failed", "未成功"),
        ("interrupted", "中断"),
    ]
    BREAKERS = [("closed", "正常"), ("open", "已熔断"), ("half_open", "试探中")]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    department = models.CharField("部门", max_length=40)
    collector_id = models.CharField("采集任务", max_length=40)
    contract_id = models.CharField("数据表", max_length=80)
    started_at = models.DateTimeField("开始时间")
    ended_at = models.DateTimeField("结束时间", null=True)
    result = models.CharField("结果", max_length=16, choices=RESULTS, blank=True)
    files = models.JSONField("报送文件", default=list)
    rows = models.BigIntegerField("行数", null=True)
    repeated = models.BigIntegerField("已知行数", default=0)
    unmarked = models.BigIntegerField("无水位行数", default=0)
    attempts = models.IntegerField("访问次数", default=0)
    watermark = models.CharField("水位", max_length=100, blank=True)
    is_cut = models.BooleanField("尚有余量", default=False)
    breaker = models.CharField("熔断状态", max_length=12, choices=BREAKERS, default="closed")
    breaker_until = models.DateTimeField("恢复试探时间", null=True)
    refused = models.JSONField("退回的文件", default=list)
    problem = models.TextField("问题", blank=True)
    remedy = models.TextField("处理办法", blank=True)
    detail = models.TextField("技术信息", blank=True, default="")

    class Meta(DepartmentModel.Meta):
        verbose_name = verbose_name_plural = "采集记录"
        ordering: ClassVar = ["-started_at"]
        indexes = [models.Index(fields=["collector_id", "-started_at"], name="run_by_collector")]

    def __str__(self) -> str:
        return f"{self.collector_id} {self.started_at:%Y-%m-%d %H:%M}"
