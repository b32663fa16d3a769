"""A standalone Spark master and workers on loopback, for tests and measurements; no one else can reach them."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rongqiao.kernel.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Seconds that a master may take to answer.
PATIENCE = 60


@contextmanager
def standalone(
    place: Path, *, workers: int, memory: str, surroundings: Mapping[str, str] | None = None
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a master and so many workers of one core each until the block ends.

    Parameters
    ----------
    place : Path
        For logs and scratch files.
    workers : int
    memory : str
        Of each worker, as Spark writes it.
    surroundings : mapping or None
        Environment of the services, this process's by default.

    Yields
    ------
    tuple
        Address of the master, and the workers' processes.

    Raises
    ------
    SourceError
        If the master does not answer.
    """
    with ExitStack() as stack:
        port = _free_port()
        log = place / "master.log"
        master = stack.enter_context(
            _running(log, "master.Master", "--port", str(port), surroundings=surroundings)
        )
        _wait_for(port, master, log)
        address = f"spark://127.0.0.1:{port}"
        of_each = ["--cores", "1", "--memory", memory, "--work-dir", str(place), address]
        started = [
            stack.enter_context(
                _running(place / f"worker{number}.log", "worker.Worker", *of_each, surroundings=surroundings)
            )
            for number in range(workers)
        ]
        yield address, started


@contextmanager
def _running(
    log: Path, name: str, *arguments: str, surroundings: Mapping[str, str] | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of Spark's services until the block ends; what it starts ends with it."""
    import pyspark  # An extra, see `rongqiao.lake.spark`.

    start = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
    command = [
        start,
        f"org.apache.spark.deploy.{name}",
        "--host",
        "127.0.0.1",
        "--webui-port",
        "0",
        *arguments,
    ]
    around = {**(surroundings or os.environ), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    with log.open("wb") as into:
        service = subprocess.Popen(command, env=around, stdout=into, stderr=into)  # noqa: S603  (no input of others)
    try:
        yield service
    finally:
        service.terminate()
        service.wait(30)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int, service: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and service.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SourceError("Spark", log.read_text(errors="replace")[-1000:], f"主节点未能启动，日志见 {log}。")
