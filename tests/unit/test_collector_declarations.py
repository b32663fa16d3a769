"""Declarations of collectors: the documented ones load, a wrong one is named by file, field and value, and no secret is ever shown."""

from __future__ import annotations

import datetime as dt
import textwrap

import pytest
import yaml

from rongqiao.contracts.collectors import Schedule, load_collectors
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import home
from rongqiao.rules.breaker import Breaker, BreakerPolicy, admit, note_answer, note_failure, waiting_time
from tests.pipeline.sources import COLUMNS, declare

NOW = dt.datetime(2026, 11, 26, 2, tzinfo=dt.UTC)
DATABASE = {
    "address": "postgresql://10.20.0.8/exchange",
    "user_env": "TAX_USER",
    "password_env": "TAX_PASSWORD",
    "table": "public.grades",
    "columns": COLUMNS,
    "watermark": "changed_at",
    "key": ["id"],
}


def documented():
    """Every whole declaration in the reference."""
    blocks = (home() / "docs" / "collectors.md").read_text(encoding="utf-8").split("\n\n")
    texts = [textwrap.dedent(block) for block in blocks if block.startswith("    title:")]
    return [yaml.safe_load(text) for text in texts]


def test_documented_declarations_load(tmp_path):
    found = documented()
    for number, node in enumerate(found):
        (tmp_path / f"source_{number}.yaml").write_text(yaml.safe_dump(node), encoding="utf-8")
    loaded = load_collectors(tmp_path)
    assert [each.kind for each in loaded.values()] == ["database", "http", "folder"]
    assert loaded["source_0"].schedule.words == "每天 02:30"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"contract": "taxation.none"}, "contract", "没有这份数据标准"),
        ({"kind": "ftp"}, "kind", ""),
        ({"kind": "http"}, "整份声明", "须有且只有 http 一节"),
        ({"shedule": {}}, "shedule", "核对拼写"),
        ({"schedule": {}}, "schedule", "须写且只写一个"),
        ({"schedule": {"daily_at": "25:00"}}, "schedule.daily_at", ""),
        ({"schedule": {"every_minutes": 5}}, "整份声明", "每天采集一次"),
        (
            {"database": {**DATABASE, "address": "postgresql://me:hunter2@10.20.0.8/x"}},
            "database.address",
            "环境变量",
        ),
        ({"database": {**DATABASE, "address": "oracle://10.20.0.8/x"}}, "database.address", "postgresql://"),
        ({"database": {**DATABASE, "password": "hunter2"}}, "database.password", "核对拼写"),
        ({"database": {**DATABASE, "password_env": "se cret"}}, "database.password_env", ""),
        ({"database": {**DATABASE, "columns": {"a": "no_such"}}}, "columns", "没有这一项"),
        ({"database": {**DATABASE, "columns": {"a": "uscc", "b": "uscc"}}}, "columns", "一列"),
        ({"database": {**DATABASE, "table": "a.b.c"}}, "database.table", "视图"),
        ({"database": {**DATABASE, "key": []}}, "database.key", ""),
    ],
)
def test_a_wrong_declaration_is_named_by_file_field_and_remedy(tmp_path, changes, field, words):
    with pytest.raises(ContractError) as caught:
        declare(tmp_path, **{"kind": "database", "database": DATABASE, **changes})
    assert "grades.yaml" in caught.value.thing
    assert field in caught.value.thing
    assert words in caught.value.remedy
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_declaration_is_named(tmp_path):
    (tmp_path / "bad.yaml").write_text("- [", encoding="utf-8")
    with pytest.raises(ContractError, match=r"bad\.yaml"):
        load_collectors(tmp_path)
    (tmp_path / "bad.yaml").rename(tmp_path / "Bad Name.yaml")
    with pytest.raises(ContractError, match="小写字母"):
        load_collectors(tmp_path)


def test_when_a_collector_is_due():
    daily = Schedule(daily_at="02:30")
    # 02:30 in China is 18:30 of the day before in UTC.
    assert daily.next_after(NOW) == dt.datetime(2026, 11, 26, 18, 30, tzinfo=dt.UTC)
    assert daily.next_after(daily.next_after(NOW)) == dt.datetime(2026, 11, 27, 18, 30, tzinfo=dt.UTC)
    assert Schedule(every_minutes=10).next_after(NOW) == NOW + dt.timedelta(minutes=10)


def test_the_breaker_opens_tries_once_and_closes():
    policy = BreakerPolicy(2, dt.timedelta(seconds=60))
    breaker = note_failure(Breaker(), NOW, policy)
    assert (breaker.state, waiting_time(breaker, NOW)) == ("closed", dt.timedelta(0))
    breaker = note_failure(breaker, NOW, policy)
    assert (breaker.state, waiting_time(breaker, NOW)) == ("open", dt.timedelta(seconds=60))
    later = NOW + dt.timedelta(seconds=60)
    trying = admit(breaker, later, policy)
    # Whoever comes while one tries is turned away; if that one was killed, another tries after as long.
    assert (trying.state, waiting_time(trying, later)) == ("half_open", dt.timedelta(seconds=60))
    assert admit(trying, later + policy.pause, policy).state == "half_open"
    assert note_failure(trying, later, policy).state == "open"
    assert note_answer(trying) == Breaker()
    assert note_answer(note_failure(Breaker(), NOW, policy)) == Breaker()


def test_a_source_that_asks_for_a_long_rest_gets_it():
    rest = NOW + dt.timedelta(hours=1)
    breaker = note_failure(Breaker(), NOW, BreakerPolicy(5, dt.timedelta(seconds=60)), not_before=rest)
    assert (breaker.state, breaker.until) == ("open", rest)
