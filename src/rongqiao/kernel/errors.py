"""Errors that name the thing, the value and the remedy."""

from __future__ import annotations


class RongqiaoError(Exception):
    """Base of every error a person may read.

    Parameters
    ----------
    thing : str
        What is wrong, in the reader's words, such as ``"统一社会信用代码"``.
    value : object
        The offending value as received; shown by ``repr``, never interpreted.
    remedy : str
        What the reader can do about it.
    detail : str
        What another system said of it, for whoever mends that; empty where the rest says it all.
    """

    def __init__(self, thing: str, value: object, remedy: str, *, detail: str = "") -> None:
        self.thing = thing
        self.value = value
        self.remedy = remedy
        self.detail = detail
        super().__init__(f"{thing}: {value!r}. {remedy}")


class InvalidValueError(RongqiaoError, ValueError):
    """A value that cannot be what it claims to be."""


class NotAllowedError(RongqiaoError):
    """The caller may not do this: wrong role, organisation, region, or no live consent."""


class NotFoundError(NotAllowedError):
    """Nothing of that key that the caller may know of: there is none, or it is somebody else's. Both read the same."""


class IllegalTransitionError(RongqiaoError):
    """An event that the lifecycle table does not list for the present state."""


class ContractError(RongqiaoError):
    """A data contract that is malformed, or data that breaks it as a whole."""


class StorageError(RongqiaoError):
    """A disk or object store that does not take, or no longer has, what is written or read."""


class BusyError(RongqiaoError):
    """Something that one may hold at a time, and another holds now; it passes by itself."""


class SourceError(RongqiaoError):
    """A source outside the platform that cannot be reached, or does not answer as was agreed."""
