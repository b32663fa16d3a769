"""`rongqiao serve`: the portal and its background jobs, until interrupted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import typer

from config.allocator import fast_allocator
from config.database import ensure_database
from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

WORKER = [sys.executable, "-m", "django", "procrastinate", "worker", "--concurrency", "1"]
# Long enough for a database to come back before the next attempt.
WORKER_PAUSE_SECONDS = 5

app = typer.Typer(add_completion=False)


def _web(port: int) -> list[str]:
    """Command line of the web server."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *(
            "--workers",
            "2",
            "--blocking-threads",
            "4",
            "--no-ws",
            "--log-level",
            "warning",
            "config.wsgi:application",
        ),
    ]


def check_port(port: int) -> None:
    """Fail early where the port is taken: another server there would answer in our place.

    Raises
    ------
    InvalidValueError
        If something listens on the port.
    """
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise InvalidValueError("端口", port, "已被其他程序占用，请用 RONGQIAO_PORT 换一个端口。")


def wait_until_ready(url: str, processes: Sequence[subprocess.Popen[bytes]], seconds: float = 60) -> bool:
    """Poll the URL until it answers; false when a process ended or the time ran out."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address on loopback
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False


def run(port: int, on_ready: str = "") -> int:
    """Serve until interrupted or a process ends; every process started here is ended before returning.

    Returns
    -------
    int
        0 after an interrupt, else 1.
    """
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "RONGQIAO_DATABASE_URL": ensure_database(),
    }
    # SIGINT too: a shell that starts us in the background would leave it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes.append(_start(_web(port), environment))
        processes.append(_start_worker(environment))
        if not wait_until_ready(f"http://127.0.0.1:{port}/", processes):
            typer.secho("门户未能启动，请查看上方日志。", err=True, fg="red")
            return 1
        typer.echo(on_ready)
        _watch(processes, environment)
        typer.secho("门户进程意外退出，已停止全部服务。请查看上方日志。", err=True, fg="red")
    except KeyboardInterrupt:
        return 0
    finally:
        _end(processes)
    return 1


def _watch(processes: list[subprocess.Popen[bytes]], environment: dict[str, str]) -> None:
    """Wait until the web server ends; a worker that ends, as it does when the database restarts, is started anew."""
    web, worker = processes
    while web.poll() is None:
        if worker.poll() is not None:
            typer.secho("后台任务进程意外退出，正在重新启动。", err=True, fg="yellow")
            time.sleep(WORKER_PAUSE_SECONDS)
            processes[1] = worker = _start_worker(environment)
        time.sleep(0.5)


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own: Ctrl-C reaches only this one, which then ends the others in order."""
    return subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603 - our own command lines


def _start_worker(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start the process that works off jobs; it governs what departments push."""
    return _start(WORKER, {**environment, **fast_allocator()})


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask each process group to end, and insist after ten seconds."""
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@app.command(help="启动门户与后台任务；Ctrl-C 结束")
def serve(port: int = typer.Option(8000, envvar="RONGQIAO_PORT", help="监听端口")) -> None:
    """Serve until interrupted."""
    raise typer.Exit(run(port, on_ready=f"门户已启动：http://127.0.0.1:{port}/"))
