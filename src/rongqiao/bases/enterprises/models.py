"""What the web sees of enterprises and of the governed data: published from the lake, never edited here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from rongqiao.accounts.models import Consent, Organisation, User
from rongqiao.accounts.scoping import ScopedModel
from rongqiao.bases.enterprises.fields import PackedField
from rongqiao.bases.enterprises.name_search import NameGrams

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope


class Enterprise(models.Model):
    """Public register entry of an enterprise; one row per enterprise, as last published."""

    uscc = models.CharField("统一社会信用代码", max_length=18, primary_key=True)
    name = models.CharField("名称", max_length=200, db_index=True)
    legal_form = models.CharField("类型", max_length=40, blank=True)
    status = models.CharField("登记状态", max_length=20, blank=True)
    industry_code = models.CharField("行业代码", max_length=5, blank=True, db_index=True)
    county_code = models.CharField("区县", max_length=6, blank=True, db_index=True)
    address = models.CharField("住所", max_length=300, blank=True)
    legal_rep_name = models.CharField("法定代表人", max_length=60, blank=True)
    registered_capital_cny = models.DecimalField("注册资本（元）", max_digits=18, decimal_places=2, null=True)
    established_on = models.DateField("成立日期", null=True)
    known_at = models.DateField("数据截至")

    class Meta:
        verbose_name = verbose_name_plural = "企业"
        indexes = [GinIndex(NameGrams("name"), name="enterprise_name_grams")]

    def __str__(self) -> str:
        return self.name


class Portrait(ScopedModel):
    """Governed credit data of one enterprise as of one month: indicators with status, series, rating. Consent-guarded.

    Kept packed (`packing`); read as follows. ``indicators``: {id: {"value": number|null, "status": "ok|missing|not_applicable|stale"}}. ``series``:
    {id: [[month, number|null], …]}. ``events``: [{on, source, title, batch_id, line}]. ``tags``: [{source, title, since,
    until}]. ``relations``: [{source, kind, name, code, detail, through, since, until}]. ``facts``: attributes and
    indicator values flat, for criteria. ``score`` and ``grade`` are null when the model abstained.
    """

    enterprise_column = "enterprise_id"
    region_column = "region_code"

    enterprise = models.OneToOneField(Enterprise, models.CASCADE, primary_key=True, related_name="portrait")
    region_code = models.CharField(max_length=6, db_index=True)
    as_of = models.IntegerField("数据月份")
    known_at = models.DateField("数据截至")
    indicators = PackedField(default=dict)
    facts = PackedField(default=dict)
    series = PackedField(default=dict)
    events = PackedField(default=list)
    tags = PackedField("称号与标签", default=list)
    relations = PackedField("关联企业与人员", default=list)
    score = models.FloatField(null=True)
    grade = models.CharField(max_length=3, blank=True, db_index=True)
    default_probability = models.FloatField(null=True)
    coverage_ratio = models.FloatField(default=0)
    reasons = PackedField(default=list)
    model = models.CharField(max_length=60, blank=True)
    #: Publication that last brought it over; one that comes to its end leaves no portrait of an earlier one.
    publication = models.IntegerField(default=0)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "企业画像"

    def __str__(self) -> str:
        return f"{self.enterprise_id} {self.as_of}"

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Own portrait; a government's region (statutory duty); an institution's live consents."""
        if scope.kind == "institution":
            now = Now()
            live = Consent.objects.for_scope(scope).filter(
                recipient_id=scope.organisation_id, revoked_at=None, valid_from__lte=now, valid_until__gt=now
            )
            return Q(enterprise_id__in=live.values("subject_uscc"))
        return super().visible_to(scope)


class PortraitLayout(models.Model):
    """Which number stands where in packed portraits (`layouts`). Never changed: portraits of earlier releases are read by it."""

    key = models.CharField(max_length=8, primary_key=True)
    names = models.JSONField(default=list)
    months = models.IntegerField(default=0)

    class Meta:
        verbose_name = verbose_name_plural = "企业画像编排"

    def __str__(self) -> str:
        return self.key


class Publication(models.Model):
    """One bringing over of the lake's picture, span by span; without an end it was broken off behind ``through``."""

    as_of = models.IntegerField("数据月份")
    known_at = models.DateField("数据截至")
    mark = models.CharField("数据湖状态", max_length=64)
    through = models.CharField("已发布至", max_length=18, blank=True)
    enterprises = models.BigIntegerField("企业数", default=0)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = "发布"

    def __str__(self) -> str:
        return f"{self.as_of} {self.known_at}"


class PeerGroup(models.Model):
    """How indicators and series spread within one group of enterprises, as last published. Describes no single one.

    ``indicators``: {id: [count, value at each of `rules.peer_groups.KNOTS`]}; an indicator is absent where fewer than the
    least number of peers have it. ``series``: {id: [[month, count, lower quarter, median, upper quarter], …]}. While a publication
    goes on there are groups of two months.
    """

    group_id = models.CharField(max_length=24)
    section = models.CharField("行业门类", max_length=1)
    size_class = models.CharField("企业规模", max_length=8)
    region_code = models.CharField("地区", max_length=6)
    as_of = models.IntegerField("数据月份")
    known_at = models.DateField("数据截至")
    members = models.BigIntegerField("企业数")
    indicators = models.JSONField(default=dict)
    series = models.JSONField(default=dict)

    class Meta:
        verbose_name = verbose_name_plural = "同类企业组"
        constraints = [models.UniqueConstraint(fields=["group_id", "as_of"], name="one_peer_group_a_month")]

    def __str__(self) -> str:
        return self.group_id


