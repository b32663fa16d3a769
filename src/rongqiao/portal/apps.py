"""Django registration of this room."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Portal: 门户."""

    name = "rongqiao.portal"
    label = "portal"
    verbose_name = "门户"
