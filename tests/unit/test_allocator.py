"""Commands that compute start again with another allocator once, and only where nothing speaks against it."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

import pytest

from config import allocator

Started = list[tuple[str, list[str], dict[str, str]]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Processes that were started in place of this one, on a machine that has the library."""
    found: Started = []
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: None)
    monkeypatch.setattr(os, "execve", lambda *told: found.append(told))
    return found


def test_starts_again_as_it_was_called_with_the_library(started: Started) -> None:
    allocator.use_fast_allocator("govern")
    [(program, arguments, environment)] = started
    assert (program, arguments) == (sys.executable, sys.orig_argv)
    assert environment["LD_PRELOAD"] == allocator.LIBRARY
    assert environment["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("command", ["ledger", "standards", "--help", ""])
def test_leaves_commands_alone_that_compute_little(started: Started, command: str) -> None:
    allocator.use_fast_allocator(command)
    assert started == []


@pytest.mark.parametrize("chosen", [allocator.LIBRARY, "libtcmalloc.so.4", ""])
def test_starts_once_and_leaves_another_choice_alone(
    started: Started, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.setenv("LD_PRELOAD", chosen)
    allocator.use_fast_allocator("govern")
    assert started == []


def test_goes_on_where_the_machine_has_no_such_library(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    allocator.use_fast_allocator("govern")
    assert started == []
