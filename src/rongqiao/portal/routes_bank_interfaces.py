"""Routes of a bank's data-interface pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path
from django.utils.translation import gettext_lazy as _

from rongqiao.portal import (
    bank_interface_keys,
    bank_interface_questions,
    bank_interface_usage,
    bank_interface_webhooks,
    bank_interfaces,
)

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("bank/interfaces/", bank_interfaces.list_offers, name="bank_interfaces"),
    path(
        "bank/interfaces/applications/", bank_interfaces.list_submissions, name="bank_interface_submissions"
    ),
    path(
        "bank/interfaces/applications/<uuid:submission_id>/",
        bank_interfaces.show_submission,
        name="bank_interface_submission",
    ),
    path(
        "bank/interfaces/authorisations/",
        bank_interfaces.list_authorisations,
        name="bank_interface_authorisations",
    ),
    path(
        "bank/interfaces/authorisations/<uuid:authorisation_id>/",
        bank_interfaces.show_authorisation,
        name="bank_interface_authorisation",
    ),
    path("bank/interfaces/keys/", bank_interface_keys.list_keys, name="bank_interface_keys"),
    path(
        "bank/interfaces/keys/<uuid:key_id>/revoke/",
        bank_interface_keys.revoke_key,
        name="bank_interface_key_revoke",
    ),
    path("bank/interfaces/vendors/", bank_interface_keys.list_delegations, name="bank_interface_delegations"),
    path(
        "bank/interfaces/vendors/<uuid:delegation_id>/revoke/",
        bank_interface_keys.revoke_delegation,
        name="bank_interface_delegation_revoke",
    ),
    path("bank/interfaces/usage/", bank_interface_usage.show_usage, name="bank_interface_usage"),
    path("bank/interfaces/calls/", bank_interface_usage.list_calls, name="bank_interface_calls"),
    path("bank/interfaces/webhooks/", bank_interface_webhooks.list_webhooks, name="bank_interface_webhooks"),
    path(
        "bank/interfaces/webhooks/<uuid:webhook_id>/",
        bank_interface_webhooks.show_webhook,
        name="bank_interface_webhook",
    ),
    path(
        "bank/interfaces/webhooks/<uuid:webhook_id>/test/",
        bank_interface_webhooks.send_test,
        name="bank_interface_webhook_test",
    ),
    path(
        "bank/interfaces/webhooks/<uuid:webhook_id>/rotate/",
        bank_interface_webhooks.rotate_secret,
        name="bank_interface_webhook_rotate",
    ),
    path(
        "bank/interfaces/webhooks/<uuid:webhook_id>/end/",
        bank_interface_webhooks.end_subscription,
        name="bank_interface_webhook_end",
    ),
    path(
        "bank/interfaces/webhooks/events/<uuid:event_id>/",
        bank_interface_webhooks.show_event,
        name="bank_interface_event",
    ),
    path(
        "bank/interfaces/webhooks/events/<uuid:event_id>/replay/",
        bank_interface_webhooks.replay_event,
        name="bank_interface_event_replay",
    ),
    path(
        "bank/interfaces/questions/", bank_interface_questions.list_questions, name="bank_interface_questions"
    ),
    path(
        "bank/interfaces/questions/<uuid:question_id>/",
        bank_interface_questions.show_question,
        name="bank_interface_question",
    ),
    path("bank/interfaces/<slug:interface_id>/apply/", bank_interfaces.apply, name="bank_interface_apply"),
]

#: Menu of these pages, below the one of the workspace.
MENU = [
    (_("接口"), "portal:bank_interfaces"),
    (_("我的申请"), "portal:bank_interface_submissions"),
    (_("接口授权"), "portal:bank_interface_authorisations"),
    (_("密钥"), "portal:bank_interface_keys"),
    (_("计量"), "portal:bank_interface_usage"),
    (_("调用明细"), "portal:bank_interface_calls"),
    (_("变更通知"), "portal:bank_interface_webhooks"),
    (_("服务商委托"), "portal:bank_interface_delegations"),
    (_("访问说明"), "portal:bank_interface_questions"),
]
