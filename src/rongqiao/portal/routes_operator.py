"""Routes of the operator workspace, and its links in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path
from django.utils.translation import gettext_lazy as _

from rongqiao.accounts.roles import Role
from rongqiao.portal import (
    conflicts,
    department_objections,
    lineage,
    operator_collectors,
    operator_governance,
    operator_indicators,
    operator_interfaces,
    operator_inventory,
    operator_ledger,
    operator_matching,
    operator_resolution,
    operator_screening,
    operator_sharing,
)
from rongqiao.portal.access import for_roles
from rongqiao.portal.routes_provider import provider_routes

if TYPE_CHECKING:
    from django.urls import URLPattern

# Pages that department and operator share say whose they are, and are opened to that role alone.
OPEN = for_roles(Role.OPERATOR)
DESK = {"workspace": "operator"}
urlpatterns: list[URLPattern] = [
    path("operator/", operator_governance.show_steps, name="operator"),
    path("operator/steps/<slug:step>/", operator_governance.show_step, name="operator_step"),
    path("operator/deliveries/", operator_governance.list_deliveries, name="operator_deliveries"),
    path("operator/quarantine/", operator_governance.list_quarantine, name="operator_quarantine"),
    path("operator/sources/<str:contract_id>/", operator_governance.show_source, name="operator_source"),
    path("operator/sharing/", operator_sharing.show_sharing, name="operator_sharing"),
    path("operator/collectors/", operator_collectors.list_collectors, name="operator_collectors"),
    path(
        "operator/collectors/<slug:collector_id>/",
        operator_collectors.show_collector,
        name="operator_collector",
    ),
    path(
        "operator/collectors/<slug:collector_id>/run/",
        operator_collectors.run_collector,
        name="operator_collector_run",
    ),
    path("operator/inventory/", operator_inventory.list_drafts, name="operator_source_drafts"),
    path("operator/inventory/<int:table_id>/", operator_inventory.decide_draft, name="operator_source_draft"),
    path("operator/lists/", operator_screening.list_screenings, name="operator_screenings"),
    path("operator/lists/budgets/", operator_screening.list_spending, name="operator_screening_budgets"),
    path("operator/conflicts/", OPEN(conflicts.list_conflicts), DESK, name="operator_conflicts"),
    path(
        "operator/conflicts/<str:conflict_id>/",
        OPEN(conflicts.show_conflict),
        DESK,
        name="operator_conflict",
    ),
    path("operator/identities/", operator_resolution.list_waiting, name="operator_identities"),
    path("operator/identities/<int:row_id>/", operator_resolution.decide_waiting, name="operator_identity"),
    path("operator/identities/decided/", operator_resolution.list_decisions, name="operator_decisions"),
    path(
        "operator/identities/assignments/", operator_resolution.list_assignments, name="operator_assignments"
    ),
    path(
        "operator/identities/assignments/<str:batch_id>/<int:line>/",
        operator_resolution.show_assignment,
        name="operator_assignment",
    ),
    path(
        "operator/indicators/<slug:indicator_id>/",
        operator_indicators.decide_use,
        name="operator_indicator",
    ),
    path("operator/ledger/", operator_ledger.show_ledger, name="operator_ledger"),
    path(
        "operator/objections/", OPEN(department_objections.list_objections), DESK, name="operator_objections"
    ),
    path(
        "operator/objections/<uuid:objection_id>/",
        OPEN(department_objections.show_objection),
        DESK,
        name="operator_objection",
    ),
    path(
        "operator/objections/<uuid:objection_id>/answer/",
        OPEN(department_objections.answer),
        DESK,
        name="operator_objection_answer",
    ),
    path(
        "operator/objections/<uuid:objection_id>/forward/",
        OPEN(department_objections.forward),
        DESK,
        name="operator_objection_forward",
    ),
    path("operator/lineage/", OPEN(lineage.show_index), name="operator_lineage"),
    path(
        "operator/lineage/tables/<str:contract_id>/",
        OPEN(lineage.show_table),
        name="operator_lineage_table",
    ),
    path(
        "operator/lineage/tables/<str:contract_id>/<str:item_id>/",
        OPEN(lineage.show_item),
        name="operator_lineage_item",
    ),
    path(
        "operator/lineage/readers/<slug:kind>/<str:reader_id>/",
        OPEN(lineage.show_reader),
        name="operator_lineage_reader",
    ),
    path(
        "operator/lineage/batches/<str:batch_id>/",
        OPEN(lineage.show_batch),
        name="operator_lineage_batch",
    ),
    *provider_routes("operator", Role.OPERATOR),
    path("operator/interfaces/keys/", operator_interfaces.list_keys, name="operator_interface_keys"),
    path(
        "operator/interfaces/keys/<uuid:key_id>/", operator_interfaces.show_key, name="operator_interface_key"
    ),
    path("operator/matching/", operator_matching.show_matching, name="operator_matching"),
    path("operator/matching/refresh/", operator_matching.refresh, name="operator_matching_refresh"),
    path("operator/matching/changes/", operator_matching.list_changes, name="operator_criteria_changes"),
]
NAVIGATION = [
    (_("六步治理"), "portal:operator"),
    (_("采集任务"), "portal:operator_collectors"),
    (_("报送批次"), "portal:operator_deliveries"),
    (_("隔离区"), "portal:operator_quarantine"),
    (_("企业认定"), "portal:operator_identities"),
    (_("数据冲突"), "portal:operator_conflicts"),
    (_("数据血缘"), "portal:operator_lineage"),
    (_("新数据源"), "portal:operator_source_drafts"),
    (_("指标目录"), "portal:indicators"),
    (_("账本"), "portal:operator_ledger"),
    (_("异议处理"), "portal:operator_objections"),
    (_("数据接口"), "portal:operator_interfaces"),
    (_("企业名单"), "portal:operator_screenings"),
    (_("产品匹配"), "portal:operator_matching"),
]
