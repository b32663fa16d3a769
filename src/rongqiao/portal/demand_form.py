"""The demand form: what is wanted, proposed from governed data, and the consent that goes with it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django import forms

from rongqiao.contracts.catalog import code_list, consent_data_classes
from rongqiao.kernel.money import WAN
from rongqiao.portal.forms import PlainForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import QueryDict

TERMS = [(months, f"{months} 个月") for months in (3, 6, 9, 12, 18, 24, 36, 48, 60)]
DAYS = [(30, "30 天"), (60, "60 天"), (90, "90 天"), (180, "180 天")]
DEFAULT_DAYS = 60
PERCENT = Decimal(100)


class DemandForm(PlainForm):
    """What is wanted. Amounts are read in 万元 and rates in percent, as people write them."""

    amount = forms.DecimalField(
        label="需要金额",
        min_value=Decimal(1),
        max_value=Decimal(1_000_000),
        decimal_places=2,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
    )
    term = forms.TypedChoiceField(label="使用期限", coerce=int, choices=TERMS)
    purpose = forms.ChoiceField(label="用途")
    guarantee = forms.ChoiceField(label="能提供的担保", help_text="没有抵质押物就选“信用”。")
    rate = forms.DecimalField(
        label="期望年利率不高于",
        required=False,
        min_value=Decimal("0.5"),
        max_value=Decimal(24),
        decimal_places=2,
        help_text="只用于排序，不会限制银行报价。",
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
    )
    note = forms.CharField(
        label="补充说明",
        required=False,
        max_length=300,
        help_text="例如订单、设备、已有抵押物的情况。不要写个人身份证号、电话。",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["purpose"].choices = code_list("loan_purposes").choices()  # type: ignore[attr-defined]
        self.fields["guarantee"].choices = code_list("guarantee_kinds").choices()  # type: ignore[attr-defined]
        term = self.get_initial_for_field(self.fields["term"], "term")
        # A term proposed by data need not be a round one.
        if term and (int(term), f"{term} 个月") not in TERMS:
            self.fields["term"].choices = sorted([*TERMS, (int(term), f"{term} 个月")])  # type: ignore[attr-defined]

    def wanted(self) -> dict[str, Any]:
        """Arguments of the demand services."""
        data = self.cleaned_data
        return {
            "amount_cny": data["amount"] * WAN,
            "term_months": data["term"],
            "purpose": data["purpose"],
            "guarantee_kind": data["guarantee"],
            "desired_rate_ratio": data["rate"] / PERCENT if data["rate"] else None,
            "note": data["note"],
        }


class ConsentForm(PlainForm):
    """Which classes of data the banks may read, how long, and that the text was read. Nothing is ticked beforehand."""

    data_classes = forms.MultipleChoiceField(
        label="授权查看的数据类别",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "请至少勾选一类；没有任何数据，银行无法报价。"},
    )
    consent_days = forms.TypedChoiceField(label="授权期限", coerce=int, choices=DAYS, initial=DEFAULT_DAYS)
    agree = forms.BooleanField(
        label="我已完整阅读授权书，同意按以上勾选授权",
        error_messages={"required": "请阅读授权书后勾选同意。"},
        widget=forms.CheckboxInput(attrs={"data-needs-reading": "consent-text"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(each.id, each.title) for each in consent_data_classes().values() if not each.is_public]
        self.fields["data_classes"].choices = choices  # type: ignore[attr-defined]

    @property
    def class_choices(self) -> list[dict[str, Any]]:
        """Data classes with their descriptions and whether the reader has ticked them."""
        ticked = set(self["data_classes"].value() or [])
        return [
            {
                "id": each.id,
                "title": each.title,
                "description": each.description,
                "is_ticked": each.id in ticked,
            }
            for each in consent_data_classes().values()
            if not each.is_public
        ]


def proposed_values(prefill: Mapping[str, Any], asked: QueryDict) -> tuple[dict[str, Any], dict[str, str]]:
    """Give the form's initial values and the reason for each that data proposed.

    What the reader asked for on the home page goes before what data proposes, and then needs no reason.
    """
    initial: dict[str, Any] = {"guarantee": "credit", "term": 12}
    reasons: dict[str, str] = {}
    for name, key in (
        ("amount", "amount_cny"),
        ("term", "term_months"),
        ("purpose", "purpose"),
        ("guarantee", "guarantee_kind"),
    ):
        found = prefill.get(key) or {}
        value = found.get("value")
        if value is not None:
            initial[name] = _in_wan(value) if name == "amount" else value
            reasons[name] = str(found.get("reason", ""))
        if name in asked and _is_plausible(name, str(asked[name])):
            initial[name] = asked[name]
            proposal = f"；数据建议 {_in_wan(value)} 万元" if name == "amount" and value is not None else ""
            reasons[name] = f"按您刚才填写的内容{proposal}"
    return initial, reasons


def _in_wan(value: Any) -> str:
    amount = (Decimal(str(value)) / WAN).quantize(Decimal("0.01"))
    return f"{amount:f}".rstrip("0").rstrip(".")


def _is_plausible(name: str, text: str) -> bool:
    if name == "purpose":
        return text in code_list("loan_purposes").codes
    if name == "guarantee":
        return text in code_list("guarantee_kinds").codes
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    return number.is_finite() and 0 < number <= 1_000_000 and (name != "term" or number == int(number))


def storable(prefill: Mapping[str, Any]) -> dict[str, Any]:
    """Turn what data proposed into plain JSON values: amounts as text, so that no cent is lost."""
    return {
        key: {**found, "value": str(found["value"])}
        if isinstance(found.get("value"), Decimal)
        else dict(found)
        for key, found in prefill.items()
    }
