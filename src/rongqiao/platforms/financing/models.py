"""The market: demands, pushes, takes, sealed quotes, applications, loans. Lifecycles live in ``rules.transitions``."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from rongqiao.accounts.models import User
from rongqiao.accounts.scoping import ScopedModel
from rongqiao.bases.resources.models import Institution, Product

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope


class Demand(ScopedModel):
    """An enterprise's financing demand. ``prefilled`` keeps what governed data proposed, beside what was asked."""

    enterprise_column = "uscc"
    institution_column = "pushes__institution_id"
    region_column = "region_code"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    uscc = models.CharField("企业", max_length=18, db_index=True)
    enterprise_name = models.CharField("企业名称", max_length=200)
    region_code = models.CharField("区县", max_length=6, db_index=True)
    industry_code = models.CharField("行业", max_length=5, blank=True)
    amount_cny = models.DecimalField("金额（元）", max_digits=18, decimal_places=2)
    term_months = models.PositiveSmallIntegerField("期限（月）")
    purpose = models.CharField("用途", max_length=24)
    guarantee_kind = models.CharField("担保方式", max_length=24)
    desired_rate_ratio = models.DecimalField(
        "期望年利率", max_digits=7, decimal_places=6, null=True, blank=True
    )
    note = models.CharField("补充说明", max_length=300, blank=True)
    prefilled = models.JSONField(default=dict)
    status = models.CharField("状态", max_length=12, default="draft", db_index=True)
    # Kept here because an institution cannot see its rivals' takes and quotes, only how many there are.
    takes_count = models.PositiveSmallIntegerField(default=0)
    quotes_count = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True, db_index=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "融资需求"
        constraints = [models.CheckConstraint(condition=Q(amount_cny__gt=0), name="demand_amount_positive")]

    def __str__(self) -> str:
        return f"{self.enterprise_name} {self.amount_cny}"

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Show an institution only demands that were pushed to it."""
        if scope.kind == "institution":
            return Q(pk__in=Push.objects.for_scope(scope).values("demand_id"))
        return super().visible_to(scope)


class Match(ScopedModel):
    """One product judged for one demand: outcome, fit score 0..1, and every condition's reason."""

    enterprise_column = "demand__uscc"
    institution_column = "product__institution_id"

    demand = models.ForeignKey(Demand, models.CASCADE, related_name="matches")
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    uscc = models.CharField(max_length=18)
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=8)
    fit = models.FloatField()
    reasons = models.JSONField(default=list)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "匹配"
        ordering = ["-fit"]
        constraints = [models.UniqueConstraint(fields=["demand", "product"], name="one_match_per_product")]

    def __str__(self) -> str:
        return f"{self.demand_id} {self.product_id} {self.outcome}"


class Push(ScopedModel):
    """A demand brought before an institution."""

    enterprise_column = "uscc"
    institution_column = "institution_id"
    region_column = "region_code"

    demand = models.ForeignKey(Demand, models.CASCADE, related_name="pushes")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="pushes")
    uscc = models.CharField(max_length=18)
    region_code = models.CharField(max_length=6)
    pushed_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "推送"
        constraints = [
            models.UniqueConstraint(fields=["demand", "institution"], name="one_push_per_institution")
        ]

    def __str__(self) -> str:
        return f"{self.demand_id} → {self.institution_id}"


class Take(ScopedModel):
    """An institution's grab (抢单) of a demand: first contact and quote are due on clocks. At most five per demand."""

    enterprise_column = "uscc"
    institution_column = "institution_id"
    region_column = "region_code"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    demand = models.ForeignKey(Demand, models.CASCADE, related_name="takes")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="takes")
    uscc = models.CharField(max_length=18)
    region_code = models.CharField(max_length=6)
    taken_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    taken_at = models.DateTimeField()
    contact_due_at = models.DateTimeField()
    quote_due_at = models.DateTimeField()
    status = models.CharField(max_length=12, default="active")

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "抢单"
        constraints = [
            models.UniqueConstraint(fields=["demand", "institution"], name="one_take_per_institution")
        ]

    def __str__(self) -> str:
        return f"{self.demand_id} × {self.institution_id}"


