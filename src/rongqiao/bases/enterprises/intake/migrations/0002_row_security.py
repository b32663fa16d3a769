from django.db import migrations

from rongqiao.accounts.row_security import DEPARTMENT, KIND, limit_changes, protect_table

OWN = f"{KIND} = 'department' AND department = {DEPARTMENT}"
OPERATOR = f"{KIND} = 'operator'"


def protect(table: str) -> migrations.RunSQL:
    return protect_table(
        table, department="department", also_read=OPERATOR, also_write=f"({OWN}) OR {OPERATOR}"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0001_initial"),
        ("accounts", "0004_departments"),
        ("enterprises", "0004_guards"),
    ]

    operations = [
        protect("intake_upload"),
        protect("intake_repairedrow"),
        protect("intake_deliverykey"),
        # A person may move a delivery on and stop a key; what it is, and what governance found, is not theirs to change.
        limit_changes(
            "intake_upload",
            "receiving",
            ["received_bytes", "digest", "status", "ended_at"],
            kinds=["department", "operator"],
        ),
        limit_changes("intake_repairedrow", "frozen", [], kinds=["department", "operator"]),
        limit_changes("intake_deliverykey", "revoked", ["revoked_at"], kinds=["department", "operator"]),
        # A department reads the rows of its own tables that were set aside.
        migrations.RunSQL(
            f"""CREATE POLICY enterprises_quarantinedrow_department ON enterprises_quarantinedrow FOR SELECT
            USING ({KIND} = 'department' AND contract_id LIKE {DEPARTMENT} || '.%');""",
            "DROP POLICY enterprises_quarantinedrow_department ON enterprises_quarantinedrow;",
        ),
    ]
