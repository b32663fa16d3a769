"""Routes of the bank workspace, and its links in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path
from django.utils.translation import gettext_lazy as _

from rongqiao.portal import (
    bank,
    bank_applications,
    bank_changes,
    bank_credit,
    bank_loans,
    bank_notices,
    bank_products,
    bank_quotes,
)
from rongqiao.portal.routes_screening import screening_routes

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("bank/", bank.show_desk, name="bank"),
    path("bank/demands/", bank.list_demands, name="bank_demands"),
    path("bank/demands/<uuid:demand_id>/", bank.show_demand, name="bank_demand"),
    path("bank/demands/<uuid:demand_id>/take/", bank.take, name="bank_demand_take"),
    path("bank/takes/<uuid:take_id>/release/", bank.release, name="bank_take_release"),
    path("bank/takes/<uuid:take_id>/quote/", bank_quotes.quote, name="bank_quote"),
    path("bank/takes/<uuid:take_id>/quote/preview/", bank_quotes.preview, name="bank_quote_preview"),
    path("bank/quotes/<uuid:quote_id>/withdraw/", bank_quotes.withdraw, name="bank_quote_withdraw"),
    path("bank/enterprises/<slug:uscc>/", bank_credit.show_enterprise, name="bank_enterprise"),
    path("bank/enterprises/<slug:uscc>/report/", bank_credit.issue, name="bank_report_issue"),
    path(
        "bank/enterprises/<slug:uscc>/trace/<slug:indicator_id>/",
        bank_credit.trace_figure,
        name="bank_figure_trace",
    ),
    path("bank/reports/", bank_credit.list_reports, name="bank_reports"),
    path("bank/reports/<uuid:report_id>/", bank_credit.show_report, name="bank_report"),
    path("bank/reports/<uuid:report_id>/pdf/", bank_credit.print_report, name="bank_report_pdf"),
    path(
        "bank/reports/<uuid:report_id>/trace/<slug:indicator_id>/",
        bank_credit.trace,
        name="bank_report_trace",
    ),
    path("bank/notices/", bank_notices.list_notices, name="bank_notices"),
    path("bank/notices/<int:notice_id>/", bank_notices.show_notice, name="bank_notice"),
    path("bank/notices/<int:notice_id>/seen/", bank_notices.acknowledge, name="bank_notice_seen"),
    path("bank/applications/", bank_applications.list_applications, name="bank_applications"),
    path(
        "bank/applications/<uuid:application_id>/",
        bank_applications.show_application,
        name="bank_application",
    ),
    path(
        "bank/applications/<uuid:application_id>/decide/",
        bank_applications.decide,
        name="bank_application_decide",
    ),
    path(
        "bank/applications/<uuid:application_id>/contract/",
        bank_applications.contract,
        name="bank_application_contract",
    ),
    path("bank/loans/", bank_loans.list_loans, name="bank_loans"),
    path("bank/loans/<uuid:loan_id>/", bank_loans.show_loan, name="bank_loan"),
    path("bank/loans/<uuid:loan_id>/drawdown/", bank_loans.draw, name="bank_loan_drawdown"),
    path("bank/loans/<uuid:loan_id>/repayment/", bank_loans.repay, name="bank_loan_repayment"),
    path("bank/loans/<uuid:loan_id>/event/", bank_loans.report, name="bank_loan_event"),
    path("bank/products/", bank_products.list_products, name="bank_products"),
    path("bank/products/<slug:code>/", bank_products.show_product, name="bank_product"),
    path("bank/products/<slug:code>/change/", bank_products.change_product, name="bank_product_change"),
    path("bank/shapes/", bank_products.send_shapes, name="bank_shapes"),
    path("bank/products/changes/<uuid:change_id>/", bank_changes.show_change, name="bank_change"),
    path(
        "bank/products/changes/<uuid:change_id>/conditions/",
        bank_changes.add_condition,
        name="bank_change_add",
    ),
    path(
        "bank/products/changes/<uuid:change_id>/conditions/<int:place>/remove/",
        bank_changes.remove_condition,
        name="bank_change_remove",
    ),
    path(
        "bank/products/changes/<uuid:change_id>/conditions/<int:place>/move/",
        bank_changes.move_bound,
        name="bank_change_move",
    ),
    path("bank/products/changes/<uuid:change_id>/try/", bank_changes.try_change, name="bank_change_try"),
    path("bank/products/changes/<uuid:change_id>/submit/", bank_changes.submit, name="bank_change_submit"),
    path("bank/products/changes/<uuid:change_id>/return/", bank_changes.send_back, name="bank_change_return"),
    path("bank/products/changes/<uuid:change_id>/publish/", bank_changes.publish, name="bank_change_publish"),
    path("bank/products/changes/<uuid:change_id>/discard/", bank_changes.discard, name="bank_change_discard"),
    *screening_routes("bank"),
]
NAVIGATION = [
    (_("工作台"), "portal:bank"),
    (_("融资需求"), "portal:bank_demands"),
    (_("我行产品"), "portal:bank_products"),
    (_("企业名单"), "portal:bank_screenings"),
    (_("贷款申请"), "portal:bank_applications"),
    (_("贷款台账"), "portal:bank_loans"),
    (_("信用报告"), "portal:bank_reports"),
    (_("更正告知"), "portal:bank_notices"),
    (_("数据接口"), "portal:bank_interfaces"),
    (_("指标目录"), "portal:indicators"),
]