class Quote(ScopedModel):
    """A sealed quote: seen by the enterprise and its own institution, never by rivals. Rates are ratios per year."""

    enterprise_column = "uscc"
    institution_column = "institution_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    take = models.ForeignKey(Take, models.CASCADE, related_name="quotes")
    demand = models.ForeignKey(Demand, models.CASCADE, related_name="quotes")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="quotes")
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    uscc = models.CharField(max_length=18)
    region_code = models.CharField(max_length=6)
    amount_cny = models.DecimalField(max_digits=18, decimal_places=2)
    term_months = models.PositiveSmallIntegerField()
    lpr_tenor = models.CharField(max_length=2)
    lpr_ratio = models.DecimalField(max_digits=7, decimal_places=6)
    spread_bp = models.SmallIntegerField()
    rate_ratio = models.DecimalField(max_digits=7, decimal_places=6)
    fees = models.JSONField(default=list)
    repayment_method = models.CharField(max_length=24)
    all_in_ratio = models.DecimalField("综合融资成本（年化）", max_digits=8, decimal_places=6)
    total_cost_cny = models.DecimalField(max_digits=18, decimal_places=2)
    note = models.CharField(max_length=300, blank=True)
    quoted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    quoted_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    status = models.CharField(max_length=12, default="submitted", db_index=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "报价"
        constraints = [
            models.UniqueConstraint(
                fields=["demand"], condition=Q(status="accepted"), name="one_accepted_quote_per_demand"
            ),
            models.UniqueConstraint(
                fields=["take"], condition=Q(status="submitted"), name="one_open_quote_per_take"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.institution_id} {self.amount_cny} @ {self.rate_ratio}"


class Application(ScopedModel):
    """Formal application on an accepted quote; decided by someone other than the quote's author."""

    enterprise_column = "uscc"
    institution_column = "institution_id"
    region_column = "region_code"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    quote = models.OneToOneField(Quote, models.PROTECT, related_name="application")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="+")
    uscc = models.CharField(max_length=18)
    region_code = models.CharField(max_length=6)
    submitted_at = models.DateTimeField()
    decision_due_at = models.DateTimeField()
    status = models.CharField(max_length=12, default="submitted", db_index=True)
    prepared_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    refusal_reason = models.CharField(max_length=40, blank=True)
    refusal_note = models.CharField(max_length=300, blank=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "贷款申请"
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by=None) | Q(prepared_by=None) | ~Q(decided_by=models.F("prepared_by")),
                name="application_not_decided_by_its_preparer",
            ),
            models.CheckConstraint(
                condition=~Q(status="refused") | ~Q(refusal_reason=""), name="refusal_names_a_listed_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.uscc} {self.status}"


class Loan(ScopedModel):
    """A booked loan. Balance, overdue days and class are derived by replaying its events."""

    enterprise_column = "uscc"
    institution_column = "institution_id"
    region_column = "region_code"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.OneToOneField(Application, models.PROTECT, related_name="loan")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="loans")
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    uscc = models.CharField(max_length=18, db_index=True)
    enterprise_name = models.CharField(max_length=200)
    region_code = models.CharField(max_length=6, db_index=True)
    contract_no = models.CharField(max_length=40, unique=True)
    principal_cny = models.DecimalField(max_digits=18, decimal_places=2)
    rate_ratio = models.DecimalField(max_digits=7, decimal_places=6)
    term_months = models.PositiveSmallIntegerField()
    repayment_method = models.CharField(max_length=24)
    start_on = models.DateField()
    maturity_on = models.DateField()
    is_first_loan = models.BooleanField(default=False)
    status = models.CharField(max_length=12, default="contracted", db_index=True)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "贷款"

    def __str__(self) -> str:
        return self.contract_no


class Instalment(ScopedModel):
    """One line of a loan's repayment schedule."""

    enterprise_column = "uscc"
    institution_column = "institution_id"

    loan = models.ForeignKey(Loan, models.CASCADE, related_name="instalments")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="+")
    uscc = models.CharField(max_length=18)
    seq = models.PositiveSmallIntegerField()
    due_on = models.DateField()
    principal_cny = models.DecimalField(max_digits=18, decimal_places=2)
    interest_cny = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "还款计划"
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["loan", "seq"], name="one_instalment_per_seq")]

    def __str__(self) -> str:
        return f"{self.loan_id} #{self.seq}"


class LoanEvent(ScopedModel):
    """Append-only fact about a loan: drawdown, repayment, overdue, cure, default. Late facts carry a later known_on."""

    enterprise_column = "uscc"
    institution_column = "institution_id"
    region_column = "region_code"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    loan = models.ForeignKey(Loan, models.CASCADE, related_name="events")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="+")
    uscc = models.CharField(max_length=18)
    region_code = models.CharField(max_length=6)
    kind = models.CharField(max_length=12)
    effective_on = models.DateField()
    known_on = models.DateField()
    principal_cny = models.DecimalField(max_digits=18, decimal_places=2, default=0)
    interest_cny = models.DecimalField(max_digits=18, decimal_places=2, default=0)
    reported_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta(ScopedModel.Meta):
        verbose_name = verbose_name_plural = "贷款事件"
        ordering = ["effective_on", "known_on"]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.kind} {self.effective_on}"
