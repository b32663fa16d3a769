"""The generated part of ``docs/glossary.md``: every contract, item and code list with its official Chinese term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.contracts.catalog import code_lists
from rongqiao.contracts.standards import Contract, Item, load_contracts
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import home

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BEGIN = "<!-- generated from standards/ and catalog/: begin -->"
END = "<!-- generated: end -->"
_SUFFIXES = ("_cny", "_kwh", "_m3", "_ratio")
_HEAD = ("| English term | 中文官方用语 | meaning | source |", "|---|---|---|---|")


def glossary_path() -> Path:
    """Place of the glossary."""
    return home() / "docs" / "glossary.md"


def render_glossary(text: str) -> str:
    """Return the glossary with its generated part renewed; what stands outside the markers is kept.

    Raises
    ------
    ContractError
        If the markers are missing or stand in the wrong order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ContractError(
            "docs/glossary.md", BEGIN, "Keep both markers of the generated part, in their order."
        )
    return f"{before}{BEGIN}\n\n{_generated()}\n\n{END}{after}"


def generate_glossary() -> bool:
    """Write the glossary anew; return whether it changed.

    Raises
    ------
    ContractError
        If the markers are missing.
    """
    path = glossary_path()
    text = path.read_text(encoding="utf-8")
    renewed = render_glossary(text)
    if renewed != text:
        path.write_text(renewed, encoding="utf-8")
    return renewed != text


def _generated() -> str:
    contracts = load_contracts()
    parts = [
        "## Data contracts",
        _table(_contract_row(contract) for contract in contracts.values()),
        "## Items",
        _table(_item_rows(contracts)),
        "## Code lists",
        _table(
            _row(f"`{found.id}`", found.name, "、".join(entry.title for entry in found.entries), found.source)
            for found in code_lists().values()
        ),
    ]
    return "\n\n".join(parts)


def _table(rows: Iterable[str]) -> str:
    return "\n".join((*_HEAD, *rows))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _contract_row(contract: Contract) -> str:
    return _row(
        f"`{contract.id}`",
        f"{contract.title}（{contract.department_title}）",
        contract.purpose,
        contract.legal_basis,
    )


def _item_rows(contracts: dict[str, Contract]) -> list[str]:
    meanings: dict[tuple[str, str], tuple[Item, list[str]]] = {}
    for contract in contracts.values():
        for item in contract.items:
            meanings.setdefault((item.id, item.title), (item, []))[1].append(contract.id)
    return [
        _row(f"{_term(item.id)} (`{item.id}`)", item.title, item.definition, _sources(places))
        for _, (item, places) in sorted(meanings.items())
    ]


def _sources(places: list[str]) -> str:
    return "、".join(f"`{place}`" for place in places) if len(places) <= 3 else f"{len(places)} 个契约"


def _term(item_id: str) -> str:
    for suffix in _SUFFIXES:
        item_id = item_id.removesuffix(suffix)
    return item_id.replace("_", " ")
