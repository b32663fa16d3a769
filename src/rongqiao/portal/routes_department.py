"""Routes of the data department's workspace, and its links in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path
from django.utils.translation import gettext_lazy as _

from rongqiao.accounts.roles import Role
from rongqiao.portal import (
    conflicts,
    deliveries_tus,
    department,
    department_deliveries,
    department_duplicates,
    department_inventory,
    department_objections,
    department_repairs,
    department_tables,
    lineage,
    lineage_records,
)
from rongqiao.portal.access import for_roles
from rongqiao.portal.routes_provider import provider_routes

if TYPE_CHECKING:
    from django.urls import URLPattern

# Pages that department and operator share say whose they are, and are opened to that role alone.
OPEN = for_roles(Role.DEPARTMENT_CLERK)
DESK = {"workspace": "department"}
urlpatterns: list[URLPattern] = [
    path("department/", department.show_sources, name="department"),
    path("department/uploads/", department_deliveries.list_uploads, name="department_uploads"),
    path("department/uploads/new/", department_deliveries.send_file, name="department_send"),
    path("department/uploads/tus", deliveries_tus.create_as_person, name="department_upload_create"),
    path(
        "department/uploads/tus/<uuid:upload_id>/bytes",
        deliveries_tus.portion_as_person,
        name="department_upload_bytes",
    ),
    path("department/uploads/<uuid:upload_id>/", department_deliveries.show_upload, name="department_upload"),
    path(
        "department/uploads/<uuid:upload_id>/discard/",
        department_deliveries.discard_upload,
        name="department_upload_discard",
    ),
    path(
        "department/uploads/<uuid:upload_id>/retry/",
        department_deliveries.retry_upload,
        name="department_upload_retry",
    ),
    path("department/repairs/", department_repairs.list_batches, name="department_repairs"),
    path(
        "department/repairs/duplicates/", department_duplicates.list_duplicates, name="department_duplicates"
    ),
    path(
        "department/repairs/duplicates/<int:closing_id>/reopen/",
        department_duplicates.reopen_duplicate,
        name="department_duplicate_reopen",
    ),
    path("department/repairs/<str:batch_id>/", department_repairs.repair_batch, name="department_repair"),
    path(
        "department/repairs/<str:batch_id>/duplicate/",
        department_repairs.close_duplicate,
        name="department_duplicate_close",
    ),
    path("department/conflicts/", OPEN(conflicts.list_conflicts), DESK, name="department_conflicts"),
    path(
        "department/conflicts/<str:conflict_id>/",
        OPEN(conflicts.show_conflict),
        DESK,
        name="department_conflict",
    ),
    path("department/uploads/receipts/", department_tables.list_receipts, name="department_receipts"),
    path("department/tables/<str:contract_id>/", department_tables.show_table, name="department_table"),
    path(
        "department/tables/<str:contract_id>/template.csv",
        department_tables.send_template,
        name="department_table_template",
    ),
    path("department/inventory/", department_inventory.list_sources, name="department_inventory"),
    path("department/inventory/new/", department_inventory.send_source, name="department_source_new"),
    path(
        "department/inventory/<uuid:upload_id>/", department_inventory.show_source, name="department_source"
    ),
    path(
        "department/inventory/tables/<int:table_id>/",
        department_inventory.show_profile,
        name="department_source_table",
    ),
    path(
        "department/inventory/tables/<int:table_id>/contract/",
        department_inventory.finish_contract,
        name="department_source_contract",
    ),
    path(
        "department/inventory/tables/<int:table_id>/redraw/",
        department_inventory.redraw_contract,
        name="department_source_redraw",
    ),
    path(
        "department/inventory/tables/<int:table_id>/leave-out/",
        department_inventory.leave_table_out,
        name="department_source_leave_out",
    ),
    path(
        "department/inventory/tables/<int:table_id>/deliver/",
        department_inventory.deliver_table,
        name="department_source_deliver",
    ),
    path(
        "department/inventory/tables/<int:table_id>/retry/",
        department_inventory.retry_table,
        name="department_source_retry",
    ),
    path("department/keys/", department_deliveries.list_keys, name="department_keys"),
    path(
        "department/keys/<uuid:key_id>/revoke/",
        department_deliveries.revoke_key,
        name="department_key_revoke",
    ),
    path(
        "department/objections/",
        OPEN(department_objections.list_objections),
        DESK,
        name="department_objections",
    ),
    path(
        "department/objections/<uuid:objection_id>/",
        OPEN(department_objections.show_objection),
        DESK,
        name="department_objection",
    ),
    path(
        "department/objections/<uuid:objection_id>/answer/",
        OPEN(department_objections.answer),
        DESK,
        name="department_objection_answer",
    ),
    path("department/lineage/", OPEN(lineage.show_index), name="department_lineage"),
    path(
        "department/lineage/tables/<str:contract_id>/",
        OPEN(lineage.show_table),
        name="department_lineage_table",
    ),
    path(
        "department/lineage/tables/<str:contract_id>/<str:item_id>/",
        OPEN(lineage.show_item),
        name="department_lineage_item",
    ),
    path(
        "department/lineage/readers/<slug:kind>/<str:reader_id>/",
        OPEN(lineage.show_reader),
        name="department_lineage_reader",
    ),
    path(
        "department/lineage/batches/<str:batch_id>/",
        OPEN(lineage.show_batch),
        name="department_lineage_batch",
    ),
    path(
        "department/lineage/batches/<str:batch_id>/line/",
        lineage_records.show_line,
        name="department_lineage_line",
    ),
    *provider_routes("department", Role.DEPARTMENT_CLERK),
]
NAVIGATION = [
    (_("本部门数据"), "portal:department"),
    (_("数据报送"), "portal:department_uploads"),
    (_("退回修复"), "portal:department_repairs"),
    (_("数据冲突"), "portal:department_conflicts"),
    (_("新数据源"), "portal:department_inventory"),
    (_("接口推送"), "portal:department_keys"),
    (_("异议处理"), "portal:department_objections"),
    (_("数据去向"), "portal:department_lineage"),
    (_("数据接口"), "portal:department_interfaces"),
    (_("指标目录"), "portal:indicators"),
]
