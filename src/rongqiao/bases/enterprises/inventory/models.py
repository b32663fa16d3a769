"""Tables of new sources: what each holds, the contract that is drawn up for it, and how far it has come."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from rongqiao.accounts.models import User
from rongqiao.bases.enterprises.intake.models import DepartmentModel, Upload


class SourceTable(DepartmentModel):
    """One table of a file that a department offers: a worksheet, or the whole file.

    ``profile`` is what profiling found (`rongqiao.governance.discovery.profiles.SourceProfile` as plain data), with ``missing_columns``
    and ``new_columns`` against the earlier profile of the same table, where ``compared_with`` names one. ``document`` is the draft
    contract (ODCS), ``guessed`` the draft as it was drawn up from the profile. ``known_contract`` is the contract in force that the same table came under before: it needs no new one.
    """

    STATUSES = [
        ("drafted", "待补充"),
        ("submitted", "待运营审批"),
        ("approved", "已批准，正在入库"),
        ("delivered", "已送入治理"),
        ("failed", "未能入库"),
        ("left_out", "不采用"),
    ]

    id = models.BigAutoField(primary_key=True)
    department = models.CharField("部门", max_length=40)
    upload = models.ForeignKey(Upload, models.PROTECT, related_name="tables", verbose_name="来源文件")
    position = models.IntegerField("序号")
    sheet = models.CharField("工作表", max_length=120, blank=True)
    title = models.CharField("名称", max_length=120)
    rows = models.BigIntegerField("行数")
    profile = models.JSONField("画像")
    document = models.JSONField("数据标准草稿")
    guessed = models.JSONField("系统拟定的草稿")
    contract_id = models.CharField("数据标准", max_length=120, blank=True)
    known_contract = models.CharField("已有标准", max_length=120, blank=True)
    compared_with = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="+", verbose_name="上一期"
    )
    status = models.CharField("状态", max_length=12, choices=STATUSES, default="drafted")
    submitted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name="提交人")
    submitted_at = models.DateTimeField("提交时间", null=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name="审批人")
    decided_at = models.DateTimeField("审批时间", null=True)
    decision_reason = models.TextField("审批意见", blank=True)
    delivery = models.ForeignKey(Upload, models.PROTECT, null=True, related_name="+", verbose_name="报送")
    problem = models.TextField("问题", blank=True)

    class Meta(DepartmentModel.Meta):
        verbose_name = verbose_name_plural = "新数据源"
        ordering: ClassVar = ["-upload__created_at", "position"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "position"], name="source_table_stands_once"),
            # Nobody puts a contract in force that they drew up.
            models.CheckConstraint(
                condition=Q(decided_by=None) | Q(submitted_by=None) | ~Q(decided_by=F("submitted_by")),
                name="source_table_decided_by_another",
            ),
            # Two drafts of one name would overwrite each other's contract.
            models.UniqueConstraint(
                fields=["contract_id"],
                condition=Q(status__in=["submitted", "approved", "delivered"], known_contract=""),
                name="source_contract_is_taken_once",
            ),
        ]

    def __str__(self) -> str:
        return self.title
