"""What departments disagree on: found with the rows that say so, kept while they do, closed by itself once they agree."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

from rongqiao.contracts import shared_facts
from rongqiao.contracts.shared_facts import check_shared_facts, load_shared_facts
from rongqiao.governance import conflicts as module
from rongqiao.governance.conflicts import find_conflicts
from rongqiao.governance.pipeline import govern
from rongqiao.governance.resolution.withdrawal import withdraw
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import ALPHA, BETA, GAMMA, NAMES, put_jsonl, put_registry

pytestmark = pytest.mark.pipeline

TAXPAYER, RECORD, SURVEY = (
    "taxation.taxpayer",
    "human_resources.employment_record",
    "industry.monthly_operation",
)
FIRST, LATER = dt.date(2026, 2, 28), dt.date(2026, 4, 30)


def say(root, contract, on, *rows):
    """Deliver rows of one table, each a mapping of items."""
    ids = sorted({item for row in rows for item in row})
    put_jsonl(root, contract, f"{on}.jsonl", ids, [[row.get(item) for item in ids] for row in rows])


def taxpayer(code, changed="2026-01-10", **changes):
    return {
        "uscc": code, "name": NAMES[code], "taxpayer_status": "normal", "vat_kind": "small", "competent_office": "某税务所",
        "registered_on": "2015-03-10", "accounting_standard": "small", "changed_on": changed, **changes,
    }  # fmt: skip


@pytest.fixture
def root(tmp_path):
    put_registry(tmp_path / "in")
    return tmp_path


def run(root, known_at=FIRST):
    lake = Lake(root / "lake")
    report = govern(root / "in", lake, None)
    refused = {file.contract_id: file.quarantined_by_rule for file in report.files if file.rows_quarantined}
    assert not refused, refused
    as_of = known_at.year * 100 + known_at.month
    results = {one.fact: one for one in find_conflicts(lake, as_of=as_of, known_at=known_at)}
    return lake, results


def conflicts(lake):
    rows = lake.read("operations/conflicts").to_pylist() if lake.exists("operations/conflicts") else []
    return sorted(rows, key=lambda row: row["run_no"])


def test_facts_name_what_exists_and_say_where_their_order_comes_from():
    assert list(check_shared_facts()) == []
    facts = load_shared_facts().values()
    assert len(facts) >= 5
    assert all(fact.source and len(set(fact.contracts)) >= 2 for fact in facts)
    assert load_shared_facts()["name"].contracts[0] == "market_regulation.registry"


@pytest.mark.parametrize(
    "change",
    [
        {"comparison": "likely"},
        {"sides": [{"contract": "taxation.taxpayer", "value": "name"}]},
        {"sides": [{"contract": "a.b", "value": "x", "period": "p"}, {"contract": "c.d", "value": "x"}]},
        {"sides": [{"contract": "a.b"}, {"contract": "c.d"}]},
    ],
)
def test_a_malformed_fact_is_refused_with_its_name(change):
    node = {
        "title": "名称", "comparison": "text", "source": "某条",
        "sides": [{"contract": "a.b", "value": "x"}, {"contract": "c.d", "value": "x"}],
    }  # fmt: skip
    assert shared_facts._to_fact("name", node).contracts == ("a.b", "c.d")
    with pytest.raises(ContractError, match="name"):
        shared_facts._to_fact("name", node | change)


def test_disagreement_is_found_with_the_rows_and_the_registry_comes_first(root):
    say(root / "in", TAXPAYER, "2026-02-10", taxpayer(ALPHA, name="长沙星河机械制造有限公司"), taxpayer(BETA))
    lake, results = run(root)
    assert (results["name"].outcome, results["name"].compared, results["name"].disagreeing) == (
        "warned",
        2,
        1,
    )
    (conflict,) = conflicts(lake)
    assert (conflict["fact"], conflict["enterprise_id"], conflict["state"]) == ("name", ALPHA, "open")
    first, second = json.loads(conflict["sides"])
    assert (first["contract"], first["value"]) == ("market_regulation.registry", NAMES[ALPHA])
    assert (second["contract"], second["value"], second["agrees"]) == (
        TAXPAYER,
        "长沙星河机械制造有限公司",
        False,
    )
    published = lake.read(f"published/{TAXPAYER}").to_pylist()
    assert {(row["batch_id"], row["line"]) for row in published if row["enterprise_id"] == ALPHA} == {
        (second["batch_id"], second["line"])
    }


def test_what_one_department_alone_says_is_not_compared_and_never_green(root):
    _, results = run(root)
    assert {one.outcome for one in results.values()} == {"not_run"}


def test_ways_of_writing_are_no_disagreement(root):
    say(root / "in", TAXPAYER, "2026-02-10", taxpayer(ALPHA, name=f" {NAMES[ALPHA]} "))
    lake, results = run(root)
    assert results["name"].outcome == "passed"
    assert conflicts(lake) == []


def test_codes_of_two_departments_are_compared_by_what_they_mean(root):
    say(root / "in", TAXPAYER, "2026-02-10", taxpayer(ALPHA, taxpayer_status="deregistered", deregistered_on="2026-01-09"), taxpayer(BETA, taxpayer_status="suspended"))  # fmt: skip
    lake, results = run(root)
    assert (results["status"].compared, results["status"].disagreeing) == (2, 1)
    assert [(one["fact"], one["enterprise_id"]) for one in conflicts(lake)] == [("status", ALPHA)]


def test_the_same_facts_file_nothing_twice_and_later_agreement_closes_by_itself(root):
    say(root / "in", TAXPAYER, "2026-02-10", taxpayer(ALPHA, name="长沙星河机械制造有限公司"))
    lake, _ = run(root)
    find_conflicts(lake, as_of=202602, known_at=FIRST)
    assert len(conflicts(lake)) == 1
    find_conflicts(lake, as_of=202603, known_at=dt.date(2026, 3, 31))
    assert len(conflicts(lake)) == 1
    say(root / "in", TAXPAYER, "2026-04-10", taxpayer(ALPHA, changed="2026-04-01"))
    lake, results = run(root, LATER)
    assert results["name"].outcome == "passed"
    assert [(one["state"], one["known_at"]) for one in conflicts(lake)] == [
        ("open", FIRST),
        ("closed", LATER),
    ]
    # Who stands at the earlier day still sees them disagree.
    assert {one.fact: one for one in find_conflicts(lake, as_of=202602, known_at=FIRST)}[
        "name"
    ].outcome == "warned"


def test_other_values_are_another_version_of_the_same_conflict(root):
    say(root / "in", TAXPAYER, "2026-02-10", taxpayer(ALPHA, name="长沙星河机械制造有限公司"))
    run(root)
    say(
        root / "in",
        TAXPAYER,
        "2026-04-10",
        taxpayer(ALPHA, changed="2026-04-01", name="长沙星海机械有限公司"),
    )
    lake, _ = run(root, LATER)
    first, second = conflicts(lake)
    assert first["conflict_id"] == second["conflict_id"]
    assert first["version"] != second["version"]
    assert second["state"] == "open"


def test_a_withdrawn_row_speaks_no_more(root):
    say(root / "in", TAXPAYER, "2026-02-10", taxpayer(ALPHA, name="长沙星河机械制造有限公司"))
    lake, _ = run(root)
    (row,) = lake.read(f"published/{TAXPAYER}").to_pylist()
    day = dt.date(2026, 3, 2)
    withdraw(lake, contract_id=TAXPAYER, batch_id=row["batch_id"], line=row["line"], known_at=day, by="clerk", reason="不是同一家")  # fmt: skip
    results = {one.fact: one for one in find_conflicts(lake, as_of=202603, known_at=day)}
    assert results["name"].outcome == "not_run"
    assert [one["state"] for one in conflicts(lake)] == ["open", "closed"]


@pytest.mark.parametrize(("said", "differs"), [(103, False), (140, False), (170, True), (60, True)])
def test_numbers_may_lie_apart_by_the_declared_share_in_the_same_month(root, said, differs):
    record = {"uscc": ALPHA, "name": NAMES[ALPHA], "period": "2026-01", "employees": 100, "hired": 0, "dismissed": 0, "laid_off": 0}  # fmt: skip
    say(root / "in", RECORD, "2026-02-10", record, record | {"period": "2025-12", "employees": 900})
    say(root / "in", SURVEY, "2026-02-10", {"uscc": ALPHA, "name": NAMES[ALPHA], "period": "2026-01", "employee_count": said})  # fmt: skip
    lake, results = run(root)
    assert results["employees_month"].compared == 1
    assert bool(results["employees_month"].disagreeing) is differs
    assert [one["period"] for one in conflicts(lake)] == (["202601"] if differs else [])


# -- only whom anything came of ---------------------------------------------------------------------------------------


def whole(lake, known_at):
    """What a comparison of all enterprises finds, from the same tables and without any memory."""
    copy = Path(lake.root).with_name("again")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(lake.root, copy)
    for table in ("operations/conflicts", "operations/conflict_runs"):
        shutil.rmtree(copy / table, ignore_errors=True)
    again = Lake(copy)
    results = find_conflicts(again, as_of=known_at.year * 100 + known_at.month, known_at=known_at)
    return results, {row["conflict_id"]: row["version"] for row in conflicts(again)}


def open_ones(lake):
    last = {row["conflict_id"]: row for row in conflicts(lake)}
    return {name: row["version"] for name, row in last.items() if row["state"] == "open"}


def test_only_whom_anything_came_of_is_compared_and_all_is_as_if_everybody_were(root, monkeypatch):
    compared = []

    def noted(connection):
        compared.append(
            {row[0] for row in connection.execute("SELECT enterprise_id FROM touched").fetchall()}
        )
        return condition(connection)

    condition = module.touched_condition
    monkeypatch.setattr(module, "touched_condition", noted)
    say(root / "in", TAXPAYER, "2026-04-10", taxpayer(ALPHA, name="长沙星河机械制造有限公司"), taxpayer(BETA), taxpayer(GAMMA, taxpayer_status="suspended"))  # fmt: skip
    steps = [
        (11, [taxpayer(BETA, changed="2026-04-01", name="株洲近水新材料股份有限公司")], {BETA}),
        (12, [taxpayer(ALPHA, changed="2026-04-02")], {ALPHA}),
        (13, [taxpayer(GAMMA, changed="2026-04-03", taxpayer_status="deregistered", deregistered_on="2026-04-03")], {GAMMA}),
    ]  # fmt: skip
    lake, _ = run(root, dt.date(2026, 4, 10))
    assert compared == []
    for day, rows, touched in steps:
        known_at = dt.date(2026, 4, day)
        say(root / "in", TAXPAYER, known_at.isoformat(), *rows)
        lake, results = run(root, known_at)
        assert compared.pop() == touched
        assert (list(results.values()), open_ones(lake)) == whole(lake, known_at)
    # Nothing came: nobody is compared, and everybody is counted.
    assert {one.fact: one for one in find_conflicts(lake, as_of=202604, known_at=known_at)} == results
    assert compared.pop() == set()
    (row,) = [row for row in lake.read(f"published/{TAXPAYER}").to_pylist() if row["known_at"] == known_at]
    withdraw(lake, contract_id=TAXPAYER, batch_id=row["batch_id"], line=row["line"], known_at=known_at, by="clerk", reason="不是同一家")  # fmt: skip
    results = find_conflicts(lake, as_of=202604, known_at=known_at)
    assert compared.pop() == {GAMMA}
    assert (results, open_ones(lake)) == whole(lake, known_at)


def test_all_are_compared_in_another_month_and_where_facts_are_declared_otherwise(root, monkeypatch):
    say(root / "in", TAXPAYER, "2026-02-10", taxpayer(ALPHA, name="长沙星河机械制造有限公司"))
    lake, _ = run(root)
    monkeypatch.setattr(module, "touched_condition", lambda _: pytest.fail("compared in part"))
    find_conflicts(lake, as_of=202603, known_at=dt.date(2026, 3, 31))
    facts = load_shared_facts()
    fewer = {name: fact for name, fact in facts.items() if name != "status"}
    monkeypatch.setattr(module, "load_shared_facts", lambda: fewer)
    results = find_conflicts(lake, as_of=202603, known_at=dt.date(2026, 3, 31))
    assert {one.fact for one in results} == set(fewer)


def test_what_was_known_later_than_the_last_comparison_is_compared_once_its_day_comes(root):
    say(root / "in", TAXPAYER, "2026-04-10", taxpayer(ALPHA))
    say(
        root / "in",
        TAXPAYER,
        "2026-04-20",
        taxpayer(ALPHA, changed="2026-04-01", name="长沙星海机械有限公司"),
    )
    lake, results = run(root, dt.date(2026, 4, 12))
    assert results["name"].outcome == "passed"
    results = find_conflicts(lake, as_of=202604, known_at=dt.date(2026, 4, 20))
    assert (results, open_ones(lake)) == whole(lake, dt.date(2026, 4, 20))
    assert [row["enterprise_id"] for row in conflicts(lake)] == [ALPHA]
