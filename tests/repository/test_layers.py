"""The layer checks bite: a planted violation makes them fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a copy of the house."""
    code = "import sys; sys.path[:0] = ['src', '.']; from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_django_in_indicators_is_refused(tmp_path):
    for name in ("src", "config"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    clean = lint(tmp_path)
    assert clean.returncode == 0, clean.stdout

    with (tmp_path / "src/rongqiao/indicators/__init__.py").open("a", encoding="utf-8") as file:
        file.write("\nimport django\n")
    planted = lint(tmp_path)
    assert planted.returncode != 0
    assert "rongqiao.indicators -> django" in planted.stdout
