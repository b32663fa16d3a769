"""Commands that compute start again with another allocator once, and only where nothing speaks against it."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from config import allocator
from rongqiao.kernel.home import home

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = "libjemalloc.so.2"

Started = list[tuple[str, list[str], dict[str, str]]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Processes that were started in place of this one, on a machine that has the library."""
    found: Started = []
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: f"lib{name}.so.2")
    monkeypatch.setattr(os, "execve", lambda *told: found.append(told))
    return found


def test_starts_again_as_it_was_called_with_the_library(started: Started) -> None:
    allocator.use_fast_allocator("govern")
    [(program, arguments, environment)] = started
    assert (program, arguments) == (sys.executable, sys.orig_argv)
    assert environment["LD_PRELOAD"] == LIBRARY
    assert environment["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("command", ["ledger", "standards", "--help", ""])
def test_leaves_commands_alone_that_compute_little(started: Started, command: str) -> None:
    allocator.use_fast_allocator(command)
    assert started == []


@pytest.mark.parametrize("chosen", [LIBRARY, "libtcmalloc.so.4", ""])
def test_starts_once_and_leaves_another_choice_alone(
    started: Started, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.setenv("LD_PRELOAD", chosen)
    allocator.use_fast_allocator("govern")
    assert started == []


def test_goes_on_where_the_machine_has_no_such_library(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    allocator.use_fast_allocator("govern")
    assert started == []


def test_the_library_is_there_once_a_command_that_computes_runs(tmp_path: Path) -> None:
    """Where the machine has it: what is preloaded stands among what the process has mapped."""
    if not ctypes.util.find_library(allocator.LIBRARY):
        pytest.skip("the machine has no jemalloc")
    told = tmp_path / "sitecustomize.py"
    told.write_text(
        "import atexit, pathlib\n"
        f"atexit.register(lambda: pathlib.Path({str(tmp_path / 'maps')!r}).write_text(open('/proc/self/maps').read()))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    environment["PYTHONPATH"] = str(tmp_path)
    command = [sys.executable, "-m", "config.cli", "govern", "--help"]
    subprocess.run(command, cwd=home(), env=environment, check=True, capture_output=True)
    assert "libjemalloc" in (tmp_path / "maps").read_text()
