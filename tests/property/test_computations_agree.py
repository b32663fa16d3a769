"""A refresh leaves what computing everybody leaves, whatever arrives between two days: late, corrected, withdrawn, passed on, new.

A training set gives each line what computing everybody at the line's times gives its enterprise.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from config.commands.indicators import app
from config.town import publish_town
from rongqiao.contracts.standards import load_contract
from rongqiao.indicators import compute, refreshing, registry, write_indicators
from rongqiao.indicators.changes import find_changes
from rongqiao.indicators.computation import TARGET, by_source, indicators_key, select
from rongqiao.indicators.empty_tables import empty_table
from rongqiao.indicators.reading import ENTERPRISES
from rongqiao.indicators.refreshing import refresh_indicators
from rongqiao.indicators.registry import At, Source, load_indicators
from rongqiao.indicators.runs import last_run
from rongqiao.indicators.training_sets import left_out, training_set
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection
from rongqiao.lake.tables import Lake
from rongqiao.synth import town

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AS_OF, BEFORE, NOW = 202610, dt.date(2026, 11, 20), dt.date(2026, 12, 10)
REGISTER, PENALTY = "market_regulation.registry", "market_regulation.penalty"
WITHDRAWN = (PENALTY, "taxation.tax_filing", "court.dishonest_person")
NEWCOMER = "91430100MANEWCOMEX"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(town, "ENTERPRISES", 50)
        lake = Lake(tmp_path_factory.mktemp("town"))
        publish_town(lake, as_of=AS_OF)
    drawn = Deliveries(lake, 99)
    for contract_id in WITHDRAWN:
        drawn.withdraw(contract_id, BEFORE)
    # What no file tells: between the two days a return falls due, and the publication of a penalty ends.
    due, between = drawn.row("taxation.tax_filing"), NOW - dt.timedelta(days=2)
    for column, value in (("period", AS_OF), ("filed_on", None), ("due_on", between)):
        due = changed(due, column, value)
    drawn.send("taxation.tax_filing", due, BEFORE)
    for number, until in (("ending", between), ("lasting", dt.date(2027, 1, 1))):
        penalty = changed(drawn.row(PENALTY), "document_no", number)
        penalty = changed(penalty, "severity", "serious")
        penalty = changed(changed(penalty, "decided_on", dt.date(2026, 9, 1)), "published_until", until)
        drawn.send(PENALTY, penalty, BEFORE)
    assert write_indicators(lake, as_of=AS_OF, known_at=BEFORE, processes=1)
    return lake


@pytest.fixture
def lake(base: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr(refreshing, "MOST_SHARE", 1.0)
    shutil.copytree(base.root, tmp_path / "lake")
    return Lake(tmp_path / "lake")


def kept(lake: Lake, known_at: dt.date) -> pa.Table:
    table = ibis_connection(lake, [TARGET]).table(TARGET)
    found: pa.Table = (
        asof.latest(table, ["enterprise_id"], known_at=known_at).order_by("enterprise_id").to_pyarrow()
    )
    return found


def assert_as_computed_for_all(lake: Lake) -> None:
    expected, found = compute(lake, as_of=AS_OF, known_at=NOW), kept(lake, NOW)
    assert found.column("enterprise_id") == expected.column("enterprise_id")
    for name in select(None):
        same = np.testing.assert_allclose
        same(found.column(name).to_numpy(), expected.column(name).to_numpy(), rtol=1e-9, err_msg=name)
        assert found.column(f"{name}__status") == expected.column(f"{name}__status"), name


def append(lake: Lake, contract_id: str, rows: pa.Table, known_at: dt.date, batch: str) -> None:
    day = pa.repeat(pa.scalar(known_at), rows.num_rows)
    rows = rows.set_column(rows.column_names.index("known_at"), "known_at", day)
    name = pa.repeat(pa.scalar(batch), rows.num_rows)
    rows = rows.set_column(rows.column_names.index("batch_id"), "batch_id", name)
    tables = [f"published/{contract_id}", *([ENTERPRISES] if contract_id == REGISTER else [])]
    for table in tables:
        lake.append(table, rows, transaction=f"{table}@{batch}")


def changed(row: pa.Table, column: str, value: object) -> pa.Table:
    place = row.column_names.index(column)
    return row.set_column(place, column, pa.array([value], row.schema.field(column).type))


class Deliveries:
    """Draws what arrives; each deed is one file."""

    def __init__(self, lake: Lake, seed: int) -> None:
        self.lake, self.random, self.count = lake, random.Random(seed), seed * 100
        self.contracts = sorted(
            {name for item in load_indicators().values() for name in item.source.contracts}
        )

    def row(self, contract_id: str) -> pa.Table:
        rows = self.lake.read(f"published/{contract_id}")
        rows = rows.filter(pc.less_equal(rows.column("known_at"), BEFORE)).sort_by("line")
        return rows.slice(self.random.randrange(rows.num_rows), 1)

    def send(self, contract_id: str, row: pa.Table, known_at: dt.date | None = None) -> None:
        self.count += 1
        day = known_at or NOW - dt.timedelta(days=self.random.randrange(3))
        append(self.lake, contract_id, row, day, f"drawn@{self.count}")

    def correct(self) -> None:
        """Send a row again with another number, or late, with a day that lies before the run."""
        contract_id = self.random.choice(self.contracts)
        row = self.row(contract_id)
        items = [
            item for item in load_contract(contract_id).items if item.id not in load_contract(contract_id).key
        ]
        numbers = [item.id for item in items if item.type in ("decimal", "integer")]
        if numbers:
            row = changed(row, self.random.choice(numbers), self.random.randrange(1, 99))
        self.send(contract_id, row, self.random.choice([None, BEFORE]))

    def add(self) -> None:
        """Give somebody's fact to another enterprise too, or instead where the key does not name one."""
        contract_id = self.random.choice(self.contracts)
        other = self.row(REGISTER).column("enterprise_id")[0].as_py()
        row = changed(self.row(contract_id), "enterprise_id", other)
        identifier = load_contract(contract_id).identifier
        self.send(contract_id, changed(row, identifier, other) if identifier in row.column_names else row)

    def come_late(self) -> None:
        """Send a filing that should have been there before the run."""
        row = changed(self.row("taxation.tax_filing"), "period", AS_OF)
        self.send("taxation.tax_filing", changed(row, "taxable_sales_cny", 123_456), BEFORE)

    def pass_on(self) -> None:
        """Correct whom a penalty was given to."""
        rows = self.lake.read(f"published/{PENALTY}")
        row = rows.filter(pc.equal(rows.column("document_no"), "lasting")).slice(0, 1)
        other = self.row(REGISTER).column("enterprise_id")[0].as_py()
        self.send(PENALTY, changed(changed(row, "enterprise_id", other), "uscc", other))

    def move(self) -> None:
        """Let an enterprise move to another's address, telephone or legal representative."""
        item = self.random.choice(["address", "phone_hmac", "legal_rep_id_hmac", "status"])
        row, other = self.row(REGISTER), self.row(REGISTER)
        row = changed(row, "snapshot_on", dt.date(2026, 10, 20 + self.random.randrange(5)))
        self.send(REGISTER, changed(row, item, "吊销" if item == "status" else other.column(item)[0].as_py()))

    def hold(self) -> None:
        """Let one hold shares of another, or stand as its partner."""
        code = self.row(REGISTER).column("uscc")[0].as_py()
        contract_id, item = self.random.choice(
            [
                ("market_regulation.shareholder", "shareholder_uscc"),
                ("taxation.invoice_counterparty", "counterparty_uscc"),
                ("industry.chain_node", "core_enterprise_uscc"),
            ]
        )
        self.send(contract_id, changed(self.row(contract_id), item, code))

    def withdraw(self, contract_id: str, known_at: dt.date = NOW) -> None:
        row = self.row(contract_id)
        if "withdrawn" in row.column_names:
            row = row.drop_columns(["withdrawn"])
        place = row.column_names.index("known_at")
        tombstone = row.set_column(place, "known_at", pa.array([known_at], pa.date32()))
        tombstone = tombstone.append_column("withdrawn", pa.array([True]))
        self.count += 1
        self.lake.append(
            f"published/{contract_id}", tombstone, transaction=f"withdrawn@{known_at}@{self.count}"
        )

    def found(self) -> None:
        row = changed(changed(self.row(REGISTER), "enterprise_id", NEWCOMER), "uscc", NEWCOMER)
        self.send(REGISTER, changed(row, "snapshot_on", dt.date(2026, 10, 30)))
        row = changed(self.row("taxation.tax_filing"), "enterprise_id", NEWCOMER)
        self.send("taxation.tax_filing", changed(row, "uscc", NEWCOMER))


