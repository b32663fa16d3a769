"""Django registration of this room."""

from django.apps import AppConfig


class ResourcesConfig(AppConfig):
    """Resources: 金融资源库."""

    name = "rongqiao.bases.resources"
    label = "resources"
    verbose_name = "金融资源库"
