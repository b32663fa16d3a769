"""Identities as clerks deliver them, with the truth beside: what the recognition of enterprises is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rongqiao.synth import dirt
from rongqiao.synth.codes import SIGNS
from rongqiao.synth.population import build_population

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 50_000
_CITIES = 2
#: Share of told counties, addresses and representatives that are out of date.
_DRIFTS = (0.03, 0.1, 0.06)
_COMPANY = ("股份有限公司", "有限责任公司", "有限公司")
#: Characters that clerks type for another: alike in look or sound.
_SLIPS = "源原元园圆丰峰锋风达大答泰太态利力立丽祥翔享旺望王荣容融辉晖会润闰顺舜诚成城程益溢亿捷杰洁雅亚远源景境航行宇雨语腾滕升生声强博搏智志慧惠科合和河联连众种创正政邦帮林琳江姜海"

#: Kind of delivered identity → relative frequency. Kinds of ``stranger`` and ``branch`` are in no register.
KINDS: dict[str, float] = {
    "right": 61.0,
    "right_code_other_name": 5.0,
    "wide_code": 3.0,
    "name_alone": 8.0,
    "broken_code": 5.0,
    "broken_code_variant": 4.0,
    "variant_alone": 4.0,
    "registration_no": 1.0,
    "broken_code_slip": 2.0,
    "garbled_code_variant": 1.0,
    "slip_alone": 2.0,
    "place_left_out": 1.0,
    "industry_left_out": 1.0,
    "branch": 0.5,
    "stranger": 1.0,
    "stranger_alone": 0.5,
}


@dataclass(frozen=True, slots=True)
class Planted:
    """A register and rows that name its enterprises.

    Parameters
    ----------
    register : pa.Table
        ``enterprise_id, number, name, county_code, address, legal_rep_name``; one row per enterprise.
    deliveries : pa.Table
        ``line, code, name, county_code, address, legal_rep_name`` as delivered, null where the clerk left it empty; and the truth:
        ``truth`` (null where no enterprise of the register is meant) and ``kind`` (one of `KINDS`).
    """

    register: pa.Table
    deliveries: pa.Table


def plant_identities(enterprises: int, rows: int, *, seed: int = 43, as_of: int = 202610) -> Planted:
    """Draw a register, and rows that name its enterprises rightly, wrongly, or name nobody in it.

    Parameters
    ----------
    enterprises : int
        Size of the register.
    rows : int
        Delivered rows; each means an enterprise drawn at random.
    seed : int
        Decides everything.
    as_of : int
        Month of the province.
    """
    parts = [
        _register_block(start, min(BLOCK, enterprises - start), seed, as_of)
        for start in range(0, enterprises, BLOCK)
    ]
    register = pa.concat_tables(parts).combine_chunks()
    strangers = _register_block(enterprises, max(1_000, min(BLOCK, rows // 20)), seed, as_of)
    random = np.random.default_rng([seed, 9])
    meant = random.integers(0, enterprises, rows)
    kinds = random.choice(list(KINDS), size=rows, p=np.array(list(KINDS.values())) / sum(KINDS.values()))
    return Planted(register, _deliver(register.take(pa.array(meant)), strangers, kinds, random))


def _register_block(first: int, rows: int, seed: int, as_of: int) -> pa.Table:
    people = build_population(first, rows, seed=seed, as_of=as_of)
    columns = {
        "enterprise_id": people.uscc,
        "number": people.registration_no,
        "name": people.name,
        "county_code": people.county_code,
        "address": people.address,
        "legal_rep_name": people.legal_rep_name,
    }
    return pa.table({name: pa.array(values.tolist(), pa.string()) for name, values in columns.items()})


def _deliver(
    meant: pa.Table, strangers: pa.Table, kinds: np.typing.NDArray[np.str_], random: np.random.Generator
) -> pa.Table:
    """Write each row as its kind says. One row in three names its county, one in ten its address and representative."""
    rows = len(kinds)
    names = ("enterprise_id", "number", "name", "county_code", "address", "legal_rep_name")
    columns = [meant[name].to_pylist() for name in names]
    others = [strangers[name].to_pylist() for name in names]
    draws = random.random((rows, 3)).tolist()
    # Departments know some enterprises as they were: elsewhere, or under another representative.
    drifts = (random.random((rows, 3)) < _DRIFTS).tolist()
    elsewhere = random.integers(0, rows, rows).tolist()
    written: dict[str, list[str | None]] = {name: [] for name in ("code", *names[2:], "truth")}
    for row, (kind, draw, drift) in enumerate(zip(kinds.tolist(), draws, drifts, strict=True)):
        is_stranger = kind.startswith("stranger")
        pool, at = (others, int(draw[0] * strangers.num_rows)) if is_stranger else (columns, row)
        code, number, name, county, address, person = (column[at] for column in pool)
        told = _TELLERS[kind](code, number, name, draw)
        county, address, person = (
            columns[column][elsewhere[row]] if has_drifted else value
            for column, has_drifted, value in zip((3, 4, 5), drift, (county, address, person), strict=True)
        )
        written["code"].append(told[0])
        written["name"].append(told[1])
        written["county_code"].append(county if draw[1] < 1 / 3 else None)
        written["address"].append(address if draw[1] < 0.1 else None)
        written["legal_rep_name"].append(person if draw[1] < 0.1 else None)
        written["truth"].append(None if is_stranger or kind == "branch" else code)
    return pa.table(
        {
            "line": pa.array(range(rows), pa.int32()),
            **{name: pa.array(values, pa.string()) for name, values in written.items()},
            "kind": pa.array(kinds.tolist(), pa.string()),
        }
    )


def _break_code(code: str, draw: list[float]) -> str:
    """One wrong sign, the check character, two neighbours swapped, or a letter that looks like a digit."""
    place = 8 + int(draw[0] * 9)
    choice = int(draw[2] * 4)
    if choice == 0:
        return dirt.swap_check_character(code)
    if choice == 1 and code[place] != code[place + 1]:
        return code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if choice == 2 and (mistaken := dirt.swap_lookalike(code)):
        return mistaken
    return code[:place] + SIGNS[(SIGNS.index(code[place]) + 5) % len(SIGNS)] + code[place + 1 :]


def _garble_code(code: str, draw: list[float]) -> str:
    """Three signs wrong in three places."""
    signs = list(code)
    for place in (9, 12 + int(draw[0] * 2), 15):
        signs[place] = SIGNS[(SIGNS.index(signs[place]) + 7) % len(SIGNS)]
    return "".join(signs)


def _vary(name: str, draw: list[float]) -> str:
    """One of the spellings that mean the same: other form of the company, brackets, no mark of level, traditional characters."""
    ways = [
        varied
        for way in (dirt.swap_legal_form, dirt.swap_brackets, dirt.drop_city, dirt.write_traditional)
        if (varied := way(name)) is not None
    ]
    return ways[int(draw[0] * len(ways))] if ways else name


def _slip(name: str, draw: list[float]) -> str:
    """Another character in the place of one of the trade name, or of the word after it."""
    place = min(2 + int(draw[0] * 4), len(name) - 1)
    wrong = _SLIPS[int(draw[2] * len(_SLIPS))]
    return name[:place] + (wrong if wrong != name[place] else "一") + name[place + 1 :]


def _leave_out_place(name: str) -> str:
    rest = name[_CITIES:]
    return rest[1:] if rest[:1] in ("市", "县") else rest


def _leave_out_industry(name: str) -> str:
    """Keep what comes before the last two characters in front of the legal form."""
    form = next((form for form in _COMPANY if name.endswith(form)), "")
    stem = name.removesuffix(form)
    return (stem[:-2] if len(stem) > 2 * _CITIES + 2 else stem) + form


_TELLERS: dict[str, Callable[[str, str, str, list[float]], tuple[str | None, str]]] = {
    "right": lambda code, number, name, draw: (code, name),
    "right_code_other_name": lambda code, number, name, draw: (code, _slip(name, draw)),
    "wide_code": lambda code, number, name, draw: (dirt.widen(code.lower()), name),
    "name_alone": lambda code, number, name, draw: (None, name),
    "broken_code": lambda code, number, name, draw: (_break_code(code, draw), name),
    "broken_code_variant": lambda code, number, name, draw: (_break_code(code, draw), _vary(name, draw)),
    "variant_alone": lambda code, number, name, draw: (None, _vary(name, draw)),
    "registration_no": lambda code, number, name, draw: (number, name),
    "broken_code_slip": lambda code, number, name, draw: (_break_code(code, draw), _slip(name, draw)),
    "garbled_code_variant": lambda code, number, name, draw: (_garble_code(code, draw), _vary(name, draw)),
    "slip_alone": lambda code, number, name, draw: (None, _slip(name, draw)),
    "place_left_out": lambda code, number, name, draw: (None, _leave_out_place(name)),
    "industry_left_out": lambda code, number, name, draw: (None, _leave_out_industry(name)),
    "branch": lambda code, number, name, draw: (None, f"{name}第{'一二三四五'[int(draw[0] * 5)]}分公司"),
    "stranger": lambda code, number, name, draw: (code, name),
    "stranger_alone": lambda code, number, name, draw: (None, name),
}
