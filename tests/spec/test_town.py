"""All indicators on a town that every table knows: values within their bounds, and no two declarations that are one."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from config.commands.indicators import app
from config.town import publish_town
from rongqiao.indicators import compute, load_indicators, registry
from rongqiao.indicators.verification import TELLING, find_duplicates
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from pathlib import Path

AS_OF, KNOWN_AT = 202610, dt.date(2026, 11, 30)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("town"))
    publish_town(lake, as_of=AS_OF)
    return lake


def test_no_two_declarations_compute_the_same_and_nearly_all_can_be_told_apart(town: Lake) -> None:
    wide = compute(town, as_of=AS_OF, known_at=KNOWN_AT)
    assert find_duplicates(wide) == []
    telling = [
        name
        for name in load_indicators()
        if np.count_nonzero(np.nan_to_num(wide.column(name).to_numpy())) >= TELLING
    ]
    assert len(telling) >= 0.95 * len(load_indicators())


def test_a_twin_under_another_name_is_found(town: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    once = load_indicators()["tax_arrears_m12_count"]
    twin = dataclasses.replace(once, id="tax_twin_m12_count", measure=lambda t: once.measure(t) * 1)
    monkeypatch.setitem(registry._REGISTER, twin.id, twin)
    wide = compute(town, as_of=AS_OF, known_at=KNOWN_AT, only=[once.id, twin.id, "tax_filed_m12_count"])
    assert find_duplicates(wide) == [(once.id, twin.id)]


def test_values_of_rows_that_satisfy_their_contracts_lie_within_the_bounds(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    publish_town(lake, as_of=AS_OF, is_fitted=True)
    wide = compute(lake, as_of=AS_OF, known_at=KNOWN_AT)
    seen = 0
    for name, item in load_indicators().items():
        values = np.asarray(wide.column(name).to_numpy(), dtype=np.float64)
        values = values[~np.isnan(values)]
        if len(values):
            seen += 1
            least, greatest = item.bounds
            assert least is None or values.min() >= least, name
            assert greatest is None or values.max() <= greatest, name
    assert seen > 400


def test_the_command_names_what_is_wrong_with_declarations_and_on_the_town(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = load_indicators()["tax_arrears_m12_count"]
    twin = dataclasses.replace(once, id="tax_twin_m12_count", title_en="")
    monkeypatch.setitem(registry._REGISTER, twin.id, twin)
    told = CliRunner().invoke(app, ["check"])
    assert told.exit_code == 1
    assert f"{twin.id}: 没有用例" in told.output
    assert f"{twin.id}: 没有 title_en" in told.output
    assert f"取值全同：{once.id}、{twin.id}" in told.output
