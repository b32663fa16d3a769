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

OWN_DEPARTMENT = f"{KIND} = 'department' AND department = {DEPARTMENT}"
OWN_ENTERPRISE = f"{KIND} = 'enterprise' AND subject_uscc = {USCC}"
OPERATOR = f"{KIND} = 'operator'"
# A mark is read by whoever may read the fact: the clock is the statement's, as in the policy of portraits.
CONSENTED = f"""{KIND} = 'institution' AND (is_public OR EXISTS (
    SELECT FROM accounts_consent c WHERE c.subject_uscc = objections_mark.subject_uscc
    AND c.recipient_id = {ORGANISATION} AND objections_mark.data_class = ANY (c.data_classes) AND c.revoked_at IS NULL
    AND statement_timestamp() >= c.valid_from AND statement_timestamp() < c.valid_until))"""


class Migration(migrations.Migration):
    dependencies = [
        ("objections", "0001_initial"),
        ("accounts", "0004_departments"),
        ("intake", "0002_row_security"),
    ]

    operations = [
        protect_table(
            "objections_objection",
            enterprise="subject_uscc",
            department="department",
            also_read=OPERATOR,
            also_write=f"({OWN_DEPARTMENT}) OR {OPERATOR}",
        ),
        limit_insert(
            "objections_objection",
            f"raised_by_organisation_id = {ORGANISATION} AND answered_at IS NULL"
            f" AND (({OWN_ENTERPRISE}) OR ({OWN_DEPARTMENT}))",
        ),
        # The disputing side may move it on by its own deeds, and put its words beside it: nothing else.
        limit_changes(
            "objections_objection",
            "disputing",
            ["status", "statement", "ended_at", "forwarded_at"],
            kinds=["enterprise"],
        ),
        limit_changes(
            "objections_objection",
            "judgement",
            [],
            kinds=["enterprise"],
            when="NEW.status IS DISTINCT FROM OLD.status AND NEW.status NOT IN ('forwarded', 'withdrawn')",
        ),
        limit_changes(
            "objections_objection",
            "answering",
            [
                "status",
                "forwarded_at",
                "checked_at",
                "answered_at",
                "ended_at",
                "answer",
                "answered_by_id",
                "answered_by_organisation_id",
                "correction_id",
            ],
            kinds=["department", "operator"],
        ),
        protect_table(
            "objections_objectionstep",
            enterprise="subject_uscc",
            department="department",
            also_read=OPERATOR,
            is_append_only=True,
        ),
        limit_insert(
            "objections_objectionstep",
            f"by_organisation_id = {ORGANISATION} AND (({OWN_ENTERPRISE}) OR ({OWN_DEPARTMENT}) OR {OPERATOR})",
        ),
        # Marks are put and taken by the services alone.
        protect_table(
            "objections_mark",
            enterprise="subject_uscc",
            region="region_code",
            department="department",
            also_read=f"{OPERATOR} OR ({CONSENTED})",
            is_append_only=True,
        ),
        limit_insert("objections_mark", "false"),
    ]
