"""The national sharing lists, as far as they are known, and what of them the standards answer."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from config.commands.standards import app
from rongqiao.contracts.sharing import check_sharing, coverage, items_of, shared_items, sharing_lists
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import ContractError


def test_lists_hold_as_many_items_as_their_documents_say_and_the_later_holds_the_earlier():
    assert [(each.items, len(items_of(each.id))) for each in sharing_lists().values()] == [(37, 37), (74, 74)]
    assert set(items_of("37")) < set(items_of("74"))
    assert len({item.class_title for item in items_of("37")}) == 14
    assert len({item.class_title for item in items_of("74")}) == 17


def test_what_was_not_compared_with_the_annex_says_so():
    assert not any(each.is_verified for each in sharing_lists().values())


def test_coverage_counts_per_department_and_an_item_without_a_table_is_not_answered():
    found = {each.department: each for each in coverage("74")}
    assert sum(each.items for each in found.values()) == 74
    assert (found["taxation"].items, found["taxation"].answered, found["taxation"].ratio) == (9, 9, 1.0)
    ip = found["intellectual_property"]
    assert ip.answered == ip.items - 1
    assert [item.id for item in shared_items().values() if not item.contracts] == [
        "compulsion",
        "copyright_pledges",
    ]


def test_a_table_that_goes_away_takes_its_items_with_it():
    contracts = {name: each for name, each in load_contracts().items() if name != "taxation.tax_grade"}
    (taxation,) = (each for each in coverage("37", contracts) if each.department == "taxation")
    assert (taxation.items, taxation.answered) == (5, 4)
    assert ("tax_grade", "names 'taxation.tax_grade', which does not exist") in check_sharing(contracts)


def test_an_unknown_list_is_refused():
    with pytest.raises(ContractError, match="37, 74"):
        items_of("75")


def test_the_command_tells_coverage_by_department():
    found = json.loads(CliRunner().invoke(app, ["coverage", "--json"]).stdout)
    assert {name: node["is_verified"] for name, node in found.items()} == {"37": False, "74": False}
    assert (found["74"]["items"], found["74"]["answered"]) == (74, 72)
    assert all(0 <= one["ratio"] <= 1 for one in found["74"]["departments"])
    assert found["74"]["unanswered"] == ["行政强制措施", "著作权质押"]
    assert "条目未与附件核对" in CliRunner().invoke(app, ["coverage"]).stdout
