"""`rongqiao collect`: lists from the files alone, runs with a record, and tells by its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.pipeline.sources import declare

pytestmark = pytest.mark.pipeline


def run(tmp_path, *arguments, **changes):
    environment = {**os.environ, "RONGQIAO_VAR": str(tmp_path), **changes}
    return subprocess.run(
        [sys.executable, "-m", "config.cli", "collect", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_list_needs_no_database(tmp_path):
    environment = {"RONGQIAO_DATABASE_URL": "postgresql://127.0.0.1:1/none", "DJANGO_SETTINGS_MODULE": ""}
    assert "没有采集声明" in run(tmp_path, "list", **environment).stdout
    drop = tmp_path / "drop"
    folder = {"path": str(drop)}
    declare(tmp_path / "collectors", "water", kind="folder", schedule={"every_minutes": 5}, folder=folder)
    listed = run(tmp_path, "list", **environment)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "共享目录 每 5 分钟" in listed.stdout
    (tmp_path / "collectors" / "other.yaml").write_text("kind: x\n", encoding="utf-8")
    refused = run(tmp_path, "list", "--json", **environment)
    assert (refused.returncode, "other.yaml" in refused.stderr) == (2, True)
    (tmp_path / "collectors" / "other.yaml").unlink()
    assert json.loads(run(tmp_path, "list", "--json", **environment).stdout)[0]["id"] == "water"
