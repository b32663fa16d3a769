"""All indicators by a standalone master and two workers on loopback, one of which dies on the way: what DuckDB computes."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from config.commands.indicators import app
from config.spark_cluster import standalone
from config.town import publish_town
from rongqiao.indicators import compute, load_indicators
from rongqiao.indicators.computation import TARGET
from rongqiao.kernel.errors import SourceError
from rongqiao.lake import spark
from rongqiao.lake.tables import Lake
from rongqiao.synth import town as synth_town

pytestmark = pytest.mark.pipeline
AS_OF, KNOWN_AT = 202610, dt.date(2026, 11, 30)
SETTINGS = Path(__file__).parents[1] / "property" / "spark"
#: Units in which nothing is rounded on the way.
EXACT = ("_count", "_flag", "_months", "_level", "_days")
#: Sources that are aggregated when a worker is killed.
UNTIL_KILLED = 12


@pytest.fixture(scope="module")
def surroundings():
    return {**os.environ, "SPARK_CONF_DIR": str(SETTINGS)}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, surroundings):
    """Give a master's address, and two workers."""
    with standalone(
        tmp_path_factory.mktemp("cluster"), workers=2, memory="512m", surroundings=surroundings
    ) as found:
        yield found


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Draw a town of a few: what costs here is not rows but the plans of all indicators."""
    lake = Lake(tmp_path_factory.mktemp("town"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synth_town, "ENTERPRISES", 80)
        publish_town(lake, as_of=AS_OF)
    return lake


@pytest.mark.skipif(
    "RONGQIAO_LONG_TESTS" not in os.environ,
    reason="Set RONGQIAO_LONG_TESTS=1: Spark plans all indicators for two minutes. `tests/property` runs every theme on a cluster.",
)
def test_a_cluster_that_loses_a_worker_computes_what_duckdb_computes(town, cluster, surroundings):
    master, (one, _) = cluster
    command = [sys.executable, "-c", "from config.cli import main; main()", "indicators", "compute"]
    command += ["--as-of", str(AS_OF), "--known-at", KNOWN_AT.isoformat(), "--lake", town.root]
    told = []
    with subprocess.Popen(
        command,
        env={**surroundings, spark.MASTER: master},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as computing:
        for line in computing.stderr:
            told.append(line)
            if line.startswith(f"已算完 {UNTIL_KILLED}/"):
                one.send_signal(signal.SIGKILL)
        said = computing.stdout.read()
    assert computing.returncode == 0, "".join(told[-40:])
    assert "已计算并写入。" in said
    assert one.wait(10) == -signal.SIGKILL
    expected = compute(town, as_of=AS_OF, known_at=KNOWN_AT)
    found = town.read(TARGET).sort_by("enterprise_id")
    for name in load_indicators():
        ours, theirs = expected[name].to_numpy(), found[name].to_numpy()
        if name.endswith(EXACT):
            np.testing.assert_array_equal(theirs, ours, err_msg=name)
        else:
            np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-9, err_msg=name)
        status = f"{name}__status"
        assert found[status].to_pylist() == expected[status].to_pylist(), name
    assert not [file for file in Path(town.address(TARGET)).iterdir() if file.name.endswith(".scratch")]
    # Who died may have left a file that nobody committed; a second run finds the month computed.
    assert CliRunner().invoke(app, command[4:]).output.startswith("已有该期指标")


def test_a_master_without_pyspark_or_java_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(SourceError, match=r"requirements-spark\.lock"):
        spark.spark_session("local[2]")
    monkeypatch.undo()
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(spark.shutil, "which", lambda _: None)
    with pytest.raises(SourceError, match="Java 17"):
        spark.spark_session("local[2]")
