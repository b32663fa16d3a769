"""Rows that no proof settles: assigned only when certain, unrivalled and uncontradicted; otherwise a person is asked."""

from __future__ import annotations

import json

import pytest

from config.resolution_bench import measure_planted
from rongqiao.governance.pipeline import govern
from rongqiao.kernel.identifiers import complete_uscc
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
TWIN = complete_uscc("91430400MA4L00007")


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "deliveries"
    put_registry(root)
    return root


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def deliver(folder, lake, *rows):
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, list(rows)))
    report = govern(folder, lake, None)
    (file,) = [file for file in report.files if file.contract_id == TAX]
    assert file.rows_in == file.rows_accepted + file.rows_quarantined
    return file


def merges(lake):
    rows = lake.read("operations/merges").to_pylist() if lake.exists("operations/merges") else []
    return [(row["method"], row["enterprise_id"]) for row in rows]


def test_name_without_its_place_is_linked_where_nobody_else_bears_it(folder, lake):
    deliver(folder, lake, tax_row("", "远山新材料股份有限公司"))
    ((method, enterprise),) = merges(lake)
    assert (method, enterprise) == ("linked", BETA)
    (row,) = lake.read("operations/merges").to_pylist()
    assert 0.99 <= row["score"] < 1
    assert json.loads(row["evidence"])["model"] == "202701"


def test_name_that_two_bear_is_laid_before_a_person(folder, lake):
    twin = registry_row(TWIN, NAMES[ALPHA].replace("长沙", "衡阳"))
    put(folder, REGISTRY, "2026-01-06_part.csv", csv_bytes(REGISTRY_HEADERS, [twin]))
    file = deliver(folder, lake, tax_row("", "星河精密机械有限公司"))
    assert file.quarantined_by_rule == {"cleaning.review": 1}
    assert not lake.exists(f"published/{TAX}")
    found = sorted(lake.read("operations/reviews").to_pylist(), key=lambda row: row["rank"])
    assert {row["enterprise_id"] for row in found} == {ALPHA, TWIN}
    # The row means one of them or nobody: what they are probable by is shared out among them.
    assert all(0.4 < row["probability"] < 0.5 for row in found)
    assert json.loads(found[0]["told"])["name"] == "星河精密机械有限公司"
    assert json.loads(found[0]["facts"])["county_code"] == "430102"


@pytest.mark.parametrize(
    "name",
    [
        # Broken off by a column too narrow, and a word of industry that nobody knows for being misspelt.
        "株洲远山新材料股份有",
        "株洲远山新财料股份有限公司",
        # Another spelling of the same legal form.
        "远山新材料股份公司",
    ],
)
def test_one_that_stands_alone_is_linked(folder, lake, name):
    deliver(folder, lake, tax_row("", name))
    ((_, enterprise),) = merges(lake)
    assert enterprise == BETA


@pytest.mark.parametrize(
    "name",
    [
        # Another form is another enterprise; so is a branch, and a code that is somebody else's.
        "远山新材料专业合作社",
        "远山新材料股份有限公司衡阳分公司",
        "衡阳无名商贸行",
        "衡阳远山新材料第三分公司",
    ],
)
def test_definite_differences_are_never_weighed_away(folder, lake, name):
    file = deliver(folder, lake, tax_row("", name))
    assert file.quarantined_by_rule == {"cleaning.unresolved": 1}


def test_code_of_somebody_else_forbids_the_likeness_of_names(folder, lake):
    file = deliver(folder, lake, tax_row("91510700QQ8X7X7X7X", "远山新材料股份有限公司"))
    assert file.quarantined_by_rule == {"cleaning.unresolved": 1}


def test_valid_code_of_a_stranger_is_never_linked(folder, lake):
    file = deliver(folder, lake, tax_row(TWIN, "远山新材料股份有限公司"))
    assert file.quarantined_by_rule == {"cleaning.unresolved": 1}


def test_planted_near_names_and_duplicates_are_told_apart():
    found = measure_planted(4_000, 3_000, seed=11)
    assert found["pair_precision"] >= 0.995
    assert found["pair_recall"] >= 0.97
    assert found["linked_precision"] == 1.0
    assert found["linked_assigned"] > 10
    assert found["blocking_loss"] < 0.05
    assert found["undecidable_rows"] < 3_000 - found["pair_assigned"]
    assert found["pair_recall"] <= found["pair_recall_of_decidable"] <= 1
