"""Of the catalogue's 188 indicators with a formula of their own, each is declared, or is not for a reason that stands in the decision."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from rongqiao.indicators import load_indicators

HERE = Path(__file__).parent
CATALOGUE: dict[str, dict[str, Any]] = yaml.safe_load(
    (HERE / "catalogue_explicit.yaml").read_text(encoding="utf-8")
)
DECISION = HERE.parents[1] / "docs" / "adr" / "0025-what-of-the-catalogue-is-not-declared.md"


def ids_of(name: str) -> list[str]:
    found = CATALOGUE["declared"][name]
    return found if isinstance(found, list) else [found]


def test_each_name_is_declared_or_argued_away_and_never_both() -> None:
    away = [name for names in CATALOGUE["not_declared"].values() for name in names]
    counted = Counter([*CATALOGUE["declared"], *away])
    assert max(counted.values()) == 1
    assert len(counted) == 188
    told = re.search(
        r"Of the 188 with a formula of their own, (\d+) are declared and (\d+) are not",
        DECISION.read_text(encoding="utf-8"),
    )
    assert told is not None
    assert tuple(map(int, told.groups())) == (len(CATALOGUE["declared"]), len(away))


def test_what_is_declared_stands_under_the_id_given() -> None:
    register = load_indicators()
    assert [
        (name, each) for name in CATALOGUE["declared"] for each in ids_of(name) if each not in register
    ] == []


def test_the_catalogue_says_only_four_of_them_twice() -> None:
    counted = Counter(each for name in CATALOGUE["declared"] for each in ids_of(name))
    assert {each for each, times in counted.items() if times > 1} == {
        "network_customer_default_y1_ratio",  # risky_counterparty_share, customer_default_exposure
        "network_guarantee_out_ratio",  # contingent_ratio, guarantee_out_ratio
        "registration_same_address_count",  # address_density, common_address_cluster
        "registration_same_phone_count",  # phone_shared_firms, common_contact_cluster
    }
