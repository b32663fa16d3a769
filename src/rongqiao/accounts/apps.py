"""Django registration of this room."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Accounts: 账户与授权."""

    name = "rongqiao.accounts"
    label = "accounts"
    verbose_name = "账户与授权"
