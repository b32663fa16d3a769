"""Every item of the standards is read by something, and what nothing reads is named."""

from __future__ import annotations

import dataclasses
import json

import pytest
from typer.testing import CliRunner

from config.commands import standards as command
from config.usage import item_usage, unused_items, users_of_items
from rongqiao.contracts.interfaces import load_interfaces
from rongqiao.contracts.standards import load_contracts

GRADE = "taxation.tax_grade"


@pytest.fixture(scope="module")
def contracts():
    return dict(load_contracts())


def with_item(contracts, contract_id, item_id):
    """Contracts in which one table has one more item."""
    contract = contracts[contract_id]
    planted = dataclasses.replace(contract.item("grade"), id=item_id, title="多余的数据项")
    return {**contracts, contract_id: dataclasses.replace(contract, items=(*contract.items, planted))}


def test_every_item_is_read(contracts):
    assert unused_items(contracts) == {}


def test_an_item_that_nothing_reads_is_named(contracts):
    assert unused_items(with_item(contracts, GRADE, "planted")) == {GRADE: ["planted"]}


def test_a_rule_on_the_item_itself_is_no_use_of_it(contracts):
    planted = with_item(contracts, GRADE, "planted")
    contract = planted[GRADE]
    rule = dataclasses.replace(
        contract.row_rules[0], id=f"{GRADE}.planted_given", columns=("planted",), expression="planted <> ''"
    )
    planted[GRADE] = dataclasses.replace(contract, rules=(*contract.rules, rule))
    assert unused_items(planted) == {GRADE: ["planted"]}


def test_an_interface_counts_for_what_it_answers_and_chooses_by_and_for_nothing_else(contracts):
    usage = item_usage(contracts)
    for interface in load_interfaces().values():
        for dataset in interface.datasets:
            contract = contracts[dataset.contract_id]
            read = {*dataset.fields, dataset.order, *contract.key, contract.valid_on, contract.identifier}
            named = {
                item for item in contract.columns if f"interface:{interface.id}" in usage[contract.id, item]
            }
            assert named == read - {None}, interface.id


def test_readers_of_an_item_that_is_gone_are_still_known(contracts):
    contract = contracts[GRADE]
    short = dataclasses.replace(contract, items=tuple(each for each in contract.items if each.id != "grade"))
    assert any(
        user.startswith("indicator:tax_grade")
        for user in users_of_items({**contracts, GRADE: short})[f"{GRADE}.grade"]
    )


def test_the_check_names_unused_items(monkeypatch):
    monkeypatch.setattr(command, "unused_items", lambda: {GRADE: ["planted"]})
    result = CliRunner().invoke(command.app, ["check", "--json"])
    found = json.loads(result.stdout)
    assert (found["unused_items"], found["unused"]) == (1, [f"{GRADE}.planted"])
    assert f"{GRADE}.planted: 没有指标" in result.stderr


def test_a_breaking_change_is_refused_with_what_it_would_break(monkeypatch, contracts):
    contract = contracts[GRADE]
    short = dataclasses.replace(contract, items=tuple(each for each in contract.items if each.id != "grade"))
    monkeypatch.setattr(command, "load_contracts", lambda: {**contracts, GRADE: short})
    monkeypatch.setattr(command, "check_contracts", list)
    result = CliRunner().invoke(command.app, ["check", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["unused_items"] is None
    assert f"{GRADE}.grade: 删除了数据项；将影响 " in result.stderr
    assert "indicator:tax_grade" in result.stderr
