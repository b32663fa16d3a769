"""All indicators on a town that every table knows: values within their bounds, and no two declarations that are one."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from config.commands import indicators
from config.town import publish_town
from rongqiao.indicators import compute, load_indicators, registry
from rongqiao.indicators.computation import select
from rongqiao.indicators.verification import TELLING, find_duplicates
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

AS_OF, KNOWN_AT = 202610, dt.date(2026, 11, 30)


TWINS = ["tax_arrears_m12_count", "tax_twin_m12_count", "tax_filed_m12_count"]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Tables of a town that a few indicators need."""
    lake = Lake(tmp_path_factory.mktemp("town"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("config.town.load_indicators", lambda: select([TWINS[0], TWINS[2]]))
        publish_town(lake, as_of=AS_OF)
    return lake


def test_all_declared_indicators_pass_and_nearly_all_can_be_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check of the command line: declarations are whole, and no two compute the same values on the town."""
    looked_at: list[pa.Table] = []

    def looking(lake: Lake, **times: Any) -> pa.Table:
        looked_at.append(compute(lake, **times))
        return looked_at[0]

    monkeypatch.setattr(indicators, "compute_wide", looking)
    checked = CliRunner().invoke(indicators.app, ["check"])
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert checked.stdout.startswith(f"{len(load_indicators())} 个指标")
    (wide,) = looked_at
    telling = [
        name
        for name in load_indicators()
        if np.count_nonzero(np.nan_to_num(wide.column(name).to_numpy())) >= TELLING
    ]
    assert len(telling) >= 0.95 * len(load_indicators())


def test_a_twin_under_another_name_is_found(town: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    once = load_indicators()[TWINS[0]]
    twin = dataclasses.replace(once, id=TWINS[1], measure=lambda t: once.measure(t) * 1)
    monkeypatch.setitem(registry._REGISTER, twin.id, twin)
    wide = compute(town, as_of=AS_OF, known_at=KNOWN_AT, only=TWINS)
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
    town: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = load_indicators()[TWINS[0]]
    twin = dataclasses.replace(once, id=TWINS[1], title_en="")
    monkeypatch.setitem(registry._REGISTER, twin.id, twin)
    monkeypatch.setattr(indicators, "publish_town", lambda *_, **__: None)
    monkeypatch.setattr(indicators, "compute_wide", lambda _, **times: compute(town, only=TWINS, **times))
    told = CliRunner().invoke(indicators.app, ["check"])
    assert told.exit_code == 1
    assert f"{twin.id}: 没有用例" in told.output
    assert f"{twin.id}: 没有 title_en" in told.output
    assert f"取值全同：{once.id}、{twin.id}" in told.output
