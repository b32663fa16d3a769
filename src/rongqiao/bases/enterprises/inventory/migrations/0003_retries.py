from django.db import migrations

from rongqiao.accounts.row_security import limit_changes

LETTING_IN = "NEW.status NOT IN ('drafted', 'submitted', 'left_out') AND OLD.known_contract = ''"


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0002_row_security"),
    ]

    operations = [
        # A table that was approved and could not be brought in may be tried again by its department, as it was approved.
        migrations.RunSQL(
            "DROP TRIGGER inventory_sourcetable_letting_in ON inventory_sourcetable;",
            limit_changes(
                "inventory_sourcetable", "letting_in", [], kinds=["department"], when=LETTING_IN
            ).sql,
        ),
        limit_changes(
            "inventory_sourcetable",
            "letting_in",
            [],
            kinds=["department"],
            when=f"{LETTING_IN} AND NOT (OLD.status = 'failed' AND NEW.status = 'approved')",
        ),
        limit_changes(
            "inventory_sourcetable",
            "retrying",
            ["status"],
            kinds=["department"],
            when="OLD.status = 'failed'",
        ),
    ]
