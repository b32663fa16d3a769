"""Application of conflicts and identity decisions."""

from django.apps import AppConfig


class ResolutionConfig(AppConfig):
    """Conflicts between departments, and who is meant by a row."""

    name = "rongqiao.bases.enterprises.resolution"
    label = "resolution"
    verbose_name = "数据冲突与企业认定"
