"""Every option that a benchmark command hands on is one that its script takes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from config.commands import bench
from rongqiao.kernel.home import home

OPTIONS = {
    "interfaces": ["--enterprises", "30", "--seconds", "1"],
    "screening": ["--enterprises", "30", "--samples", "3"],
    "portrait": ["--enterprises", "30", "--portraits", "9", "--samples", "3", "--lake", "somewhere"],
}


@pytest.mark.parametrize("command", OPTIONS)
def test_a_script_takes_what_its_command_hands_on(monkeypatch, command):
    handed = []
    monkeypatch.setattr(bench, "_run_script", lambda script, options, **_: handed.append((script, options)))
    done = CliRunner().invoke(bench.app, [command, *OPTIONS[command]])
    assert done.exit_code == 0, done.output
    ((script, options),) = handed
    asked = subprocess.run(
        [sys.executable, str(home() / "bench" / script), "--help"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    named = [option for option in options if option.startswith("--")]
    assert named
    assert [option for option in named if f"  {option} " not in asked.stdout] == []