@pytest.mark.parametrize("seed", range(2))
def test_a_refresh_equals_a_computation_of_everybody(lake: Lake, seed: int) -> None:
    drawn = Deliveries(lake, seed)
    deeds: list[Callable[[], None]] = [drawn.correct, drawn.add, drawn.move, drawn.hold]
    for _ in range(5):
        drawn.random.choice(deeds)()
    if seed % 2:
        drawn.found()
    else:
        drawn.withdraw(drawn.random.choice(WITHDRAWN))
    done = refresh_indicators(lake, as_of=AS_OF, known_at=NOW, processes=1, span=20)
    assert done.base == BEFORE
    assert done.computed is not None
    assert 0 < done.computed < 51, "somebody, and not everybody"
    assert_as_computed_for_all(lake)
    assert lake.has(TARGET, indicators_key(AS_OF, NOW))
    before = lake.version(TARGET)
    told = CliRunner().invoke(
        app, ["refresh", "--as-of", str(AS_OF), "--known-at", str(NOW), "--lake", lake.root]
    )
    assert told.output == "与 2026-12-10 所算相比没有变化，未写入。\n"
    assert lake.version(TARGET) == before, "nothing changed, so no commit"
    drawn.come_late()
    drawn.pass_on()
    run, at = last_run(lake, At(AS_OF, NOW)), At(AS_OF, NOW)
    assert run is not None
    standing = find_changes(lake, run, at, by_source(load_indicators().values())).standing
    assert {"utility_usage", "judicial_case"} <= standing
    assert not {"tax_filing", "penalty"} & standing
    assert refresh_indicators(lake, as_of=AS_OF, known_at=NOW, processes=1).computed in (2, 3)
    assert_as_computed_for_all(lake)


