from django.db import migrations

from rongqiao.accounts.row_security import DEPARTMENT, KIND, limit_changes, limit_insert, protect_table

OPERATOR = f"{KIND} = 'operator'"
CONCERNED = f"{KIND} = 'department' AND jsonb_exists(departments, {DEPARTMENT})"
#: Row security of portraits answers for the caller: who may read the portrait may know that a fact of it is in conflict.
READER = f"""{KIND} IN ('enterprise', 'institution', 'government') AND EXISTS (
    SELECT FROM enterprises_portrait p WHERE p.enterprise_id = resolution_factconflict.enterprise_id)"""


class Migration(migrations.Migration):
    dependencies = [
        ("resolution", "0001_initial"),
        ("enterprises", "0004_guards"),
        ("accounts", "0004_departments"),
    ]

    operations = [
        # What governance found is published by jobs alone.
        protect_table("resolution_factconflict", also_read=f"({OPERATOR}) OR ({CONCERNED}) OR ({READER})"),
        protect_table("resolution_waitingrow", department="department", also_read=OPERATOR),
        protect_table("resolution_merge", department="department", also_read=OPERATOR),
        protect_table(
            "resolution_settlement",
            also_read=f"({OPERATOR}) OR ({CONCERNED})",
            also_write=f"({OPERATOR}) OR ({CONCERNED})",
            is_append_only=True,
        ),
        protect_table(
            "resolution_identitydecision",
            department="department",
            also_read=OPERATOR,
            also_write=OPERATOR,
            is_append_only=True,
        ),
        limit_insert("resolution_identitydecision", OPERATOR),
        limit_changes(
            "resolution_settlement",
            "frozen",
            [],
            kinds=["department", "operator", "enterprise", "institution"],
        ),
        limit_changes(
            "resolution_identitydecision", "frozen", [], kinds=["department", "operator", "enterprise"]
        ),
    ]
