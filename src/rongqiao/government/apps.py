"""Django registration of this room."""

from django.apps import AppConfig


class GovernmentConfig(AppConfig):
    """Government: 政府监管."""

    name = "rongqiao.government"
    label = "government"
    verbose_name = "政府监管"
