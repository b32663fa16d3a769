"""Routes of the operator workspace, and its links in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path
from django.utils.translation import gettext_lazy as _

from rongqiao.portal import operator_governance, operator_ledger

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("operator/", operator_governance.show_steps, name="operator"),
    path("operator/steps/<slug:step>/", operator_governance.show_step, name="operator_step"),
    path("operator/deliveries/", operator_governance.list_deliveries, name="operator_deliveries"),
    path("operator/quarantine/", operator_governance.list_quarantine, name="operator_quarantine"),
    path("operator/sources/<str:contract_id>/", operator_governance.show_source, name="operator_source"),
    path("operator/ledger/", operator_ledger.show_ledger, name="operator_ledger"),
]
NAVIGATION = [
    (_("六步治理"), "portal:operator"),
    (_("报送批次"), "portal:operator_deliveries"),
    (_("隔离区"), "portal:operator_quarantine"),
    (_("账本"), "portal:operator_ledger"),
]
