"""Forms of the public pages: they parse; services decide."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.validators import RegexValidator

from rongqiao.contracts.catalog import code_list
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.identifiers import check_uscc

#: More than any count of days needs, and few enough for a column of the database.
WHOLE_DIGITS = 9


def whole_number(text: str, otherwise: int) -> int:
    """Whole number that a box without a form of its own sent; what is none, or absurdly long, is ``otherwise``, which services refuse."""
    return int(text) if text.isdecimal() and len(text) <= WHOLE_DIGITS else otherwise


class PlainForm(forms.Form):
    """Form whose labels carry no colon and whose controls know no styling of their own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        # Browsers' own messages speak the browser's language, not the page's.
        self.use_required_attribute = False
        for field in self.fields.values():
            field.error_messages = _messages(field)
            # A browser's number box drops letters before they are sent: the reader would see neither what was typed
            # nor why it is wrong.
            if isinstance(field.widget, forms.NumberInput):
                field.widget.input_type = "text"
                # Phones' number keys carry no minus.
                is_signed = (getattr(field, "min_value", None) or 0) < 0
                field.widget.attrs["inputmode"] = "text" if is_signed else "decimal"


def _messages(field: forms.Field) -> dict[str, Any]:
    """Messages of a field that say what to do; those that the field brings itself stay."""
    plain: dict[str, Any] = {"required": f"请填写“{field.label}”。"}
    if isinstance(field, forms.ChoiceField | forms.MultipleChoiceField):
        plain = {"required": f"请选择“{field.label}”。", "invalid_choice": "请从列出的选项中选择。"}
    elif isinstance(field, forms.FileField):
        plain = {"required": f"请选择“{field.label}”。"}
    elif isinstance(field, forms.DateField):
        plain["invalid"] = "请按 2026-01-31 的样子填写日期。"
    elif isinstance(field, forms.IntegerField):
        whole = not isinstance(field, forms.DecimalField)
        plain["invalid"] = f"请只写{'整数' if whole else '数字'}，例如 50，不要带单位。"
        plain["max_decimal_places"] = f"最多 {getattr(field, 'decimal_places', 0)} 位小数。"
        plain["max_digits"] = plain["max_whole_digits"] = "数字太长，请核对。"
        if field.min_value is not None:
            plain["min_value"] = f"不能小于 {field.min_value:,}。"
        if field.max_value is not None:
            plain["max_value"] = f"不能大于 {field.max_value:,}。"
    elif isinstance(field, forms.CharField) and field.max_length:
        plain["max_length"] = f"最多 {field.max_length} 个字。"
    if isinstance(field, forms.CharField):
        plain["null_characters_not_allowed"] = "含有看不见的空字符，请删去后重填。"
    default: dict[str, Any] = {}
    for kind in reversed(type(field).__mro__):
        default |= getattr(kind, "default_error_messages", {})
    own = {code: text for code, text in field.error_messages.items() if text != default.get(code)}
    return field.error_messages | plain | own


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
        validators=[RegexValidator(r"^[\w.@+-]+$", "只用字母、数字或 @ . + - _，中间不要空格。")],
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label="密码",
        help_text="至少 10 位，不要使用常见密码或与用户名相近的密码。",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_uscc(self) -> str:
        """Check the code together with everything else, so that the reader mends all in one go."""
        try:
            return check_uscc(self.cleaned_data["uscc"])
        except InvalidValueError as error:
            raise forms.ValidationError(error.remedy) from error

    def clean_password(self) -> str:
        """Check the password's strength with the other fields."""
        validate_password(self.cleaned_data["password"])
        return str(self.cleaned_data["password"])

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
