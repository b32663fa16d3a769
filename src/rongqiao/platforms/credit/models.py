"""Credit reports: issued once, content frozen, byte-identical for ever."""

from __future__ import annotations

import uuid

from django.db import models

from rongqiao.accounts.models import Consent, Organisation, User
from rongqiao.accounts.scoping import ScopedModel


class Report(ScopedModel):
    """A credit report as it was issued: content, its digest, and the consent it rests on (null for one's own)."""

    enterprise_column = "subject_uscc"
    institution_column = "recipient_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject_uscc = models.CharField(max_length=18, db_index=True)
    subject_name = models.CharField(max_length=200)
    recipient = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    issued_to = models.ForeignKey(User, models.PROTECT, related_name="+")
    consent = models.ForeignKey(Consent, models.PROTECT, null=True, related_name="+")
    purpose = models.CharField(max_length=24)
    as_of = models.IntegerField()
    known_at = models.DateField()
    template = models.CharField(max_length=20)
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    issued_at = models.DateTimeField(auto_now_add=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "信用报告"
        ordering = ["-issued_at"]

    def __str__(self) -> str:
        return f"{self.subject_name} {self.issued_at:%Y-%m-%d}"


class ReportNotice(ScopedModel):
    """Word to the recipient of a report that a fact it used was corrected; the report itself stays as it was issued.

    ``changes``: [{id, title, before, after}]; ``after`` is null where the recipient may no longer read the data.
    """

    enterprise_column = "subject_uscc"
    institution_column = "recipient_id"

    id = models.BigAutoField(primary_key=True)
    report = models.ForeignKey(Report, models.PROTECT, related_name="notices")
    recipient = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    subject_uscc = models.CharField(max_length=18, db_index=True)
    objection_id = models.UUIDField("异议")
    table = models.CharField("数据表", max_length=100)
    valid = models.CharField("所属时间", max_length=20, blank=True)
    changes = models.JSONField("变化", default=list)
    answer = models.TextField("部门答复", blank=True)
    told_at = models.DateTimeField("告知时间")
    seen_at = models.DateTimeField("已阅时间", null=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "更正告知"
        ordering = ["-told_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["report", "objection_id"], name="recipient_is_told_once")
        ]

    def __str__(self) -> str:
        return f"{self.report_id} {self.objection_id}"
