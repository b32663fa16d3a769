"""Application of the data-interface market."""

from django.apps import AppConfig


class InterfacesConfig(AppConfig):
    """Data interfaces: applications, authorisations, keys, calls."""

    name = "rongqiao.bases.enterprises.interfaces"
    label = "interfaces"
    verbose_name = "数据接口"
