"""A sample of the kept measurement is measured again: the figure that the check tells is what the steps do now."""

from __future__ import annotations

import random

import pytest

from config.mutations.crossing import CROSS_KINDS, measure_cross
from config.mutations.kinds import KINDS
from config.mutations.measurement import measure, measured_contracts
from config.mutations.record import load_pairs

pytestmark = pytest.mark.pipeline
CONTRACTS, KINDS_EACH = 4, 8


def test_a_sample_of_the_measurement_comes_out_as_it_was_kept():
    kept = {(pair.contract_id, pair.kind_id): pair for pair in load_pairs()}
    # Another sample with every change of what is measured, the same on every machine.
    chance = random.Random(f"{len(kept)}:{sorted(kept)[0]}")
    for contract_id in chance.sample(measured_contracts(), CONTRACTS):
        kinds = sorted(kind for name, kind in kept if name == contract_id and kind in KINDS)
        for pair in measure([contract_id], chance.sample(kinds, KINDS_EACH)):
            assert pair == kept[contract_id, pair.kind_id]


def test_what_departments_say_against_each_other_is_caught_by_rules_between_tables():
    found = {pair.kind_id: pair for pair in measure_cross()}
    assert set(found) == {kind.id for kind in CROSS_KINDS}
    assert all(rule.startswith("cross.") for pair in found.values() for rule in pair.by)
    assert "cross.declared_sales_cover_invoices" in found["declared_not_invoiced"].by
    assert {pair.result for pair in found.values()} == {"caught"}