def test_everybody_is_computed_where_a_source_goes_stale_is_new_or_rewritten_or_the_month_turns(
    lake: Lake,
) -> None:
    sources, run = by_source(load_indicators().values()), last_run(lake, At(AS_OF, NOW))
    assert run is not None
    stale = find_changes(lake, run, At(AS_OF, NOW + dt.timedelta(days=120)), sources)
    assert "judicial_case 已陈旧" in stale.reasons
    table = "published/court.judicial_case"
    versions = {name: version for name, version in run.versions.items() if name != table}
    held = {name: each for name, each in run.delivered.items() if name != "court.judicial_case"}
    young = dataclasses.replace(run, versions=versions, delivered=held)
    assert find_changes(lake, young, At(AS_OF, NOW), sources).reasons == ("judicial_case 首次有数据",)
    lake.replace(table, lake.read(table))
    assert find_changes(lake, run, At(AS_OF, NOW), sources).reasons == (f"{table} 被改写",)
    assert last_run(lake, At(202611, NOW)) is None


def test_a_source_that_reads_the_day_says_what_falls_due_and_one_that_looks_across_its_ties() -> None:
    days = (At(AS_OF, BEFORE), At(AS_OF, NOW))
    for source in by_source(load_indicators().values()):
        assert bool(source.ties) == source.is_across, source.id
        if source.grain == "derived":
            continue
        tables = {name: empty_table(load_contract(name)) for name in source.contracts}
        reads_day = not source.prepare(tables, days[0]).equals(source.prepare(tables, days[1]))
        assert reads_day == (source.falls_due is not None), source.id
        for tie in source.ties:
            for contract_id, item in (tie.reads, tie.gives):
                assert item in load_contract(contract_id).columns


