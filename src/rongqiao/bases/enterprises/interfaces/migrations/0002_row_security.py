from django.db import migrations

from rongqiao.accounts.row_security import DEPARTMENT, KIND, ORGANISATION, USCC, limit_changes, protect_table

CONSUMER = f"{KIND} IN ('institution', 'government') AND consumer_id = {ORGANISATION}"
PROVIDER = f"{KIND} = 'department' AND provider = {DEPARTMENT}"
OPERATOR = f"{KIND} = 'operator'"
PERSONS = ("institution", "government", "department", "operator", "enterprise")
REVIEW = ["status", "note", "reviewed_at", "reviewed_by_id", "reviewed_by_organisation_id"]
EITHER = f"({CONSUMER}) OR ({PROVIDER}) OR {OPERATOR}"


class Migration(migrations.Migration):
    dependencies = [
        ("interfaces", "0001_initial"),
        ("accounts", "0004_departments"),
        ("enterprises", "0004_guards"),
    ]

    operations = [
        protect_table("interfaces_submission", also_read=EITHER, also_write=EITHER),
        protect_table("interfaces_authorisation", also_read=EITHER, also_write=f"({PROVIDER}) OR {OPERATOR}"),
        protect_table(
            "interfaces_interfacekey",
            also_read=f"({CONSUMER}) OR {OPERATOR}",
            also_write=f"({CONSUMER}) OR {OPERATOR}",
        ),
        protect_table(
            "interfaces_datacall",
            also_read=f"{EITHER} OR ({KIND} = 'enterprise' AND subject_uscc = {USCC})",
            is_append_only=True,
        ),
        # What was asked stays as it was asked; consumers change nothing of it, reviewers only their verdict.
        limit_changes("interfaces_submission", "reviewed", REVIEW, kinds=("department", "operator")),
        limit_changes("interfaces_submission", "asked", [], kinds=("institution", "government")),
        limit_changes("interfaces_authorisation", "frozen", ["ended_at", "end_reason"], kinds=PERSONS),
        limit_changes("interfaces_interfacekey", "revoked", ["revoked_at"], kinds=PERSONS),
        # Counters are worth no flush to disk: what is metered for good stands in interfaces_datacall.
        migrations.RunSQL(
            "ALTER TABLE interfaces_callcount SET UNLOGGED", "ALTER TABLE interfaces_callcount SET LOGGED"
        ),
    ]
