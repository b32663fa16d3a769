"""Django registration of this room."""

from django.apps import AppConfig


class WindowsConfig(AppConfig):
    """Windows: 区域窗口."""

    name = "rongqiao.windows"
    label = "windows"
    verbose_name = "区域窗口"
