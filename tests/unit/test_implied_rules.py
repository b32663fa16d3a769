"""Implied rules follow from the items; a contract's own rule of the same name stands in their place."""

from __future__ import annotations

import duckdb
import pytest

from rongqiao.contracts.implied import PLACEHOLDERS, implied_rules
from rongqiao.contracts.standards import FAMILIES, load_contract, load_contracts


def test_all_eight_families_guard_most_departments():
    families = {}
    for contract in load_contracts().values():
        families.setdefault(contract.department, set()).update(rule.family for rule in contract.rules)
    del families["bank"], families["platform"]
    assert set.union(*families.values()) == set(FAMILIES)
    for department, found in families.items():
        assert {"completeness", "validity", "uniqueness", "referential", "timeliness", "drift"} <= found, (
            department
        )


def test_a_written_rule_stands_in_the_place_of_an_implied_one():
    contract = load_contract("taxation.tax_filing")
    (rule,) = (rule for rule in contract.rules if rule.id.endswith(".row_count_drift"))
    assert (rule.is_implied, rule.minimum, rule.maximum) == (False, 0.5, 2.0)
    assert len({rule.id for rule in contract.rules}) == len(contract.rules)
    plain = implied_rules(contract.id, contract.items, valid_on="period", valid_kind="month")
    assert f"{contract.id}.row_count_drift" in {rule.id for rule in plain}


@pytest.mark.parametrize("word", PLACEHOLDERS)
def test_a_word_for_nothing_is_no_value_of_a_required_text(word):
    rule = load_contract("emergency.safety_permit").rule("emergency.safety_permit.certificate_no_required")
    found = duckdb.execute(f"SELECT {rule.expression} FROM (SELECT ? AS certificate_no)", [word]).fetchone()
    assert found == (False,)


@pytest.mark.parametrize(
    ("text", "is_intact"),
    [
        ("湘安许证字（2024）第0031号", True), ("A=B 品牌", True), ("4.5E级", True), ("café", True), ("#3 厂房", True),
        ("=A1&B1", False), ("  =SUM(B2)", False), ("#N/A", False), ("4.30102E+14", False), ("锟斤拷", False), ("长\ufffd", False),
        ("株洲市".encode().decode("latin-1"), False), ("株洲市".encode().decode("cp1252", "ignore"), False),
    ],
)  # fmt: skip
def test_damaged_text_is_told_from_unusual_text(text, is_intact):
    rule = load_contract("emergency.safety_permit").rule("emergency.safety_permit.certificate_no_intact")
    found = duckdb.execute(f"SELECT {rule.expression} FROM (SELECT ? AS certificate_no)", [text]).fetchone()
    assert found == (is_intact,)


@pytest.mark.parametrize(
    ("kind", "day", "outcome"),
    [("maternity", "2019-12-31", True), ("maternity", "2020-01-01", False), ("medical", "2026-01-01", True)],
)
def test_a_retired_code_may_stand_on_records_of_its_time_alone(kind, day, outcome):
    contract = load_contract("human_resources.insurance_arrears")
    rule = contract.rule(f"{contract.id}.insurance_kind_in_force")
    assert rule.severity == "warn"
    query = f"SELECT {rule.expression} FROM (SELECT ? AS insurance_kind, CAST(? AS DATE) AS due_on)"
    assert duckdb.execute(query, [kind, day]).fetchone() == (outcome,)


def test_gaps_of_months_are_counted_over_the_turn_of_the_year():
    contract = load_contract("taxation.tax_filing")
    expression = contract.rule(f"{contract.id}.periods_unbroken").expression
    months = "(VALUES (202511), (202512), (202602), (202602)) t(period)"
    assert duckdb.execute(
        f"SELECT {expression} FROM (SELECT *, TRUE AS is_regular FROM {months})"
    ).fetchone() == (1,)
    assert duckdb.execute(
        f"SELECT {expression} FROM (SELECT *, FALSE AS is_regular FROM {months})"
    ).fetchone() == (None,)
