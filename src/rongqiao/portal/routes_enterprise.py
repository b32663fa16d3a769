"""Routes of the enterprise workspace, and its links in the header."""

from __future__ import annotations

from django.urls import path
from django.utils.translation import gettext_lazy as _

from rongqiao.portal import (
    enterprise,
    enterprise_calls,
    enterprise_consents,
    enterprise_demands,
    enterprise_finding,
    enterprise_loans,
    enterprise_objections,
    enterprise_products,
    enterprise_tables,
    lineage_records,
)

urlpatterns = [
    path("enterprise/", enterprise.show_workspace, name="enterprise"),
    path("enterprise/profile/", enterprise.show_profile, name="enterprise_profile"),
    path("enterprise/profile/as-bank/", enterprise.preview_profile, name="enterprise_profile_preview"),
    path(
        "enterprise/profile/trace/<slug:indicator_id>/",
        lineage_records.trace_figure,
        name="enterprise_trace",
    ),
    path(
        "enterprise/profile/records/<str:contract_id>/<slug:record_id>/uses/",
        lineage_records.show_record,
        name="enterprise_record_uses",
    ),
    path("enterprise/reads/", enterprise.list_reads, name="enterprise_reads"),
    path("enterprise/reads/calls/", enterprise_calls.list_calls, name="enterprise_calls"),
    path("enterprise/reads/calls/<int:call_id>/", enterprise_calls.show_call, name="enterprise_call"),
    path("enterprise/demands/", enterprise_demands.list_demands, name="enterprise_demands"),
    path("enterprise/demands/new/", enterprise_demands.new_demand, name="enterprise_demand_new"),
    path("enterprise/demands/<uuid:demand_id>/", enterprise_demands.show_demand, name="enterprise_demand"),
    path(
        "enterprise/demands/<uuid:demand_id>/withdraw/",
        enterprise_demands.withdraw_demand,
        name="enterprise_demand_withdraw",
    ),
    path(
        "enterprise/quotes/<uuid:quote_id>/accept/",
        enterprise_demands.accept_quote,
        name="enterprise_quote_accept",
    ),
    path("enterprise/products/", enterprise_products.list_products, name="enterprise_products"),
    path("enterprise/loans/", enterprise_loans.list_loans, name="enterprise_loans"),
    path("enterprise/loans/<uuid:loan_id>/", enterprise_loans.show_loan, name="enterprise_loan"),
    path("enterprise/consents/finding/", enterprise_finding.show_finding, name="enterprise_finding"),
    path("enterprise/consents/", enterprise_consents.list_consents, name="enterprise_consents"),
    path(
        "enterprise/consents/<uuid:consent_id>/revoke/",
        enterprise_consents.revoke_consent,
        name="enterprise_consent_revoke",
    ),
    path("enterprise/profile/records/", enterprise_tables.list_tables, name="enterprise_tables"),
    path(
        "enterprise/profile/records/<str:contract_id>/",
        enterprise_objections.list_records,
        name="enterprise_records",
    ),
    path(
        "enterprise/profile/records/<str:contract_id>/<slug:record_id>/",
        enterprise_objections.show_record,
        name="enterprise_record",
    ),
    path(
        "enterprise/profile/records/<str:contract_id>/<slug:record_id>/objection/",
        enterprise_objections.new_objection,
        name="enterprise_objection_new",
    ),
    path("enterprise/objections/", enterprise_objections.list_objections, name="enterprise_objections"),
    path(
        "enterprise/objections/<uuid:objection_id>/",
        enterprise_objections.show_objection,
        name="enterprise_objection",
    ),
    path(
        "enterprise/objections/<uuid:objection_id>/supply/",
        enterprise_objections.supply,
        name="enterprise_objection_supply",
    ),
    path(
        "enterprise/objections/<uuid:objection_id>/withdraw/",
        enterprise_objections.withdraw,
        name="enterprise_objection_withdraw",
    ),
    path(
        "enterprise/objections/<uuid:objection_id>/statement/",
        enterprise_objections.state,
        name="enterprise_objection_state",
    ),
]
NAVIGATION = [
    (_("工作台"), "portal:enterprise"),
    (_("融资需求"), "portal:enterprise_demands"),
    (_("适合我的产品"), "portal:enterprise_products"),
    (_("我的贷款"), "portal:enterprise_loans"),
    (_("我的画像"), "portal:enterprise_profile"),
    (_("我的异议"), "portal:enterprise_objections"),
    (_("授权管理"), "portal:enterprise_consents"),
    (_("谁读过我的数据"), "portal:enterprise_reads"),
]
