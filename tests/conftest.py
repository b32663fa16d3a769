"""What every test can use, and what keeps the suite quick without changing what it claims."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import override_settings
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# A slow machine is no fault of what is tested.
settings.register_profile("rongqiao", deadline=None)
settings.load_profile("rongqiao")

BROWSER = Path(__file__).parent / "browser"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each module on one worker of ``-n``, and all that drive the one portal: what they share is made once."""
    for item in items:
        group = "browser" if BROWSER in item.path.parents else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))


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
