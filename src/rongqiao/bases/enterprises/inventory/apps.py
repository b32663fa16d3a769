"""Application of the inventory."""

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    """New sources before they are let in."""

    name = "rongqiao.bases.enterprises.inventory"
    label = "inventory"
    verbose_name = "数据盘点"