class ReadRecord(ScopedModel):
    """One reading of an enterprise's credit data, which the enterprise can see. Never changed.

    Written at every read: no constraint or index but what is asked by. Whom and what it names is never deleted (ADR 0040).
    """

    enterprise_column = "subject_uscc"
    institution_column = "reader_organisation_id"

    at = models.DateTimeField(auto_now_add=True)
    subject_uscc = models.CharField(max_length=18)
    reader_organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="+", db_constraint=False
    )
    reader = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    what = models.CharField("读取内容", max_length=60)
    purpose = models.CharField("用途", max_length=24)
    basis = models.CharField("依据", max_length=24)
    consent = models.ForeignKey(
        Consent, models.PROTECT, null=True, related_name="reads", db_index=False, db_constraint=False
    )
    data_classes = models.JSONField(default=list)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "读取记录"
        ordering = ["-at"]
        indexes = [models.Index(fields=["subject_uscc"], name="readrecord_subject")]

    def __str__(self) -> str:
        return f"{self.subject_uscc} {self.what}"


class SourceStatus(models.Model):
    """Freshness and quality of one data source, as last published. Public figures."""

    contract_id = models.CharField(max_length=80, primary_key=True)
    title = models.CharField(max_length=100)
    department = models.CharField(max_length=60)
    delivered_on = models.DateField(null=True)
    rows_in = models.BigIntegerField(default=0)
    rows_accepted = models.BigIntegerField(default=0)
    rows_quarantined = models.BigIntegerField(default=0)
    rules_passed = models.IntegerField(default=0)
    rules_warned = models.IntegerField(default=0)
    rules_failed = models.IntegerField(default=0)
    rules_not_run = models.IntegerField(default=0)
    enterprises = models.BigIntegerField("覆盖企业数", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "数据源状态"

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """Receipt of one delivered file, as last published from ``operations/receipts``."""

    batch_id = models.CharField(max_length=120, primary_key=True)
    contract_id = models.CharField(max_length=80, db_index=True)
    file_name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    encoding = models.CharField(max_length=20, blank=True)
    delivered_on = models.DateField(db_index=True)
    rows_in = models.BigIntegerField()
    rows_accepted = models.BigIntegerField()
    rows_quarantined = models.BigIntegerField()
    ledger_index = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = "交付批次"

    def __str__(self) -> str:
        return self.file_name


class PublishedTable(models.Model):
    """A table of the lake's operations as far as the web holds it: its version, and the day and the contracts it was published for."""

    table = models.CharField(max_length=40, primary_key=True)
    version = models.BigIntegerField()
    declared = models.CharField(max_length=16)
    known_at = models.DateField()

    class Meta:
        verbose_name = verbose_name_plural = "已发布的数据湖表"

    def __str__(self) -> str:
        return f"{self.table} {self.version}"


class RuleResult(models.Model):
    """Outcome of one quality rule on one contract's latest deliveries: passed, failed, warned or not_run."""

    contract_id = models.CharField(max_length=80, db_index=True)
    rule_id = models.CharField(max_length=120)
    family = models.CharField(max_length=20)
    outcome = models.CharField(max_length=10)
    rows_checked = models.BigIntegerField()
    rows_failed = models.BigIntegerField()
    known_at = models.DateField()

    class Meta:
        verbose_name = verbose_name_plural = "质量规则结果"

    def __str__(self) -> str:
        return f"{self.rule_id} {self.outcome}"


class ColumnProfile(models.Model):
    """Profile of one column in a contract's latest delivery; ``drift`` is null where there is no baseline."""

    contract_id = models.CharField(max_length=80, db_index=True)
    column = models.CharField(max_length=80)
    rows = models.BigIntegerField()
    nulls = models.BigIntegerField()
    distinct_count = models.BigIntegerField()
    minimum = models.CharField(max_length=200, blank=True)
    maximum = models.CharField(max_length=200, blank=True)
    top_pattern = models.CharField(max_length=200, blank=True)
    drift = models.FloatField(null=True)
    known_at = models.DateField()

    class Meta:
        verbose_name = verbose_name_plural = "字段画像"

    def __str__(self) -> str:
        return f"{self.contract_id}.{self.column}"


class QuarantinedRow(models.Model):
    """A rejected row: where it stood, which rule refused it, and its content. Seen by operators only."""

    batch_id = models.CharField(max_length=120, db_index=True)
    contract_id = models.CharField(max_length=80, db_index=True)
    file_name = models.CharField(max_length=200)
    line = models.IntegerField()
    column = models.CharField(max_length=80, blank=True)
    rule_id = models.CharField(max_length=120, db_index=True)
    value = models.TextField(blank=True)
    message = models.CharField(max_length=300)
    row = models.JSONField(default=dict)
    known_at = models.DateField()

    class Meta:
        verbose_name = verbose_name_plural = "隔离记录"
        indexes = [models.Index(fields=["contract_id", "rule_id"])]

    def __str__(self) -> str:
        return f"{self.file_name}:{self.line} {self.rule_id}"
