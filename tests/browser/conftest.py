"""A real portal in processes of its own, on a small province, and a real Chromium."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from config.commands.serve import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
ENTERPRISES = "400"
#: What is waited for may take long on a machine that does much else.
PATIENCE_MS = 30_000
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Folder of pictures that people look at; a build artefact, never committed."""
    folder = ROOT / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def portal_environment() -> Iterator[dict[str, str]]:
    """Environment of an installation of its own: data folder, embedded database, small province."""
    environment = {key: value for key, value in os.environ.items() if key != "RONGQIAO_DATABASE_URL"}
    # Not pytest's own folder: the embedded server, which never runs as root, could not enter it.
    folder = Path(tempfile.mkdtemp(prefix="rq-portal-"))
    folder.chmod(0o755)
    yield {**environment, "RONGQIAO_VAR": str(folder), "RONGQIAO_DEMO_ENTERPRISES": ENTERPRISES}
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def portal(portal_environment: dict[str, str]) -> Iterator[str]:
    """Base URL of a running portal on a freshly built small province; ended by Ctrl-C as a person would."""
    command = [sys.executable, "-m", "config.cli"]
    subprocess.run([*command, "demo", "build"], env=portal_environment, cwd=ROOT, check=True, timeout=600)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**portal_environment, "RONGQIAO_PORT": str(port)}
    process = subprocess.Popen([*command, "demo", "serve"], env=environment, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    if not wait_until_ready(url, [process], seconds=120):
        process.kill()
        pytest.fail("The portal did not start.")
    yield url
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive, f"Ctrl-C left processes behind: {alive}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Closed with the module: Playwright's event loop must not outlive the browser tests."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, portal: str):
    """Give a function that opens a fresh session of the given width and fails on errors in the page's console."""
    pages: list[Page] = []
    problems: list[str] = []

    def open_one(width: int = 1440, height: int = 900) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, base_url=portal, locale="zh-CN"
        )
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda line: problems.append(f"{page.url}: {line.text}") if line.type == "error" else None,
        )
        pages.append(page)
        return page

    yield open_one
    for page in pages:
        page.context.close()
    assert not problems, problems
