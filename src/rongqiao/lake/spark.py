"""The distributed engine: Spark reads the Parquet files that the Delta log lists; Ibis speaks to it.

Neither a Delta library for Java nor the internet is needed: Spark is given a list of files and a schema. What Spark alone knows
(memory, cores, places for scratch) belongs in its own ``spark-defaults.conf``; here stands only what results depend on.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rongqiao.kernel.errors import SourceError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from rongqiao.lake.tables import Lake

#: Names the master, such as ``local[2]`` or ``spark://host:7077``; without it DuckDB computes.
MASTER = "RONGQIAO_SPARK_MASTER"
INSTALL = "pip install -r requirements-spark.lock"
#: What results depend on. A quotient by zero is null, as in DuckDB, not an error; days are days everywhere.
SETTINGS = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_OWN_MACHINE = ("local", "spark://127.0.0.1:", "spark://localhost:")
#: Of this process's surroundings, what a Python process of a worker on this machine needs to find the platform.
_HANDED_DOWN = ("PYTHONPATH", "RONGQIAO_HOME")


def spark_master() -> str | None:
    """Address of the Spark master that the installation names; ``None`` where the embedded engine computes."""
    return os.environ.get(MASTER) or None


def spark_session(master: str) -> SparkSession:
    """Open a session on a master, or return the one that is open in this process.

    Parameters
    ----------
    master : str
        As Spark takes it. On this machine driver and workers are bound to loopback; elsewhere ``SPARK_LOCAL_IP`` decides.

    Raises
    ------
    SourceError
        If PySpark or Java is not there.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SourceError(MASTER, master, f"分布式引擎需要 PySpark，请先运行 `{INSTALL}`。") from None
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise SourceError(
            MASTER,
            master,
            "分布式引擎需要 Java 17，请先安装（Debian：apt-get install openjdk-17-jre-headless）。",
        )
    if master.startswith(_OWN_MACHINE):
        # PySpark takes the Python of its workers from here; its setting of that name counts for `spark-submit` alone.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("rongqiao").master(master)
    for name, value in {**SETTINGS, **_own_machine(master)}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _own_machine(master: str) -> dict[str, str]:
    """Return settings for a master on this machine: nothing listens to the network, and workers run this Python with this code."""
    if not master.startswith(_OWN_MACHINE):
        return {}
    found = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    handed = {name: os.environ[name] for name in _HANDED_DOWN if os.environ.get(name)}
    return found | {f"spark.executorEnv.{name}": value for name, value in handed.items()}


def spark_connection(session: SparkSession) -> Any:
    """Return an Ibis connection on a session."""
    import ibis  # Half a second of imports that a session alone need not pay.

    return ibis.pyspark.connect(session)


def read_table(session: SparkSession, lake: Lake, table: str) -> DataFrame:
    """Newest version of a lake table; columns added later are null in older rows.

    Raises
    ------
    ContractError
        If the table was never written.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    schema = from_arrow_schema(_plain(lake.schema(table)))
    files = lake.uris(table)
    return session.read.schema(schema).parquet(*files) if files else session.createDataFrame([], schema)


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return the schema without the widths of text that Spark does not tell apart."""
    wide = {pa.string_view(): pa.string(), pa.large_string(): pa.string(), pa.binary_view(): pa.binary()}
    return pa.schema([pa.field(each.name, wide.get(each.type, each.type)) for each in schema])
