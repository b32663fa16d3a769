from django.db import migrations

from rongqiao.accounts.row_security import DEPARTMENT, KIND, limit_changes, limit_insert, protect_table

OWN = f"{KIND} = 'department' AND department = {DEPARTMENT}"
OPERATOR = f"{KIND} = 'operator'"


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0001_initial"),
        ("intake", "0005_sources"),
        ("accounts", "0004_departments"),
    ]

    operations = [
        protect_table(
            "inventory_sourcetable",
            department="department",
            also_read=OPERATOR,
            also_write=f"({OWN}) OR {OPERATOR}",
        ),
        # What a file holds is found by profiling alone.
        limit_insert("inventory_sourcetable", "false"),
        limit_changes(
            "inventory_sourcetable",
            "drafting",
            ["title", "document", "contract_id", "status", "submitted_by_id", "submitted_at"],
            kinds=["department"],
        ),
        # A department lets a table in by itself only under a contract that is in force already.
        limit_changes(
            "inventory_sourcetable",
            "letting_in",
            [],
            kinds=["department"],
            when="NEW.status NOT IN ('drafted', 'submitted', 'left_out') AND OLD.known_contract = ''",
        ),
        limit_changes(
            "inventory_sourcetable",
            "deciding",
            ["status", "decided_by_id", "decided_at", "decision_reason"],
            kinds=["operator"],
        ),
    ]
