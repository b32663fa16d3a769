"""Every reader of an item is found off the declarations, with its role; the way forward is the way back."""

from __future__ import annotations

import pytest

from config.usage import item_usage
from rongqiao.bases.enterprises.usage import Reading, all_readings, item_roles
from rongqiao.contracts.standards import load_contracts
from rongqiao.platforms.credit.content import SECTIONS
from rongqiao.platforms.credit.lineage import (
    KINDS,
    get_reader,
    inputs_of,
    links_of_item,
    links_of_reader,
    links_of_table,
    outputs_of,
    tables_of,
)
from rongqiao.scoring.card import DEFAULT_MODEL, card_path, load_card

SALES, DEFENDANT = "tax_taxable_sales_sum_m12_cny", "judicial_defendant_m12_count"
CASES = "court.judicial_case"


def readings(kind, reader_id, item_id):
    return {
        (each.role, each.way)
        for each in all_readings()
        if (each.kind, each.reader_id, each.item_id) == (kind, reader_id, item_id)
    }


def test_a_column_of_a_predicate_only_is_a_condition_and_never_a_value():
    # Planted by the declaration: `filed_on` bounds the window, `role` tells defendants; neither is summed.
    assert item_roles(DEFENDANT)[CASES, "role"] == "condition"
    assert item_roles(DEFENDANT)[CASES, "filed_on"] == "condition"
    assert item_roles(DEFENDANT)[CASES, "*"] == "value"
    assert (CASES, "amount_cny") not in item_roles(DEFENDANT)
    link = next(each for each in links_of_item(CASES, "role") if each.reader_id == DEFENDANT)
    assert (link.role, link.role_title, "作为条件" in link.ways) == ("condition", "只作条件", True)


def test_predicates_of_rules_and_of_reports_are_conditions():
    rule = "cross.deregistered_does_not_file"
    assert readings("rule", rule, "status") == {("condition", "condition")}
    # A report says that a case made dishonest, and hides a penalty whose publication ended: both only decide words.
    assert ("condition", "condition") in readings("report", "events", "is_dishonest")
    assert ("condition", "filter") in readings("report", "events", "published_until")
    assert ("value", "value") in readings("report", "events", "cause")


#: Read in the composition root, or by the step of cleaning: no node of the map.
OUTSIDE = {"page:cleaning", "report:rating_evaluation"}


def test_every_item_lists_exactly_its_readers():
    usage = item_usage()
    for contract in load_contracts().values():
        for item in contract.columns:
            names = {
                each.reader_id if each.kind == "rule" else f"{each.kind}:{each.reader_id}"
                for each in links_of_item(contract.id, item)
            }
            assert names == usage[contract.id, item] - OUTSIDE


def test_forward_and_back_are_the_same_links():
    forward = {link for name in load_contracts() for link in links_of_table(name)}
    readers = {(link.kind, link.reader_id) for link in forward}
    assert forward == {link for reader in readers for link in links_of_reader(*reader)}
    assert {kind for kind, _ in readers} == set(KINDS) - {"rating"}
    assert all(get_reader(*reader) for reader in readers)
    assert Reading(CASES, "role", "indicator", DEFENDANT, "condition", "condition") in all_readings()


def test_the_rating_rests_on_the_features_of_its_card_and_its_knock_outs():
    card = load_card(card_path(DEFAULT_MODEL))
    inputs = inputs_of("rating", card.model)
    assert {each.id for each, role in inputs if role == "value"} == {each.indicator for each in card.features}
    assert ("registration_revoked_flag", "condition") in {(each.id, role) for each, role in inputs}
    for each, _ in inputs:
        assert ("rating", card.model) in {(out.kind, out.id) for out in outputs_of("indicator", each.id)}


def test_an_indicator_leads_to_its_part_of_the_report_and_what_is_derived_from_it():
    further = {(each.kind, each.id) for each in outputs_of("indicator", SALES)}
    assert ("report", "tax") in further
    assert ("indicator", "social_sales_per_head_m12_cny") in further
    derived = get_reader("indicator", "social_sales_per_head_m12_cny")
    assert tables_of(derived) == {"taxation.tax_filing", "human_resources.social_insurance"}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_part_of_the_report_is_made_of_the_indicators_of_its_themes(section):
    inputs = inputs_of("report", section)
    assert inputs
    assert all(
        ("report", section) in {(o.kind, o.id) for o in outputs_of("indicator", i.id)} for i, _ in inputs
    )


def test_an_item_that_nothing_reads_has_no_link():
    read = {(each.contract_id, each.item_id) for each in all_readings()}
    for contract in load_contracts().values():
        for item in contract.columns:
            assert bool(links_of_item(contract.id, item)) == ((contract.id, item) in read)
