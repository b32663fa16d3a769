"""Models of the market: what is asked and granted (``market``), what consumers are told and asked (``outgoing``)."""

from rongqiao.bases.enterprises.interfaces.models.market import (
    Authorisation,
    CallCount,
    DataCall,
    Delegation,
    InterfaceKey,
    Maintenance,
    Submission,
)
from rongqiao.bases.enterprises.interfaces.models.outgoing import (
    AccessQuestion,
    AnnouncedDelivery,
    Webhook,
    WebhookAttempt,
    WebhookEvent,
)

__all__ = [
    "AccessQuestion",
    "AnnouncedDelivery",
    "Authorisation",
    "CallCount",
    "DataCall",
    "Delegation",
    "InterfaceKey",
    "Maintenance",
    "Submission",
    "Webhook",
    "WebhookAttempt",
    "WebhookEvent",
]
