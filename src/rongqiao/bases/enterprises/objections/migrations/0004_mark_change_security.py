from django.db import migrations

from rongqiao.accounts.row_security import protect_table


class Migration(migrations.Migration):
    dependencies = [("objections", "0003_mark_changes")]

    # What waits to be told is the services' and the job's alone.
    operations = [protect_table("objections_markchange", is_append_only=True)]
