"""Forms of the bank workspace: they parse; services decide. Amounts are read in 万元 where the label says so."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms

from rongqiao.contracts.catalog import code_list
from rongqiao.kernel.money import WAN
from rongqiao.portal.forms import PlainForm
from rongqiao.rules.pricing import DUE

if TYPE_CHECKING:
    from collections.abc import Sequence

FEE_LINES = 3
DEFAULT_VALID_DAYS = 7
NUMBER = {"inputmode": "decimal", "step": "any"}


class QuoteForm(PlainForm):
    """A quote: product, amount, term, LPR with spread, repayment, validity."""

    product = forms.ChoiceField(label="本行产品")
    amount = forms.DecimalField(
        label="报价金额", min_value=Decimal("0.01"), decimal_places=4, widget=forms.NumberInput(attrs=NUMBER)
    )
    term = forms.IntegerField(label="期限", min_value=1, max_value=480)
    tenor = forms.ChoiceField(label="LPR 期限品种")
    spread = forms.IntegerField(
        label="加点", min_value=-2400, max_value=2400, help_text="1 个基点 = 0.01%；低于 LPR 填负数。"
    )
    repayment = forms.ChoiceField(label="还款方式")
    valid_days = forms.IntegerField(
        label="报价有效期",
        min_value=1,
        initial=DEFAULT_VALID_DAYS,
        help_text="有效期内企业可直接接受，不可改价。",
    )
    note = forms.CharField(
        label="对企业的说明",
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="例如需要补充的材料。不得在报价之外另设条件。",
    )

    def __init__(self, *args: Any, products: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["product"].choices = [(product.code, product.name) for product in products]  # type: ignore[attr-defined]
        self.fields["tenor"].choices = code_list("lpr_tenors").choices()  # type: ignore[attr-defined]
        self.fields["repayment"].choices = code_list("repayment_methods").choices()  # type: ignore[attr-defined]

    def terms(self) -> dict[str, Any]:
        """Arguments of the quote service, without fees."""
        data = self.cleaned_data
        return {
            "product_code": data["product"],
            "amount_cny": data["amount"] * WAN,
            "term_months": data["term"],
            "lpr_tenor": data["tenor"],
            "spread_bp": data["spread"],
            "repayment_method": data["repayment"],
            "valid_days": data["valid_days"],
            "note": data["note"],
        }


class FeeForm(PlainForm):
    """One fee beside interest; an empty line is no fee."""

    kind = forms.ChoiceField(label="费用", required=False)
    amount = forms.DecimalField(
        label="金额（元）",
        required=False,
        min_value=Decimal(0),
        decimal_places=2,
        widget=forms.NumberInput(attrs=NUMBER),
    )
    payee = forms.CharField(label="收款方", required=False, max_length=60)
    due = forms.ChoiceField(label="支付时间", choices=list(DUE.items()), initial="upfront", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", "无"), *code_list("fee_kinds").choices()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Require of a fee what it is for, how much and to whom."""
        data = super().clean() or {}
        if data.get("amount") and not data.get("kind"):
            self.add_error("kind", "请选择费用项目。")
        if data.get("kind") and not data.get("amount"):
            self.add_error("amount", "请填写金额。")
        if data.get("kind") and not data.get("payee"):
            self.add_error("payee", "请写明收款方。")
        return data

    def fee(self) -> dict[str, Any] | None:
        """Fee as the quote service takes it; null for an empty line."""
        data = self.cleaned_data
        if not data.get("kind") or not data.get("amount"):
            return None
        return {
            "kind": data["kind"],
            "amount_cny": data["amount"],
            "payee": data["payee"],
            "due": data.get("due") or "upfront",
        }


FeeFormSet = forms.formset_factory(FeeForm, extra=FEE_LINES, max_num=10, absolute_max=10)


class DecisionForm(PlainForm):
    """Approve, or refuse for a listed reason."""

    verdict = forms.ChoiceField(
        label="审批意见", choices=[("approve", "批准"), ("refuse", "不批准")], widget=forms.RadioSelect
    )
    reason = forms.ChoiceField(label="不批准的原因", required=False, help_text="企业会看到这个原因。")
    note = forms.CharField(
        label="补充说明",
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="选择“其他”时必填。写给企业看，说明怎样可以改善。",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = [("", "请选择"), *code_list("refusal_reasons").choices()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Require a reason of a refusal."""
        data = super().clean() or {}
        if data.get("verdict") == "refuse" and not data.get("reason"):
            self.add_error("reason", "不批准须选择原因。")
        return data


class ContractForm(PlainForm):
    """Contract of an approved application."""

    contract_no = forms.CharField(label="合同编号", max_length=40)
    start_on = forms.DateField(
        label="合同起始日", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    is_first_loan = forms.BooleanField(
        label="首贷户：审批时征信系统中无贷款记录",
        required=False,
        help_text="由本行核实后勾选，计入首贷统计。",
    )


class DrawdownForm(PlainForm):
    """Day of paying out."""

    on = forms.DateField(label="放款日期", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


class RepaymentForm(PlainForm):
    """A repayment as booked, in yuan."""

    on = forms.DateField(label="还款日期", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    principal = forms.DecimalField(
        label="本金（元）", min_value=Decimal(0), decimal_places=2, widget=forms.NumberInput(attrs=NUMBER)
    )
    interest = forms.DecimalField(
        label="利息（元）", min_value=Decimal(0), decimal_places=2, widget=forms.NumberInput(attrs=NUMBER)
    )


class EventForm(PlainForm):
    """A bank's report that a loan changed its condition."""

    kind = forms.ChoiceField(
        label="状态", choices=[("overdue", "转为逾期"), ("default", "认定违约"), ("cure", "恢复正常")]
    )
    on = forms.DateField(label="发生日期", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
