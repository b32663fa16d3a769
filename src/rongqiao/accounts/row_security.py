"""PostgreSQL row security behind the scoped models: the second wall.

Policies are FORCEd, so that even the tables' owner obeys them inside a bound transaction. They compare a row's own
columns with the values that :func:`rongqiao.accounts.scope.bind` set for the transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.migrations.operations import RunSQL

from rongqiao.accounts.scope import DATABASE_ROLE

if TYPE_CHECKING:
    from collections.abc import Sequence

KIND = "current_setting('rongqiao.kind', true)"
ORGANISATION = "nullif(current_setting('rongqiao.organisation', true), '')::uuid"
USCC = "nullif(current_setting('rongqiao.uscc', true), '')"
REGION = "nullif(current_setting('rongqiao.region', true), '')"
DEPARTMENT = "nullif(current_setting('rongqiao.department', true), '')"


def create_role() -> RunSQL:
    """Create the limited role, make the login a member, and let it use present and future tables.

    Notes
    -----
    Roles belong to the server, not to one database: of two databases migrated at once, the second waits for the first
    and then finds the role there.
    """
    return RunSQL(
        f"""
        DO $$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{DATABASE_ROLE}') THEN
            CREATE ROLE {DATABASE_ROLE} NOLOGIN NOINHERIT;
          END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$;
        DO $$ BEGIN EXECUTE format('GRANT {DATABASE_ROLE} TO %I', current_user); END $$;
        GRANT USAGE ON SCHEMA public TO {DATABASE_ROLE};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {DATABASE_ROLE};
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {DATABASE_ROLE};
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {DATABASE_ROLE};
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {DATABASE_ROLE};
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {DATABASE_ROLE};
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO {DATABASE_ROLE};
        """,
        RunSQL.noop,
    )


def protect_table(
    table: str,
    *,
    enterprise: str | None = None,
    institution: str | None = None,
    region: str | None = None,
    department: str | None = None,
    also_read: str | None = None,
    also_write: str | None = None,
    institution_writes: bool = True,
    is_append_only: bool = False,
) -> RunSQL:
    """Force row security on a table.

    Parameters
    ----------
    table : str
        Database table.
    enterprise, institution, region, department : str or None
        Columns compared with the caller's code, organisation, region and department; the same as the model's.
    also_read, also_write : str or None
        Further SQL conditions under which a row may be read, or inserted and changed.
    institution_writes : bool
        Whether the institution that may read a row may also write it.
    is_append_only : bool
        Whether rows, once written, are never changed but by the system.
    """
    read = [f"{KIND} = 'system'"]
    if enterprise:
        read.append(f"({KIND} = 'enterprise' AND {enterprise} = {USCC})")
    write = list(read)
    if institution:
        read.append(f"({KIND} = 'institution' AND {institution} = {ORGANISATION})")
    if institution_writes:
        write = list(read)
    if region:
        read.append(f"({KIND} = 'government' AND {region} LIKE {REGION} || '%')")
    if department:
        read.append(f"({KIND} = 'department' AND {department} = {DEPARTMENT})")
    if also_read:
        read.append(f"({also_read})")
    if also_write:
        write.append(f"({also_write})")
    change = [f"{KIND} = 'system'"] if is_append_only else write
    return RunSQL(
        f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY {table}_read ON {table} FOR SELECT TO {DATABASE_ROLE} USING ({" OR ".join(read)});
        CREATE POLICY {table}_insert ON {table} FOR INSERT TO {DATABASE_ROLE} WITH CHECK ({" OR ".join(write)});
        CREATE POLICY {table}_update ON {table} FOR UPDATE TO {DATABASE_ROLE}
          USING ({" OR ".join(change)}) WITH CHECK ({" OR ".join(change)});
        CREATE POLICY {table}_delete ON {table} FOR DELETE TO {DATABASE_ROLE} USING ({KIND} = 'system');
        CREATE POLICY {table}_owner ON {table} TO current_user USING (true) WITH CHECK (true);
        """,
        f"""
        DROP POLICY {table}_read ON {table};
        DROP POLICY {table}_insert ON {table};
        DROP POLICY {table}_update ON {table};
        DROP POLICY {table}_delete ON {table};
        DROP POLICY {table}_owner ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """,
    )


def limit_insert(table: str, condition: str) -> RunSQL:
    """Let only these callers, and jobs, add rows to a protected table.

    Parameters
    ----------
    condition : str
        SQL on the new row; it takes the place of what :func:`protect_table` derived. Stays when undone.
    """
    return RunSQL(
        f"""
        DROP POLICY {table}_insert ON {table};
        CREATE POLICY {table}_insert ON {table} FOR INSERT TO {DATABASE_ROLE}
          WITH CHECK ({KIND} = 'system' OR ({condition}));
        """,
        RunSQL.noop,
    )


def create_guard() -> RunSQL:
    """Create the trigger function that :func:`limit_changes` binds to tables."""
    return RunSQL(
        """
        CREATE FUNCTION rongqiao_guard_columns() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE
          free text[] := coalesce(TG_ARGV, '{}');
        BEGIN
          IF (to_jsonb(NEW) - free) IS DISTINCT FROM (to_jsonb(OLD) - free) THEN
            RAISE EXCEPTION 'Of % only % may change.', TG_TABLE_NAME, coalesce(nullif(array_to_string(free, ', '), ''), 'nothing')
              USING ERRCODE = 'insufficient_privilege';
          END IF;
          RETURN NEW;
        END $$;
        """,
        "DROP FUNCTION rongqiao_guard_columns();",
    )


def limit_changes(
    table: str, name: str, columns: Sequence[str], *, kinds: Sequence[str], when: str = "true"
) -> RunSQL:
    """Freeze all columns but some: row security says whose rows may change, this says what of them.

    Parameters
    ----------
    name : str
        Tells apart the guards of one table.
    columns : sequence of str
        May change; none freezes the whole row.
    kinds : sequence of str
        Callers that are bound; jobs never are.
    when : str
        SQL on ``OLD`` and ``NEW`` that must hold too.
    """
    callers = ", ".join(f"'{kind}'" for kind in kinds)
    allowed = ", ".join(f"'{column}'" for column in columns)
    return RunSQL(
        f"""
        CREATE TRIGGER {table}_{name} BEFORE UPDATE ON {table} FOR EACH ROW
          WHEN ({KIND} IN ({callers}) AND ({when})) EXECUTE FUNCTION rongqiao_guard_columns({allowed});
        """,
        f"DROP TRIGGER {table}_{name} ON {table};",
    )


def create_keeper() -> RunSQL:
    """Create the trigger function that :func:`keep_rows` binds to tables."""
    return RunSQL(
        """
        CREATE FUNCTION rongqiao_keep_row() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'Rows of % are never deleted or renumbered, only ended: records of readings name them.', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
        END $$;
        """,
        "DROP FUNCTION rongqiao_keep_row();",
    )


def keep_rows(table: str) -> RunSQL:
    """Let nobody, jobs and the owner included, delete a row or change its ``id``: logs name it without a foreign key (ADR 0040)."""
    return RunSQL(
        f"""
        CREATE TRIGGER {table}_kept BEFORE DELETE OR UPDATE OF id ON {table}
          FOR EACH ROW EXECUTE FUNCTION rongqiao_keep_row();
        """,
        f"DROP TRIGGER {table}_kept ON {table};",
    )
