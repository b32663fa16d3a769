"""Forms of the public pages: they parse; services decide."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator

from rongqiao.contracts.catalog import code_list


class PlainForm(forms.Form):
    """Form whose labels carry no colon and whose controls know no styling of their own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        # Browsers' own messages speak the browser's language, not the page's.
        self.use_required_attribute = False


class RegistrationForm(PlainForm):
    """An enterprise's code and name, and the person who registers it."""

    uscc = forms.CharField(
        label="统一社会信用代码",
        max_length=40,
        help_text="营业执照右上角的 18 位代码。",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    enterprise_name = forms.CharField(label="企业名称", max_length=200, help_text="按营业执照填写全称。")
    full_name = forms.CharField(
        label="您的姓名",
        max_length=50,
        help_text="法定代表人本人注册可即时核验；他人注册由平台核验授权。",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    phone = forms.CharField(
        label="手机号",
        validators=[RegexValidator(r"^1[3-9]\d{9}$", "请填写 11 位手机号。")],
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "numeric"}),
    )
    username = forms.CharField(
        label="用户名",
        max_length=150,
        help_text="登录时使用，字母、数字或 @ . + - _。",
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label="密码",
        help_text="至少 10 位，不要使用常见密码或与用户名相近的密码。",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def account(self) -> dict[str, str]:
        """Arguments of the registration service."""
        return {key: self.cleaned_data[key] for key in self.fields}


class StartForm(PlainForm):
    """The first question on the home page: how much, how long, what for."""

    amount = forms.DecimalField(label="需要多少（万元）", min_value=1, max_value=100_000, decimal_places=2)
    term = forms.TypedChoiceField(
        label="用多久",
        coerce=int,
        choices=[(6, "6 个月"), (12, "1 年"), (24, "2 年"), (36, "3 年"), (60, "5 年")],
        initial=12,
    )
    purpose = forms.ChoiceField(label="做什么用")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["purpose"].choices = code_list("loan_purposes").choices()  # type: ignore[attr-defined]
