from django.db import migrations

from rongqiao.accounts.row_security import KIND, limit_changes, protect_table


class Migration(migrations.Migration):
    dependencies = [("resources", "0002_matching_kept"), ("accounts", "0004_departments")]

    operations = [
        protect_table(
            "resources_criteriachange", institution="institution_id", also_read=f"{KIND} = 'operator'"
        ),
        # Whose change it is, of what and since which version is settled when it is opened.
        limit_changes(
            "resources_criteriachange",
            "editing",
            [
                "criteria",
                "note",
                "figures",
                "tried",
                "status",
                "before",
                "decided_by_id",
                "decided_at",
            ],
            kinds=["institution"],
        ),
    ]
