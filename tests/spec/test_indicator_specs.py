"""Every indicator has its spec: answers for a drawn input, with an edge and a null; it doubles as documentation."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from drawn import publish, publish_all, publish_enterprises
from drawn_cast import AS_OF, BIAN, DELIVERED, KNOWN_AT, WU, XIN, YUAN
from drawn_taxation import tax_filing

from rongqiao.indicators import compute, enterprise_facts, load_indicators, write_indicators
from rongqiao.indicators.computation import TARGET
from rongqiao.indicators.registry import Source
from rongqiao.indicators.verification import find_duplicates, find_problems
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.lake.tables import Lake

SPECS: dict[str, list[Any]] = yaml.safe_load(
    (Path(__file__).parent / "expected.yaml").read_text(encoding="utf-8")
)
NAMES = (YUAN, BIAN, XIN, WU)
STATUS = {"n/a": "not_applicable", "missing": "missing"}
ALL = list(load_indicators())


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    drawn = Lake(tmp_path_factory.mktemp("lake"))
    publish_all(drawn)
    return drawn


@pytest.fixture(scope="module")
def answers(lake: Lake) -> dict[str, dict[str, Any]]:
    rows = compute(lake, as_of=AS_OF, known_at=KNOWN_AT).to_pylist()
    assert [row["enterprise_id"] for row in rows] == sorted(NAMES)
    return {row["enterprise_id"]: row for row in rows}


def test_every_indicator_has_a_spec_and_every_spec_an_indicator() -> None:
    assert sorted(SPECS) == sorted(ALL)


@pytest.mark.parametrize("name", ALL)
def test_spec(name: str, answers: dict[str, dict[str, Any]]) -> None:
    for enterprise, expected in zip(NAMES, SPECS[name], strict=True):
        found, status = answers[enterprise][name], answers[enterprise][f"{name}__status"]
        if expected in STATUS:
            assert (found, status) == (None, STATUS[expected]), enterprise
        else:
            assert found == pytest.approx(expected, rel=1e-5, abs=1e-9), enterprise
            assert status == "ok", enterprise


def test_every_declaration_is_whole() -> None:
    assert find_problems(SPECS) == []


def test_a_declaration_that_lacks_something_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    name = ALL[0]
    assert find_problems([each for each in ALL if each != name]) == [
        f"{name}: 没有用例，请在 tests/spec/expected.yaml 写明四家企业的答案"
    ]
    idle = Source(
        "idle", ("taxation.tax_filing",), "series", lambda tables, at: tables["taxation.tax_filing"]
    )
    monkeypatch.setattr("rongqiao.indicators.tax.IDLE", idle, raising=False)
    assert find_problems(SPECS) == ["tax.IDLE: 来源 idle 没有指标使用"]


def test_values_lie_within_their_bounds(answers: dict[str, dict[str, Any]]) -> None:
    for name, item in load_indicators().items():
        least, greatest = item.bounds
        for row in answers.values():
            if row[name] is not None:
                assert least is None or row[name] >= least, name
                assert greatest is None or row[name] <= greatest, name


def test_two_declarations_of_the_same_values_are_found() -> None:
    once, again, other = "tax_filed_m12_count", "tax_observed_m24_count", "tax_late_filing_m12_count"
    values = {once: [1.0] * 30, again: [1.0] * 30, other: [*[1.0] * 29, 2.0]}
    columns: dict[str, Any] = {}
    for name, numbers in values.items():
        columns |= {name: numbers, f"{name}__status": ["ok"] * 30}
    assert find_duplicates(pa.table(columns)) == [(once, again)]
    assert find_duplicates(pa.table(columns).slice(0, 10)) == []


def test_values_are_never_given_without_ok_or_stale(answers: dict[str, dict[str, Any]]) -> None:
    for row in answers.values():
        for name in ALL:
            assert (row[name] is not None) == (row[f"{name}__status"] in ("ok", "stale"))


def test_an_old_series_is_stale_and_what_came_later_is_not_read(lake: Lake) -> None:
    later = compute(
        lake,
        as_of=202701,
        known_at=dt.date(2027, 2, 20),
        only=["tax_taxable_sales_avg_m3_cny", "tax_arrears_open_cny"],
    )
    row = next(row for row in later.to_pylist() if row["enterprise_id"] == BIAN)
    assert (row["tax_arrears_open_cny"], row["tax_arrears_open_cny__status"]) == (45, "stale")
    assert row["tax_taxable_sales_avg_m3_cny__status"] == "missing"
    before = compute(
        lake, as_of=AS_OF, known_at=DELIVERED - dt.timedelta(days=1), only=["judicial_executed_open_count"]
    )
    assert set(before.column("judicial_executed_open_count__status").to_pylist()) <= {"missing"}


def test_a_late_correction_counts_from_the_day_it_was_known(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    publish_enterprises(lake)
    rows = [row for row in tax_filing() if row["enterprise_id"] == YUAN]
    publish(lake, "taxation.tax_filing", rows)
    publish(
        lake,
        "taxation.tax_filing",
        [{**rows[-1], "taxable_sales_cny": 1120}],
        known_at=dt.date(2026, 12, 1),
        batch="2",
    )
    name = "tax_taxable_sales_sum_m12_cny"
    found = [
        compute(lake, as_of=AS_OF, known_at=day, only=[name]).to_pylist()[-1][name]
        for day in (KNOWN_AT, dt.date(2026, 12, 1))
    ]
    assert found == [1440, 2440]


def test_tables_that_are_absent_leave_their_indicators_missing(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    publish_enterprises(lake)
    wide = compute(lake, as_of=AS_OF, known_at=KNOWN_AT)
    assert wide.num_rows == len(NAMES)
    assert {status for name in ALL for status in wide.column(f"{name}__status").to_pylist()} == {"missing"}


def test_written_once_and_read_as_facts(lake: Lake) -> None:
    assert write_indicators(lake, as_of=AS_OF, known_at=KNOWN_AT)
    assert not write_indicators(lake, as_of=AS_OF, known_at=KNOWN_AT)
    assert lake.read(TARGET).num_rows == len(NAMES)
    facts = enterprise_facts(lake, as_of=AS_OF, known_at=KNOWN_AT, enterprise_ids=[YUAN, WU])
    wu, yuan = facts.to_pylist()
    assert (yuan["age_months"], yuan["industry_section"], yuan["tax_grade_now"], yuan["size_class"]) == (
        120,
        "C",
        "A",
        "micro",
    )
    assert (wu["size_class"], wu["tax_grade_now"], wu["grade"]) == (None, None, None)


def test_an_unknown_id_is_named() -> None:
    with pytest.raises(InvalidValueError, match="no_such"):
        compute(Lake("nowhere"), as_of=AS_OF, known_at=KNOWN_AT, only=["no_such"])


def test_derived_indicators_alone_bring_their_inputs_but_do_not_show_them(lake: Lake) -> None:
    wide = compute(lake, as_of=AS_OF, known_at=KNOWN_AT, only=["social_sales_per_head_m12_cny"])
    assert isinstance(wide, pa.Table)
    assert wide.column_names == [
        "enterprise_id",
        "as_of",
        "known_at",
        "social_sales_per_head_m12_cny",
        "social_sales_per_head_m12_cny__status",
    ]
