"""Lineage is read off the expressions: what is a value, what is only a condition, and through what a derived figure goes."""

from __future__ import annotations

import pytest

from rongqiao.contracts.standards import load_contract
from rongqiao.indicators import load_indicators
from rongqiao.indicators.lineage import (
    RECORD,
    dependants,
    edges_of_item,
    indicator_edges,
    indicators_of,
    item_edges,
)
from rongqiao.kernel.errors import InvalidValueError

SALES = "tax_taxable_sales_sum_m12_cny"


def ways(indicator_id, column):
    return {(edge.kind, edge.via) for edge in indicator_edges(indicator_id) if edge.column == column}


def test_a_sum_projects_its_item_and_is_influenced_by_the_window_of_months():
    assert ("projection", "value") in ways(SALES, "taxable_sales_cny")
    assert {kind for kind, _ in ways(SALES, "period")} == {"influence"}
    assert ("influence", "filter") in ways(SALES, "period")
    assert not ways(SALES, "vat_paid_cny")


def test_a_condition_has_an_edge_of_its_own_and_is_no_value():
    assert ways("judicial_defendant_m12_count", "role") >= {("influence", "condition")}
    assert {kind for kind, _ in ways("judicial_defendant_m12_count", "role")} == {"influence"}
    assert ways("judicial_defendant_m12_count", RECORD) == {("projection", "count")}
    assert ("influence", "condition") in ways("judicial_debt_defendant_m36_count", "cause")
    assert not ways("judicial_defendant_m12_count", "cause")


def test_a_clock_that_ends_a_record_influences_what_is_counted():
    assert ("influence", "filter") in ways("regulatory_penalty_m36_count", "published_until")
    assert ("influence", "filter") in ways("regulatory_penalty_m36_count", "severity")


def test_a_group_and_a_rank_are_traced_through_an_aggregate_below():
    top = "vat_customer_top5_m12_ratio"
    assert ("projection", "value") in ways(top, "amount_cny")
    assert ("influence", "group") in ways(top, "counterparty_no")
    assert ("influence", "filter") in ways(top, "status")


def test_a_derived_figure_names_its_inputs_and_their_items():
    derived = "social_sales_per_head_m12_cny"
    assert {edge.column for edge in indicator_edges(derived)} == set(load_indicators()[derived].inputs)
    below = {(edge.source, edge.column) for edge in item_edges(derived) if edge.kind == "projection"}
    assert below == {
        ("taxation.tax_filing", "taxable_sales_cny"),
        ("human_resources.social_insurance", "insured_headcount"),
    }
    assert derived in {each.id for each in dependants(SALES)}


@pytest.mark.parametrize("name", list(load_indicators()))
def test_every_indicator_rests_on_items_of_its_own_sources_and_projects_something(name):
    declared, edges = load_indicators()[name], item_edges(name)
    assert {edge.source for edge in edges} <= set(declared.sources)
    assert any(edge.kind == "projection" for edge in indicator_edges(name))
    for edge in edges:
        assert edge.column == RECORD or edge.column in load_contract(edge.source).columns


def test_the_way_forward_is_the_way_back():
    forward = {edge.indicator for edge in edges_of_item("taxation.tax_filing", "taxable_sales_cny")}
    back = {
        name
        for name in load_indicators()
        if any(
            (edge.source, edge.column) == ("taxation.tax_filing", "taxable_sales_cny")
            for edge in item_edges(name)
        )
    }
    assert forward == back
    assert len(forward) > 5
    assert {each.id for each in indicators_of("taxation.tax_filing")} > forward
    assert edges_of_item("taxation.tax_filing", "no_such_item") == ()


def test_an_unknown_indicator_is_named():
    with pytest.raises(InvalidValueError, match="tax_wishes_count"):
        indicator_edges("tax_wishes_count")
