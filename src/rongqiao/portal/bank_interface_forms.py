"""Forms of a bank's data-interface pages: they parse; services decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from rongqiao.bases.enterprises.interfaces import delegations, services
from rongqiao.bases.enterprises.interfaces.telling import EVENTS
from rongqiao.contracts.catalog import code_list, consent_purposes
from rongqiao.contracts.interfaces import DUTY, Interface
from rongqiao.contracts.standards import load_contract
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.interface_sheet import SENSITIVE
from rongqiao.portal.interface_words import interface_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rongqiao.contracts.interfaces import Dataset
    from rongqiao.kernel.errors import RongqiaoError

DEFAULT_GRANT_DAYS = 365
DEFAULT_DELEGATION_DAYS = 180
UNOFFERED = {"invalid_choice": "请从列出的字段中选择。"}


def put_refusal(form: forms.Form, error: RongqiaoError, fields: Mapping[str, str]) -> None:
    """Put what a service refused beside the field it is about; ``fields`` gives the field of each thing."""
    name = fields.get(error.thing)
    form.add_error(name, error.remedy if name else f"{error.thing}：{error.remedy}")


class ApplicationForm(PlainForm):
    """What a bank asks of an interface: purposes, why, how long, and which items of each table.

    Sensitive items are not ticked beforehand: each is asked for on purpose.
    """

    FIELDS = {
        "用途": "purposes",
        "期限": "valid_days",
        "申请理由": "justification",
    }

    purposes = forms.MultipleChoiceField(label="用途", widget=forms.CheckboxSelectMultiple)
    justification = forms.CharField(
        label="申请理由",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="写明业务场景、使用的系统和岗位、预计每日查询量；提供部门据此审核，至少十个字。",
    )
    valid_days = forms.IntegerField(
        label="授权期限",
        min_value=1,
        max_value=services.LONGEST_DAYS,
        initial=DEFAULT_GRANT_DAYS,
        help_text=f"最长 {services.LONGEST_DAYS} 天，到期须重新申请。",
    )

    def __init__(self, *args: Any, interface: Interface, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = consent_purposes()
        self.datasets = interface.datasets
        self.fields["purposes"].choices = [  # type: ignore[attr-defined]
            (each, f"{known[each].title}：{known[each].description}")
            for each in interface.purposes
            if each != DUTY
        ]
        for number, dataset in enumerate(interface.datasets):
            self.fields[f"table_{number}"] = forms.MultipleChoiceField(
                label=dataset.title,
                required=len(interface.datasets) == 1,
                widget=forms.CheckboxSelectMultiple,
                choices=_item_choices(dataset),
                initial=_plain_items(dataset),
                error_messages=UNOFFERED | {"required": f"请选择“{dataset.title}”。"},
            )

    @property
    def tables(self) -> list[forms.BoundField]:
        """One group of items per table."""
        return [self[f"table_{number}"] for number in range(len(self.datasets))]

    def clean(self) -> dict[str, Any]:
        """Require at least one item: an application for nothing would read as one for everything."""
        data = super().clean() or {}
        names = [f"table_{number}" for number in range(len(self.datasets))]
        if not any(name in self.errors for name in names) and not any(data.get(name) for name in names):
            self.add_error("table_0", "请至少选择一个字段。")
        return data

    def terms(self) -> dict[str, Any]:
        """Arguments of the application service, without the interface."""
        data = self.cleaned_data
        chosen = {
            each.contract_id: data[f"table_{number}"]
            for number, each in enumerate(self.datasets)
            if data[f"table_{number}"]
        }
        return {
            "purposes": data["purposes"],
            "justification": data["justification"],
            "valid_days": data["valid_days"],
            "fields": chosen,
        }


def initial_terms(interface: Interface, terms: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the terms of an earlier application into what an amendment begins with."""
    values = {name: terms[name] for name in ("purposes", "justification", "valid_days")}
    for number, dataset in enumerate(interface.datasets):
        values[f"table_{number}"] = terms["fields"].get(dataset.contract_id, [])
    return values


def _item_choices(dataset: Dataset) -> list[tuple[str, str]]:
    contract, levels = load_contract(dataset.contract_id), code_list("sensitivity_levels")
    items = [contract.item(each) for each in dataset.fields]
    return [
        (each.id, f"{each.title}（{each.sensitivity} {levels.title(each.sensitivity)}）") for each in items
    ]


def _plain_items(dataset: Dataset) -> list[str]:
    contract = load_contract(dataset.contract_id)
    return [each for each in dataset.fields if contract.item(each).sensitivity not in SENSITIVE]


class InterfaceKeyForm(PlainForm):
    """Which system a new key is for, and whether it reads samples or what was granted."""

    FIELDS = {"密钥名称": "title"}

    title = forms.CharField(label="由哪个系统使用", max_length=60, help_text="例如：信贷审批系统（生产）。")
    kind = forms.ChoiceField(
        label="密钥类型",
        choices=[
            ("live", "正式密钥：按已获授权读取真实数据，每次调用计量留痕"),
            ("sandbox", "沙箱密钥：只返回示例数据，不需要授权"),
        ],
        widget=forms.RadioSelect,
        initial="sandbox",
    )


class SubscriptionForm(PlainForm):
    """Where a bank's system listens, and to what."""

    FIELDS = {"通知地址": "url", "事件": "events"}

    url = forms.CharField(
        label="通知地址",
        max_length=400,
        help_text="本机构系统的 https:// 公网地址；平台只发送，不读取返回内容。",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    events = forms.MultipleChoiceField(
        label="通知哪些变化", choices=list(EVENTS.items()), widget=forms.CheckboxSelectMultiple
    )


class DelegationForm(PlainForm):
    """Which software vendor may call what, why and how long."""

    FIELDS = {"软件服务商": "vendor_uscc", "接口": "interfaces", "委托事由": "reason", "期限": "valid_days"}

    vendor_uscc = forms.CharField(
        label="服务商统一社会信用代码",
        max_length=40,
        help_text="须是已在本平台认证的企业。",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    interfaces = forms.MultipleChoiceField(label="可代为调用的接口", widget=forms.CheckboxSelectMultiple)
    reason = forms.CharField(
        label="委托事由",
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="写明由哪个系统、为何代为调用。",
    )
    valid_days = forms.IntegerField(
        label="委托期限",
        min_value=1,
        max_value=delegations.LONGEST_DAYS,
        initial=DEFAULT_DELEGATION_DAYS,
        help_text=f"最长 {delegations.LONGEST_DAYS} 天，可随时收回。",
    )

    def __init__(self, *args: Any, granted: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Sequence[tuple[str, str]] = [(each, interface_title(each)) for each in granted]
        self.fields["interfaces"].choices = choices  # type: ignore[attr-defined]


class AnswerForm(PlainForm):
    """Why an enterprise was looked up."""

    FIELDS = {"说明": "answer"}

    answer = forms.CharField(
        label="说明",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="写明业务、经办人和查询缘由，至少十个字；提交后不能更改，提供部门和被查询的企业可以看到。",
    )
