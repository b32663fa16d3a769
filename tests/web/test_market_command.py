"""`rongqiao market` and the background clock."""

import datetime as dt

import pytest
from typer.testing import CliRunner

from config.commands.market import app
from rongqiao.accounts.scope import system_scope
from rongqiao.platforms.financing.models import Quote
from rongqiao.platforms.financing.tasks import expire_due
from tests.web.market_history import write_history
from tests.web.market_place import NOW, USCC, Market, write_market

pytestmark = pytest.mark.django_db


def run(*arguments):
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_load_history_complete_and_feedback(tmp_path):
    market = write_market(tmp_path / "market")
    write_history(market, enterprises=[USCC], products=[("P01", "B01")])
    assert "机构 2、产品 3、政策 1" in run("load", market)
    assert "demands 30" in run("history", market)
    assert "新增匹配 0" in run("complete")
    path = run("feedback", "--out", tmp_path / "out", "--known-at", "2026-11-20").strip()
    assert path.endswith("platform.loan_performance/2026-11-20.jsonl")
    assert "过期" in run("clocks")


def test_eligibility_without_facts_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    result = CliRunner().invoke(app, ["eligibility"])
    assert result.exit_code == 1
    assert "database publish" in result.output


def test_task_runs_the_clocks_of_its_instant(tmp_path):
    market = Market(tmp_path / "market")
    quote = market.quote(market.officer, market.take(market.officer, market.publish()), valid_days=1)
    assert expire_due(timestamp=int((NOW + dt.timedelta(hours=23)).timestamp()))["quotes"] == 0
    assert expire_due(timestamp=int((NOW + dt.timedelta(hours=24)).timestamp()))["quotes"] == 1
    with system_scope() as scope:
        assert Quote.objects.for_scope(scope).get(pk=quote.pk).status == "expired"
