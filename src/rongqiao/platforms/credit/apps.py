"""Django registration of this room."""

from django.apps import AppConfig


class CreditConfig(AppConfig):
    """Credit: 信用平台."""

    name = "rongqiao.platforms.credit"
    label = "credit"
    verbose_name = "信用平台"
