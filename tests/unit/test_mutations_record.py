"""The kept measurement of what rules catch: current, complete, counted honestly, and refused once it is stale."""

from __future__ import annotations

import dataclasses
import json

import pytest
from typer.testing import CliRunner

from config.commands import standards as command
from config.mutations import document, record
from config.mutations.draft import drawable
from config.mutations.measurement import Pair, measured_contracts
from rongqiao.contracts.standards import load_contract, load_contracts
from rongqiao.kernel.errors import ContractError

OWN = {"bank", "platform"}


@pytest.fixture(scope="module")
def pairs():
    return record.load_pairs()


def test_the_measurement_rests_on_the_contracts_and_rules_as_they_stand():
    assert record.check_record() == []


def test_ninety_of_a_hundred_faults_are_caught_of_at_least_thirty_kinds(pairs):
    found = record.score(pairs)
    assert found.ratio >= 0.9
    assert found.kinds >= 30
    assert found.pairs > 1_500


def test_every_department_is_measured(pairs):
    departments = {load_contract(name).department for name in measured_contracts()}
    assert departments == {contract.department for contract in load_contracts().values()} - OWN
    assert {load_contract(pair.contract_id).department for pair in pairs} == departments
    assert set(measured_contracts()) <= set(drawable())


def test_every_kind_was_planted_somewhere_and_none_that_counts_always_survives(pairs):
    for kind_id in record.kind_titles():
        of_kind = [pair for pair in pairs if pair.kind_id == kind_id]
        # No measured table holds a code that was retired long enough ago; tests/unit/test_implied_rules.py judges that rule.
        assert bool(of_kind) == (kind_id != "retired_code"), kind_id
        found = record.score(of_kind)
        assert found.caught or not found.pairs, kind_id


def test_a_caught_fault_names_its_catcher_and_an_uncounted_one_its_reason(pairs):
    assert all(pair.by for pair in pairs if pair.result in ("caught", "harmless"))
    assert not any(pair.by for pair in pairs if pair.result in ("survived", "read_as_meant"))


def test_uncounted_pairs_are_no_part_of_the_score():
    results = ["caught", "caught", "caught", "survived", "harmless", "read_as_meant"]
    found = record.score(Pair("a.b", f"kind_{at}", result, "") for at, result in enumerate(results))
    assert (found.pairs, found.caught, found.ratio) == (4, 3, 0.75)
    assert (found.harmless, found.read_as_meant) == (1, 1)
    assert record.score([]).ratio == 0.0


def test_a_changed_rule_makes_the_figure_stale_and_the_check_refuses_it(monkeypatch):
    name = measured_contracts()[0]
    contract = load_contract(name)
    changed = dataclasses.replace(contract, rules=contract.rules[:-1])
    monkeypatch.setattr(record, "load_contract", lambda one: changed if one == name else load_contract(one))
    assert record.stale() == [name]
    result = CliRunner().invoke(command.app, ["check", "--json"])
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found["mutation_score"] is None
    assert found["items"] > 0
    assert name in found["problems"][0]
    assert "rongqiao standards mutate" in found["problems"][0]


def test_without_a_measurement_there_is_no_score(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "record_path", lambda: tmp_path / "mutations.json")
    assert len(record.stale()) == len(measured_contracts()) + 1
    with pytest.raises(ContractError, match="standards mutate"):
        record.load_pairs()


def test_only_what_changed_is_measured_anew(monkeypatch, tmp_path, pairs):
    kept = json.loads(record.record_path().read_text(encoding="utf-8"))
    first, *_ = measured_contracts()
    kept[first]["digest"] = "another"
    monkeypatch.setattr(record, "record_path", lambda: tmp_path / "mutations.json")
    record.record_path().write_text(json.dumps(kept), encoding="utf-8")
    measured = []
    monkeypatch.setattr(record, "measure", lambda names: measured.append(names) or [])
    assert record.renew() == 1
    assert measured == [[first]]
    assert record.check_record() == []
    assert {pair.contract_id for pair in record.load_pairs()} == {pair.contract_id for pair in pairs} - {
        first
    }


def test_the_document_is_current():
    assert document.document_path().read_text(encoding="utf-8") == document.render(), "run make docs"


def test_the_check_tells_the_score(pairs):
    found = json.loads(CliRunner().invoke(command.app, ["check", "--json"]).stdout)
    assert found["mutation_score"] == record.score(pairs).ratio
    assert found["unused_items"] == 0
