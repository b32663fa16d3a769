"""Application of the objections."""

from django.apps import AppConfig


class ObjectionsConfig(AppConfig):
    """Objections to facts, their answers and corrections."""

    name = "rongqiao.bases.enterprises.objections"
    label = "objections"
    verbose_name = "异议处理"
