"""Application of screening."""

from django.apps import AppConfig


class ScreeningConfig(AppConfig):
    """Lists of enterprises by conditions."""

    name = "rongqiao.platforms.financing.screening"
    label = "screening"
    verbose_name = "企业名单筛选"
