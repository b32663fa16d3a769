"""The command that lists and checks the declared indicators."""

import json
from dataclasses import replace

from typer.testing import CliRunner

from config.commands import indicators
from rongqiao.indicators import load_indicators, verification
from rongqiao.indicators.verification import find_problems


def run(*arguments):
    return CliRunner().invoke(indicators.app, list(arguments))


def test_check_names_the_indicator_whose_source_or_class_leads_nowhere(monkeypatch):
    lost, unknown = (item for item in list(load_indicators().values())[:2])
    source = replace(lost.source, contracts=("taxation.no_such",))
    register = load_indicators() | {
        lost.id: replace(lost, source=source),
        unknown.id: replace(unknown, consent_class="no_such_class"),
    }
    monkeypatch.setattr(verification, "load_indicators", lambda: register)
    assert find_problems(list(register)) == [
        f"{lost.id}: 没有数据标准 taxation.no_such",
        f"{unknown.id}: 没有数据类别 no_such_class",
    ]


def test_list_shows_every_indicator():
    assert {item["id"] for item in json.loads(run("list", "--json").stdout)} == set(load_indicators())
