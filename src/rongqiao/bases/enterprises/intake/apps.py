"""Application of the intake."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """Deliveries pushed by departments."""

    name = "rongqiao.bases.enterprises.intake"
    label = "intake"
    verbose_name = "数据归集"
