"""A withdrawal holds within a second on every worker: asked of two servers, each a process of its own."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from rongqiao.accounts.models import Consent
from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.accounts.services import revoke_consent
from rongqiao.bases.enterprises.interfaces import services
from rongqiao.bases.enterprises.interfaces.models import Authorisation, DataCall
from rongqiao.lake.serving import ServingStore, pack
from tests.web.interface_calls import TABLE, consent, signed
from tests.web.market_place import USCC

pytestmark = pytest.mark.django_db(transaction=True)


def database_url():
    values = connection.settings_dict
    port = f":{values['PORT']}" if values["PORT"] else ""
    host = values["HOST"]
    place = f"?host={quote(host, safe='')}" if host.startswith("/") else ""
    login = f"{values['USER']}:{quote(values['PASSWORD'])}@" if values["USER"] else ""
    return f"postgresql://{login}{'' if place else host}{port}/{values['NAME']}{place}"


@pytest.fixture
def workers(tmp_path):
    """Two servers on one database and one store; their ports."""
    with ServingStore(tmp_path / "serving", is_writer=True) as store:
        table = store.environment.open_db(TABLE.encode())
        row = {"period": 202609, "taxable_sales_cny": "120000.00", "enterprise_id": USCC, "known_at": "2026-11-01",
               "batch_id": "b", "line": 1}  # fmt: skip
        with store.environment.begin(write=True) as writing:
            writing.put(
                USCC.encode() + b"\0\0",
                pack(json.dumps(list(row)), json.dumps([list(row.values())])),
                db=table,
            )
    environment = os.environ | {
        "RONGQIAO_VAR": str(tmp_path),
        "RONGQIAO_DATABASE_URL": database_url(),
        "RONGQIAO_SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    servers, ports = [], []
    try:
        for _ in range(2):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                ports.append(probe.getsockname()[1])
            command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port",
                       str(ports[-1]), "--workers", "1", "--no-ws", "--log-level", "error", "config.wsgi:application"]  # fmt: skip
            servers.append(subprocess.Popen(command, env=environment, start_new_session=True))
        for port in ports:
            wait_for(port)
        yield ports
    finally:
        for server in servers:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)
        # Their connections would keep the next test from emptying the tables.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


def wait_for(port):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("The server did not start.")


def ask(port, key):
    path, header = signed(key)
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        caller.request("GET", path, headers={"Authorization": header})
        answer = caller.getresponse()
        body = json.loads(answer.read())
        return "ok" if answer.status == 200 else body["code"].partition(".")[2]
    finally:
        caller.close()


class Asking(threading.Thread):
    """Asks one server again and again, and notes when each question was put and what came of it."""

    def __init__(self, port, key):
        super().__init__()
        self.port, self.key, self.found, self.is_over = port, key, [], False

    def run(self):
        while not self.is_over:
            put = time.monotonic()
            self.found.append((put, ask(self.port, self.key)))
            # Below the limits of a minute.
            time.sleep(0.08)


def withdraw(workers, key, deed):
    """Have both asked while the deed is done; codes of what was put a second and more afterwards."""
    asking = [Asking(port, key) for port in workers]
    for each in asking:
        each.start()
    time.sleep(0.5)
    deed()
    done = time.monotonic()
    time.sleep(1.5)
    for each in asking:
        each.is_over = True
    for each in asking:
        each.join()
    before = {code for each in asking for put, code in each.found if put < done - 0.3}
    after = [{code for put, code in each.found if put > done + 1} for each in asking]
    assert all(after)
    return before, after


def test_what_is_withdrawn_is_refused_on_both_workers_within_a_second(
    market, tax_clerk, interface_key, workers
):
    now = timezone.now
    given = consent(market)
    assert [ask(port, interface_key) for port in workers] == ["ok", "ok"]

    def revoke_the_consent():
        with scoped(market.owner):
            revoke_consent(scope=market.owner, consent_id=given.pk, now=now())

    assert withdraw(workers, interface_key, revoke_the_consent) == ({"ok"}, [{"consent_missing"}] * 2)

    consent(market)

    def end_the_grant():
        with system_scope() as system:
            grant = Authorisation.objects.for_scope(system).get()
        with scoped(tax_clerk):
            services.revoke_authorisation(
                scope=tax_clerk, authorisation_id=grant.pk, reason="用途不符", now=now()
            )

    assert withdraw(workers, interface_key, end_the_grant) == ({"ok"}, [{"not_authorised"}] * 2)

    def stop_the_key():
        with scoped(market.officer):
            services.revoke_key(scope=market.officer, key_id=interface_key[0].pk, now=now())

    before, after = withdraw(workers, interface_key, stop_the_key)
    assert (before, after) == ({"not_authorised"}, [{"key_unknown"}] * 2)
    with system_scope() as system:
        assert not Consent.objects.for_scope(system).filter(pk=given.pk, revoked_at=None).exists()
        assert DataCall.objects.for_scope(system).filter(code="ok").count() > 2
