"""The declared model of likeness: what is compared, how much each agreement weighs, and from where on it counts.

``catalog/linkage/<version>.yaml`` declares thresholds and provenance, ``<version>.json`` beside it holds the weights as Splink keeps them.
A version is never edited: a row resolves alike in every delivery, whatever the data look like that day.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.documents import document
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import home

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Version in use.
CURRENT = "202701"


@dataclass(frozen=True, slots=True)
class LinkageModel:
    """One version of the model.

    Parameters
    ----------
    version : str
    registered_share : float
        Share of rows whose enterprise stands in the register; with the register's size it gives the odds before anything is compared,
        and the rest is what strangers weigh against every candidate.
    match_probability : float
        From here on a row is assigned, if nothing contradicts and nobody else comes near. It is the probability among all whom the row
        may mean: the candidates together and a stranger.
    review_probability : float
        From here on a person is asked; below, the row waits in quarantine as unrecognised.
    margin_bits : float
        By so much the best candidate must outweigh every other enterprise.
    settings : Mapping
        Splink's settings with its m and u probabilities.
    """

    version: str
    registered_share: float
    match_probability: float
    review_probability: float
    margin_bits: float
    settings: Mapping[str, Any]


@lru_cache(maxsize=4)
def load_model(version: str = CURRENT) -> LinkageModel:
    """Read a version of the model.

    Raises
    ------
    ContractError
        If there is no such version, or its thresholds are out of order.
    """
    declared = document(f"linkage/{version}")
    path = home() / "catalog" / "linkage" / f"{version}.json"
    if not path.exists():
        raise ContractError("认定模型", str(path), "Train it with `rongqiao linkage train`.")
    numbers = {name: float(declared[name]["value"]) for name in _NUMBERS}
    if not 0 < numbers["review_probability"] < numbers["match_probability"] < 1:
        raise ContractError("认定模型", version, "Give 0 < review_probability < match_probability < 1.")
    return LinkageModel(version=version, settings=json.loads(path.read_text("utf-8")), **numbers)


_NUMBERS = ("registered_share", "match_probability", "review_probability", "margin_bits")


_ONE_BEGINS = "(starts_with(trade_l, trade_r) OR starts_with(trade_r, trade_l))"
#: 有限责任公司 may call itself 有限公司, and 股份有限公司 股份公司 (公司法（2023）第七条): two spellings of one form.
_SAME_FORM = "replace(replace(form_{}, '责任', ''), '股份公司', '股份有限公司')"
#: What is compared by value too: thousands bear a common trade name or sit in the capital, a few bear an odd one or sit in a small county.
WEIGHED_BY_VALUE = ("trade", "region", "industry", "form")


def comparisons() -> list[dict[str, Any]]:
    """Declare what is compared, as Splink takes it; the strongest agreement first, and silence of one side never counts against it."""
    return [
        _comparison(
            "trade",
            ("trade_l = '' OR trade_r = ''", "silent"),
            ("trade_l = trade_r", "equal"),
            (
                # A word of industry that nobody knows, for being misspelt, is read as the end of the trade name.
                f"{_ONE_BEGINS} AND length(whole_l) = length(whole_r) AND damerau_levenshtein(whole_shadow_l, whole_shadow_r) <= 1",
                "equal, and one character differs behind it",
            ),
            (
                "length(whole_l) > length(trade_r) AND starts_with(concat(whole_r, form_r), whole_l)",
                "equal, and the name breaks off behind it",
            ),
            (
                f"length(least(trade_l, trade_r)) >= 2 AND {_ONE_BEGINS}",
                "one begins with the other",
            ),
            (
                # Three of four agree by chance far more seldom than one of two.
                "least(length(trade_l), length(trade_r)) >= 4 AND damerau_levenshtein(trade_shadow_l, trade_shadow_r) <= 1",
                "one character of four or more differs",
            ),
            ("damerau_levenshtein(trade_shadow_l, trade_shadow_r) <= 1", "one character differs"),
        ),
        _comparison(
            "industry",
            ("industry_l = '' OR industry_r = ''", "silent"),
            ("industry_l = industry_r", "equal"),
            (
                "contains(industry_l, industry_r) OR contains(industry_r, industry_l)",
                "one contains the other",
            ),
            ("damerau_levenshtein(industry_shadow_l, industry_shadow_r) <= 1", "one character differs"),
        ),
        _comparison(
            "region",
            ("region_l = '' OR region_r = ''", "silent"),
            ("region_l = region_r", "equal"),
            (
                "starts_with(region_l, region_r) OR starts_with(region_r, region_l)",
                "one lies within the other",
            ),
        ),
        # What a row tells of its county; the place in its name would only say once more what the name says.
        _comparison(
            "county", ("county_l IS NULL OR county_r IS NULL", "silent"), ("county_l = county_r", "equal")
        ),
        _comparison(
            "form",
            ("form_l = '' OR form_r = ''", "silent"),
            ("form_l = form_r", "equal"),
            (f"{_SAME_FORM.format('l')} = {_SAME_FORM.format('r')}", "one legal form, spelt otherwise"),
        ),
        _comparison(
            "code",
            ("code_l IS NULL OR code_r IS NULL", "silent"),
            ("damerau_levenshtein(code_l, code_r) <= 1", "one slip"),
            ("damerau_levenshtein(code_l, code_r) <= 3", "few slips"),
        ),
        _comparison(
            "address",
            ("address_l IS NULL OR address_r IS NULL", "silent"),
            ("address_l = address_r", "equal"),
            ("damerau_levenshtein(address_shadow_l, address_shadow_r) <= 3", "few characters differ"),
        ),
        _comparison(
            "legal_rep_name",
            ("legal_rep_name_l IS NULL OR legal_rep_name_r IS NULL", "silent"),
            ("legal_rep_name_l = legal_rep_name_r", "equal"),
        ),
    ]


def _comparison(name: str, silent: tuple[str, str], *levels: tuple[str, str]) -> dict[str, Any]:
    told: list[dict[str, Any]] = [
        {"sql_condition": silent[0], "label_for_charts": silent[1], "is_null_level": True}
    ]
    told += [{"sql_condition": condition, "label_for_charts": label} for condition, label in levels]
    told.append({"sql_condition": "ELSE", "label_for_charts": "different"})
    if name in WEIGHED_BY_VALUE:
        told[1] |= {"tf_adjustment_column": name, "tf_adjustment_weight": 1.0}
    return {"output_column_name": name, "comparison_levels": told}
