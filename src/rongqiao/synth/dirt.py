"""The clerks' mistakes: planted at known places, so that what governance finds can be compared with the truth."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rongqiao.synth.styles import scale_of, style_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rongqiao.contracts.standards import Contract, Item

Cells = dict[str, dict[int, str | None]]

_TRADITIONAL = str.maketrans(
    "长华兴万达业丰贸陶宝电机设术备饮厂农荣庆义阳", "長華興萬達業豐貿陶寶電機設術備飲廠農榮慶義陽"
)
_LOOKALIKES = (("0", "O"), ("1", "I"), ("5", "S"), ("2", "Z"))
_WIDE = str.maketrans({chr(sign): chr(sign + 0xFEE0) for sign in range(0x21, 0x7F)})
_FARM_OR_TRADE = ("市", "县")

WEIGHTS: dict[str, float] = {
    "missing_uscc": 2.0,
    "wrong_check_digit": 1.2,
    "lookalike_letter": 1.6,
    "full_width": 1.2,
    "name_legal_form": 1.6,
    "name_brackets": 1.2,
    "name_missing_city": 0.8,
    "name_traditional": 0.8,
    "duplicate_row": 1.2,
    "negative_value": 0.5,
    "impossible_date": 0.4,
    "wrong_code": 0.5,
    "late_correction": 2.0,
    "broken_line": 0.05,
    "thousands_separator": 1.6,
    "wan_text": 0.8,
    "date_format": 1.2,
}
# The registry decides who exists: its clerks may misspell, but they neither lose nor invent a code.
REGISTRY_KINDS = ("full_width", "duplicate_row", "thousands_separator", "date_format", "name_brackets")


@dataclass(frozen=True, slots=True)
class DirtRates:
    """How much dirt there is.

    Parameters
    ----------
    share : float
        Rows touched, as a ratio of all rows.
    weights : dict
        Kind → relative frequency among the touched; a kind that a row cannot show goes to another row.
    """

    share: float = 0.02
    weights: dict[str, float] = field(default_factory=lambda: dict(WEIGHTS))


@dataclass(frozen=True, slots=True)
class Dirt:
    """One planted mistake.

    Attributes
    ----------
    row : int
        Row of the delivery that was touched, from 0.
    kind : str
        One of :data:`WEIGHTS`.
    column : str
        Item concerned; empty where the whole line is.
    true_value, dirty_value : str or None
        Before and after, as written in the file.
    """

    row: int
    kind: str
    column: str
    true_value: str | None
    dirty_value: str | None


def swap_check_character(code: str) -> str:
    """Write another check character."""
    signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    return code[:-1] + signs[(signs.index(code[-1]) + 7) % 31]


def widen(text: str) -> str:
    """Write full-width signs."""
    return text.translate(_WIDE)


def swap_lookalike(code: str) -> str | None:
    """Write a letter for the digit that looks like it; ``None`` where there is none to mistake."""
    for digit, letter in _LOOKALIKES:
        if digit in code[8:]:
            return code[:8] + code[8:].replace(digit, letter, 1)
    return None


def swap_legal_form(name: str) -> str | None:
    """Write the other of the two spellings of a limited company; ``None`` for other forms."""
    if name.endswith("有限责任公司"):
        return name.removesuffix("有限责任公司") + "有限公司"
    if name.endswith("有限公司") and not name.endswith("股份有限公司"):
        return name.removesuffix("有限公司") + "有限责任公司"
    return None


def swap_brackets(name: str) -> str | None:
    """Write half-width brackets; ``None`` where there are none."""
    return name.replace("（", "(").replace("）", ")") if "（" in name else None


def drop_city(name: str) -> str | None:
    """Leave out 市 or 县 after the place; ``None`` where there is none."""
    return name[:2] + name[3:] if name[2:3] in _FARM_OR_TRADE else None


def write_traditional(name: str) -> str | None:
    """Write some characters traditionally; ``None`` where none of them occurs."""
    written = name.translate(_TRADITIONAL)
    return written if written != name else None


_IDENTITY: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "missing_uscc": ("uscc", lambda code: ""),
    "wrong_check_digit": ("uscc", swap_check_character),
    "lookalike_letter": ("uscc", swap_lookalike),
    "full_width": ("uscc", widen),
    "name_legal_form": ("name", swap_legal_form),
    "name_brackets": ("name", swap_brackets),
    "name_missing_city": ("name", drop_city),
    "name_traditional": ("name", write_traditional),
}


def _is_plain_amount(text: str | None) -> bool:
    return text is not None and "." in text and text.lstrip("-") not in ("0.00", "0.000000")


def _negate(text: str) -> str | None:
    return None if text.startswith("-") else f"-{text}"


def _group_thousands(text: str) -> str | None:
    whole, dot, rest = text.partition(".")
    return f"{int(whole):,}{dot}{rest}" if len(whole.lstrip("-")) > 3 else None


def _write_wan(text: str) -> str | None:
    amount = float(text)
    return f"{amount / 1e4:.6f}万元" if abs(amount) >= 10_000 else None


def _impossible_day(text: str) -> str:
    digits = [sign for sign in text if sign.isdigit()]
    return f"{''.join(digits[:4])}-02-30"


def _other_date(text: str) -> str:
    digits = "".join(sign for sign in text if sign.isdigit())
    year, month, day = digits[:4], int(digits[4:6]), int(digits[6:8])
    return f"{year}.{month}.{day}" if day % 2 else f"{year}年{month}月{day}日"


def _misspell(text: str) -> str:
    return f"{text}？"


def _wrong_amount(text: str) -> str:
    whole, dot, rest = text.partition(".")
    return f"{whole[0] if whole[0] == '-' else ''}1{whole.lstrip('-')}{dot}{rest}"


_CELLS: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "negative_value": ("decimal", _negate),
    "thousands_separator": ("decimal", _group_thousands),
    "wan_text": ("decimal", _write_wan),
    "late_correction": ("decimal", _wrong_amount),
    "impossible_date": ("date", _impossible_day),
    "date_format": ("date", _other_date),
    "wrong_code": ("code", _misspell),
}


def _candidates(contract: Contract, what: str, kind: str) -> list[Item]:
    """Items on which a kind of mistake can be made."""
    key = set(contract.key)
    if what == "code":
        return [item for item in contract.items if item.code_list is not None and item.id not in key]
    chosen = [
        item for item in contract.items if item.type == what and item.code_list is None and item.id not in key
    ]
    if kind == "negative_value":
        signed = ("net_profit", "out_red", "taxable_sales", "out_amount", "in_amount", "top")
        return [item for item in chosen if not item.id.startswith(signed)]
    if kind == "wan_text":
        style = style_of(contract.id)
        return [item for item in chosen if item.unit == "元" and scale_of(item, style) == 1]
    return chosen


def _touch(
    contract: Contract, kind: str, row: int, texts: dict[str, list[str | None]], draw: float
) -> Dirt | None:
    """One mistake of the kind on the row, or None where the row cannot show it."""
    if kind in ("duplicate_row", "broken_line"):
        return Dirt(row, kind, "", None, None)
    if kind in _IDENTITY:
        column, change = _IDENTITY[kind]
        value = texts[column][row]
    else:
        what, change = _CELLS[kind]
        items = _candidates(contract, what, kind)
        if not items:
            return None
        column = items[int(draw * len(items))].id
        value = texts[column][row]
        if what == "decimal" and not _is_plain_amount(value):
            return None
    if not value:
        return None
    dirty = change(value)
    return None if dirty is None else Dirt(row, kind, column, value, dirty)


def plant(
    contract: Contract,
    texts: dict[str, list[str | None]],
    rates: DirtRates,
    random: np.random.Generator,
    *,
    kinds: tuple[str, ...],
) -> list[Dirt]:
    """Choose the touched rows of one delivery and what is wrong with each; at most one mistake per row.

    Parameters
    ----------
    contract : Contract
        Decides which items can show which mistake.
    texts : dict
        Item → texts of the candidate rows.
    rates : DirtRates
        How much.
    random : numpy.random.Generator
        Source of chance.
    kinds : tuple of str
        Kinds possible in this file (a spreadsheet has no broken lines, the last file no later correction).

    Returns
    -------
    list of Dirt
        In order of rows.
    """
    rows = len(next(iter(texts.values())))
    weights = np.array([rates.weights.get(kind, 0.0) for kind in kinds])
    if not rows or not weights.sum():
        return []
    planted = []
    chosen = random.choice(kinds, size=(rows, 4), p=weights / weights.sum())
    draws = random.random(rows)
    for row in range(rows):
        for kind in chosen[row].tolist():
            dirt = _touch(contract, kind, row, texts, float(draws[row]))
            if dirt is not None:
                planted.append(dirt)
                break
    return planted


def shift(dirt: Dirt, row: int) -> Dirt:
    """Give the same mistake, counted from another row."""
    return dataclasses.replace(dirt, row=row)
