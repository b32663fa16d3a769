"""Banks with grants and keys, enterprises and their consents, loaded set-wise; afterwards the database stands as in an installation."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils import timezone

from parts.callers import INTERFACE
from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces.models import Authorisation, InterfaceKey, Submission
from rongqiao.bases.enterprises.interfaces.secret import digest_of, secret_of
from rongqiao.contracts.interfaces import load_interface

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BANKS = 40
CONSENTS_EACH = 4
THROTTLE = 1_000_000
PART = 100_000
_ENTERPRISES = """
INSERT INTO enterprises_enterprise (uscc, name, legal_form, status, industry_code, county_code, address, legal_rep_name,
  registered_capital_cny, established_on, known_at)
SELECT uscc, '企业' || uscc, '有限责任公司', '存续', 'C3071', substr(uscc, 3, 6), '登记区域' || substr(uscc, 3, 6) || '某路某号', '',
  1000000, DATE '2015-01-01' + (number %% 3650)::int, DATE '2026-11-20'
FROM unnest(%s::text[]) WITH ORDINALITY AS each (uscc, number)
"""
#: Banks by their number; the same rule as may_read.
_CONSENTS = """
INSERT INTO accounts_consent (id, subject_uscc, recipient_id, purpose, data_classes, valid_from, valid_until, given_by_id,
  text_version, text_digest, created_at)
SELECT gen_random_uuid(), e.uscc, b.id, 'pre_loan', '{tax}', now() - interval '1 hour', now() + interval '1 day', %(owner)s,
  '2026-1', md5(e.uscc) || md5(b.name), now()
FROM unnest(%(codes)s::text[], %(numbers)s::int[]) AS e (uscc, number) CROSS JOIN generate_series(0, %(each)s - 1) step
JOIN (SELECT id, name, split_part(name, '-', 2)::int AS number FROM accounts_organisation WHERE name LIKE '测速-%%') b
  ON b.number = (e.number + step * %(banks)s / %(each)s) %% %(banks)s
"""
_TABLES = ("enterprises_enterprise", "accounts_consent")


def may_read(number: int) -> list[int]:
    """Banks that the enterprise of this number has released its data to, if to any."""
    return [(number + step * BANKS // CONSENTS_EACH) % BANKS for step in range(CONSENTS_EACH)]


def seed(codes: Any, consenting: Any) -> list[tuple[uuid.UUID, str]]:
    """Write banks with grants and keys, all enterprises, and a consent to each of four banks of those that consent; returns the keys.

    Parameters
    ----------
    codes : ndarray of bytes
        All enterprises.
    consenting : ndarray of int
        Numbers of those that consent.
    """
    with system_scope():
        owner = User.objects.create(username="owner")
        reviewer = User.objects.create(username="reviewer")
        office = Organisation.objects.create(kind="operator", name="运营", region_code="43")
        keys = [_bank(number, owner, reviewer, office) for number in range(BANKS)]
    with _loading():
        for start in range(0, len(codes), PART):
            _execute(_ENTERPRISES, [codes[start : start + PART].astype(str).tolist()])
        for start in range(0, len(consenting), PART):
            numbers = consenting[start : start + PART]
            values = {
                "codes": codes[numbers].astype(str).tolist(), "numbers": numbers.tolist(), "owner": owner.pk,
                "banks": BANKS, "each": CONSENTS_EACH,
            }  # fmt: skip
            _execute(_CONSENTS, values)
    return keys


def _bank(number: int, owner: User, reviewer: User, office: Organisation) -> tuple[uuid.UUID, str]:
    interface, now = load_interface(INTERFACE), timezone.now()
    bank = Organisation.objects.create(kind="institution", name=f"测速-{number}", region_code="43")
    asked = Submission(
        interface_id=INTERFACE, provider=interface.provider, consumer=bank, terms={}, status="validated", created_by=owner,
        reviewed_by=reviewer, reviewed_by_organisation=office, reviewed_at=now,
    )  # fmt: skip
    asked.save(force_insert=True)
    Authorisation(
        submission=asked, interface_id=INTERFACE, provider=interface.provider, consumer=bank,
        purposes=list(interface.purposes), fields={each.contract_id: list(each.fields) for each in interface.datasets},
        throttle_per_minute=THROTTLE, quota_per_day=THROTTLE, granted_at=now, valid_until=now + dt.timedelta(days=1),
    ).save(force_insert=True)  # fmt: skip
    key_id, salt = uuid.uuid4(), secrets.token_hex(32)
    secret = secret_of(key_id, salt)
    InterfaceKey(
        id=key_id, consumer=bank, title="测速", salt=salt, digest=digest_of(secret), created_by=owner
    ).save(force_insert=True)
    return key_id, secret


def _execute(query: str, values: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def _loading() -> Iterator[None]:
    """Load without indexes, foreign keys and waits for the disk; all of them are back when it ends, and statistics are fresh."""
    indexes = _execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY (%s) AND indexname NOT LIKE '%%_pkey'",
        [list(_TABLES)],
    )
    for name, _ in indexes:
        _execute(f'DROP INDEX "{name}"')
    # Rows hold by construction: each names a bank and a person that were written before.
    _execute(
        "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB'"
    )
    yield
    for _, definition in indexes:
        _execute(definition)
    _execute("RESET session_replication_role; RESET synchronous_commit; RESET maintenance_work_mem")
    for table in _TABLES:
        _execute(f"VACUUM (ANALYZE) {table}")
    _execute("ANALYZE")
    _execute("CHECKPOINT")


def revoke_consents(codes: Sequence[str]) -> None:
    """Withdraw every consent of these enterprises, as the service does: a state of the row, committed."""
    _execute("UPDATE accounts_consent SET revoked_at = now() WHERE subject_uscc = ANY (%s)", [list(codes)])


def written() -> dict[str, float]:
    """Bytes of the write-ahead log so far, and flushes of it; sessions tell theirs once a second."""
    size, flushes = _execute(
        "SELECT pg_current_wal_insert_lsn() - '0/0', (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal')"
    )[0]
    return {"wal_bytes": float(size), "wal_flushes": float(flushes)}


def standing() -> dict[str, Any]:
    """How the database stands while it is measured; stops a run that would flatter."""
    found = {
        name: _execute(f"SHOW {name}")[0][0]
        for name in ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
    }
    secured = _execute(
        "SELECT bool_and(relrowsecurity AND relforcerowsecurity) FROM pg_class WHERE relname = ANY (%s)",
        [["accounts_consent", "enterprises_readrecord", "interfaces_datacall"]],
    )[0][0]
    unlogged = _execute(
        "SELECT count(*) FROM pg_class WHERE relpersistence <> 'p' AND relkind = 'r' AND relname = ANY (%s)",
        [[*_TABLES, "enterprises_readrecord", "interfaces_datacall"]],
    )[0][0]
    if not secured or unlogged or (found["fsync"], found["synchronous_commit"]) != ("on", "on"):
        raise SystemExit(
            f"The database does not stand as in an installation: {found}, row security {secured}."
        )
    return found | {"row_security": secured}
