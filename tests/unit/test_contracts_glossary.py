"""The glossary covers every contract, item and code list, and is current."""

from __future__ import annotations

import pytest

from rongqiao.contracts.catalog import code_lists
from rongqiao.contracts.glossary import BEGIN, END, glossary_path, render_glossary
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import ContractError


def test_glossary_is_current():
    text = glossary_path().read_text(encoding="utf-8")
    assert render_glossary(text) == text, "run `rongqiao standards glossary`"


def test_glossary_names_every_contract_item_and_code_list():
    text = glossary_path().read_text(encoding="utf-8")
    for contract in load_contracts().values():
        assert f"| `{contract.id}` |" in text
        for item in contract.items:
            assert f"(`{item.id}`) | {item.title} |" in text
    for list_id in code_lists():
        assert f"| `{list_id}` |" in text


@pytest.mark.parametrize(
    "term", ["demand", "take (grab)", "quote", "all-in cost", "consent", "ledger", "scope"]
)
def test_glossary_explains_the_terms_of_the_house(term):
    assert f"\n| {term} | " in glossary_path().read_text(encoding="utf-8")


def test_rendering_keeps_what_people_wrote():
    rendered = render_glossary(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    assert rendered.startswith("before\n")
    assert rendered.endswith("\nafter\n")
    assert "stale" not in rendered


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}{BEGIN}"])
def test_rendering_without_both_markers_is_refused(text):
    with pytest.raises(ContractError, match="markers"):
        render_glossary(text)
