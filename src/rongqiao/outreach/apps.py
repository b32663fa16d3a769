"""Django registration of this room."""

from django.apps import AppConfig


class OutreachConfig(AppConfig):
    """Outreach: 服务网络."""

    name = "rongqiao.outreach"
    label = "outreach"
    verbose_name = "服务网络"
