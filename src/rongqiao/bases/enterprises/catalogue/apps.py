"""Application of the indicator catalogue."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Indicators: spread, health, states of use."""

    name = "rongqiao.bases.enterprises.catalogue"
    label = "catalogue"
    verbose_name = "指标目录"
