"""Django registration of this room."""

from django.apps import AppConfig


class EnterprisesConfig(AppConfig):
    """Enterprises: 企业信用信息库."""

    name = "rongqiao.bases.enterprises"
    label = "enterprises"
    verbose_name = "企业信用信息库"
