"""Rows drawn at random obey the contract's rules after fitting, or are gone."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest

from rongqiao.contracts.standards import load_contract
from rongqiao.synth.block import build_block
from rongqiao.synth.fitting import fit
from rongqiao.synth.general import draw_deliveries, general_contracts
from rongqiao.synth.styles import STYLES


@pytest.fixture(scope="module")
def block():
    return build_block(0, 2_000, seed=43, as_of=202610, window=26)


def broken_rules(delivery, severities):
    contract = load_contract(delivery.contract_id)
    connection = duckdb.connect()
    connection.register("delivery", delivery.rows)
    rules = [rule for rule in contract.row_rules if rule.severity in severities]
    counted = ", ".join(f"count(*) FILTER (NOT ({rule.expression}))" for rule in rules)
    found = connection.execute(
        f"SELECT {counted} FROM (SELECT *, DATE '{delivery.delivered_on}' AS delivered_on FROM delivery)"
    ).fetchone()
    return {rule.id for rule, count in zip(rules, found, strict=True) if count}


@pytest.mark.parametrize(
    "contract_id", ["taxation.invoice_summary", "human_resources.social_insurance", "science.title"]
)
def test_drawn_rows_break_no_rejecting_rule(block, contract_id):
    found = list(draw_deliveries(block, load_contract(contract_id)))
    assert sum(delivery.rows.num_rows for delivery in found) > 50
    assert [broken_rules(delivery, {"reject"}) for delivery in found] == [set()] * len(found)


def test_every_contract_without_a_style_of_its_own_is_drawn_clean(block):
    assert not {contract.id for contract in general_contracts()} & set(STYLES)
    empty, broken = [], {}
    for contract in general_contracts():
        found = list(draw_deliveries(block, contract))
        if not found:
            empty.append(contract.id)
        for delivery in found:
            if rules := broken_rules(delivery, {"reject"}):
                broken[contract.id] = rules
    assert (empty, broken) == ([], {})


def test_a_balance_is_made_to_add_up_and_blank_terms_stay_blank():
    contract = load_contract("taxation.invoice_summary")
    (delivery, *_) = draw_deliveries(build_block(0, 500, seed=1, as_of=202610, window=26), contract)
    again = fit(delivery.rows, contract, dt.date(2026, 11, 14))
    assert again.num_rows == delivery.rows.num_rows
    assert again["top_customer_amount_cny"].null_count > 0
