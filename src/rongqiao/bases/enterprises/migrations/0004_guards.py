from django.db import migrations

from rongqiao.accounts.row_security import ORGANISATION, limit_changes, limit_insert


class Migration(migrations.Migration):
    dependencies = [("enterprises", "0003_walls"), ("accounts", "0003_guards")]

    operations = [
        # Nobody writes a portrait but publication, its own enterprise least of all.
        limit_insert("enterprises_portrait", "false"),
        limit_changes(
            "enterprises_portrait",
            "frozen",
            [],
            kinds=["enterprise", "institution", "government", "operator"],
        ),
        # Who reads leaves the record; the enterprise that was read cannot invent one.
        limit_insert("enterprises_readrecord", f"reader_organisation_id = {ORGANISATION}"),
    ]
