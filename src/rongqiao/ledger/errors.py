"""Errors of the ledger, on top of the kernel's."""

from __future__ import annotations

from rongqiao.kernel.errors import RongqiaoError


class LedgerDamagedError(RongqiaoError):
    """The files on disk contradict each other; nothing is appended or sealed until a person has looked."""


class LedgerConflictError(RongqiaoError):
    """An entry with this key exists and says something else."""
