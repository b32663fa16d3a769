"""Django registration of this room."""

from django.apps import AppConfig


class FinancingConfig(AppConfig):
    """Financing: 融资平台."""

    name = "rongqiao.platforms.financing"
    label = "financing"
    verbose_name = "融资平台"