def spine_of(lines: list[tuple[str, int, dt.date]]) -> pa.Table:
    ids, months, days = zip(*lines, strict=True)
    columns = {"enterprise_id": pa.array(ids), "as_of": pa.array(months), "known_at": pa.array(days)}
    return pa.table(columns)


def is_telling(source: Source) -> bool:
    """Whether a source is read in a way of its own, beyond the rows of one enterprise in one table."""
    contracts = [load_contract(name) for name in source.contracts]
    is_clocked = source.id in ("penalty", "dishonest_person", "judicial_case")
    is_keyed_otherwise = any(each.identifier not in each.key for each in contracts)
    return (
        source.is_across
        or is_clocked
        or is_keyed_otherwise
        or source.id in ("vat_partner", "balance_and_income")
    )


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a few indicators of a few sources: what is tested is whose rows are read, not each formula."""
    every = load_indicators()
    sources = by_source(every.values())
    wanted = {item.id for source, members in sources.items() if is_telling(source) for item in members[:2]}
    wanted |= {"tax_taxable_sales_sum_m12_cny", "tax_late_filing_m12_count", "network_guarantee_out_ratio"}
    wanted |= {name for item in wanted for name in every[item].inputs}
    monkeypatch.setattr(registry, "_REGISTER", {name: every[name] for name in every if name in wanted})


@pytest.mark.usefixtures("few")
def test_each_line_of_a_training_set_is_what_its_times_give_and_no_later_fact_moves_it(lake: Lake) -> None:
    drawn = Deliveries(lake, 7)
    drawn.pass_on()
    drawn.withdraw("taxation.tax_filing")
    pairs = [(AS_OF, BEFORE), (AS_OF, NOW), (202512, dt.date(2026, 10, 20)), (AS_OF, dt.date(2027, 6, 20))]
    ids = lake.read(ENTERPRISES, ["enterprise_id"]).column(0).unique().to_pylist()
    lines = [(name, *pair) for name in ids for pair in pairs] + [("NOBODY", AS_OF, NOW)]
    random.Random(1).shuffle(lines)
    found = training_set(lake, spine_of(lines))
    names = [name for name in select(None) if name not in left_out()]
    assert found.column_names == ["enterprise_id", "as_of", "known_at"] + [
        column for name in names for column in (name, f"{name}__status")
    ]
    for pair in pairs:
        expected = compute(lake, as_of=pair[0], known_at=pair[1])
        places = {name: place for place, name in enumerate(expected.column("enterprise_id").to_pylist())}
        rows = [row for row, line in enumerate(lines) if line[1:] == pair and line[0] in places]
        expected = expected.take([places[lines[row][0]] for row in rows])
        for name in names:
            values = (table.column(name).to_numpy() for table in (found.take(rows), expected))
            np.testing.assert_allclose(*values, rtol=1e-9, err_msg=name)
            status = found.column(f"{name}__status").cast(pa.string()).take(rows)
            assert status.to_pylist() == expected.column(f"{name}__status").to_pylist(), (name, pair)
    nobody = found.slice(lines.index(("NOBODY", AS_OF, NOW)), 1).to_pylist()[0]
    assert {nobody[f"{name}__status"] for name in names} == {"missing"}
    future, late = (changed(drawn.row("taxation.tax_filing"), "taxable_sales_cny", 10**9) for _ in range(2))
    drawn.send("taxation.tax_filing", changed(future, "period", 202611), BEFORE)
    drawn.send("taxation.tax_filing", late, dt.date(2027, 6, 21))
    assert training_set(lake, spine_of(lines)).equals(found)


def test_a_training_set_refuses_what_it_cannot_give(base: Lake) -> None:
    line = spine_of([("A", AS_OF, NOW)])
    with pytest.raises(InvalidValueError, match="network_related_count"):
        training_set(base, line, only=["network_related_count"])
    with pytest.raises(InvalidValueError, match="known_at"):
        training_set(base, line.drop_columns(["known_at"]))
    with pytest.raises(InvalidValueError, match="第 2 行"):
        training_set(base, changed(line, "enterprise_id", None))
    assert training_set(base, line.slice(0, 0)).num_rows == 0
