"""A change of a contract is refused until its version says so, with what it would break."""

from __future__ import annotations

import dataclasses
import json

import pytest
from typer.testing import CliRunner

from config.commands.standards import app
from rongqiao.contracts.standards import load_contract, load_contracts
from rongqiao.contracts.versions import (
    check_versions,
    compare,
    release,
    released_path,
    released_shapes,
    shape_of,
)
from rongqiao.kernel.errors import ContractError

ID = "taxation.tax_grade"


@pytest.fixture
def contract():
    return load_contract(ID)


def altered(contract, version=None, **changes):
    return dataclasses.replace(contract, version=version or contract.version, **changes)


def without(contract, item_id):
    return tuple(item for item in contract.items if item.id != item_id)


def test_an_unchanged_contract_needs_nothing(contract):
    assert check_versions({ID: contract}, {ID: shape_of(contract)}) == []


def test_a_removed_item_needs_a_major_version_and_names_who_reads_it(contract):
    users = {f"{ID}.grade": ["指标 tax_grade_now"], f"{ID}.name": ["页面"]}
    removed = altered(contract, items=without(contract, "grade"))
    (problem,) = check_versions({ID: removed}, {ID: shape_of(contract)}, users)
    assert "taxation.tax_grade.grade: 删除了数据项；将影响 指标 tax_grade_now；版本应升为 2.0.0" in problem
    assert check_versions({ID: altered(removed, "2.0.0")}, {ID: shape_of(contract)}, users) == []


def test_a_minor_version_does_not_cover_a_breaking_change(contract):
    removed = altered(contract, "1.9.0", items=without(contract, "grade"))
    assert check_versions({ID: removed}, {ID: shape_of(contract)})


@pytest.mark.parametrize(
    ("field", "value"),
    [("unit", "万元"), ("type", "integer"), ("sensitivity", "L1"), ("code_list", "grades")],
)
def test_another_meaning_of_an_item_is_breaking(contract, field, value):
    items = tuple(
        dataclasses.replace(item, **{field: value}) if item.id == "grade" else item for item in contract.items
    )
    changes = compare(ID, shape_of(contract), shape_of(altered(contract, items=items)))
    assert "breaking" in {change.effect for change in changes}


def test_an_optional_item_asks_for_a_minor_version_a_required_one_for_a_major(contract):
    optional = dataclasses.replace(contract.item("grade"), id="remark", is_required=False)
    required = dataclasses.replace(optional, is_required=True)
    before = {ID: shape_of(contract)}
    (problem,) = check_versions({ID: altered(contract, items=(*contract.items, optional))}, before)
    assert "新增数据项；版本应升为 1.1.0" in problem
    assert check_versions({ID: altered(contract, "1.1.0", items=(*contract.items, optional))}, before) == []
    assert check_versions({ID: altered(contract, "1.1.0", items=(*contract.items, required))}, before)


def test_a_narrowed_code_list_is_breaking_and_a_wider_one_is_not(contract):
    before, after = shape_of(contract), shape_of(contract)
    before["items"]["grade"]["codes"] = [*after["items"]["grade"]["codes"], "E"]
    assert [change.effect for change in compare(ID, before, after)] == ["breaking"]
    assert [change.effect for change in compare(ID, after, before)] == ["additive"]


def test_another_key_is_breaking_and_a_vanished_contract_is_named(contract):
    changes = compare(ID, shape_of(contract), shape_of(altered(contract, key=("uscc",))))
    assert [change.effect for change in changes] == ["breaking"]
    (problem,) = check_versions({}, {ID: shape_of(contract)}, {f"{ID}.grade": ["指标 x"]})
    assert problem.startswith(f"{ID}: 数据标准被删除；将影响 指标 x")


def test_release_keeps_the_shapes_and_refuses_an_undeclared_change(tmp_path, contract):
    assert release({ID: contract}, tmp_path) == 1
    assert release({ID: contract}, tmp_path) == 0
    kept = released_path(tmp_path).read_bytes()
    with pytest.raises(ContractError, match=r"版本应升为 2\.0\.0"):
        release({ID: altered(contract, items=without(contract, "grade"))}, tmp_path)
    assert released_path(tmp_path).read_bytes() == kept


def test_a_version_that_is_none_is_refused(contract):
    with pytest.raises(ContractError, match=r"major\.minor\.patch"):
        check_versions({ID: altered(contract, "two", items=())}, {ID: shape_of(contract)})


def test_the_repository_declares_every_change_since_its_last_release():
    assert set(load_contracts()) == set(released_shapes()), "run `rongqiao standards release`"
    assert check_versions(load_contracts(), released_shapes()) == []


def test_command_counts_what_there_is():
    counted = json.loads(CliRunner().invoke(app, ["check", "--json"]).stdout)
    contracts = load_contracts().values()
    assert counted["items"] == sum(len(contract.items) for contract in contracts)
    assert counted["departments"] >= 21
    assert counted["categories"] == 16
    assert counted["problems"] == []
