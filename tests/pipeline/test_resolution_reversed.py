"""What was decided about an enterprise's rows can be taken back, and what waited is tried again; nothing is rewritten."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from rongqiao.contracts.standards import load_contract
from rongqiao.governance.pipeline import govern
from rongqiao.governance.resolution.withdrawal import history_of, withdraw
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.lake.asof import current
from rongqiao.lake.engine import ibis_connection
from rongqiao.lake.serving import ServingStore
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import (
    ALPHA,
    BETA,
    NAMES,
    REGISTRY_HEADERS,
    TAX_HEADERS,
    csv_bytes,
    put,
    put_registry,
    registry_row,
    tax_row,
)

pytestmark = pytest.mark.pipeline
TAX = "taxation.tax_filing"
REGISTRY = "market_regulation.registry"
DELTA = complete_uscc("91430400MA4L00008")
DELTA_NAME = "衡阳无名商贸有限公司"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "deliveries"
    put_registry(root)
    return root


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def sales(lake, known_at):
    """Taxable sales by enterprise, as a reader of a day holds them true."""
    table = f"published/{TAX}"
    rows = current(
        ibis_connection(lake, [table]).table(table), load_contract(TAX), as_of=202612, known_at=known_at
    )
    found = rows.to_pyarrow().to_pylist()
    return {row["enterprise_id"]: str(row["taxable_sales_cny"]) for row in found}


def waiting(lake):
    rows = lake.read("operations/quarantine").to_pylist()
    return [(row["rule_id"], row["line"]) for row in rows]


def merged_onto_beta(folder, lake):
    """Beta's own filing of January, and one that a shortened name put over it."""
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(BETA, sales="100.00")]))
    put(
        folder,
        TAX,
        "2026-02-20_part.csv",
        csv_bytes(TAX_HEADERS, [tax_row("", "远山新材料股份有限公司", sales="999.00")]),
    )
    govern(folder, lake, None)
    (merge,) = lake.read("operations/merges").to_pylist()
    assert merge["method"] == "linked"
    return merge


def test_withdrawn_row_is_gone_from_its_day_on_and_uncovers_what_it_hid(folder, lake, tmp_path):
    merge = merged_onto_beta(folder, lake)
    day = dt.date(2026, 3, 1)
    assert sales(lake, day) == {BETA: "999.00"}
    place = {"contract_id": TAX, "batch_id": merge["batch_id"], "line": merge["line"]}
    assert withdraw(lake, **place, known_at=day, by="clerk", reason="不是同一家") == BETA
    assert sales(lake, day) == {BETA: "100.00"}
    # Who stands at an earlier day reads what was read then.
    assert sales(lake, dt.date(2026, 2, 28)) == {BETA: "999.00"}
    with ServingStore(tmp_path / "serving", is_writer=True) as store:
        store.build(lake, load_contract(TAX))
        for known_at, seen in ((day, "100.00"), (dt.date(2026, 2, 28), "999.00")):
            (row,) = store.rows(load_contract(TAX), BETA, as_of=202612, known_at=known_at)
            assert row["taxable_sales_cny"] == seen
    assert ("cleaning.withdrawn", merge["line"]) in waiting(lake)
    (aside,) = [
        row
        for row in lake.read("operations/quarantine").to_pylist()
        if row["rule_id"] == "cleaning.withdrawn"
    ]
    assert json.loads(aside["row_json"])["name"] == "远山新材料股份有限公司"
    assert not json.loads(aside["row_json"])["uscc"]
    assert [entry["method"] for entry in history_of(lake, merge["batch_id"], merge["line"])] == [
        "linked",
        "withdrawn",
    ]


def test_taking_back_is_done_once_with_a_reason_and_not_before_the_row_was_known(folder, lake):
    merge = merged_onto_beta(folder, lake)
    place = {"contract_id": TAX, "batch_id": merge["batch_id"], "line": merge["line"], "by": "clerk"}
    with pytest.raises(InvalidValueError):
        withdraw(lake, **place, known_at=dt.date(2026, 3, 1), reason=" ")
    with pytest.raises(InvalidValueError):
        withdraw(lake, **place, known_at=dt.date(2026, 2, 1), reason="不是同一家")
    withdraw(lake, **place, known_at=dt.date(2026, 3, 1), reason="不是同一家")
    with pytest.raises(InvalidValueError):
        withdraw(lake, **place, known_at=dt.date(2026, 3, 2), reason="不是同一家")


def test_deliveries_go_on_after_a_row_was_withdrawn(folder, lake):
    merge = merged_onto_beta(folder, lake)
    place = {"contract_id": TAX, "batch_id": merge["batch_id"], "line": merge["line"]}
    withdraw(lake, **place, known_at=dt.date(2026, 3, 1), by="clerk", reason="不是同一家")
    put(folder, TAX, "2026-03-16.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA, sales="7.00")]))
    govern(folder, lake, None)
    assert sales(lake, dt.date(2026, 3, 16)) == {ALPHA: "7.00", BETA: "100.00"}


def test_row_that_waited_lands_once_the_register_knows_its_enterprise(folder, lake):
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(DELTA, DELTA_NAME), tax_row(ALPHA)]))
    govern(folder, lake, None)
    assert waiting(lake) == [("cleaning.unresolved", 2)]
    put(
        folder,
        REGISTRY,
        "2026-03-05_part.csv",
        csv_bytes(REGISTRY_HEADERS, [registry_row(DELTA, DELTA_NAME)]),
    )
    report = govern(folder, lake, None)
    assert [file.rows_accepted for file in report.files if file.contract_id == TAX] == [1]
    assert set(sales(lake, dt.date(2026, 3, 5))) == {ALPHA, DELTA}
    # Before the register knew it, nobody could.
    assert set(sales(lake, dt.date(2026, 3, 4))) == {ALPHA}
    (settled,) = lake.read("operations/settlements").to_pylist()
    assert (settled["line"], settled["known_at"]) == (2, dt.date(2026, 3, 5))
    put(
        folder,
        REGISTRY,
        "2026-03-06_part.csv",
        csv_bytes(REGISTRY_HEADERS, [registry_row(BETA, NAMES[BETA])]),
    )
    again = govern(folder, lake, None)
    assert [file.contract_id for file in again.files] == [REGISTRY]


def test_withdrawn_row_is_never_sent_again_by_itself(folder, lake):
    merge = merged_onto_beta(folder, lake)
    place = {"contract_id": TAX, "batch_id": merge["batch_id"], "line": merge["line"]}
    withdraw(lake, **place, known_at=dt.date(2026, 3, 1), by="clerk", reason="不是同一家")
    put(
        folder,
        REGISTRY,
        "2026-03-05_part.csv",
        csv_bytes(REGISTRY_HEADERS, [registry_row(DELTA, DELTA_NAME)]),
    )
    report = govern(folder, lake, None)
    assert [file.contract_id for file in report.files] == [REGISTRY]
    assert sales(lake, dt.date(2026, 3, 5)) == {BETA: "100.00"}
