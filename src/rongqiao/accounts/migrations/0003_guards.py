from django.db import migrations

from rongqiao.accounts.row_security import DATABASE_ROLE, create_guard, limit_changes

PERSONS = ("enterprise", "institution", "government", "operator")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_row_security")]

    operations = [
        create_guard(),
        # A consent is only ever revoked, and once.
        limit_changes("accounts_consent", "only_revoked", ["revoked_at"], kinds=PERSONS),
        limit_changes(
            "accounts_consent", "revoked_once", [], kinds=PERSONS, when="OLD.revoked_at IS NOT NULL"
        ),
        # Requests put facts into the outbox; only the job that drains it, which is no request, writes their places.
        migrations.RunSQL(
            f"REVOKE UPDATE, DELETE, TRUNCATE ON accounts_ledgerentry FROM {DATABASE_ROLE}",
            f"GRANT UPDATE, DELETE ON accounts_ledgerentry TO {DATABASE_ROLE}",
        ),
    ]
