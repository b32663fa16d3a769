# ruff: noqa: S608  (names of this file alone)
from django.db import migrations

from rongqiao.accounts.row_security import (
    DEPARTMENT,
    KIND,
    ORGANISATION,
    USCC,
    limit_changes,
    limit_insert,
    protect_table,
)
from rongqiao.accounts.scope import DATABASE_ROLE

CONSUMER = f"{KIND} IN ('institution', 'government') AND consumer_id = {ORGANISATION}"
PROVIDER = f"{KIND} = 'department' AND provider = {DEPARTMENT}"
OPERATOR = f"{KIND} = 'operator'"
SUBJECT = f"{KIND} = 'enterprise' AND subject_uscc = {USCC}"
VENDOR = f"{KIND} = 'enterprise' AND vendor_id = {ORGANISATION}"
HOLDER = f"{KIND} = 'enterprise' AND holder_id = {ORGANISATION}"
OWN = f"({CONSUMER}) OR {OPERATOR}"
KEY_HOLDERS = f"{KIND} = 'system' OR {OWN} OR ({HOLDER})"
CALLERS = ("institution", "government")
JUDGES = ("department", "operator")
PERSONS = (*CALLERS, *JUDGES, "enterprise")

# A vendor makes keys for those who let it, as long as they do; it sees and stops its own.
VENDORS = f"""
DROP POLICY interfaces_interfacekey_read ON interfaces_interfacekey;
DROP POLICY interfaces_interfacekey_insert ON interfaces_interfacekey;
DROP POLICY interfaces_interfacekey_update ON interfaces_interfacekey;
DROP POLICY interfaces_datacall_read ON interfaces_datacall;
CREATE POLICY interfaces_interfacekey_read ON interfaces_interfacekey FOR SELECT TO {DATABASE_ROLE}
  USING ({KEY_HOLDERS});
CREATE POLICY interfaces_interfacekey_insert ON interfaces_interfacekey FOR INSERT TO {DATABASE_ROLE}
  WITH CHECK ({KIND} = 'system' OR ({CONSUMER} AND holder_id IS NULL) OR ({HOLDER} AND EXISTS (
    SELECT FROM interfaces_delegation d WHERE d.id = delegation_id AND d.vendor_id = holder_id
    AND d.consumer_id = interfaces_interfacekey.consumer_id AND d.revoked_at IS NULL
    AND d.valid_until > statement_timestamp())));
CREATE POLICY interfaces_interfacekey_update ON interfaces_interfacekey FOR UPDATE TO {DATABASE_ROLE}
  USING ({KEY_HOLDERS}) WITH CHECK ({KEY_HOLDERS});
CREATE POLICY interfaces_datacall_read ON interfaces_datacall FOR SELECT TO {DATABASE_ROLE}
  USING ({KIND} = 'system' OR {OWN} OR ({PROVIDER}) OR ({SUBJECT}) OR ({HOLDER}));
"""


class Migration(migrations.Migration):
    dependencies = [("interfaces", "0003_market_dealings")]

    operations = [
        protect_table("interfaces_delegation", also_read=f"{OWN} OR ({VENDOR})", also_write=OWN),
        limit_insert("interfaces_delegation", CONSUMER),
        limit_changes("interfaces_delegation", "frozen", ["revoked_at"], kinds=PERSONS),
        migrations.RunSQL(VENDORS, migrations.RunSQL.noop),
        protect_table("interfaces_webhook", also_read=OWN, also_write=OWN),
        limit_changes(
            "interfaces_webhook",
            "settled",
            ["salt", "previous_salt", "previous_until", "ended_at"],
            kinds=PERSONS,
        ),
        # What happened is written by the services for the consumer, who may only ask for it once more.
        protect_table("interfaces_webhookevent", also_read=OWN, also_write=OWN),
        limit_insert("interfaces_webhookevent", "false"),
        limit_changes(
            "interfaces_webhookevent", "happened", ["status", "attempts", "next_at"], kinds=PERSONS
        ),
        protect_table("interfaces_webhookattempt", also_read=OWN, is_append_only=True),
        protect_table(
            "interfaces_accessquestion",
            also_read=f"{OWN} OR ({PROVIDER}) OR ({SUBJECT})",
            also_write=f"{OWN} OR ({PROVIDER})",
        ),
        limit_insert("interfaces_accessquestion", "false"),
        limit_changes(
            "interfaces_accessquestion",
            "answering",
            ["status", "answer", "answered_by_id", "answered_at"],
            kinds=CALLERS,
        ),
        limit_changes(
            "interfaces_accessquestion",
            "verdict",
            [],
            kinds=CALLERS,
            when="NEW.status IS DISTINCT FROM OLD.status AND NEW.status <> 'answered'",
        ),
        limit_changes(
            "interfaces_accessquestion",
            "judging",
            ["status", "judgement", "judged_by_id", "judged_at"],
            kinds=JUDGES,
        ),
    ]
