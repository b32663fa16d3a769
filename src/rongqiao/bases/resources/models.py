"""Institutions, their products, and policies."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.scoping import ScopedModel

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope


class Institution(models.Model):
    """A bank or other financial institution; shares its key with its organisation."""

    organisation = models.OneToOneField(
        Organisation, models.PROTECT, primary_key=True, related_name="institution"
    )
    code = models.CharField("机构代码", max_length=20, unique=True)
    short_name = models.CharField("简称", max_length=40)
    kind = models.CharField("类型", max_length=24)
    phone = models.CharField("服务电话", max_length=20, blank=True)
    is_synthetic = models.BooleanField("合成数据", default=False)

    class Meta:
        verbose_name = verbose_name_plural = "金融机构"

    def __str__(self) -> str:
        return self.short_name


class Product(models.Model):
    """A financing product; ``criteria`` is a tree of conditions (``rules.criteria``). Rates are ratios per year."""

    STATUSES = [("published", "在售"), ("suspended", "暂停"), ("withdrawn", "下架")]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="products")
    code = models.CharField("产品代码", max_length=20, unique=True)
    name = models.CharField("名称", max_length=80)
    summary = models.CharField("简介", max_length=200)
    kind = models.CharField("产品类型", max_length=24, db_index=True)
    min_amount_cny = models.DecimalField("最低额度（元）", max_digits=18, decimal_places=2)
    max_amount_cny = models.DecimalField("最高额度（元）", max_digits=18, decimal_places=2)
    min_term_months = models.PositiveSmallIntegerField("最短期限（月）")
    max_term_months = models.PositiveSmallIntegerField("最长期限（月）")
    rate_min_ratio = models.DecimalField("最低年利率", max_digits=7, decimal_places=6)
    rate_max_ratio = models.DecimalField("最高年利率", max_digits=7, decimal_places=6)
    guarantee_kinds = ArrayField(models.CharField(max_length=24), verbose_name="担保方式")
    repayment_methods = ArrayField(models.CharField(max_length=24), verbose_name="还款方式")
    purposes = ArrayField(models.CharField(max_length=24), verbose_name="用途")
    region_codes = ArrayField(models.CharField(max_length=6), verbose_name="服务区域")
    materials = ArrayField(models.CharField(max_length=60), verbose_name="所需材料", default=list)
    processing_days = models.PositiveSmallIntegerField("办理时限（工作日）")
    criteria = models.JSONField("准入条件", default=dict)
    is_first_loan_friendly = models.BooleanField("支持首贷", default=False)
    status = models.CharField("状态", max_length=12, choices=STATUSES, default="published")
    version = models.PositiveSmallIntegerField("版本", default=1)
    published_on = models.DateField("发布日期")

    class Meta:
        verbose_name = verbose_name_plural = "金融产品"
        constraints = [
            models.CheckConstraint(
                condition=Q(max_amount_cny__gte=F("min_amount_cny")), name="product_amounts_in_order"
            ),
            models.CheckConstraint(
                condition=Q(rate_max_ratio__gte=F("rate_min_ratio")), name="product_rates_in_order"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Policy(models.Model):
    """A support policy, with its document number and source."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField("标题", max_length=200)
    issuer = models.CharField("发文机关", max_length=80)
    document_no = models.CharField("文号", max_length=80, blank=True)
    region_code = models.CharField("适用区域", max_length=6)
    effective_from = models.DateField("生效日期", null=True)
    effective_to = models.DateField("失效日期", null=True)
    summary = models.TextField("摘要")
    benefit = models.CharField("支持内容", max_length=200, blank=True)
    source_url = models.CharField("来源", max_length=300, blank=True)
    criteria = models.JSONField("条件", default=dict)
    is_synthetic = models.BooleanField("合成数据", default=False)

    class Meta:
        verbose_name = verbose_name_plural = "政策"

    def __str__(self) -> str:
        return self.title


class Eligibility(models.Model):
    """How many enterprises of a county meet a product's conditions where it is sold, from the province-wide pass.

    Exact, and so for nobody's eyes: ``selectors`` tell them through disclosure control. ``county_code`` is empty for enterprises
    whose county is not known.
    """

    product = models.ForeignKey(Product, models.CASCADE, related_name="eligibility")
    county_code = models.CharField(max_length=6, blank=True)
    met = models.IntegerField()
    unknown = models.IntegerField()
    unmet = models.IntegerField()
    as_of = models.IntegerField()
    # What was asked, and of which build of the facts; either may be older than today's.
    digest = models.CharField(max_length=32, blank=True)
    build = models.CharField(max_length=60, blank=True)
    judged_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = "产品可及企业数"
        constraints = [
            models.UniqueConstraint(fields=["product", "county_code"], name="one_eligibility_per_county")
        ]

    def __str__(self) -> str:
        return f"{self.product_id} {self.county_code}"


class EligibilityRun(models.Model):
    """One province-wide pass and how far it is; a run without an end was interrupted or is under way.

    ``problem`` names products that cannot be judged, or, beginning with :attr:`STOPPED`, why the run ended early.
    """

    STOPPED = "核对中断"

    started_at = models.DateTimeField("开始")
    finished_at = models.DateTimeField("完成", null=True)
    as_of = models.IntegerField("数据月份")
    products = models.PositiveIntegerField("核对产品")
    done = models.PositiveIntegerField("已核对企业", default=0)
    total = models.PositiveIntegerField("企业总数")
    problem = models.CharField("未能核对", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "全省匹配运行"
        ordering: ClassVar = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} {self.products}"

    @property
    def is_stopped(self) -> bool:
        """Whether it ended early by an error that it could still write down."""
        return self.finished_at is None and self.problem.startswith(self.STOPPED)


class CriteriaChange(ScopedModel):
    """A bank's change of a product's conditions: drafted, tried on the province, and published by a second person.

    ``before`` is what was in force when it was published (null until then), ``figures`` what the trial told, through disclosure
    control, and ``tried`` the digest of the conditions that were tried.
    """

    institution_column = "institution_id"

    STATUSES = [
        ("draft", "起草中"),
        ("submitted", "待复核"),
        ("published", "已发布"),
        ("discarded", "已放弃"),
    ]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    product = models.ForeignKey(Product, models.CASCADE, related_name="changes", verbose_name="产品")
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="+", verbose_name="机构")
    base_version = models.PositiveSmallIntegerField("依据版本")
    before = models.JSONField("原条件", null=True)
    criteria = models.JSONField("新条件", default=dict)
    note = models.CharField("改动理由", max_length=200, blank=True)
    figures = models.JSONField("试算", null=True)
    tried = models.CharField(max_length=32, blank=True)
    status = models.CharField("状态", max_length=12, choices=STATUSES, default="draft", db_index=True)
    drafted_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name="起草人")
    drafted_at = models.DateTimeField("起草时间")
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name="复核人")
    decided_at = models.DateTimeField("复核时间", null=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "准入条件改动"
        ordering: ClassVar = ["-drafted_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["product"],
                condition=Q(status__in=["draft", "submitted"]),
                name="one_open_change_per_product",
            ),
            models.CheckConstraint(
                condition=~Q(status="published")
                | (Q(decided_by__isnull=False) & ~Q(decided_by=F("drafted_by"))),
                name="criteria_change_by_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} {self.status}"

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Let the operator oversee what banks change."""
        return Q() if scope.kind == "operator" else super().visible_to(scope)
