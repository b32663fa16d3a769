"""Client of a Rongqiao platform's data interfaces."""

from rongqiao_client.client import Answer, Client, Refused
from rongqiao_client.signing import EventRefusedError, sign, verify_event

__all__ = ["Answer", "Client", "EventRefusedError", "Refused", "sign", "verify_event"]
