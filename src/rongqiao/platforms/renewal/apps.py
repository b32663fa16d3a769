"""Django registration of this room."""

from django.apps import AppConfig


class RenewalConfig(AppConfig):
    """Renewal: 续贷平台."""

    name = "rongqiao.platforms.renewal"
    label = "renewal"
    verbose_name = "续贷平台"
