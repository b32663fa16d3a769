"""What every test can use, and what keeps the suite quick without changing what it claims."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import override_settings
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer

# A slow machine is no fault of what is tested.
settings.register_profile("rongqiao", deadline=None)
settings.load_profile("rongqiao")


class ByModule(LoadFileScheduling):
    """Give workers whole modules, and one of them all that drive the one portal: what tests share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        module: str = super()._split_scope(nodeid)
        return "tests/browser" if module.startswith("tests/browser/") else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByModule:
    """Share out the tests of ``pytest -n 3``."""
    return ByModule(config, log)


def _turn(item: pytest.Item) -> int:
    if "browser" in item.path.parts:
        return 0
    return 1 if item.path.stem == "test_small_benches" else 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest and stays with one worker: the tests that drive the portal, then the benchmarks."""
    items.sort(key=_turn)


@pytest.fixture(scope="module", autouse=True)
def _browsers_go_first(request: pytest.FixtureRequest) -> None:
    """Let the worker that drives the portal, and its servers, have the processors first: it waits more than it works, and would end last."""
    if "browser" not in request.path.parts and os.nice(0) == 0:
        os.nice(5)


@pytest.fixture(scope="session", autouse=True)
def _static_files_found_on_request() -> Iterator[None]:
    """Look for a static file when it is asked for: each test client would list all of them again at its first request."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Hash with Argon2 as ever, at its least cost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Argon2PasswordHasher, "time_cost", 1)
        patch.setattr(Argon2PasswordHasher, "memory_cost", 64)
        patch.setattr(Argon2PasswordHasher, "parallelism", 1)
        yield
