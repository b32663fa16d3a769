"""The house is what its plan says: folders, layers, sizes, names."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "rongqiao"
MAX_LINES = 400

# Files that may be longer than 400 lines. The list may only shrink.
LONG_FILES: set[str] = set()

PYTHON_FILES = sorted(
    path
    for top in ("src", "config", "tests", "bench")
    for path in (ROOT / top).rglob("*.py")
    if "migrations" not in path.parts
)


def layers() -> list[str]:
    """Names of all layers that import-linter enforces, widest first."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = config["tool"]["importlinter"]["contracts"][0]
    return [name.strip() for layer in contract["layers"] for name in layer.split("|")]


def test_every_folder_is_a_layer_and_every_layer_a_folder():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(layers())


def test_the_map_names_every_room():
    map_text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    missing = [name for name in layers() if f"{name}/" not in map_text]
    assert not missing, f"docs/ARCHITECTURE.md does not name {missing}."
    assert len(map_text.splitlines()) <= 150


def test_no_file_is_too_long():
    long_files = {
        str(path.relative_to(ROOT))
        for path in PYTHON_FILES
        if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES
    }
    assert long_files <= LONG_FILES, f"Split by what they are about: {sorted(long_files - LONG_FILES)}"
    assert long_files >= LONG_FILES, (
        f"No longer too long, take them off the list: {sorted(LONG_FILES - long_files)}"
    )


def test_no_forbidden_room_names():
    banned = re.compile(r"(manager|helper|util|processor)s?$")
    found = [str(path.relative_to(ROOT)) for path in PYTHON_FILES if banned.search(path.stem)]
    assert not found, f"Name them by what they do: {found}"


def test_every_module_says_what_it_is():
    silent = [
        str(path.relative_to(ROOT))
        for path in PYTHON_FILES
        if ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert not silent


def test_nothing_imports_a_web_framework_below_accounts():
    rooms = layers()[layers().index("accounts") + 1 :]
    found = []
    for room in rooms:
        for path in (PACKAGE / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                found += [f"{path}: {name}" for name in names if name.split(".")[0] == "django"]
    assert not found


@pytest.mark.django_db
def test_migrations_are_complete():
    from io import StringIO

    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


@pytest.mark.parametrize(
    "pattern", ["/work" + "/", "/root" + "/", "registry.npmjs" + ".org", "files.pythonhosted" + ".org"]
)
def test_no_trace_of_one_machine(pattern):
    found = subprocess.run(
        ["git", "grep", "-lF", pattern], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.stdout == ""
