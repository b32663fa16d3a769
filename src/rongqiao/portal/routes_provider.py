"""Routes of the data-interface market as its providers govern it: the same pages for a department and, over all, the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from rongqiao.portal import department_interface_usage as usage
from rongqiao.portal import department_interfaces as market
from rongqiao.portal.access import for_roles

if TYPE_CHECKING:
    from django.urls import URLPattern

    from rongqiao.accounts.roles import Role

#: Address below ``<workspace>/interfaces/``, view, and name after ``<workspace>_interface``.
PAGES = (
    ("", market.list_submissions, "s"),
    ("applications/<uuid:submission_id>/", market.show_submission, "_submission"),
    ("applications/<uuid:submission_id>/review/", market.review, "_review"),
    ("grants/", market.list_grants, "_grants"),
    ("grants/<uuid:authorisation_id>/", market.show_grant, "_grant"),
    ("grants/<uuid:authorisation_id>/revoke/", market.revoke, "_revoke"),
    ("usage/", usage.show_usage, "_usage"),
    ("calls/", usage.list_calls, "_calls"),
    ("questions/", usage.list_questions, "_questions"),
    ("questions/<uuid:question_id>/", usage.show_question, "_question"),
    ("maintenance/", usage.show_maintenance, "_maintenance"),
    ("maintenance/<int:window_id>/end/", usage.end_maintenance, "_maintenance_end"),
)


def provider_routes(workspace: str, role: Role) -> list[URLPattern]:
    """Routes of one workspace, each opened to its role alone."""
    return [
        path(
            f"{workspace}/interfaces/{address}",
            for_roles(role)(view),
            {"workspace": workspace},
            name=f"{workspace}_interface{name}",
        )
        for address, view, name in PAGES
    ]
