"""The command that lists and checks the declared indicators."""

import json
from dataclasses import replace

from typer.testing import CliRunner

from config.commands import indicators
from rongqiao.indicators import load_indicators


def run(*arguments):
    return CliRunner().invoke(indicators.app, list(arguments))


def test_all_declared_indicators_pass():
    checked = run("check")
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert checked.stdout.startswith(f"{len(load_indicators())} 个指标")


def test_check_names_the_indicator_whose_source_or_class_leads_nowhere(monkeypatch):
    item = next(item for item in load_indicators().values() if not item.inputs)
    source = replace(item.source, contracts=("taxation.no_such",))
    lost = replace(item, source=source, consent_class="no_such_class")
    monkeypatch.setattr(indicators, "load_indicators", lambda: {item.id: lost})
    checked = run("check")
    assert checked.exit_code == 1
    assert (
        checked.stderr == f"{item.id}: 没有数据标准 taxation.no_such\n{item.id}: 没有数据类别 no_such_class\n"
    )


def test_list_shows_every_indicator():
    assert {item["id"] for item in json.loads(run("list", "--json").stdout)} == set(load_indicators())
